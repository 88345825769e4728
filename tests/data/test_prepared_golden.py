"""Every prepared type of the golden frames, through the graph and under its full name."""

import numpy as np
import pytest

from carpus.codecs import dense
from carpus.data.prepared import Frame, parse_key, prepare
from carpus.data.sources.hands17 import HANDS17
from carpus.data.sources.nyu import NYU
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from golden_cases import golden_paths

EXACT, IMAGE = 0, 2e-6
TYPES = [
    "pose_c",
    "pose_c1",
    "crop2_128",
    "clean_128",
    "clean_64",
    "ortho3_128",
    "edt2_32",
    "hmap2_32",
    "udir2_32",
    "edt2m_32",
    "ov3edt2_32",
    "pcnt3_64",
    "pcnt3_32",
    "pcnt3_128",
    "vxhit_64",
    "pose_lab_32",
    "pose_hit_32",
    "tsdf3_32",
    "tsdf3_64",
    "truncd_32",
    "vxudir_16_from_pcnt3_64",
    "vxudir_16_from_pcnt3_32",
    "vxudir_32_from_pcnt3_128",
    "ov3dist2_32",
    "ov3edt2m_32",
]
# Where the golden name does not say which grid a map was drawn from.
ALIASES = {"vxoff_16": "vxoff_16_from_pcnt3_32", "vxedt_16": "vxedt_16_from_vxhit_64"}
FRAMES = golden_paths("depth_cr_data", "hands17_frame") + golden_paths("depth_cr_data", "nyu_frame")


def frame_of(depth, pose, resce, dataset: str) -> Frame:
    camera, far = (HANDS17.camera, 1060.0) if dataset == "hands17" else (NYU.camera, 3060.0)
    cube = Cube.from_array(np.asarray(resce, np.float64))
    return Frame(depth, camera, cube, (100.0, far), np.asarray(pose, np.float64), 1, dataset == "hands17")


def compare(golden, name: str, found: np.ndarray) -> None:
    """Against a dense, a sparse or a sampled array of a golden file."""
    found = np.asarray(found, np.float64)
    if f"{name}__shape" in golden:
        shape, index, value = (golden[f"{name}__{part}"] for part in ("shape", "idx", "val"))
        rows = np.prod(shape[: len(shape) - value.ndim + 1])
        expected = np.zeros((rows, *value.shape[1:])) if value.ndim > 1 else np.zeros(np.prod(shape))
        expected[index] = value
        np.testing.assert_allclose(found, expected.reshape(shape), atol=IMAGE, err_msg=name)
    elif f"{name}__sample_idx" in golden:
        at = found.ravel()[golden[f"{name}__sample_idx"]]
        np.testing.assert_allclose(at, golden[f"{name}__sample_val"], atol=IMAGE, err_msg=name)
        check_stats(found, golden[f"{name}__stats"], name)
    elif f"{name}__idx" in golden:
        np.testing.assert_array_equal(np.flatnonzero(found), golden[f"{name}__idx"], err_msg=name)
    else:
        np.testing.assert_allclose(found, golden[name], atol=1e-6, err_msg=name)


def check_stats(found: np.ndarray, stats: np.ndarray, name: str) -> None:
    ours = [found.sum(), np.abs(found).sum(), np.count_nonzero(found), found.min(), found.max()]
    np.testing.assert_allclose(ours, stats, rtol=1e-6, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("path", FRAMES)
def test_prepared_types_equal_golden(path):
    golden = dict(np.load(path))
    frame = frame_of(golden["frame"], golden["pose"], golden["resce"], path.name.split("_")[0])
    wanted = {name: ALIASES.get(name, name) for name in (*TYPES, *ALIASES)}
    made = prepare(frame, list(wanted.values()))
    for name, full in wanted.items():
        assert made[full].shape == parse_key(full).row_shape(frame.joints)
        compare(golden, name, made[full])
    compare(golden, "clean_128_sorted", dense.clean(frame.points_mm, frame.cube, 128, farthest_wins=True))
    if "localizer2_target_8" in golden:
        compare(golden, "localizer2_target_8", prepare(frame, ["anchor2_8"])["anchor2_8"])


@pytest.mark.parametrize("path", FRAMES)
def test_cube_and_squares_of_frames_equal_golden(path):
    golden = np.load(path)
    frame = frame_of(golden["frame"], golden["pose"], golden["resce"], path.name.split("_")[0])
    np.testing.assert_array_equal(Cube.around(golden["pose"], 120.0).to_array(), golden["resce"])
    squares = [frame.cube.square(frame.camera, offset) for offset in (0, -120, 120)]
    np.testing.assert_allclose(squares, golden["rects3"], atol=1e-9)
    rowcol = frame.camera.project(golden["pose"])[:, ::-1]
    np.testing.assert_allclose(rowcol, golden["pose2d_rowcol"], atol=1e-9)


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "hands17_frame"))
def test_the_scene_of_the_3d_localiser_equals_golden(path):
    others = [case.values[0] for case in golden_paths("depth_cr_data", "geometry")]
    golden = [np.load(other) for other in others if other is not None]
    case = np.load(path)
    match = [g for g in golden if np.array_equal(g["voxelize_pose"], case["pose"])]
    if not match:
        pytest.skip("no geometry case was made from this frame")
    frame = frame_of(case["frame"], case["pose"], case["resce"], "hands17")
    scene = prepare(frame, ["scene3_32"])["scene3_32"]
    compare({k: match[0][k] for k in match[0].files}, "voxelize32", scene)


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "hands17_e2e"))
def test_rows_of_the_tiny_dataset_equal_golden(path):
    golden = dict(np.load(path))
    lines = golden["annotation_txt"].tobytes().decode().splitlines()
    line_of = {int(line.split()[0][7:-4]): k for k, line in enumerate(lines)}
    stored = {name[9:] for name in golden if name.startswith("rowstats/")}
    published = {"pcnt3_32": "pcnt3_128"}  # stored under the name of the map it serves
    for row, index in enumerate(golden["annotation/index"]):
        depth = golden["frames_u16"][line_of[int(index)]]
        pose, resce = golden["annotation/poses"][row], golden["annotation/resce"][row]
        frame = frame_of(depth, pose, resce, "hands17")
        names = {name: published.get(name, name) for name in sorted(stored)}
        made = prepare(frame, list(names.values()))
        for name, full in names.items():
            check_stats(
                np.asarray(made[full], np.float64), golden[f"rowstats/{name}"][row], f"{name} row {row}"
            )
            if row == 2 and f"row2/{name}__shape" in golden:
                compare({k[5:]: v for k, v in golden.items() if k.startswith("row2/")}, name, made[full])


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "nyu_e2e"))
def test_the_published_joint_order_of_nyu_is_reversed_and_y_is_down(path):
    from carpus.data.prepared import published_order
    from carpus.data.sources.nyu import EVALUATED_OF_36
    from carpus.skeletons import NYU as SKELETON

    golden = np.load(path)
    for split in ("train", "test"):
        joints = golden[f"{split}_joint_xyz_view0"][:, EVALUATED_OF_36] * [1, -1, 1]
        ours = joints[:, published_order(SKELETON)]
        kept = golden[f"{split}/annotation/index"] - 1
        np.testing.assert_allclose(ours[kept], golden[f"{split}/annotation/poses"], atol=1e-4)


def test_a_camera_stands_for_the_dataset_constants():
    assert HANDS17.camera == Camera(475.065948, 475.065857, 315.944855, 245.287079)
