"""Joints of datasets as targets, against golden values of the published program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.whole_body.joints import CropPlace, joint_targets
from carpus.codecs.whole_body.layout import LAYOUTS
from carpus.geometry.crops import mirror
from carpus.skeletons.interhand import INTERHAND_HAND
from carpus.skeletons.whole_body_datasets import HUMAN36M, MPI_INF_3DHP, MPII, MSCOCO
from carpus.skeletons.whole_body_pose import convert_joints
from golden_cases import golden_paths

SETS = {"h36m": HUMAN36M, "mpii": MPII, "coco": MSCOCO, "3dhp": MPI_INF_3DHP}


def place_of(golden, prefixes, width):
    """The crops of all cases as one batch; the published maps are those of the mirrored image."""
    flips = [bool(golden[f"{p}_flip"]) for p in prefixes]
    maps = [golden[f"{p}_img2bb"].astype(np.float64) for p in prefixes]
    maps = [mirror(m, width) if flip else m for m, flip in zip(maps, flips, strict=True)]
    turns = [float(golden[f"{p}_rot"]) for p in prefixes]
    return CropPlace(
        torch.from_numpy(np.stack(maps)).float(), torch.tensor(flips), torch.tensor(turns).float()
    )


def stacked(golden, prefixes, name, skeleton, layout):
    """The array of all cases in the order of the layout, and which joints there are at all."""
    made = [convert_joints(golden[f"{p}_{name}"], skeleton, layout.joints) for p in prefixes]
    return torch.from_numpy(np.stack([m for m, _ in made])).float(), torch.from_numpy(made[0][1])


@pytest.mark.parametrize("path", golden_paths("hand4whole", "db_coord"))
@pytest.mark.parametrize("name", SETS)
def test_joints_of_datasets_become_the_published_targets(path, name):
    golden, layout = np.load(path), LAYOUTS["whole_body"]
    prefixes = sorted(
        key.removesuffix("_rot") for key in golden if key.endswith("_rot") and key.startswith(name)
    )
    assert len(prefixes) >= 4
    assert any(golden[f"{p}_flip"] for p in prefixes)
    width = int(golden["img_shape_hw"][1])
    img, known = stacked(golden, prefixes, "joint_img_in", SETS[name], layout)
    cam, _ = stacked(golden, prefixes, "joint_cam_in", SETS[name], layout)
    valid, _ = stacked(golden, prefixes, "valid_in", SETS[name], layout)
    made = joint_targets(
        layout, img[..., :2], img[..., 2], cam, valid[..., 0], place_of(golden, prefixes, width)
    )
    there = known[:, None].numpy()
    for i, prefix in enumerate(prefixes):
        np.testing.assert_allclose(made.img[i] * there, golden[f"{prefix}_joint_img"], rtol=0, atol=1e-4)
        np.testing.assert_allclose(made.cam[i] * there, golden[f"{prefix}_joint_cam"], rtol=0, atol=1e-4)
        np.testing.assert_array_equal(made.valid[i], golden[f"{prefix}_valid"])
        np.testing.assert_array_equal(made.trunc[i], golden[f"{prefix}_trunc"])


@pytest.mark.parametrize("path", golden_paths("hand4whole", "pose2pose_mano"))
def test_joints_of_interhand_become_the_published_targets(path):
    golden, layout = np.load(path), LAYOUTS["hand"]
    prefixes = sorted(key.removesuffix("_rot") for key in golden if key.endswith("_rot"))
    width = int(golden["img_shape_hw"][1])
    of_hand = [f"{p}_ih" for p in prefixes]
    img, known = stacked(golden, of_hand, "joint_img_in", INTERHAND_HAND, layout)
    cam, _ = stacked(golden, of_hand, "joint_cam_in", INTERHAND_HAND, layout)
    valid, _ = stacked(golden, of_hand, "valid_in", INTERHAND_HAND, layout)
    assert known.all()
    depth = layout.depth_cells(img[..., 2])
    made = joint_targets(layout, img[..., :2], depth, cam, valid[..., 0], place_of(golden, prefixes, width))
    for i, prefix in enumerate(of_hand):
        np.testing.assert_allclose(made.img[i], golden[f"{prefix}_joint_img"], rtol=0, atol=2e-4)
        np.testing.assert_allclose(made.cam[i], golden[f"{prefix}_joint_cam"], rtol=0, atol=2e-4)
        np.testing.assert_array_equal(made.valid[i], golden[f"{prefix}_valid"])
        np.testing.assert_array_equal(made.trunc[i], golden[f"{prefix}_trunc"])
