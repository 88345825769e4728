"""Batches of invented two-handed records, and a small DIGIT."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from carpus.codecs.hand25d import Hand25D
from carpus.codecs.part_labels import CLASSES
from carpus.data.rgb_images import encode_labels
from carpus.losses import BoneL2, HandTypeBCE, JointL1, PartCrossEntropy, RelRootL1
from carpus.losses.digit import PUBLISHED_WEIGHTS
from carpus.methods.base import LossTerm
from carpus.methods.digit.inputs import DigitInputs
from carpus.methods.digit.module import Digit
from carpus.types import Record, collate
from digit_recipe import small_net
from interhand_tree import png

CAMERA = np.array([1200.0, 1200.0, 167.0, 256.0])
KINDS = ((1, 0), (0, 1), (1, 1))
FUNCTIONS = {
    "joint": JointL1(),
    "rel_root_depth": RelRootL1(),
    "hand_type": HandTypeBCE(),
    "segm": PartCrossEntropy(),
    "bone": BoneL2(),
}


def record_of(number: int) -> Record:
    """Hands of every kind in turn, each joint at a place of its own; absent hands are nonsense."""
    rng = np.random.default_rng(number)
    hands = np.array(KINDS[number % 3], bool)
    present = np.repeat(hands, 21)
    joints = np.where(present[:, None], np.array([0, 0, 1000.0]) + rng.uniform(-60, 60, (42, 3)), 1.0)
    rows, columns = np.mgrid[:512, :334] // 32
    fields = {
        "camera": CAMERA,
        "crop_xywh_px": np.array([47.0, 136.0, 240.0, 240.0], np.float32),
        "joints_cam_mm": joints.astype(np.float32),
        "joint_valid": present,
        "hand_type": hands,
        "root_depth_mm": joints[[20, 41], 2].astype(np.float32),
    }
    image = rng.integers(0, 255, (512, 334, 3), dtype=np.uint8)
    mask = encode_labels(((rows * 5 + columns + number) % CLASSES).astype(np.uint8))
    return Record(f"test/{number}", {"rgb": png(image), "segm": mask}, fields)


def batch_of(count: int, augment=None, train: bool = False):
    inputs = DigitInputs("interhand26m", 64, 32, augment)
    records = [record_of(number) for number in range(count)]
    made = [(r.key, inputs(r, np.random.default_rng(i), train)) for i, r in enumerate(records)]
    return collate(made)


def module_of(scheduler=None, lr: float = 1e-3) -> Digit:
    torch.manual_seed(0)
    terms = {name: LossTerm(fn, PUBLISHED_WEIGHTS[name]) for name, fn in FUNCTIONS.items()}
    codec = Hand25D(crop_px=64, cells=16)
    return Digit(small_net(), codec, terms, partial(torch.optim.Adam, lr=lr), scheduler)
