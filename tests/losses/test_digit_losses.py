"""The five losses of DIGIT against the reference, and what they leave out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.losses import BoneL2, HandTypeBCE, JointL1, PartCrossEntropy, RelRootL1
from carpus.losses.digit import PUBLISHED_WEIGHTS, part_cross_entropy
from carpus.skeletons import INTERHAND
from golden_cases import golden_paths

TERMS = {
    "joint": JointL1(),
    "rel_root_depth": RelRootL1(),
    "hand_type": HandTypeBCE(),
    "segm": PartCrossEntropy(),
    "bone": BoneL2(),
}


def weighted(outputs, batch):
    return {name: PUBLISHED_WEIGHTS[name] * term(outputs, batch) for name, term in TERMS.items()}


def case(path):
    """Outputs that ask for gradients, and the batch."""
    data = {name: torch.from_numpy(np.array(value)) for name, value in np.load(path).items()}
    outputs = {
        "joints": data["joint_out"],
        "rel_root": data["rel_out"],
        "hand_type_logits": data["hand_logits"],
        "segm_logits": data["segm_logits"],
    }
    batch = {
        "joints_target": data["joint_gt"],
        "joints_target_valid": data["joint_valid"],
        "rel_root_target": data["rel_gt"],
        "rel_root_target_valid": data["root_valid"],
        "hand_type_target": data["hand_gt"],
        "hand_type_valid": data["hand_type_valid"],
        "segm_target": data["segm_target"][:, 0],
        "segm_valid": data["segm_valid"],
    }
    return data, {name: value.requires_grad_() for name, value in outputs.items()}, batch


@pytest.mark.parametrize("path", golden_paths("digit", "losses"))
def test_terms_total_and_gradients_equal_the_reference(path):
    data, outputs, batch = case(path)
    terms = weighted(outputs, batch)
    for name, value in terms.items():
        torch.testing.assert_close(value, data[f"loss_{name}"], rtol=1e-5, atol=0)
    total = torch.stack(list(terms.values())).sum()
    torch.testing.assert_close(total, data["total"], rtol=1e-5, atol=0)
    total.backward()
    for name, output in (
        ("joint_out", "joints"),
        ("rel_out", "rel_root"),
        ("hand_logits", "hand_type_logits"),
    ):
        torch.testing.assert_close(outputs[output].grad, data[f"grad_{name}"], rtol=1e-5, atol=1e-9)
    found = outputs["segm_logits"].grad.abs().sum()
    torch.testing.assert_close(found, data["grad_segm_logits_abs_sum"], rtol=1e-5, atol=0)


@pytest.mark.parametrize("path", golden_paths("digit", "losses"))
def test_bones_are_the_reference_bones(path):
    data = np.load(path)
    # The reference lists (joint, parent) with the left hand's list for the left hand.
    for bones, name in zip(BoneL2().hands, ("right_bones", "left_bones"), strict=True):
        assert sorted((child, parent) for parent, child in bones) == sorted(map(tuple, data[name].tolist()))
    assert len(INTERHAND.bones) == 40


@pytest.mark.parametrize("path", golden_paths("digit", "losses"))
def test_what_is_not_annotated_may_be_nan(path):
    _, outputs, batch = case(path)
    expected = weighted(outputs, batch)
    for target, valid in (
        ("joints_target", "joints_target_valid"),
        ("rel_root_target", "rel_root_target_valid"),
    ):
        mask = batch[valid].bool()
        mask = mask[..., None] if batch[target].ndim > mask.ndim else mask
        batch[target] = torch.where(mask, batch[target], torch.nan)
    found = weighted(outputs, batch)
    assert found == expected
    torch.stack(list(found.values())).sum().backward()
    assert all(bool(output.grad.isfinite().all()) for output in outputs.values())


def test_a_batch_without_annotation_costs_nothing():
    outputs = {"joints": torch.rand(2, 42, 3), "rel_root": torch.rand(2, 1)}
    outputs |= {"hand_type_logits": torch.rand(2, 2), "segm_logits": torch.rand(2, 33, 4, 4)}
    batch = {"joints_target": torch.rand(2, 42, 3), "joints_target_valid": torch.zeros(2, 42).bool()}
    batch |= {"rel_root_target": torch.rand(2, 1), "rel_root_target_valid": torch.zeros(2, 1).bool()}
    batch |= {"hand_type_target": torch.ones(2, 2), "hand_type_valid": torch.zeros(2).bool()}
    batch |= {"segm_target": torch.zeros(2, 4, 4).long(), "segm_valid": torch.zeros(2).bool()}
    assert all(float(value) == 0.0 for value in weighted(outputs, batch).values())


def test_background_can_be_left_out():
    logits = torch.randn(1, 33, 2, 2)
    labels = torch.tensor([[[0, 5], [0, 0]]])
    valid = torch.ones(1)
    only = part_cross_entropy(logits, labels, valid, background=False)
    expected = -logits.log_softmax(1)[0, 5, 0, 1] / 4
    torch.testing.assert_close(only, expected)
    assert float(part_cross_entropy(logits, labels, valid)) > float(only)


def test_half_precision_is_summed_in_full():
    logits = torch.full((1, 33, 64, 64), 3000.0).half()
    logits[:, 1] = 0
    labels = torch.ones(1, 64, 64).long()
    found = part_cross_entropy(logits, labels, torch.ones(1))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(3000 + np.log(32), abs=0.01)
