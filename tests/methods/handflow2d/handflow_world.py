"""Invented records of one hand and of two, their batches, and small networks of every stage."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.geometry import Camera
from carpus.losses import handflow2d as seed_losses
from carpus.losses import handflow2d_sik as sik_losses
from carpus.methods.base import LossTerm
from carpus.methods.handflow2d.inputs import HandFlowInputs
from carpus.methods.handflow2d.module import HandFlow2D
from carpus.nets.backbones.features import feature_maps
from carpus.nets.handflow2d import FlowSeed, HandFlowNet, LiftNet, SeedNet, SIKNet, sik_hand
from carpus.skeletons import INTERHAND, RHD_HAND
from carpus.types import Record, collate
from interhand_tree import png

CAMERA = Camera(300.0, 300.0, 88.0, 55.0)
SIZE_HW = (120, 160)
CROP, CELLS = 64, 16
SEED = {"heatmap": (seed_losses.HeatmapMSE(), 100.0), "mask": (seed_losses.MaskBCE(), 1.0)}
LIFT = {"joint": (seed_losses.JointMSE(), 1.0), "depth": (seed_losses.DepthSmoothL1(), 1.0)}
SIK = {
    "sik_joint": (sik_losses.SikJointMSE(), 1.0),
    "kin_len": (sik_losses.BoneLengthMSE(), 1.0),
    "shape_reg": (sik_losses.ShapeReg(), 1.0),
    "quat_norm": (sik_losses.QuatNorm(), 1.0),
}


def flow_term(weight: float = 0.01, norm: str = "per_dim") -> dict:
    return {"flow": (seed_losses.FlowNLL(norm, weight), weight)}


def hand_mm(rng) -> np.ndarray:
    """``(21, 3)`` about 60 cm before the camera."""
    return rng.uniform(-50, 50, (21, 3)) + np.array([20.0, -10.0, 600.0])


def one_hand(left: bool, seed: int = 0, leave_out: tuple[str, ...] = (), **more) -> Record:
    """A picture of one hand in RHD's order."""
    rng = np.random.default_rng(seed)
    points = hand_mm(rng)
    fields = {
        "camera": CAMERA.to_array(),
        "joints_cam_mm": points.astype(np.float32),
        "joints_px": CAMERA.project(points).astype(np.float32),
        "joint_valid": np.ones(21, bool),
        "hand_type": np.array([not left, left]),
        "root_depth_mm": np.full(2, points[0, 2], np.float32),
        "crop_xywh_px": np.array([40.0, 20.0, 80.0, 80.0], np.float32),
        **more,
    }
    picture = rng.integers(0, 255, (*SIZE_HW, 3), dtype=np.uint8)
    kept = {name: value for name, value in fields.items() if name not in leave_out}
    return Record(f"one/{seed}", {"rgb": png(picture)}, kept)


def two_hands(seed: int = 0, larger: int = 1) -> Record:
    """A picture as InterHand2.6M's: two hands, no pixels; the ``larger`` one spans more of it."""
    rng = np.random.default_rng(seed)
    hands = [hand_mm(rng), hand_mm(rng) + np.array([30.0, 0.0, 0.0])]
    away = hands[1 - larger]
    hands[1 - larger] = (away - away.mean(0)) * 0.3 + away.mean(0)
    points = np.concatenate(hands)
    fields = {
        "camera": CAMERA.to_array(),
        "joints_cam_mm": points.astype(np.float32),
        "joint_valid": np.ones(42, bool),
        "hand_type": np.array([True, True]),
        "root_depth_mm": points[list(INTERHAND.roots), 2].astype(np.float32),
        "crop_xywh_px": np.array([40.0, 20.0, 80.0, 80.0], np.float32),
    }
    picture = rng.integers(0, 255, (*SIZE_HW, 3), dtype=np.uint8)
    return Record(f"two/{seed}", {"rgb": png(picture)}, fields)


def inputs_of(skeleton=RHD_HAND, **settings) -> HandFlowInputs:
    return HandFlowInputs(skeleton, **{"crop_px": CROP, "map_px": CELLS, **settings})


def batch_of(records, inputs=None, train: bool = False):
    inputs = inputs or inputs_of()
    made = [(r.key, inputs(r, np.random.default_rng(i), train)) for i, r in enumerate(records)]
    return collate(made)


def flow_seed(**settings) -> FlowSeed:
    settings = {"steps": 1, "map_px": CELLS, "enc_channels": 8, **settings}
    return FlowSeed(feature_maps("resnet18"), CROP, **settings)


def stages(*names: str, frozen: tuple[str, ...] = ()) -> HandFlowNet:
    """BiHand's stages, narrow."""
    return HandFlowNet(
        SeedNet(channels=8, stacks=1, depth=2),
        LiftNet(cells=(4,), channels=8, depth=2, crop_px=CROP),
        lambda: SIKNet(sik_hand("nowhere", standin=True)),
        names,
        frozen,
    )


def module_of(net: HandFlowNet, terms: dict, lr: float = 1e-3, cells: int = CELLS, **settings) -> HandFlow2D:
    losses = {name: LossTerm(fn, weight) for name, (fn, weight) in terms.items()}
    codec = Heatmap2D(CROP, cells, mode="dark")
    settings = {"input_px": CROP, **settings}
    return HandFlow2D(net, codec, losses, partial(torch.optim.Adam, lr=lr), **settings)


def total(module: HandFlow2D, batch) -> torch.Tensor:
    """The weighted loss of an unprepared batch."""
    prepared = module.prepare(batch)
    found = module.losses(module(prepared), prepared)
    return sum(module.terms[name].weight * value for name, value in found.items())
