"""Every written tree read again by a reader of its own, straight from the published description."""

from __future__ import annotations

import re
import struct

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import loadmat

GESTURES = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "I", "IP", "L", "MP", "RP", "T", "TIP", "Y"]
SMALL = (241.42, 241.42, 160.0, 120.0)
NYU_CAMERA = (588.036865, 587.075073, 320.0, 240.0)
HANDS17_CAMERA = (475.065948, 475.065857, 315.944855, 245.287079)
NYU_14 = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]


def check_surface(depth_mm, xyz, camera, y_sign, background=0):
    """Joints lie on hand pixels, the surface is a little nearer than they are."""
    fx, fy, cx, cy = camera
    u = np.rint(cx + fx * xyz[:, 0] / xyz[:, 2]).astype(int)
    v = np.rint(cy + y_sign * fy * xyz[:, 1] / xyz[:, 2]).astype(int)
    surface = depth_mm[v, u].astype(float)
    return np.where((surface > 0) & (surface != background), xyz[:, 2] - surface, np.nan)


def assert_near(gaps):
    gaps = np.concatenate(gaps)
    # A joint at the rim may project beside the hand or on a lost pixel.
    assert np.isnan(gaps).sum() <= max(3, 0.06 * gaps.size)
    assert 3 < np.nanmedian(gaps) < 17
    assert np.nanpercentile(gaps, 2) > -6


def centers(path):
    lines = path.read_text().splitlines()
    return [None if line.startswith("invalid") else [float(x) for x in line.split(" ")] for line in lines]


def test_msra_tree(trees):
    root, gaps, wanted = trees["msra"], [], {}
    for subject in range(9):
        for gesture in GESTURES:
            folder = root / "db" / f"P{subject}" / gesture
            text = (folder / "joint.txt").read_text().split("\n")
            assert int(text[0]) == len(text) - 2 == len(list(folder.glob("*_depth.bin"))) == 1
            xyz = np.array([float(x) for x in text[1].split(" ")]).reshape(21, 3)
            assert (xyz[:, 2] < 0).all()
            xyz[:, 2] *= -1
            data = (folder / "000000_depth.bin").read_bytes()
            width, height, left, top, right, bottom = struct.unpack("<6I", data[:24])
            assert (width, height) == (320, 240)
            box = np.frombuffer(data[24:], "<f4").reshape(bottom - top, right - left)
            for edge in (box[0], box[-1], box[:, 0], box[:, -1]):
                assert edge.any()  # the box is tight
            depth = np.zeros((240, 320), np.float32)
            depth[top:bottom, left:right] = box
            gaps.append(check_surface(depth, xyz, SMALL, -1))
            wanted.setdefault(subject, []).append((xyz.min(0) + xyz.max(0)) / 2)
    assert_near(gaps)
    for fold in range(9):
        train = [c for s in range(9) if s != fold for c in wanted[s]]
        for split, truth in (("train", train), ("test", wanted[fold])):
            got = centers(root / "center" / f"center_{split}_{fold}_refined.txt")
            assert len(got) == len(truth)
            distance = np.linalg.norm(np.array(got) - truth, axis=1)
            assert 1 < distance.mean() < 15


def test_msra_folds_differ_slightly_in_their_centres(trees):
    folder = trees["msra"] / "center"
    one = np.array(centers(folder / "center_test_0_refined.txt"))
    two = np.array(centers(folder / "center_train_1_refined.txt"))[: len(one)]
    assert 2 < np.linalg.norm(one - two, axis=1).mean() < 20


