"""RHD's synthetic tree against the published description and real files, and pictures against labels."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from carpus.data.sources.rhd import RHD
from carpus.errors import ConfigError
from carpus.synthetic import make
from golden_cases import golden_folder

SEED, FRAMES = 2, 40
SPLITS = {"training": FRAMES, "evaluation": FRAMES // 4}
HANDS = (("left", 0, 2), ("right", 21, 18))
"""Side, first joint, first mask value."""
TIPS = np.array([1, 5, 9, 13, 17])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("rhd", tmp_path_factory.mktemp("rhd") / "tree", frames=FRAMES, seed=SEED)


@pytest.fixture(scope="module")
def labels(root):
    return {split: read_labels(root, split) for split in SPLITS}


@pytest.fixture(scope="module")
def shots(root, labels):
    """Colour, mask, depth in metres, and labels of every training picture."""
    found = []
    for number, entry in labels["training"].items():
        colour, mask, coded = (picture(root, "training", kind, number) for kind in ("color", "mask", "depth"))
        depth = (coded[..., 0] * 256.0 + coded[..., 1]) / 65535 * 5
        found.append((colour, mask, depth, entry))
    return found


def read_labels(root, split):
    with (root / "RHD_published_v2" / split / f"anno_{split}.pickle").open("rb") as file:
        return pickle.load(file)


def picture(root, split, kind, number):
    image = cv2.imread(
        str(root / "RHD_published_v2" / split / kind / f"{number:05d}.png"), cv2.IMREAD_UNCHANGED
    )
    return image[..., ::-1] if image.ndim == 3 else image


def inside(pixels, margin=0):
    return ((pixels >= margin) & (pixels < 320 - margin)).all(1)


def hand_of(mask, first):
    return (mask >= first) & (mask < first + 16)


def test_files_are_those_of_the_published_tree(root, labels):
    real_root = golden_folder("handflow2d") / "mini_data" / "RHD"
    real = read_labels(real_root, "training")
    for split, count in SPLITS.items():
        folder = root / "RHD_published_v2" / split
        names = [f"{number:05d}.png" for number in range(count)]
        for kind in ("color", "mask", "depth"):
            assert sorted(path.name for path in (folder / kind).iterdir()) == names
            mine, theirs = picture(root, split, kind, 0), picture(real_root, "training", kind, 0)
            assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        assert list(labels[split]) == list(range(count))
        for entry in labels[split].values():
            assert entry.keys() == real[0].keys()
            for name, value in entry.items():
                assert (value.shape, value.dtype) == (real[0][name].shape, real[0][name].dtype)
            assert set(entry["uv_vis"][:, 2]) <= {0.0, 1.0}
            assert np.isfinite(entry["uv_vis"]).all()


def test_masks_have_the_34_values_and_agree_with_depth(shots):
    counts = np.zeros(34, int)
    for _, mask, depth, _ in shots:
        counts += np.bincount(mask.ravel(), minlength=34)
        np.testing.assert_array_equal(mask == 0, depth == 5.0)
        assert depth.min() > 0.1
    assert (counts > 30).all()
    assert counts[1] > counts[2:].sum()


def test_labels_project_to_their_pixels(labels):
    for entries in labels.values():
        for entry in entries.values():
            ahead = entry["xyz"][:, 2] > 0.05
            projected = entry["xyz"][ahead] @ entry["K"].T
            np.testing.assert_allclose(
                projected[:, :2] / projected[:, 2:], entry["uv_vis"][ahead, :2], atol=0.01
            )


def test_visible_joints_lie_on_their_hand_and_in_its_flesh(shots):
    deep, on = [], []
    for _, mask, depth, entry in shots:
        for _, first, value in HANDS:
            joints, seen = entry["xyz"][first : first + 21], entry["uv_vis"][first : first + 21, 2] == 1
            pixels = np.rint(entry["uv_vis"][first : first + 21, :2]).astype(int)
            assert inside(pixels[seen]).all()
            near = cv2.dilate(hand_of(mask, value).astype(np.uint8), np.ones((5, 5), np.uint8))
            on += near[tuple(pixels[seen].T[::-1])].tolist()
            own = seen & inside(pixels)
            own[own] = hand_of(mask, value)[tuple(pixels[own].T[::-1])]
            deep += (1000 * (joints[own, 2] - depth[tuple(pixels[own].T[::-1])])).tolist()
    assert len(on) > 500
    assert np.mean(on) > 0.995
    # The surface is before the joint, by a finger's radius or half a palm; another finger may be before it.
    assert np.quantile(deep, 0.01) > -4
    assert 4 < np.median(deep) < 14
    assert np.quantile(deep, 0.95) < 60


def test_hidden_joints_are_marked(shots):
    hidden = 0
    for _, mask, depth, entry in shots:
        for _, first, value in HANDS:
            joints, flags = entry["xyz"][first : first + 21], entry["uv_vis"][first : first + 21, 2]
            pixels = np.rint(entry["uv_vis"][first : first + 21, :2]).astype(int)
            assert not flags[~inside(pixels)].any()
            there = inside(pixels, 3)
            rows, cols = pixels[there].T[::-1]
            # Whole surroundings far before the joint: person or the other hand hides it.
            far = cv2.dilate(depth, np.ones((7, 7)))[rows, cols] < joints[there, 2] - 0.06
            other = ~cv2.dilate(hand_of(mask, value).astype(np.uint8), np.ones((13, 13)))[rows, cols].astype(
                bool
            )
            assert not flags[there][far & other].any()
            hidden += int((far & other).sum())
    assert hidden > 10


def test_tips_are_on_the_surface_and_fingers_go_from_tip_to_base(shots):
    gaps = []
    for _, mask, depth, entry in shots:
        for _, first, value in HANDS:
            joints = entry["xyz"][first : first + 21]
            reach = np.linalg.norm(joints - joints[0], axis=1)
            straight = np.linalg.norm(np.diff(joints[1:].reshape(5, 4, 3), axis=1), axis=-1)
            # Bones get longer to the base; a tip is never as far as all bones together.
            assert (straight[:, 2] > straight[:, 0]).mean() > 0.75
            assert (reach[TIPS] < straight.sum(1) + reach[TIPS + 3] + 1e-6).all()
            pixels = np.rint(entry["uv_vis"][first + TIPS, :2]).astype(int)
            for finger in np.flatnonzero(inside(pixels)):
                u, v = pixels[finger]
                if mask[v, u] == value + 3 * finger:
                    gaps.append(1000 * (depth[v, u] - joints[TIPS[finger], 2]))
    assert len(gaps) > 40
    # A tip that points away from the camera is behind its finger.
    assert max(gaps) < 3
    assert np.median(np.abs(gaps)) < 8


def test_hands_fill_enough_of_the_picture_and_differ(shots, labels):
    sizes = np.array([[hand_of(mask, value).sum() for *_, value in HANDS] for _, mask, *_ in shots])
    assert (sizes.max(1) > 500).all()
    assert np.median(sizes.max(1)) > 1500
    both = (sizes > 200).all(1).mean()
    assert 0.2 < both < 0.9
    assert 0.25 < (sizes[:, 0] > sizes[:, 1]).mean() < 0.75
    colours = np.array([colour[(mask > 1)].mean(0) for colour, mask, *_ in shots])
    assert colours.mean(1).std() > 12
    people = {split: {bones(e) for e in found.values()} for split, found in labels.items()}
    assert len(people["training"]) > 8
    assert not people["training"] & people["evaluation"]


def bones(entry):
    """Lengths of palm and two bones in tenths of a millimetre, the same wherever a person is seen."""
    starts, ends = entry["xyz"][[0, 12, 20]], entry["xyz"][[12, 11, 19]]
    return tuple(np.rint(1e4 * np.linalg.norm(ends - starts, axis=1)).astype(int).tolist())


def test_pictures_show_the_mask(shots):
    """Where a hand ends, the colour changes more than elsewhere on it."""
    edges, flat = [], []
    for colour, mask, *_ in shots:
        grey = cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_RGB2GRAY).astype(float)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_64F, 1, 0), cv2.Sobel(grey, cv2.CV_64F, 0, 1))
        hand = (mask > 1).astype(np.uint8)
        outline = cv2.dilate(hand, np.ones((3, 3))) - cv2.erode(hand, np.ones((3, 3)))
        background = cv2.dilate((mask == 0).astype(np.uint8), np.ones((5, 5)))
        edges.append(slope[(outline & background) > 0].mean())
        flat.append(slope[cv2.erode(np.uint8((mask == 17) | (mask == 33)), np.ones((7, 7))) > 0].mean())
    assert np.nanmedian(np.array(edges) / np.array(flat)) > 2.5


def test_frames_do_not_depend_on_how_many_there_are(root, tmp_path):
    few = make("rhd", tmp_path / "few", frames=2, seed=SEED)
    for kind in ("color", "mask", "depth"):
        assert (picture(few, "training", kind, 1) == picture(root, "training", kind, 1)).all()


def test_the_source_reads_it(root, labels):
    source = RHD(root, "train")
    assert (len(source), len(RHD(root, "test"))) == (FRAMES, FRAMES // 4)
    record, entry = source[3], labels["training"][3]
    mask = picture(root, "training", "mask", 3)
    left = hand_of(mask, 2).sum() > hand_of(mask, 18).sum()
    first = 0 if left else 21
    assert record.fields["hand_type"].tolist() == [not left, left]
    np.testing.assert_allclose(
        record.fields["joints_cam_mm"], 1000 * entry["xyz"][first : first + 21], rtol=1e-6
    )
    np.testing.assert_array_equal(record.fields["joint_visible"], entry["uv_vis"][first : first + 21, 2] == 1)


def test_options_are_only_those_it_has(tmp_path):
    with pytest.raises(ConfigError, match="no option 'stereo'"):
        make("rhd", tmp_path / "x", frames=1, stereo=True)
