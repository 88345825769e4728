"""Result files: layouts, sidecars, conversions, means, and what is wrong with a broken one."""

import gzip
import json
import time

import numpy as np
import pytest

from carpus.data.results import (
    CONVENTIONS,
    ResultHeader,
    convention,
    convert_results,
    from_cam_mm,
    mean_joints,
    mean_results,
    read_results,
    read_table,
    sidecars,
    to_cam_mm,
    write_results,
    write_table,
)
from carpus.data.results.spaces import detect_space
from carpus.errors import ConfigError, DataError

SPACES = ("cam", "xyz", "xyz_negated", "uvd")


def _joints(dataset, count=6, seed=0):
    """Plausible joints in our frame, left and right of the axis."""
    rules = convention(dataset)
    body = rules.unit == "m"
    spread, depth = (400, 2500) if body else (40, 450)
    rng = np.random.default_rng(seed)
    return rng.normal(0, spread, (count, len(rules.skeleton), 3)) * [1, 1, 0.5] + [0, 0, depth]


def _frames(count=6):
    return [f"test/image_{i:04d}.png" for i in range(count)]


@pytest.mark.parametrize("dataset", CONVENTIONS)
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("constants", ["data", "evaluator"])
def test_every_space_there_and_back(dataset, space, constants):
    joints, rules = _joints(dataset), convention(dataset)
    there = from_cam_mm(joints, rules, space, constants)
    np.testing.assert_allclose(to_cam_mm(there, rules, space, constants), joints, atol=1e-9)


@pytest.mark.parametrize("dataset", CONVENTIONS)
@pytest.mark.parametrize("space", ["xyz", "uvd"])
def test_written_and_read_is_the_same(tmp_path, dataset, space):
    joints = _joints(dataset)
    path = tmp_path / "result.txt"
    header = ResultHeader(dataset, space, center_source="file", checkpoints=("a.ckpt",), pixel_offset=1.0)
    written = write_results(path, joints, _frames(), header)
    back = read_results(path, dataset)
    np.testing.assert_allclose(back.joints_cam_mm, joints, atol=1e-2 if space == "uvd" else 1e-3)
    assert (back.frames, back.header, back.space) == (_frames(), written, space)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["result.frames.txt", "result.json", "result.txt"]


@pytest.mark.parametrize("dataset", CONVENTIONS)
@pytest.mark.parametrize("space", ["xyz", "uvd", "xyz_negated"])
def test_space_of_a_file_without_header_is_detected(dataset, space):
    rules = convention(dataset)
    if rules.unit == "m" and space == "xyz_negated":
        pytest.skip("negated files exist in millimetres only")
    values = from_cam_mm(_joints(dataset, 50), rules, space)
    assert detect_space(values, rules) == space


@pytest.mark.parametrize(("dataset", "sign"), [("msra", -1), ("nyu", -1), ("icvl", 1), ("hands17", 1)])
def test_published_camera_space_has_the_dataset_direction_of_y(tmp_path, dataset, sign):
    joints = np.full((1, len(convention(dataset).skeleton), 3), [1.0, 2.0, 400.0])
    write_results(tmp_path / "r.txt", joints, ["f"], ResultHeader(dataset))
    values = read_table(tmp_path / "r.txt", joints.size).values.reshape(joints.shape)
    np.testing.assert_array_equal(values[0, 0], [1.0, sign * 2.0, 400.0])


def test_port_layout_has_four_digits_and_single_spaces(tmp_path):
    joints = np.full((2, 21, 3), [1.23456, -2.0, 400.0])
    write_results(tmp_path / "test_res.txt", joints, _frames(2), ResultHeader("msra"))
    lines = (tmp_path / "test_res.txt").read_text().split("\n")
    assert lines[0] == " ".join(["1.2346 2.0000 400.0000"] * 21)
    assert lines[2:] == [""]


def test_itop_is_written_in_metres(tmp_path):
    joints = np.full((1, 15, 3), [100.0, -200.0, 2500.0])
    header = write_results(tmp_path / "r.txt", joints, ["f"], ResultHeader("itop"))
    assert (tmp_path / "r.txt").read_text().startswith("0.100000 0.200000 2.500000 ")
    assert header.unit == "m"


def test_hands17_submission_is_the_image_name_and_tabs(tmp_path):
    write_results(tmp_path / "r.txt", _joints("hands17"), _frames(), ResultHeader("hands17"))
    first = (tmp_path / "r.txt").read_text().splitlines()[0].split("\t")
    assert (first[0], len(first)) == ("image_0000.png", 64)


