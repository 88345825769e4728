"""Targets of mirrored bodies through the layers, with random shapes and fits in the world."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from carpus.bodies.library import body_models
from carpus.codecs.whole_body import LAYOUTS, PersonCodec
from carpus.geometry.person_warp import person_map, published_map
from formula_people import batch_of

WIDTH, CAMERA = 640, np.array([900.0, 890.0, 330.0, 245.0])
TURN_DEG = 35.0
ROTATION = np.array([[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]])


@pytest.fixture(scope="module")
def models():
    return body_models("no such folder", standin=True)


def crop(part, flip, turn):
    maps = person_map(
        np.array([200.0, 80, 240, 320]),
        LAYOUTS[part].crop_hw,
        turn_deg=turn,
        mirrored_width=WIDTH if flip else None,
    )
    maps = published_map(maps, WIDTH) if flip else maps
    turned = np.array(turn, np.float32)
    return {"image_to_crop": maps.image_to_crop, "flipped": np.array(flip), "turn_deg": turned}


def fit(kind, seed):
    """A random person in the world, seen from 3 m away."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.25, {"smplx": 159, "smpl": 72}[kind])
    pose[:3] = (3.0, 0.3, -0.2)
    return {
        **{"model": kind, "model_pose": pose, "model_camera": CAMERA},
        **{"model_shape": rng.normal(0, 0.8, 10), "model_expr": rng.normal(0, 0.8, 10)},
        **{"model_trans_m": np.array([0.05, -0.1, 3.0]), "model_rotation": ROTATION},
        "model_translation_m": np.array([0.1, 0.0, 0.4]),
    }


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("kind", "part"), [("smplx", "whole_body"), ("smpl", "body")])
def test_the_target_of_a_mirrored_person_of_any_shape_is_the_mirrored_mesh(models, kind, part, seed):
    crops = [crop(part, False, 0.0), crop(part, True, TURN_DEG)]
    targets = PersonCodec(part, models).encode(batch_of([fit(kind, seed)] * 2, crops, LAYOUTS[part]))
    more = {"expr": targets["smplx_expr"]} if kind == "smplx" else {}
    layer = models.layer(kind, "neutral")
    mesh = layer(targets[f"{kind}_pose"], targets[f"{kind}_shape"], **more)
    rest = models.model(kind, "neutral").arrays["v_template"]
    gap, partner = KDTree(rest).query(rest * [-1, 1, 1])
    assert gap.max() < 1e-6, "the stand-in is symmetric"
    plain, flipped = (v - j[:1] for v, j in zip(mesh.vertices_m, mesh.joints_m, strict=True))
    angle = torch.deg2rad(torch.tensor(TURN_DEG))
    back = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
    wanted = (plain * torch.tensor([-1.0, 1, 1]))[torch.from_numpy(partner)]
    assert (wanted - flipped @ back.T).norm(dim=-1).max() < 1e-3
    assert (plain - flipped @ back.T).norm(dim=-1).max() > 0.05, "the pose is not symmetric itself"
    off = targets[f"{kind}_joint_cam"][0] * torch.tensor([-1.0, 1, 1])
    off = off[list(LAYOUTS[part].joints.mirror)] - targets[f"{kind}_joint_cam"][1] @ back.T
    assert off[:65].norm(dim=-1).max() < 1e-3
