"""FreiHAND's synthetic tree against the published description, and pictures against labels."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from carpus.bodies.mano import ManoHand
from carpus.bodies.standin import standin_model
from carpus.data.sources.freihand import FreiHAND
from carpus.skeletons import FREIHAND_HAND, INTERHAND_HAND
from carpus.synthetic import make

SEED, FRAMES = 3, 96
POSES = FRAMES // 4
KINDS = {"K": (3, 3), "xyz": (21, 3), "scale": (), "mano": (1, 61), "verts": (778, 3)}
ROOT, NEXT = 9, 10


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("freihand", tmp_path_factory.mktemp("freihand") / "tree", frames=FRAMES, seed=SEED)


@pytest.fixture(scope="module")
def tables(root):
    """Split to kind to the JSON file's numbers."""
    return {
        split: {kind: json.loads((root / f"{split}_{kind}.json").read_text()) for kind in KINDS}
        for split in ("training", "evaluation")
    }


@pytest.fixture(scope="module")
def masks(root):
    files = (root / f"training/mask/{n:08d}.jpg" for n in range(POSES))
    return [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127 for file in files]


def picture(root, number, split="training"):
    return cv2.imread(str(root / split / "rgb" / f"{number:08d}.jpg"), cv2.IMREAD_UNCHANGED)[..., ::-1]


def project(points, k):
    pixels = np.asarray(points) @ np.asarray(k).T
    return pixels[:, :2] / pixels[:, 2:]


def test_files_are_those_of_the_published_tree(root, tables):
    counts = {"training/rgb": FRAMES, "training/mask": POSES, "evaluation/rgb": FRAMES // 4}
    for folder, count in counts.items():
        names = sorted(path.name for path in (root / folder).iterdir())
        assert names == [f"{number:08d}.jpg" for number in range(count)]
        for name in names:
            image = cv2.imread(str(root / folder / name), cv2.IMREAD_UNCHANGED)
            assert (image.shape, image.dtype) == ((224, 224, 3), np.uint8)
    assert not (root / "evaluation" / "mask").exists()
    for split, found in tables.items():
        for kind, shape in KINDS.items():
            values = np.array(found[kind])
            assert values.shape == ((POSES if split == "training" else FRAMES // 4), *shape)
            assert np.isfinite(values).all()
        k = np.array(found["K"])
        np.testing.assert_array_equal(k[:, :2, 2], 112)
        np.testing.assert_array_equal(k[:, 2], np.broadcast_to([0, 0, 1], (len(k), 3)))
        assert ((k[:, 0, 0] > 350) & (k[:, 0, 0] < 620)).all()
        depth = np.array(found["xyz"])[..., 2]
        assert ((depth > 0.25) & (depth < 1.6)).all()


def test_scale_is_a_bone_of_the_middle_finger(tables):
    for found in tables.values():
        xyz = np.array(found["xyz"])
        np.testing.assert_allclose(
            np.linalg.norm(xyz[:, ROOT] - xyz[:, NEXT], axis=1), found["scale"], atol=2e-7
        )
        assert (np.array(found["scale"]) > 0.02).all()


def test_model_parameters_give_vertices_and_joints(tables):
    """Pose and shape, moved so that the knuckle is where its pixel and focal length over depth say."""
    hand = ManoHand(standin_model("mano", "right")).double()
    order = INTERHAND_HAND.permutation(to=FREIHAND_HAND).tolist()
    for found in tables.values():
        for k, numbers, xyz, verts in zip(*(found[n] for n in ("K", "mano", "xyz", "verts")), strict=True):
            theta, k = torch.tensor(numbers, dtype=torch.float64), np.array(k)
            made = hand(theta[:, :48], theta[:, 48:58], torch.zeros(1, 3).double())
            joints = made.joints_cam_mm[0].numpy()[order] / 1000
            focal = 0.5 * (k[0, 0] + k[1, 1])
            place = np.append(theta[0, 58:60].numpy() - k[:2, 2], focal) / theta[0, 60].item()
            shift = place - joints[ROOT]
            np.testing.assert_allclose(joints + shift, xyz, atol=1e-5)
            np.testing.assert_allclose(made.vertices_cam_mm[0].numpy() / 1000 + shift, verts, atol=1e-5)


def test_labels_lie_on_the_silhouette_of_a_right_hand(tables, masks):
    found, covered, fists = tables["training"], [], 0
    for k, xyz, verts, mask in zip(*(found[n] for n in ("K", "xyz", "verts")), masks, strict=True):
        pixels = project(xyz, k)
        assert ((pixels > 2) & (pixels < 222)).all()
        near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5)))
        for points in (pixels, project(verts, k)):
            rows, cols = np.clip(np.rint(points), 0, 223).astype(int).T[::-1]
            assert near[rows, cols].mean() > 0.97
        # Everything else in the silhouette is the arm or a thing: the hand is a good part of it.
        hull = cv2.convexHull(np.rint(project(verts, k)).astype(np.int32))
        covered.append(cv2.fillConvexPoly(np.zeros((224, 224), np.uint8), hull, 1)[mask].mean())
        xyz = np.array(xyz)
        back = np.cross(xyz[9] - xyz[0], xyz[5] - xyz[17])
        curl = xyz[[8, 12, 16, 20]].mean(0) - xyz[[5, 9, 13, 17]].mean(0)
        bent = np.linalg.norm(curl) < 0.065
        fists += bent
        assert not bent or back @ curl < 0
    assert fists > 3
    assert np.median(covered) > 0.4


