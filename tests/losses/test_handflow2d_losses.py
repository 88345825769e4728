"""The losses of 2DHandFlow and BiHand against the reference, and what they leave out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.losses.handflow2d import (
    PUBLISHED_WEIGHTS,
    DepthSmoothL1,
    FlowNLL,
    HeatmapMSE,
    JointMSE,
    MaskBCE,
    heatmap_mse,
)
from carpus.losses.handflow2d_sik import BoneLengthMSE, QuatCos, QuatL2, QuatNorm, ShapeReg, SikJointMSE
from carpus.skeletons import SNAP
from golden_cases import golden_paths

TERMS = {
    "heatmap": HeatmapMSE(),
    "mask": MaskBCE(),
    "depth": DepthSmoothL1(),
    "joint": JointMSE(),
    "flow": FlowNLL(normalise="sum"),
    "quat_norm": QuatNorm(),
    "quat_l2": QuatL2(),
    "quat_cos": QuatCos(),
    "sik_joint": SikJointMSE(),
    "shape_reg": ShapeReg(),
    "kin_len": BoneLengthMSE(),
}
SIK = {"quat_norm": "quat_norm", "quat_l2": "quat_l2", "quat_cos": "quat_cos", "sik_joint": "joint"} | {
    "shape_reg": "shape_reg",
    "kin_len": "kin_len_loss",
}


def total(stage, outputs, batch, **weights):
    chosen = PUBLISHED_WEIGHTS[stage] | weights
    return sum(weight * TERMS[name](outputs, batch) for name, weight in chosen.items())


def load(path):
    return {name: torch.from_numpy(np.array(value)) for name, value in np.load(path).items()}


def upstream(path):
    """Data of the fixture, outputs that ask for gradients, and the batch."""
    data = load(path)
    outputs = {
        "l_hm": list(data["pred_hm"].requires_grad_()),
        "l_mask": list(data["pred_mask"].requires_grad_()),
        "l_dep": list(data["pred_dep"].requires_grad_()),
        "l_joint": list(data["pred_joint"].requires_grad_()),
        "l_ff": data["l_ff"],
    }
    batch = {
        "heatmap_target": data["targ_hm"],
        "heatmap_valid": data["hm_veil"],
        "mask_target": data["targ_mask"],
        "depth_target": data["targ_dep"],
        "depth_valid": data["dep_veil"],
        "joints_target_mm": 1000 * data["targ_joint"],
    }
    return data, outputs, batch


def sik(path):
    data = load(path)
    outputs = {"quat": data["pred_quat"], "beta": data["beta"], "jointRS": data["pred_jointRS"]}
    batch = {
        "quat_target": data["targ_quat"],
        "joints_rs_target": data["targ_jointRS"],
        "bone_mm": 1000 * data["joint_bone"],
        "kin_len_target": data["kin_len"],
    }
    return data, outputs, batch


def close(found, reference):
    """Within T4: 1e-4 · max(1, |reference|)."""
    reference = float(reference)
    assert abs(float(found.detach()) - reference) <= 1e-4 * max(1.0, abs(reference))


@pytest.mark.parametrize("path", golden_paths("handflow2d", "losses_upstream"))
def test_seed_lift_and_flow_equal_the_reference(path):
    data, outputs, batch = upstream(path)
    for term, name in (("heatmap", "seed_hm"), ("mask", "seed_mask"), ("joint", "lift_joint")):
        close(TERMS[term](outputs, batch), data[name])
    close(TERMS["depth"](outputs, batch), data["lift_dep"])
    close(total("seed", outputs, batch), data["seed_total"])
    close(total("lift", outputs, batch), data["lift_total"])
    close(total("seed_flow", outputs, batch, flow=1e-3), data["flow_total_lambda_ff_1e3"])
    nowhere = batch | {"depth_valid": torch.zeros_like(batch["depth_valid"])}
    close(total("seed", outputs, nowhere), data["seed_total_no_valid_depth"])


@pytest.mark.parametrize("path", golden_paths("handflow2d", "losses_sik"))
def test_inverse_kinematics_equal_the_reference(path):
    data, outputs, batch = sik(path)
    for term, name in SIK.items():
        close(TERMS[term](outputs, batch), data[name])
    close(total("sik_pretrain", outputs, batch), data["pretrain_total"])
    close(total("sik_finetune", outputs, batch), data["finetune_total"])


@pytest.mark.parametrize("path", golden_paths("handflow2d", "losses_upstream"))
def test_what_is_not_annotated_may_be_nan_and_pulls_at_nothing(path):
    data, outputs, batch = upstream(path)
    gaps = {name: value.clone() for name, value in batch.items()}
    gaps["heatmap_target"][data["hm_veil"] == 0] = torch.nan
    for name in ("mask_target", "depth_target"):
        gaps[name][data["dep_veil"][:, 0] == 0] = torch.nan
    for name in ("heatmap", "mask", "depth"):
        found = TERMS[name](outputs, gaps)
        torch.testing.assert_close(found, TERMS[name](outputs, batch))
        found.backward()
    assert all(torch.isfinite(data[name].grad).all() for name in ("pred_hm", "pred_mask", "pred_dep"))
    assert (data["pred_hm"].grad[:, data["hm_veil"] == 0] == 0).all()
    assert (data["pred_dep"].grad[:, data["dep_veil"][:, 0] == 0] == 0).all()


@pytest.mark.parametrize("path", golden_paths("handflow2d", "losses_upstream"))
def test_stacks_may_be_one_tensor_and_half_precision_is_widened(path):
    data, outputs, batch = upstream(path)
    whole = {"l_hm": data["pred_hm"], "l_mask": data["pred_mask"], "l_dep": data["pred_dep"]}
    for name in ("heatmap", "mask", "depth"):
        expected = TERMS[name](outputs, batch)
        torch.testing.assert_close(TERMS[name](whole, batch), expected)
        half = TERMS[name]({key: value.bfloat16() for key, value in whole.items()}, batch)
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, expected, rtol=2e-2, atol=2e-2)


def test_an_empty_prediction_costs_what_is_published():
    from carpus.codecs.heatmap2d import Heatmap2D

    joints = 40 + 176 * torch.rand(8, 21, 2)
    for codec in (Heatmap2D(subpixel=False), Heatmap2D()):
        maps, veil = codec.encode(joints)
        assert float(heatmap_mse([torch.zeros_like(maps)], maps, veil)) == pytest.approx(0.03221, abs=1e-4)


def test_a_batch_of_one_and_a_mask_without_depth():
    maps = torch.rand(1, 21, 8, 8)
    assert float(heatmap_mse([maps], maps + 1, torch.ones(1, 21))) == pytest.approx(10.5, rel=1e-5)
    logits, target = torch.zeros(2, 1, 4, 4), torch.ones(2, 4, 4)
    batch = {"mask_target": target, "mask_valid": torch.tensor([1, 0]), "depth_valid": torch.zeros(2)}
    assert float(MaskBCE()({"l_mask": [logits]}, batch)) == pytest.approx(math.log(2))


def test_joints_that_are_not_annotated_count_as_zero():
    joints = torch.zeros(1, 2, 3)
    batch = {"joints_target_mm": torch.full((1, 2, 3), 3.0), "joints_target_valid": torch.tensor([[1, 0]])}
    assert float(JointMSE()({"l_joint": [joints]}, batch)) == 4.5
    del batch["joints_target_valid"]
    assert float(JointMSE()({"l_joint": [joints, joints]}, batch)) == 18.0


def test_a_flow_that_is_missing_is_named():
    outputs = {"l_hm": [torch.zeros(1)], "l_ff": torch.tensor(50.0), "l_ff_dims": 100}
    assert float(FlowNLL()(outputs, {})) == pytest.approx(0.5 + 0.5 * math.log(2 * math.pi))
    assert float(FlowNLL("sum", weight=0.0)(outputs, {})) == 50.0
    seedless = {"l_hm": [torch.zeros(1)]}
    with pytest.raises(ConfigError, match=r"weight 0\.01, but the network gives no l_ff"):
        FlowNLL(weight=0.01)(seedless, {})
    assert float(FlowNLL(weight=0.0)(seedless, {})) == 0.0
    with pytest.raises(ConfigError, match="l_ff_dims"):
        FlowNLL()({"l_hm": [], "l_ff": torch.tensor(1.0)}, {})
    with pytest.raises(ConfigError, match="did you mean 'per_dim'"):
        FlowNLL("per_dims")


def test_the_flow_term_knows_its_weight_from_the_configuration():
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    term = OmegaConf.create(
        "{_target_: carpus.methods.base.LossTerm, weight: 0.25, fn: "
        "{_target_: carpus.losses.handflow2d.FlowNLL, normalise: sum, weight: '${..weight}'}}"
    )
    made = instantiate(term, _convert_="all")
    assert (made.fn.weight, made.weight, made.fn.normalise) == (0.25, 0.25, "sum")


def test_rotations_are_compared_as_published():
    turn = torch.nn.functional.normalize(torch.randn(5, 16, 4), dim=-1)
    outputs, batch = {"quat": -3 * turn}, {"quat_target": turn}
    assert float(QuatNorm()(outputs, batch)) == pytest.approx(400, rel=1e-5)
    assert float(QuatL2()(outputs, batch)) == pytest.approx(1.0, rel=1e-5)
    assert float(QuatCos()(outputs, batch)) == pytest.approx(2.0, rel=1e-5)


def test_bone_lengths_do_not_see_direction():
    joints = torch.zeros(1, 21, 3)
    for parent, child in SNAP.bones:
        joints[0, child] = joints[0, parent] + torch.tensor([0.0, 0.6, -0.8])
    batch = {"kin_len_target": torch.full((1, 20, 1), 1.5)}
    assert float(BoneLengthMSE()({"jointRS": joints}, batch)) == pytest.approx(0.25, rel=1e-5)
