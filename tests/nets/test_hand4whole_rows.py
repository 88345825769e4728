"""Hand4Whole's network row by row: batches of three, whose knuckles are seen, where sizes are read."""

from __future__ import annotations

import pytest
import torch

from carpus.engine.build import build_module
from carpus.engine.config import compose_config
from carpus.nets.hand4whole.boxes import cut_out
from carpus.nets.hand4whole.rotation import matrix_from_axis_angle
from carpus.nets.hand4whole.sampling import sample_features
from golden_cases import golden_paths
from hand4whole_golden import layout, moved_net

COUNT = 3


@pytest.fixture(scope="module")
def net():
    return moved_net(5).eval()


@pytest.fixture(scope="module")
def image(net):
    return torch.rand(COUNT, 3, *net.sizes.crop_hw, generator=torch.Generator().manual_seed(1))


def seen_in(net, image):
    """Outputs, and what went into and came out of the sub-networks."""
    asked, answered, hooks = {}, {}, []
    for name, module in (*net.named_children(), ("hand_backbone", net.hand_roi_net.backbone)):
        hooks.append(
            module.register_forward_pre_hook(lambda _m, given, name=name: asked.update({name: given}))
        )
        hooks.append(
            module.register_forward_hook(lambda _m, _i, out, name=name: answered.update({name: out}))
        )
    with torch.inference_mode():
        outputs = net(image)
    for hook in hooks:
        hook.remove()
    return outputs, asked, answered


def test_three_people_are_each_as_if_alone(net, image):
    with torch.inference_mode():
        together, alone = net(image), [net(row[None]) for row in image]
    assert together["smplx_rotation"].shape == (COUNT, 53, 3, 3)
    for name, value in together.items():
        rows = torch.cat([one[name] for one in alone])
        if name.endswith("_pose"):
            continue  # half turns have two axes
        torch.testing.assert_close(value, rows, atol=1e-3, rtol=1e-3, msg=name)
    spread = together["smplx_rotation"].std(0)
    assert spread.max() > 0.01, "the people differ"
    turns = together["smplx_rotation"]
    torch.testing.assert_close(turns.det(), torch.ones(COUNT, 53), atol=1e-4, rtol=0)
    axes = matrix_from_axis_angle(together["smplx_pose"].unflatten(1, (53, 3)))
    torch.testing.assert_close(axes, turns, atol=5e-3, rtol=0)


def test_knuckles_are_seen_in_the_features_of_their_own_hand_not_mirrored(net, image):
    outputs, asked, answered = seen_in(net, image)
    maps, (_, joints) = answered["hand_roi_net"], answered["hand_position_net"]
    _, _, left, left_knuckles, right, right_knuckles = asked["body_rotation_net"]
    torch.testing.assert_close(right, maps[COUNT:])
    torch.testing.assert_close(right_knuckles, joints[COUNT:, 4::4])
    torch.testing.assert_close(left, maps[:COUNT].flip(3))
    assert not torch.equal(left, maps[:COUNT])
    # What the mirrored crop shows at a joint is what the map shows where the joint is mirrored to.
    mirrored = sample_features(maps[:COUNT], joints[:COUNT, 4::4])
    torch.testing.assert_close(sample_features(left, left_knuckles), mirrored, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(left_knuckles[..., 1:], joints[:COUNT, 4::4, 1:])
    torch.testing.assert_close(outputs["joint_img"][:, 25:45][:, 4::4], left_knuckles)
    torch.testing.assert_close(outputs["joint_img"][:, 45:65][:, 4::4], right_knuckles)


def test_left_hands_are_cut_out_first_and_mirrored_right_ones_as_they_are(net, image):
    outputs, asked, _ = seen_in(net, image)
    (crops,) = asked["hand_backbone"]
    side = net.sizes.hand_px
    left, right = (cut_out(image, 2 * outputs[f"{hand}_bbox"], side) for hand in ("lhand", "rhand"))
    torch.testing.assert_close(crops, torch.cat((left.flip(3), right)))
    assert (left - right).abs().max() > 0.05


def test_errors_of_sizes_do_not_move_centres(net):
    maps = net.sizes.crop_hw[0] // 64, net.sizes.crop_hw[1] // 64
    features = torch.rand(2, net.backbone.channels, *maps)
    mass = torch.rand(2, 25, net.sizes.depth_cells, *maps)
    net.zero_grad(set_to_none=True)
    centers, sizes = net.box_net(features, mass)
    sizes.sum().backward(retain_graph=True)
    assert all(p.grad is None or not p.grad.any() for p in net.box_net.bbox_center.parameters())
    assert net.box_net.lhand_size[0].weight.grad.any()
    centers.square().sum().backward()
    assert next(net.box_net.bbox_center.parameters()).grad.any()
    net.zero_grad(set_to_none=True)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "params", ".json"))
def test_the_method_is_configured_in_its_published_size(path):
    spec = layout(path)
    parts = {"hand4whole": "human36m", "pose2pose/body": "human36m_smpl"}
    parts |= {"pose2pose/hand": "freihand_mano", "pose2pose/face": "ffhq"}
    for method, dataset in parts.items():
        cfg = compose_config([f"method={method}", f"dataset={dataset}", "method.module.standin=true"])
        with torch.device("meta"):
            module = build_module(cfg)
        single = spec["pose2pose"].get(method.split("/")[-1])
        wanted = single["total"] if single else spec["total"]
        assert sum(p.numel() for p in module.parameters()) == wanted, method
        assert all(p.requires_grad for p in module.parameters()), method