def test_third_party_msra_file_with_negated_y_and_z(tmp_path):
    joints = _joints("msra")
    theirs = joints * [1, -1, -1]
    write_table(tmp_path / "theirs.txt", theirs.reshape(6, -1))
    back = read_results(tmp_path / "theirs.txt", "msra")
    assert back.space == "xyz_negated"
    np.testing.assert_allclose(back.joints_cam_mm, joints, atol=1e-4)


def test_real_msra_joint_file_is_read_with_its_header_line(samples):
    file = samples / "msra/msra14_subject_unknown/joint.txt"
    result = read_results(file, "msra")
    assert result.joints_cam_mm.shape == (400, 21, 3)
    assert result.joints_cam_mm[..., 2].min() > 0
    bone = np.linalg.norm(result.joints_cam_mm[:, 1] - result.joints_cam_mm[:, 0], axis=-1)
    np.testing.assert_allclose(bone, 68.964, atol=2e-3)


@pytest.mark.parametrize("dataset", ["icvl", "nyu", "msra", "itop"])
def test_converters_go_both_ways(tmp_path, dataset):
    joints = _joints(dataset)
    write_results(tmp_path / "a.txt", joints, _frames(), ResultHeader(dataset, "xyz", checkpoints=("x",)))
    convert_results(tmp_path / "a.txt", tmp_path / "b.txt", dataset, "uvd")
    header = convert_results(tmp_path / "b.txt", tmp_path / "c.txt", dataset, "xyz")
    assert (header.space, header.checkpoints) == ("xyz", ("x",))
    back = read_results(tmp_path / "c.txt", dataset)
    np.testing.assert_allclose(back.joints_cam_mm, joints, atol=1e-2)
    assert back.frames == _frames()
    with pytest.raises(ConfigError, match="same file"):
        convert_results(tmp_path / "a.txt", tmp_path / "a.txt", dataset, "uvd")


def test_constants_of_data_and_evaluator_differ_for_icvl():
    pixels = np.array([[[200.0, 80.0, 400.0]]])
    rules = convention("icvl")
    data, evaluator = (to_cam_mm(pixels, rules, "uvd", name) for name in ("data", "evaluator"))
    np.testing.assert_allclose(evaluator[0, 0, 0] / data[0, 0, 0], 241.42 / 240.99)
    with pytest.raises(ConfigError, match="did you mean 'evaluator'"):
        to_cam_mm(pixels, rules, "uvd", "evaluate")


@pytest.mark.parametrize("space", ["world", "pixel"])
def test_mean_of_files_reports_its_models(tmp_path, space):
    one, other = _joints("nyu", seed=0), _joints("nyu", seed=1)
    write_results(tmp_path / "1.txt", one, _frames(), ResultHeader("nyu", checkpoints=("a",)))
    write_results(tmp_path / "2.txt", other, _frames(), ResultHeader("nyu", checkpoints=("b",)))
    mean, count = mean_results([tmp_path / "1.txt", tmp_path / "2.txt"], "nyu", space)
    assert (count, mean.header.models, mean.header.checkpoints) == (2, 2, ("a", "b"))
    expected = (one + other) / 2
    if space == "pixel":
        camera = convention("nyu").data_camera
        expected = camera.uvd_to_xyz((camera.xyz_to_uvd(one) + camera.xyz_to_uvd(other)) / 2)
    np.testing.assert_allclose(mean.joints_cam_mm, expected, atol=1e-3)
    write_results(tmp_path / "m.txt", mean.joints_cam_mm, mean.frames, mean.header)
    again, count = mean_results([tmp_path / "m.txt", tmp_path / "1.txt"], "nyu")
    assert count == 3
    np.testing.assert_allclose(again.joints_cam_mm, (2 * mean.joints_cam_mm + one) / 3, atol=1e-3)