def test_versions_show_the_same_hand_before_other_things(root, masks):
    inside, outside = [], []
    for number, mask in enumerate(masks):
        core = cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) > 0
        beyond = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0
        greys = [picture(root, number + v * POSES).astype(float).mean(-1) for v in range(4)]
        for grey in greys[1:]:
            inside.append(np.corrcoef(greys[0][core], grey[core])[0, 1])
            outside.append(np.abs(np.corrcoef(greys[0][beyond], grey[beyond])[0, 1]))
    assert np.median(inside) > 0.9
    assert np.median(outside) < 0.5


def test_recorded_pictures_are_before_green(root, masks):
    for number, mask in enumerate(masks):
        beyond = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0
        red, green, blue = picture(root, number)[beyond].astype(int).T
        assert ((green > red + 15) & (green > blue + 15)).mean() > 0.7


def test_hands_are_large_and_poses_views_and_people_differ(tables):
    for found in tables.values():
        sizes = [np.ptp(project(x, k), axis=0).max() for k, x in zip(found["K"], found["xyz"], strict=True)]
        assert np.median(sizes) > 70
        assert max(sizes) < 224
    found = tables["training"]
    poses = np.array(found["mano"])[:, 0]
    assert poses[:, 3:48].std(0).mean() > 0.15
    assert np.abs(poses[:, 48:52]).max() > 0.5
    assert len({tuple(shape) for shape in poses[:, 48:58].tolist()}) > 5
    directions = np.array(found["xyz"])[:, ROOT] - np.array(found["xyz"])[:, 0]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.linalg.norm(directions.mean(0)) < 0.5
    people = {s: {tuple(m[0][48:58]) for m in t["mano"]} for s, t in tables.items()}
    assert not people["training"] & people["evaluation"]


def test_the_source_reads_it(root, tables, masks):
    source, test = FreiHAND(root, "train"), FreiHAND(root, "test")
    assert (len(source), len(test)) == (FRAMES, FRAMES // 4)
    record = source[2 * POSES + 5]
    assert record.fields["pose"] == 5
    np.testing.assert_allclose(
        record.fields["joints_cam_mm"], 1000 * np.array(tables["training"]["xyz"][5]), atol=1e-3
    )
    mask = cv2.imdecode(np.frombuffer(record.images["mask"], np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(mask > 127, masks[5])
    verts = 1000 * np.array(tables["evaluation"]["verts"][1])
    np.testing.assert_allclose(test[1].fields["vertices_cam_mm"], verts, atol=1e-3)


def test_pictures_do_not_depend_on_how_many_there_are(root, tmp_path):
    few = make("freihand", tmp_path / "few", frames=5, seed=SEED)
    assert len(list((few / "training" / "rgb").iterdir())) == 8
    for pose, version in ((0, 0), (1, 0), (0, 2), (1, 3)):
        mine, other = picture(few, pose + 2 * version), picture(root, pose + POSES * version)
        assert (mine == other).all()
