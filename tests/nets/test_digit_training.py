"""One training step of the full DIGIT network in double precision against the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D
from carpus.losses import BoneL2, HandTypeBCE, JointL1, PartCrossEntropy, RelRootL1
from carpus.losses.digit import PUBLISHED_WEIGHTS
from digit_recipe import published_net
from formula_weights import formula_image
from golden_cases import golden_paths

CODEC = Hand25D()


def training_outputs(net, image):
    outputs = net(image)
    joints = CODEC.joints_of(outputs["heatmap"], outputs["depth_map"])
    return outputs | {"joints": joints, "rel_root": CODEC.rel_root_of(outputs["root_logits"])}


def training_batch(data):
    """The reference's batch; the arrays a file holds of it are checked against the formula."""
    joints = 64 * formula_image("digit/train/jc/a", (2, 42, 3))
    valid = formula_image("digit/train/jv/a", (2, 42)) > 0.2
    labels = (33 * formula_image("digit/train/seg/a", (2, 1, 128, 128))).floor().long()[:, 0]
    np.testing.assert_allclose(joints, data["in_joint_coord"], rtol=1e-6)
    np.testing.assert_array_equal(valid, data["in_joint_valid"] > 0)
    np.testing.assert_array_equal(labels[:, ::8, ::8], data["in_segm_stride8"])
    return {
        "joints_target": joints.double(),
        "joints_target_valid": valid,
        "rel_root_target": torch.tensor([[30.0], [40.0]]).double(),
        "rel_root_target_valid": torch.tensor([[True], [False]]),
        "hand_type_target": torch.tensor([[1.0, 1.0], [1.0, 0.0]]).double(),
        "hand_type_valid": torch.ones(2),
        "segm_target": labels,
        "segm_valid": torch.ones(2),
    }


def step(path):
    """The network after a forward pass in training mode, the file, and its checked weighted terms."""
    data = np.load(path)
    net = published_net().double().train()
    image = formula_image("digit/train/img/a", (2, 3, 256, 256)).double()
    outputs, batch = training_outputs(net, image), training_batch(data)
    losses = {"joint": JointL1(), "rel_root_depth": RelRootL1(), "hand_type": HandTypeBCE()}
    losses |= {"segm": PartCrossEntropy(), "bone": BoneL2()}
    terms = {name: PUBLISHED_WEIGHTS[name] * loss(outputs, batch) for name, loss in losses.items()}
    for name, value in terms.items():
        np.testing.assert_allclose(value.detach(), data[f"loss_{name}"][0], rtol=1e-6)
    total = torch.stack(list(terms.values())).sum()
    np.testing.assert_allclose(total.detach(), data["total"][0], rtol=1e-6)
    mean = net.backbone.bn1.running_mean
    np.testing.assert_allclose(mean, data["bn1_running_mean_after"], rtol=1e-6, atol=1e-12)
    return net, data, total


@pytest.mark.parametrize("path", golden_paths("digit", "net_train_step"))
def test_losses_and_running_statistics_equal_the_reference(path):
    with torch.no_grad():
        step(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", golden_paths("digit", "net_train_step"))
def test_gradients_equal_the_reference(path):
    net, data, total = step(path)
    total.backward()
    gradients = {name: p.grad for name, p in net.named_parameters()}
    assert sum(gradient is None for gradient in gradients.values()) == int(data["n_params_without_grad"])
    for key in (key for key in data if key.startswith("gradnorm__")):
        found = gradients[key.removeprefix("gradnorm__pose_reg.")].norm()
        np.testing.assert_allclose(found, data[key], rtol=1e-4, err_msg=key)
    together = torch.stack([gradient.square().sum() for gradient in gradients.values()]).sum().sqrt()
    np.testing.assert_allclose(together, data["total_grad_norm"], rtol=1e-4)
