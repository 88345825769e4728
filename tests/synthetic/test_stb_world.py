"""STB's synthetic tree against the published description and real files, and pictures against labels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from carpus.data.sources.stb import STB
from carpus.synthetic import make, stb
from carpus.synthetic.two_hands.moment import Hands
from golden_cases import golden_folder

SEED, LENGTH = 1, 4
NAMES = [f"B{number}{kind}" for number in range(1, 7) for kind in ("Counting", "Random")]
COLOUR = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
DEPTH = np.array([[475.62768, 0, 336.41179], [0, 474.77709, 238.77962], [0, 0, 1]])
STEREO = np.array([[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]])
TURN, SHIFT = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0], np.array([-24.0381, -0.4563, -1.2326])
BASELINE = np.array([120.054, 0.0, 0.0])
PALM, LITTLE, MIDDLE, INDEX, THUMB = 0, 1, 9, 13, 17


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stb") / "tree"
    return make("stb", folder, frames=10 * LENGTH, seed=SEED, stereo=True)


@pytest.fixture(scope="module")
def joints(root):
    """Per sequence ``(N, 21, 3)`` as published, in the depth camera's frame."""
    return {name: labels(root, name, "SK") for name in NAMES}


def labels(root, name, rig):
    return loadmat(root / "labels" / f"{name}_{rig}.mat")["handPara"].transpose(2, 1, 0)


def picture(root, name, kind, frame):
    return cv2.imread(str(root / "images" / name / f"{kind}_{frame}.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]


def millimetres(coded):
    assert not coded[..., 2].any()
    return coded[..., 0].astype(int) + 256 * coded[..., 1].astype(int)


def in_colour_frame(published):
    """From the depth to the colour camera, and the wrist 2.2 times as far from the knuckle as the palm."""
    moved = (published - SHIFT) @ TURN
    moved[..., PALM, :] = moved[..., MIDDLE, :] + 2.2 * (moved[..., PALM, :] - moved[..., MIDDLE, :])
    return moved


def project(points, k):
    pixels = points @ k.T
    return pixels[..., :2] / pixels[..., 2:]


def test_files_are_those_of_the_published_tree(root):
    assert sorted(path.name for path in (root / "images").iterdir()) == NAMES
    kinds = ("SK_color", "SK_depth", "SK_depth_seg", "BB_left", "BB_right")
    wanted = {f"{kind}_{frame}.png" for kind in kinds for frame in range(LENGTH)}
    mats = {f"{name}_{rig}.mat" for name in NAMES for rig in ("SK", "BB")}
    assert {path.name for path in (root / "labels").iterdir()} == mats
    real = golden_folder("handflow2d") / "mini_data" / "STB"
    content = loadmat(real / "labels" / "B1Counting_SK.mat")["handPara"]
    for name in NAMES:
        assert {path.name for path in (root / "images" / name).iterdir()} == wanted
        mine = loadmat(root / "labels" / f"{name}_SK.mat")["handPara"]
        assert (mine.shape, mine.dtype) == ((*content.shape[:2], LENGTH), content.dtype)
    for kind in kinds:
        theirs = picture(real, "B1Counting", "SK_color", 0)
        mine = picture(root, "B4Random", kind, 1)
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype) == ((480, 640, 3), np.uint8)


def test_joints_lie_on_the_segmented_hand(root, joints):
    on, deep, inside_all = [], [], []
    for name in NAMES:
        for frame, points in enumerate(in_colour_frame(joints[name])):
            depth = millimetres(picture(root, name, "SK_depth_seg", frame))
            near = cv2.dilate((depth > 0).astype(np.uint8), np.ones((5, 5)))
            pixels = np.rint(project(points, COLOUR)).astype(int)
            inside = ((pixels >= 0) & (pixels < (640, 480))).all(1)
            inside_all += inside.tolist()
            rows, cols = pixels[inside].T[::-1]
            on += near[rows, cols].tolist()
            seen = depth[rows, cols] > 0
            deep += (points[inside][seen, 2] - depth[rows, cols][seen]).tolist()
    assert np.mean(inside_all) > 0.95
    assert np.mean(on) > 0.985
    assert np.quantile(deep, 0.01) > -4
    assert 4 < np.median(deep) < 16


def test_the_depth_camera_sees_the_hand_where_its_labels_are(root, joints):
    gaps = []
    for name in NAMES:
        for frame, published in enumerate(joints[name]):
            depth = millimetres(picture(root, name, "SK_depth", frame))
            assert depth.max() < 1230
            tips = published[LITTLE + 3 :: 4]
            pixels = np.rint(project(tips, DEPTH)).astype(int)
            ok = ((pixels >= 1) & (pixels < (639, 479))).all(1)
            for (u, v), z in zip(pixels[ok], tips[ok, 2], strict=True):
                around = depth[v - 1 : v + 2, u - 1 : u + 2]
                gaps.append(np.abs(around[around > 0] - z).min(initial=np.inf))
    # Some fingers hide others.
    assert np.mean(np.array(gaps) < 9) > 0.6


def test_stereo_labels_are_moved_only_and_both_pictures_show_the_hand(root, joints):
    far_off = []
    for name in NAMES:
        left = labels(root, name, "BB")
        shift = left - (joints[name] - SHIFT) @ TURN
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0, 0], shift.shape), atol=1e-6)
        for frame in range(LENGTH):
            pictures = [picture(root, name, f"BB_{side}", frame).astype(int) for side in ("left", "right")]
            pixels = [project(left[frame] - move, STEREO) for move in (0, BASELINE)]
            colours = [colours_at(image, places) for image, places in zip(pictures, pixels, strict=True)]
            unmoved = colours_at(pictures[1], pixels[0])
            skin = np.median(np.concatenate(colours), axis=0)
            if min(len(found) for found in (*colours, unmoved)) > 4:
                errors = [np.abs(found - skin).mean() for found in (*colours, unmoved)]
                far_off.append(errors[2] / max(errors[:2]))
    assert len(far_off) > 30
    # A baseline of 12 cm moves the hand by more than its width.
    assert np.median(far_off) > 2
    assert np.mean(np.array(far_off) > 1.3) > 0.85


