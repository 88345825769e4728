"""The DIGIT network against the reference: layout and forward pass."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D
from carpus.errors import ConfigError
from carpus.nets.backbones.rgb import rgb_backbone
from carpus.nets.digit import DigitNet, part_volume
from digit_recipe import published_net, small_net
from formula_weights import formula_image
from golden_cases import golden_paths

CODEC = Hand25D()


@pytest.fixture(scope="module")
def net():
    return published_net().eval()


def leaf_calls(net, image):
    """[name, kind, input shape, output shape] of every leaf in call order."""
    calls = []

    def hook(name):
        def keep(module, inputs, output):
            calls.append([name, type(module).__name__, list(inputs[0].shape[1:]), list(output.shape[1:])])

        return keep

    for name, module in net.named_modules():
        if not list(module.children()) and type(module) is not torch.nn.Identity:
            module.register_forward_hook(hook(name))
    net(image)
    return calls


def published_name(name, kind):
    """timm numbers what the reference has once per block."""
    if name.startswith("backbone.") and kind == "ReLU":
        head, _, last = name.rpartition(".")
        return f"{head}.relu" if last.startswith(("act", "fuse_act")) else name
    return name


@pytest.mark.parametrize("path", golden_paths("digit", "module_trace", ".json"))
def test_every_leaf_is_called_in_its_place_with_its_shapes(path):
    with torch.device("meta"):
        calls = leaf_calls(DigitNet(rgb_backbone()).eval(), torch.zeros(1, 3, 256, 256))
    assert [[published_name(*call[:2]), *call[1:]] for call in calls] == json.loads(path.read_text())


@pytest.mark.parametrize("path", golden_paths("digit", "checkpoint_keys", ".json"))
def test_names_order_and_shapes_are_the_published_ones(path):
    with torch.device("meta"):
        state = DigitNet(rgb_backbone()).state_dict()
    assert [[f"pose_reg.{name}", list(v.shape)] for name, v in state.items()] == json.loads(path.read_text())


@pytest.mark.parametrize("path", golden_paths("digit", "param_counts", ".json"))
def test_parameter_counts(path):
    with torch.device("meta"):
        net = DigitNet(rgb_backbone())
    for name, count in json.loads(path.read_text()).items():
        part = name.removeprefix("pose_reg.")
        if name == "buffers_numel":
            found = sum(b.numel() for b in net.buffers())
        elif name == "n_param_tensors":
            found = len(list(net.parameters()))
        elif name == "n_state_dict_keys":
            found = len(net.state_dict())
        elif name == "pose_reg.backbone.relu":
            found = sum(p.numel() for p in net.backbone.act1.parameters())
        else:
            inner = net if name == "total" else net.get_submodule(part)
            found = sum(p.numel() for p in inner.parameters())
        assert found == count, name


def features_of(net, image):
    """Outputs, and the features the reference shows."""
    found, parts = {}, {"layer1": "backbone.layer1", "backbone": "backbone", "segm_feat": "conv_segm_feat"}
    parts |= {"merge": "merge_layer", "head": "conv_head"}
    hooks = [
        net.get_submodule(part).register_forward_hook(
            lambda _m, _i, out, name=name: found.update({name: out})
        )
        for name, part in parts.items()
    ]
    with torch.no_grad():
        outputs = net(image)
    for hook in hooks:
        hook.remove()
    return outputs, found


@pytest.mark.parametrize("path", golden_paths("digit", "net_eval_forward"))
def test_inference_equals_the_reference(path, net):
    data = np.load(path)
    name = str(data["input_name"]) if "input_name" in data else "digit/net/a"
    image = formula_image(name, (2, 3, 256, 256))
    np.testing.assert_array_equal(image[..., ::32, ::32], data["image_stride32"])
    outputs, features = features_of(net, image)
    joints = CODEC.joints_of(outputs["heatmap"], outputs["depth_map"])
    close = {"rtol": 1e-4, "atol": 2e-3}
    np.testing.assert_allclose(joints, data["joint_xyz"], **close)
    rel_root = CODEC.rel_root_of(outputs["root_logits"])
    np.testing.assert_allclose(rel_root, data["rel_root_depth"], **close)
    strided = {
        "hm_2d_stride8": "heatmap",
        "hm_depth_stride8": "depth_map",
        "segm_logits_stride16": "segm_logits",
    }
    for key, output in strided.items():
        step = int(key.split("stride")[1])
        np.testing.assert_allclose(outputs[output][..., ::step, ::step], data[key], **close)
    np.testing.assert_allclose(outputs["root_logits"], data["root_logits"], **close)
    np.testing.assert_allclose(outputs["hand_type_logits"], data["hand_type_logits"], **close)
    labels = outputs["segm_logits"].argmax(1)
    histogram = np.stack([np.bincount(image.flatten(), minlength=33) for image in labels.numpy()])
    assert np.abs(histogram - data["segm_mask_histogram"]).max() <= 20
    for name, value in features.items():
        assert list(value.shape) == data[f"feat_{name}_shape"].tolist()
        mean_std = [float(value.double().mean()), float(value.double().std(correction=0))]
        np.testing.assert_allclose(mean_std, data[f"feat_{name}_mean_std"], **close)
        flat = value.flatten(1)
        sample = flat[:, :: max(1, flat.shape[1] // 64)][:, :64]
        np.testing.assert_allclose(sample, data[f"feat_{name}_sample"], **close)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_forward_needs_the_image_alone(batch):
    outputs = small_net().eval()(torch.rand(batch, 3, 64, 96))
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {
        "heatmap": (batch, 42, 16, 24),
        "depth_map": (batch, 42, 16, 24),
        "root_logits": (batch, 64),
        "hand_type_logits": (batch, 2),
        "segm_logits": (batch, 33, 32, 48),
    }


@pytest.mark.parametrize("dtype", [torch.bfloat16, pytest.param(torch.float16, marks=pytest.mark.slow)])
def test_sixteen_bits_give_no_nan(net, dtype):
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        outputs = net(formula_image("digit/net/a", (2, 3, 256, 256))[:1])
        joints = CODEC.joints_of(outputs["heatmap"], outputs["depth_map"])
    assert bool(joints.isfinite().all())
    assert all(bool(value.isfinite().all()) for value in outputs.values())


def test_what_the_pose_sees_of_the_parts():
    logits = torch.randn(2, 33, 4, 4, requires_grad=True)
    assert part_volume(logits) is logits
    torch.testing.assert_close(part_volume(logits, "softmax").sum(1), torch.ones(2, 4, 4))
    hard = part_volume(logits, "argmax")
    assert torch.equal(hard.argmax(1), logits.argmax(1))
    assert not hard.requires_grad
    for kind in ("softmax", "argmax"):
        assert small_net(part_feature=kind).eval()(torch.rand(1, 3, 64, 64))["heatmap"].isfinite().all()


def test_he_weights_keep_the_image_alive_up_to_the_presence_of_hands():
    image = torch.rand(8, 3, 64, 64)

    def spread(start):
        torch.manual_seed(0)
        logits = small_net(start=start).train()(image)["hand_type_logits"]
        return float(logits.std(0).mean())

    assert spread("he") > 10 * spread("torch")
    with pytest.raises(ConfigError, match="did you mean 'he'"):
        small_net(start="hee")


def test_what_cannot_work_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'softmax'"):
        small_net(part_feature="sofmax")
    with pytest.raises(ConfigError, match="joints 0"):
        small_net(joints=0)
    for shape in ((1, 3, 250, 256), (1, 1, 64, 64), (3, 64, 64)):
        with pytest.raises(ValueError, match="multiples of 32"):
            small_net()(torch.zeros(shape))