def test_mean_refuses_files_of_different_frames(tmp_path):
    joints = _joints("nyu")
    write_results(tmp_path / "1.txt", joints, _frames(), ResultHeader("nyu"))
    write_results(tmp_path / "2.txt", joints, [*_frames()[1:], "x"], ResultHeader("nyu"))
    write_results(tmp_path / "3.txt", joints[:5], _frames(5), ResultHeader("nyu"))
    with pytest.raises(DataError, match=r"2.txt: line 1 is test/image_0001.png"):
        mean_results([tmp_path / "1.txt", tmp_path / "2.txt"], "nyu")
    with pytest.raises(DataError, match=r"3.txt: 5 frames, but"):
        mean_results([tmp_path / "1.txt", tmp_path / "3.txt"], "nyu")
    with pytest.raises(ConfigError, match="'world' or 'pixel'"):
        mean_joints([joints], "nyu", "image")
    with pytest.raises(ConfigError, match="at least one"):
        mean_results([], "nyu")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2", r"bad.txt:3: 2 entries, expected 3"),
        ("1 2 x", r"bad.txt:3: 'x' is not a finite number"),
        ("1 nan 3", r"bad.txt:3: 'nan' is not a finite number"),
        ("1 2 3 4", r"bad.txt:3: 4 entries"),
        ("", r"bad.txt:3: 0 entries"),
        ("1,2,3", r"bad.txt:3: 1 entries"),
    ],
)
def test_malformed_line_is_named(tmp_path, line, message):
    (tmp_path / "bad.txt").write_text(f"1 2 3\n4 5 6 \n{line}\n7 8 9\n")
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "bad.txt", 3)


def test_names_and_mixed_white_space(tmp_path):
    (tmp_path / "named.txt").write_text("a.png\t1 2\t3 \nb.png 4\t5 6\n\n")
    table = read_table(tmp_path / "named.txt", 3)
    assert table.names == ["a.png", "b.png"]
    np.testing.assert_array_equal(table.values, [[1, 2, 3], [4, 5, 6]])
    (tmp_path / "named.txt").write_text("a.png 1 2 3\nb.png\n")
    with pytest.raises(DataError, match=r"named.txt:2: expected a name and numbers"):
        read_table(tmp_path / "named.txt", 3)


def test_broken_files_are_named(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"1 2 3\n" * 100)[:-9])
    (tmp_path / "short.txt").write_text("3\n1 2 3\n4 5 6\n")
    (tmp_path / "binary.txt").write_bytes(bytes(range(128, 256)))
    cases = {"empty.txt": "is empty", "cut.txt.gz": "cannot be read", "absent.txt": "no such file"}
    cases |= {"short.txt": "announces 3 frames, 2 lines follow", "binary.txt": "is not a text file"}
    for name, message in cases.items():
        with pytest.raises(DataError, match=f"{name}.*{message}"):
            read_table(tmp_path / name, 3)


def test_sidecars_that_contradict_are_named(tmp_path):
    path = tmp_path / "r.txt"
    frame_list, header = sidecars(path)
    write_results(path, _joints("nyu"), _frames(), ResultHeader("nyu"))
    frame_list.write_text("only one\n")
    with pytest.raises(DataError, match=r"r.frames.txt: lists 1 frames, r.txt has 6 lines"):
        read_results(path, "nyu")
    content = json.loads(header.read_text())
    header.write_text(json.dumps(content | {"frames": 7}))
    with pytest.raises(DataError, match=r"its header r.json says 7"):
        read_results(path, "nyu")
    header.write_text(json.dumps(content | {"dataset": "msra"}))
    with pytest.raises(DataError, match="says dataset msra, asked for nyu"):
        read_results(path, "nyu")
    header.write_text("{")
    with pytest.raises(DataError, match="is not the header of a result file"):
        read_results(path, "nyu")


def test_nothing_is_written_that_cannot_be_scored(tmp_path):
    joints = _joints("nyu")
    joints[2, 3] = np.nan
    with pytest.raises(DataError, match="not written, frame 2 of 6 is NaN"):
        write_results(tmp_path / "r.txt", joints, _frames(), ResultHeader("nyu"))
    with pytest.raises(DataError, match=r"not written, joints \(6, 21, 3\)"):
        write_results(tmp_path / "r.txt", _joints("msra"), _frames(), ResultHeader("nyu"))
    with pytest.raises(DataError, match="5 frame ids"):
        write_results(tmp_path / "r.txt", _joints("nyu"), _frames(5), ResultHeader("nyu"))
    assert list(tmp_path.iterdir()) == []


def test_synthetic_twin_shares_the_convention_and_others_are_refused():
    assert convention("msra_synthetic") is convention("msra")
    with pytest.raises(ConfigError, match="did you mean 'hands17'"):
        convention("hands2017")


def test_a_leaderboard_file_loads_well_below_a_second(tmp_path):
    write_table(tmp_path / "nyu.txt", np.random.default_rng(0).uniform(0, 700, (8252, 42)))
    begin = time.perf_counter()
    assert read_table(tmp_path / "nyu.txt", 42).values.shape == (8252, 42)
    assert time.perf_counter() - begin < 0.9