def colours_at(image, pixels):
    inside = ((pixels >= 0) & (pixels <= (639, 479))).all(1)
    return image[tuple(np.rint(pixels[inside]).astype(int).T[::-1])]


def test_left_hands_of_one_person_in_the_published_order(joints):
    points = np.concatenate([in_colour_frame(found) for found in joints.values()])
    lengths = np.linalg.norm(points[:, MIDDLE] - points[:, PALM], axis=1)
    assert np.ptp(lengths) < 0.1
    assert 90 < lengths.mean() < 125
    for base in (LITTLE, MIDDLE, INDEX, THUMB):
        bones = np.linalg.norm(np.diff(points[:, base : base + 4], axis=1), axis=-1)
        assert bones.std(0).max() < 1.5
        assert (bones[:, 0] > bones[:, 2]).all() or base == THUMB
    # Fingers of a left hand go to its back: across the knuckles to the thumb's side, then along the palm.
    across, along = points[:, INDEX] - points[:, LITTLE], points[:, MIDDLE] - points[:, PALM]
    back = np.cross(across, along)
    curl = points[:, MIDDLE + 3] - points[:, MIDDLE]
    bent = np.linalg.norm(curl, axis=1) < 65
    assert bent.sum() > 5
    assert ((back * curl).sum(1)[bent] < 0).mean() > 0.95


def test_hands_move_without_jerks():
    stage, hands = stb.make_stage(SEED, "B2Random", 0), Hands()
    poses = list(stb.poses(stage, SEED, "B2Random", 40))
    points = np.stack([stb.take(hands, stage, pose).joints_mm for pose in poses])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    assert steps.max() < 75
    assert np.linalg.norm(points[-1] - points[0], axis=-1).max() > 40
    # Speed changes gently, too.
    assert np.abs(np.diff(steps.mean(1))).max() < 25


def test_backgrounds_belong_to_sequences(root):
    corners = {name: picture(root, name, "SK_color", 0)[:60, -120:].astype(int) for name in NAMES}
    for number in range(1, 7):
        one, two = (corners[f"B{number}{kind}"] for kind in ("Counting", "Random"))
        assert np.abs(one - two).mean() < 4
        others = [corners[name] for name in NAMES if name[1] != str(number)]
        assert min(np.abs(one - other).mean() for other in others) > 8


def test_the_source_reads_it(root, joints):
    source = STB(root)
    assert len(source) == 12 * LENGTH
    record = source[LENGTH]
    assert record.key.startswith("B1Random/")
    assert record.fields["hand_type"].tolist() == [False, True]
    points = in_colour_frame(joints["B1Random"])[0]
    np.testing.assert_allclose(record.fields["joints_cam_mm"], points, atol=1e-3)
    np.testing.assert_allclose(record.fields["joints_px"], project(points, COLOUR), atol=1e-2)
    assert set(record.images) == {"rgb", "depth"}
    assert len(STB(root, camera="bb_right")) == 12 * LENGTH


def test_stereo_pictures_are_a_choice_and_files_repeat(root, tmp_path):
    short = make("stb", tmp_path / "short", frames=10, seed=SEED)
    names = {path.name for path in (short / "images" / "B1Random").iterdir()}
    assert names == {"SK_color_0.png", "SK_depth_0.png", "SK_depth_seg_0.png"}
    for path in sorted((short / "images").rglob("*.png")):
        assert path.read_bytes() == (root / path.relative_to(short)).read_bytes()
    again = make("stb", tmp_path / "again", frames=10, seed=SEED)
    for path in sorted((short / "labels").iterdir()):
        assert path.read_bytes() == (again / "labels" / path.name).read_bytes()
