"""Stand-in hands, a folder with their files, and the closed-form MANO of the golden files.

The latter has real counts, tree and keys and content from a hash: their README, section 2.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from carpus.bodies.models import checked
from carpus.bodies.rest_joints import MANO_PARENTS, left_hand_joints, left_hand_tips
from carpus.bodies.standin import standin_model, write_standins

SEED, RADIUS, MASK = 300, 0.006, 0xFFFFFFFF
MIRROR = np.array([-1.0, 1.0, 1.0])
# (vertices, owner, row of the tips: index, middle, pinky, ring, thumb)
OVERRIDES = (
    ((744, 745), 15, 4),
    ((320, 317), 3, 0),
    ((443, 445), 6, 1),
    ((554, 556), 12, 3),
    ((671, 673), 9, 2),
)


def pm(seed, shape):
    """Numbers in -1..1 from a hash of their index."""
    count = int(np.prod(shape))
    x = (np.arange(count, dtype=np.uint64) + 0x9E3779B9 * (seed + 1)) & MASK
    x ^= x >> np.uint64(16)
    x = x * 0x85EBCA6B & MASK
    x ^= x >> np.uint64(13)
    x = x * 0xC2B2AE35 & MASK
    x ^= x >> np.uint64(16)
    return (2.0 * (x / 2.0**32) - 1).reshape(shape)


@functools.cache
def _formula_content(side):
    count, joints = 778, left_hand_joints() * MIRROR
    owner = np.arange(count) % 16
    vertices = joints[owner] + RADIUS * pm(SEED, (count, 3))
    overridden = np.zeros(count, bool)
    for ids, joint, tip in OVERRIDES:
        vertices[list(ids)], owner[list(ids)] = left_hand_tips()[tip] * MIRROR, joint
        overridden[list(ids)] = True
    weights = np.zeros((count, 16))
    parents = np.array(MANO_PARENTS)
    weights[np.arange(count), owner] = np.where(owner == 0, 1.0, 0.8)
    weights[np.arange(count), parents[owner]] += np.where(owner == 0, 0.0, 0.2)
    regressor = np.zeros((16, count))
    for k in range(16):
        regressor[k, np.flatnonzero((owner == k) & ~overridden)[:8]] = 1 / 8
    left_mean = 0.1 * np.sin(0.7 * np.arange(45) + 0.3)
    sign = MIRROR if side == "left" else np.ones(3)
    j = np.arange(1538)
    return {
        "v_template": vertices * sign,
        "f": np.stack([j % count, (j + 16) % count, (j + 32) % count], 1).astype(np.uint32),
        "shapedirs": 0.01 * pm(SEED + 1, (count, 3, 10)) * sign[:, None],
        "posedirs": 1e-4 * pm(SEED + 2, (count, 3, 135)),
        "J_regressor": regressor,
        "J": regressor @ vertices * sign,
        "weights": weights,
        "kintree_table": np.stack([parents.astype(np.uint32), np.arange(16, dtype=np.uint32)]),
        "hands_mean": left_mean if side == "left" else left_mean * np.tile([1.0, -1.0, -1.0], 15),
        "hands_components": np.eye(45),
    }


@pytest.fixture(scope="session")
def formula_content():
    """The keys of the formula model's file, by side."""
    return lambda side: dict(_formula_content(side))


@pytest.fixture(scope="session")
def formula_mano():
    """The formula model, by side."""
    return lambda side: checked("mano", side, _formula_content(side), f"formula model {side}")


@pytest.fixture(scope="session")
def right():
    return standin_model("mano", "right")


@pytest.fixture(scope="session")
def left():
    return standin_model("mano", "left")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of body models with the stand-in hands."""
    place = tmp_path_factory.mktemp("body_models")
    write_standins(place, ["mano"])
    return place