def read_png16(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert image.ndim == 2
    return image


def test_icvl_tree(trees):
    root, gaps, missing = trees["icvl"], [], []
    lines = (root / "Training" / "labels.txt").read_text().splitlines()
    tests = [(root / "Testing" / f"test_seq_{k}.txt").read_text().splitlines() for k in (1, 2)]
    assert len(lines) == 12
    assert len(tests[0]) + len(tests[1]) == 3
    for folder, chosen in (("Training", lines), ("Testing", tests[0] + tests[1])):
        for index, line in enumerate(chosen):
            assert line.endswith(" ")
            name, *values = line.split()
            uvd = np.array(values, float).reshape(16, 3)
            xyz = np.column_stack([(uvd[:, :2] - SMALL[2:]) / SMALL[0] * uvd[:, 2:], uvd[:, 2]])
            path = root / folder / "Depth" / name
            if not path.exists():
                missing.append((folder, index))
                continue
            gaps.append(check_surface(read_png16(path), xyz, SMALL, 1))
    assert_near(gaps)
    assert missing == [("Training", 6)]
    train = centers(root / "center" / "center_train_refined.txt")
    assert [i for i, c in enumerate(train) if c is None] == [6]
    assert len(centers(root / "center" / "center_test_refined.txt")) == 3


@pytest.mark.parametrize(("split", "count"), [("train", 6), ("test", 1)])
def test_nyu_tree(trees, split, count):
    folder = trees["nyu"] / split
    data = loadmat(folder / "joint_data.mat")
    assert data["joint_xyz"].shape == data["joint_uvd"].shape == (3, count, 36, 3)
    assert np.isfinite(data["joint_xyz"]).all()
    gaps = []
    for index in range(count):
        image = cv2.imread(str(folder / f"depth_1_{index + 1:07d}.png"), cv2.IMREAD_UNCHANGED)
        assert image.shape == (480, 640, 3)
        assert image.dtype == np.uint8
        assert not image[..., 2].any()  # red is empty
        depth = image[..., 1].astype(int) * 256 + image[..., 0]
        xyz = data["joint_xyz"][0, index]
        gaps.append(check_surface(depth, xyz[NYU_14], NYU_CAMERA, -1, background=2001))
        u = NYU_CAMERA[2] + NYU_CAMERA[0] * xyz[:, 0] / xyz[:, 2]
        np.testing.assert_allclose(data["joint_uvd"][0, index, :, 0], u)
    assert_near(gaps)
    assert not (folder / f"depth_1_{count + 1:07d}.png").exists()
    assert len(centers(trees["nyu"] / "center" / f"center_{split}_refined.txt")) == count


def test_hands17_tree(trees):
    root = trees["hands17"]
    for folder, labels, count in (
        ("training", root / "training" / "Training_Annotation.txt", 8),
        ("frame", root / "SYNTHETIC_hidden_test_annotation.txt", 2),
    ):
        gaps, lines = [], labels.read_text().splitlines()
        assert len(lines) == count
        for line in lines:
            name, *values = line.split("\t")
            assert re.fullmatch(r"image_D\d{8}\.png", name)
            xyz = np.array(values, float).reshape(21, 3)
            gaps.append(check_surface(read_png16(root / folder / "images" / name), xyz, HANDS17_CAMERA, 1))
        assert_near(gaps)
    boxes = (root / "frame" / "BoundingBox.txt").read_text()
    assert "\t" in boxes
    assert " " in boxes
    assert [len(line.split()) for line in boxes.splitlines()] == [5, 5]
    assert len(centers(root / "center" / "center_test_refined.txt")) == 2


@pytest.mark.parametrize("view", ["side", "top"])
@pytest.mark.parametrize(("split", "count"), [("train", 24), ("test", 6)])
def test_itop_tree(trees, view, split, count):
    root = trees["itop"]
    with h5py.File(root / f"ITOP_{view}_{split}_depth_map.h5") as file:
        depth, ids = file["data"][:], file["id"][:]
    with h5py.File(root / f"ITOP_{view}_{split}_labels.h5") as file:
        labels = {key: file[key][:] for key in file}
    assert depth.shape == (count, 240, 320)
    assert depth.dtype == np.float16
    assert set(labels) == {
        *("id", "is_valid", "image_coordinates", "real_world_coordinates", "segmentation", "visible_joints")
    }
    np.testing.assert_array_equal(ids, labels["id"])
    assert re.fullmatch(rb"\d\d_\d{5}", ids[0])
    assert labels["segmentation"].min() == -1
    assert labels["segmentation"].shape == depth.shape
    valid = labels["is_valid"].astype(bool)
    xyz = labels["real_world_coordinates"].astype(float)
    u = np.rint((xyz[..., 0] / (xyz[..., 2] * 0.0035)) + 160)
    v = np.rint(120 - xyz[..., 1] / (xyz[..., 2] * 0.0035))
    assert np.abs(u - labels["image_coordinates"][..., 0])[valid].max() <= 3
    assert np.abs(v - labels["image_coordinates"][..., 1])[valid].max() <= 3
    seen = labels["visible_joints"].astype(bool) & valid[:, None]
    assert seen.mean() > 0.3
    frame, joint = np.nonzero(seen)
    rows, cols = np.clip(v[seen], 0, 239).astype(int), np.clip(u[seen], 0, 319).astype(int)
    surface = depth[frame, rows, cols].astype(float)
    gap = (xyz[frame, joint, 2] - surface)[surface > 0]
    assert 0.0 < np.median(gap) < 0.15
    got = centers(root / "center" / view / f"center_{split}.txt")
    assert [c is not None for c in got] == valid.tolist()
    middle = (xyz.min(1) + xyz.max(1)) / 2
    kept = np.array([c for c in got if c is not None])
    assert np.linalg.norm(kept - middle[valid], axis=1).mean() < 0.2


def test_some_itop_training_frames_are_invalid_and_people_differ_between_splits(trees):
    with h5py.File(trees["itop"] / "ITOP_side_train_labels.h5") as file:
        train, valid = file["id"][:], file["is_valid"][:]
    with h5py.File(trees["itop"] / "ITOP_side_test_labels.h5") as file:
        test = file["id"][:]
    assert 0 < (valid == 0).sum() < len(valid) // 2
    assert {i[:2] for i in train}.isdisjoint({i[:2] for i in test})
