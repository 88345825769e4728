"""From a picture to targets: what the crop shows at a joint's target is that joint, whatever was drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from carpus.bodies.library import body_models
from carpus.codecs.whole_body import PersonCodec
from carpus.data.augment_person import PersonAugmentation
from carpus.data.person_inputs import PersonInputs
from carpus.skeletons import INTERHAND_HAND, MPII, SMPLX_137, SNAP
from carpus.types import Record, collate

SIZE = (640, 480)
CAMERA = np.array([700.0, 700.0, 320.0, 240.0])
STANDING = (3.0, 0.1, 0.0)


@pytest.fixture(scope="module")
def models():
    return body_models("no such folder", standin=True)


def colours(count):
    """Colours that differ by 60 grey levels at least."""
    levels = np.array(np.meshgrid([15, 75, 135, 195], [15, 75, 135, 195], [75, 135, 195])).reshape(3, -1).T
    return levels[:count]


def dotted(pixels, radius=9):
    """A black picture with a disc of its own colour at every joint."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for (x, y), colour in zip(pixels, colours(len(pixels)), strict=True):
        cv2.circle(image, (round(float(x)), round(float(y))), radius, colour.tolist(), -1)
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def spread(count, seed=0):
    """Places at least 35 pixels apart."""
    grid = np.stack(np.meshgrid(np.arange(200, 440, 40), np.arange(80, 400, 40)), -1).reshape(-1, 2)
    return np.random.default_rng(seed).permutation(grid)[:count] + 0.0


def encoded(inputs, records, models, seeds):
    samples = [
        (record.key, inputs(record, np.random.default_rng(s), True)) for record in records for s in seeds
    ]
    batch = collate(samples)
    return batch, PersonCodec(inputs.layout, models).encode(batch)


def seen_at(batch, cells, layout):
    """Colours ``(B, J, 3)`` of the crops at targets, and which of them lie well inside."""
    (height, width), (_, rows, columns) = layout.crop_hw, layout.cells_dhw
    pixels = (cells[..., :2] * torch.tensor([width / columns, height / rows])).round().long()
    inside = ((pixels >= 4) & (pixels < torch.tensor([width, height]) - 4)).all(-1)
    x, y = (pixels.clamp(min=0) * inside[..., None]).unbind(-1)
    return batch["rgb"][torch.arange(len(pixels))[:, None], y, x], inside


@pytest.mark.parametrize("part", ["whole_body", "body"])
def test_the_crop_shows_each_labelled_joint_at_its_target(models, part):
    pixels = spread(len(MPII))
    fields = {
        "bbox_xywh_px": np.array([190.0, 70.0, 260.0, 340.0]),
        "joints_px": pixels.astype(np.float32),
        "joint_valid": np.ones(len(MPII), bool),
    }
    inputs = PersonInputs(MPII, part, PersonAugmentation())
    batch, targets = encoded(inputs, [Record("a", {"rgb": dotted(pixels)}, fields)], models, range(12))
    assert 0 < batch["flipped"].float().mean() < 1
    assert (batch["turn_deg"] != 0).any()
    found, inside = seen_at(batch, targets["joint_img"], inputs.layout)
    joints, names = inputs.layout.joints, MPII.joints
    checked = 0
    for sample, flipped in enumerate(batch["flipped"].tolist()):
        for place, joint in enumerate(joints.joints):
            # What a mirrored crop calls left was painted as right.
            painted = joints.joints[joints.mirror[place]] if flipped else joint
            if painted not in names or not inside[sample, place]:
                continue
            colour = colours(len(names))[names.index(painted)]
            assert np.abs(found[sample, place].numpy() - colour).max() < 25, (sample, joint)
            assert targets["joint_valid"][sample, place] == 1
            checked += 1
    assert checked > 100


def fitted(kind, models, hand=None):
    """A fit, and the pixels of its joints in the published picture."""
    rng = np.random.default_rng(5)
    numbers = 159 if kind == "smplx" else 48
    pose = torch.tensor(np.concatenate([STANDING, rng.normal(0, 0.15, numbers - 3)])).float()[None]
    trans = torch.tensor([[0.0, 0.0, 3.2 if kind == "smplx" else 0.5]])
    layer = models.smplx() if kind == "smplx" else models.mano(hand)
    made = layer(pose=pose, shape=torch.zeros(1, 10), trans_m=trans).joints_m[0].double()
    joints = layer.supervised(made) if kind == "smplx" else made
    pixels = (joints[:, :2] / joints[:, 2:] * CAMERA[:2] + CAMERA[2:]).numpy()
    fields = {
        "model": kind,
        "model_pose": pose[0].numpy(),
        "model_shape": np.zeros(10),
        "model_trans_m": trans[0].numpy(),
        "model_camera": CAMERA,
    }
    return fields, pixels


@pytest.mark.parametrize("kind", ["smplx", "mano"])
def test_the_crop_shows_each_joint_of_the_fitted_model_at_its_target(models, kind):
    records = []
    for hand in (None,) if kind == "smplx" else ("right", "left"):
        fields, pixels = fitted(kind, models, hand)
        shown = pixels[: len(pixels) if kind == "mano" else 22]
        first, last = shown.min(0), shown.max(0)
        fields |= {"bbox_xywh_px": np.concatenate([first, last - first])}
        fields |= {} if hand is None else {"hand_type": np.array([hand == "right", hand == "left"])}
        records.append(Record(str(hand), {"rgb": dotted(shown, 4 if kind == "smplx" else 3)}, fields))
    inputs = PersonInputs(None, "whole_body" if kind == "smplx" else "hand", PersonAugmentation())
    batch, targets = encoded(inputs, records, models, range(6))
    found, inside = seen_at(batch, targets[f"{kind}_joint_img"], inputs.layout)
    order = SMPLX_137 if kind == "smplx" else SNAP
    # Joints near others are painted over.
    for sample, flipped in enumerate(batch["flipped"].tolist()):
        pixels = fitted(kind, models, records[sample // 6].key)[1] if kind == "mano" else pixels
        near = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1) + 99 * np.eye(len(pixels))
        alone = near[:, : 22 if kind == "smplx" else 21].min(1) > (9 if kind == "smplx" else 7)
        right = 0
        for place in range(22 if kind == "smplx" else 21):
            painted = order.mirror[place] if flipped else place
            if painted < 22 and alone[painted] and inside[sample, place]:
                colour = colours(22 if kind == "smplx" else 21)[painted]
                assert np.abs(found[sample, place].numpy() - colour).max() < 40, (sample, place)
                right += 1
        assert right >= 8


def test_joints_of_single_hands_come_in_the_working_order(models):
    pixels = spread(21, 3)
    fields = {
        "bbox_xywh_px": np.array([190.0, 70.0, 260.0, 340.0]),
        "joints_px": pixels.astype(np.float32),
        "joint_valid": np.ones(21, bool),
        "hand_type": np.array([False, True]),
    }
    inputs = PersonInputs(INTERHAND_HAND, "hand", PersonAugmentation())
    batch, targets = encoded(inputs, [Record("a", {"rgb": dotted(pixels)}, fields)], models, range(4))
    found, inside = seen_at(batch, targets["joint_img"], inputs.layout)
    order = INTERHAND_HAND.permutation(to=SNAP)
    wanted = torch.tensor(colours(21)[order])[None].expand(4, -1, -1)
    assert batch["flipped"].all()
    assert inside.float().mean() > 0.5
    assert (found.int() - wanted.int()).abs()[inside].max() < 25
