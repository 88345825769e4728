"""One hand of every kind of record: what is shipped, what decodes back to the truth, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.data.augment import NoAugmentation
from carpus.data.augment_rgb import RgbAugmentation
from carpus.data.hand_sample_rules import HandAugmentation
from carpus.errors import ConfigError
from carpus.methods.handflow2d.inputs import HandFlowInputs
from carpus.methods.handflow2d.pairs import as_pairs
from carpus.skeletons import FREIHAND_HAND, INTERHAND

from .handflow_world import CAMERA, CROP, SEED, batch_of, module_of, one_hand, stages, two_hands
from .handflow_world import inputs_of as coarse_inputs

FLAT = ("camera", "joints_cam_mm", "root_depth_mm")
LABELS = (*FLAT, "joints_px", "joint_valid")
MIXED = [one_hand(left, seed) for seed, left in enumerate((False, True, True, False, True, False))]
FINE = 32


def inputs_of(*skeleton, **settings):
    return coarse_inputs(*skeleton, map_px=FINE, **settings)


def decoded(batch):
    """What a perfect network would be taken to say, and the prepared batch."""
    module = module_of(stages("seed"), SEED, cells=FINE, input_px=4 * FINE)
    prepared = module.prepare(batch)
    outputs = {"l_hm": [prepared["heatmap_target"]], "l_joint": [prepared["joint"]]}
    return module.decode(outputs, prepared), prepared


@pytest.mark.parametrize("rules", ["fixed", "faithful"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_true_outputs_decode_to_the_truth(rules, side):
    truth = batch_of(MIXED, inputs_of(rules=rules, hand_side=side))
    found, _ = decoded(truth)
    valid, left = truth["joint_valid"], truth["hand_left"]
    assert torch.equal(truth["flipped"], left != (side == "left"))
    assert torch.equal(valid, as_pairs(torch.ones(len(left), 21), left) > 0)
    off = (found.joints_px - truth["joints_px"]).norm(dim=-1)[valid]
    # Published keypoints are cut to whole pixels of the crop, of which each is up to four of the picture.
    assert off.max() < (0.05 if rules == "fixed" else 6.0)
    torch.testing.assert_close(found.joints_cam_mm[valid], truth["joints_cam_mm"][valid], atol=0.01, rtol=0)


def test_turned_and_mirrored_crops_decode_to_the_truth():
    inputs = inputs_of(augment=HandAugmentation())
    found, batch = decoded(batch_of(MIXED, inputs, train=True))
    truth = batch_of(MIXED, inputs)
    valid, left = truth["joint_valid"], batch["hand_left"]
    turns = torch.atan2(batch["image_to_crop"][:, 1, 0], batch["image_to_crop"][:, 1, 1])
    assert turns.std() > 0.2
    torch.testing.assert_close(found.joints_cam_mm[valid], truth["joints_cam_mm"][valid], atol=0.01, rtol=0)
    inside = ((batch["kp2d"] > 8) & (batch["kp2d"] < CROP - 8)).all(-1)
    shown = as_pairs(inside.float(), left) > 0
    assert shown.sum() > 40
    assert (found.joints_px - truth["joints_px"]).norm(dim=-1)[shown].max() < 0.05


@pytest.mark.parametrize("larger", [0, 1])
def test_of_two_hands_without_published_pixels_the_larger_counts(larger):
    truth = batch_of([two_hands(seed, larger) for seed in range(3)], inputs_of(INTERHAND))
    found, _ = decoded(truth)
    valid = truth["joint_valid"]
    assert valid[:, 21 * larger : 21 * larger + 21].all()
    assert valid.sum(1).tolist() == [21] * 3
    assert truth["hand_type"].tolist() == [[larger == 0, larger == 1]] * 3
    pixels = CAMERA.project(truth["joints_cam_mm"].double().numpy())
    np.testing.assert_allclose(truth["joints_px"][valid], pixels[valid], atol=1e-3)
    torch.testing.assert_close(found.joints_px[valid], truth["joints_px"][valid], atol=0.05, rtol=0)
    torch.testing.assert_close(found.joints_cam_mm[valid], truth["joints_cam_mm"][valid], atol=0.01, rtol=0)


def test_keypoints_alone_are_learnt_and_scored_in_the_picture():
    truth = batch_of([one_hand(False, seed, FLAT) for seed in range(2)], inputs_of(FREIHAND_HAND))
    assert "joints_cam_mm" not in truth
    found, prepared = decoded(truth)
    valid = truth["joint_valid"]
    torch.testing.assert_close(found.joints_px[valid], truth["joints_px"][valid], atol=0.05, rtol=0)
    assert prepared["heatmap_valid"].all()
    for name in ("mask_valid", "depth_valid", "joint_known", "joints_target_valid"):
        assert not prepared[name].any(), name
    # Where no camera is known, the assumed one looks at the crop's middle from a plausible distance.
    assert (prepared["intr"][:, 0, 0] > 100).all()
    assert prepared["root_m"][:, :2].abs().max() < 0.01
    torch.testing.assert_close(prepared["root_m"][:, 2], torch.full((2,), 0.6))


def test_training_samples_of_all_datasets_have_the_same_names():
    kinds = (
        (one_hand(True), inputs_of()),
        (one_hand(False, 1, FLAT), inputs_of(FREIHAND_HAND)),
        (two_hands(), inputs_of(INTERHAND)),
    )
    shipped = [inputs(record, np.random.default_rng(0), True) for record, inputs in kinds]
    forms = [{name: (np.shape(v), np.asarray(v).dtype) for name, v in made.items()} for made in shipped]
    assert forms[0] == forms[1] == forms[2]
    scored = kinds[0][1](kinds[0][0], np.random.default_rng(0), False)
    only = set(scored) - set(shipped[0])
    truth = {"joints_px", "joint_valid", "joint_visible", "joints_cam_mm"}
    assert only == {"hand_type", "camera", "center_mm", *truth}


def test_a_picture_without_labels_is_cropped_as_wide_as_labelled_ones():
    box = np.array([50.0, 30.0, 40.0, 60.0], np.float32)
    tight = {"bbox_xywh_px": box, "crop_xywh_px": np.array([32.5, 22.5, 75.0, 75.0], np.float32)}
    whole = {"bbox_xywh_px": box, "crop_xywh_px": np.array([40.0, 30.0, 60.0, 60.0], np.float32)}
    batch = batch_of([one_hand(True, 0, LABELS, **fields) for fields in (tight, whole)], inputs_of())
    assert not {"joints_px", "joint_valid"} & set(batch)
    zooms = batch["image_to_crop"][:, 1, 1]
    torch.testing.assert_close(zooms, CROP / torch.tensor([2 * 60.0, 60.0]))
    found, prepared = decoded(batch)
    assert not prepared["heatmap_valid"].any()
    assert torch.isfinite(found.joints_px).all()
    # The middle of the box in space, whatever camera had to be assumed.
    camera, centre = batch["camera"], batch["center_mm"]
    seen = centre[:, :2] / centre[:, 2:] * camera[:, :2] + camera[:, 2:]
    torch.testing.assert_close(seen, torch.tensor([[70.0, 60.0]] * 2), atol=1e-3, rtol=0)


def test_the_same_generator_gives_the_same_sample_and_another_another():
    inputs = inputs_of(augment=HandAugmentation())
    first, again, other = (inputs(one_hand(True), np.random.default_rng(s), True) for s in (0, 0, 1))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    assert (first["image_to_crop"] != other["image_to_crop"]).any()
    still = inputs_of()(one_hand(True), np.random.default_rng(5), True)
    scored = inputs(one_hand(True), np.random.default_rng(9), False)
    np.testing.assert_array_equal(still["rgb"], scored["rgb"])


def test_settings_that_cannot_work_are_refused_in_one_line():
    for settings, message in (
        ({"rules": "fixd"}, r"method\.inputs\.rules 'fixd': did you mean 'fixed'"),
        ({"hand_side": "both"}, r"hand_side 'both': Allowed: left, right"),
        ({"augment": RgbAugmentation()}, r"RgbAugmentation is for other samples; take augment=handflow2d"),
        ({"crop_px": 0}, "crop_px=0"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            HandFlowInputs("rhd", **settings)
        assert "\n" not in str(error.value)
    assert HandFlowInputs("rhd", augment=NoAugmentation()).skeleton.name == "rhd"
