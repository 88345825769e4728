"""Prediction files of the depth CR family: round trips, joint order, index, text form, damage."""

import h5py
import numpy as np
import pytest

from carpus.data.results import (
    CONVENTIONS,
    PredictionHeader,
    ResultHeader,
    check_index,
    convention,
    find_predictions,
    frame_numbers,
    is_predictions,
    predictions_to_text,
    read_prediction_text,
    read_predictions,
    read_results,
    text_to_predictions,
    write_predictions,
    write_results,
)
from carpus.errors import ConfigError, DataError
from carpus.metrics.scoring import score
from golden_cases import golden_paths


def _joints(dataset, count=5, seed=0):
    """Joints on a grid that four decimals and float32 hold exactly."""
    J = len(convention(dataset).skeleton)
    joints = np.random.default_rng(seed).normal([0, 0, 500], 50, (count, J, 3))
    return (np.round(joints * 16) / 16).astype(np.float32)


INDEX = np.array([7, 3, 12, 900_001, 4])


@pytest.mark.parametrize("dataset", CONVENTIONS)
@pytest.mark.parametrize("order", ["published", "evaluation"])
def test_written_and_read_is_the_same(tmp_path, dataset, order):
    header = PredictionHeader(dataset, "super_edt2m", "last.ckpt", "ab12", "1", joint_order=order)
    path = tmp_path / "deep" / "predict_super_edt2m"
    written = write_predictions(path, INDEX, _joints(dataset), header)
    back = read_predictions(path)
    np.testing.assert_array_equal(back.index, INDEX)
    np.testing.assert_array_equal(back.joints_cam_mm, _joints(dataset))
    assert (back.index.dtype, back.joints_cam_mm.dtype) == (np.int32, np.float32)
    assert back.header == written
    assert written.skeleton == convention(dataset).skeleton.name
    assert [file.name for file in path.parent.iterdir()] == ["predict_super_edt2m"]


def test_the_file_has_the_published_layout(tmp_path):
    header = PredictionHeader("nyu", "base_clean", "a.ckpt", "hash", "1")
    write_predictions(tmp_path / "predict_base_clean", INDEX, _joints("nyu"), header)
    with h5py.File(tmp_path / "predict_base_clean") as archive:
        assert (archive["index"].dtype, archive["index"].shape) == (np.int32, (5,))
        assert (archive["poses"].dtype, archive["poses"].shape) == (np.float32, (5, 42))
        assert archive["index"].compression == archive["poses"].compression == "lzf"
        palm_first = archive["poses"][:, :3]
        named = ("dataset", "model", "checkpoint", "data_hash", "metric_version", "joint_order", "skeleton")
        assert tuple(archive.attrs[name] for name in named) == (
            *("nyu", "base_clean", "a.ckpt", "hash", "1", "published", "nyu"),
        )
    np.testing.assert_array_equal(palm_first, _joints("nyu")[:, convention("nyu").skeleton.index("palm")])


def test_a_dataset_of_ones_own_names_its_joints(tmp_path):
    path, joints = tmp_path / "predict_x", _joints("nyu")
    with pytest.raises(ConfigError, match="unknown dataset of result files 'glove'"):
        write_predictions(path, INDEX, joints, PredictionHeader("glove"))
    write_predictions(path, INDEX, joints, PredictionHeader("glove", skeleton="nyu"))
    read = read_predictions(path)
    assert (read.header.dataset, read.header.skeleton) == ("glove", "nyu")
    np.testing.assert_array_equal(read.joints_cam_mm, joints)
    predictions_to_text(path, tmp_path / "x.txt")
    text_to_predictions(tmp_path / "x.txt", tmp_path / "again", read.header)
    np.testing.assert_allclose(read_predictions(tmp_path / "again", "nyu").joints_cam_mm, joints, atol=5e-5)


@pytest.mark.parametrize("dataset", ["hands17", "nyu"])
def test_a_file_without_attributes_is_read_as_the_published_program_wrote_it(tmp_path, dataset):
    joints = _joints(dataset)
    with h5py.File(tmp_path / "predict_x", "w") as archive:
        archive["index"] = INDEX.astype(np.int32)
        archive["poses"] = joints.reshape(5, -1)
    with pytest.raises(ConfigError, match="does not say of which dataset"):
        read_predictions(tmp_path / "predict_x")
    back = read_predictions(tmp_path / "predict_x", dataset)
    expected = joints[:, ::-1] if dataset == "nyu" else joints
    np.testing.assert_array_equal(back.joints_cam_mm, expected)
    assert back.header is None


@pytest.mark.parametrize("dataset", ["hands17", "nyu"])
def test_text_and_back(tmp_path, dataset):
    write_predictions(tmp_path / "a", INDEX, _joints(dataset), PredictionHeader(dataset, "m"))
    predictions_to_text(tmp_path / "a", tmp_path / "a.txt")
    first = (tmp_path / "a.txt").read_text().splitlines()[0].split("\t")
    assert first[0] == {"hands17": "image_D00000007.png", "nyu": "depth_1_0000007.png"}[dataset]
    assert first[1] == f"{_joints(dataset)[0, -1 if dataset == 'nyu' else 0, 0]:.4f}"
    text_to_predictions(tmp_path / "a.txt", tmp_path / "b", PredictionHeader(dataset, "m"))
    one, other = read_predictions(tmp_path / "a"), read_predictions(tmp_path / "b")
    np.testing.assert_array_equal(one.index, other.index)
    np.testing.assert_allclose(one.joints_cam_mm, other.joints_cam_mm, atol=5e-5)
    assert one.header == other.header


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "nyu_e2e"))
def test_the_published_text_of_nyu_is_read_in_our_order(path, tmp_path):
    golden = np.load(path)
    (tmp_path / "annotation.txt").write_bytes(golden["test_annotation_txt"].tobytes())
    read = read_prediction_text(tmp_path / "annotation.txt", "nyu")
    kept = np.isin(read.index, golden["test/annotation/index"])
    np.testing.assert_array_equal(read.index[kept], golden["test/annotation/index"])
    np.testing.assert_allclose(read.joints_cam_mm[kept][:, ::-1], golden["test/annotation/poses"], atol=1e-4)


def test_a_text_without_image_names_is_refused(tmp_path):
    (tmp_path / "bare.txt").write_text(" ".join(["1.0"] * 63) + "\n")
    with pytest.raises(DataError, match=r"bare.txt:1: expected an image name"):
        read_prediction_text(tmp_path / "bare.txt", "hands17")
    (tmp_path / "named.txt").write_text("\t".join(["hand.png", *["1.0"] * 63]) + "\n")
    with pytest.raises(DataError, match=r"ends with its number, got 'hand.png'"):
        read_prediction_text(tmp_path / "named.txt", "hands17")


def test_the_index_is_compared_row_by_row():
    check_index(INDEX, INDEX.astype(np.int64))
    swapped = INDEX[[0, 2, 1, 3, 4]]  # the sum of the differences is 0
    with pytest.raises(DataError, match=r"row 1: 12 in the file, 3 in the truth; 2 of 5 rows differ"):
        check_index(swapped, INDEX, "the file", "the truth")
    with pytest.raises(DataError, match=r"has 4 frames.* has 5; frame 4 at row 4"):
        check_index(INDEX[:4], INDEX)


def test_numbers_of_names_and_names_without():
    assert frame_numbers(["test/image_D00000007", "a/12.png"]).tolist() == [7, 12]
    assert frame_numbers(["P0/1/000001", "P1/1/000001"]).tolist() == [1, 2]
    assert frame_numbers(["a", "b7"]).tolist() == [1, 2]
    assert frame_numbers(["99999999999", "1"]).tolist() == [1, 2]


def test_only_prediction_files_are_found_in_a_folder(tmp_path):
    for model in ("super_edt2m", "base_clean_wide"):
        write_predictions(
            tmp_path / f"predict_{model}", INDEX, _joints("nyu"), PredictionHeader("nyu", model)
        )
    predictions_to_text(tmp_path / "predict_super_edt2m", tmp_path / "predict_super_edt2m.txt")
    (tmp_path / "predict_notes.png").write_bytes(b"\x89PNG")
    assert list(find_predictions(tmp_path)) == ["base_clean_wide", "super_edt2m"]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    path, header = tmp_path / "predict_x", PredictionHeader("nyu")
    joints = _joints("nyu")
    broken = joints.copy()
    broken[2, 3, 1] = np.nan
    cases = [
        ((INDEX, broken), r"row 2 \(frame 12\) is NaN"),
        ((INDEX[:4], joints), r"do not make \(m,\) and \(m, 14, 3\)"),
        ((INDEX[:0], joints[:0]), "at least one frame"),
        ((INDEX + 0.5, joints), "not whole 32-bit"),
        ((INDEX + 2**40, joints), "not whole 32-bit"),
    ]
    for (index, values), message in cases:
        with pytest.raises(DataError, match=message):
            write_predictions(path, index, values, header)
    with pytest.raises(DataError, match="did you mean 'published'"):
        write_predictions(path, INDEX, joints, PredictionHeader("nyu", joint_order="publishd"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch):
    path, header = tmp_path / "predict_x", PredictionHeader("nyu", "old")
    write_predictions(path, INDEX, _joints("nyu"), header)

    def full(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="disk full"):
        write_predictions(path, INDEX, _joints("nyu", seed=1), PredictionHeader("nyu", "new"))
    assert read_predictions(path).header.model == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_damaged_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "predict_x"
    write_predictions(path, INDEX, _joints("nyu"), PredictionHeader("nyu"))
    with pytest.raises(DataError, match="says dataset nyu, asked for hands17"):
        read_predictions(path, "hands17")
    with pytest.raises(DataError, match="absent: no such file"):
        read_predictions(tmp_path / "absent")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:300])
    with h5py.File(tmp_path / "other", "w") as archive:
        archive["index"] = INDEX
    for name in ("cut", "other"):
        assert not is_predictions(tmp_path / name)
        with pytest.raises(DataError, match=f"{name}: is not a prediction file"):
            read_predictions(tmp_path / name)
    with h5py.File(tmp_path / "shape", "w") as archive:
        archive["index"], archive["poses"] = INDEX, np.zeros((5, 40))
    with pytest.raises(DataError, match=r"poses \(5, 40\) do not make \(m,\) and \(m, 42\)"):
        read_predictions(tmp_path / "shape", "nyu")


@pytest.mark.parametrize("name", ["predict_super_edt2m", "predict.h5", "predict_base.v2"])
@pytest.mark.parametrize("dataset", ["hands17", "nyu"])
def test_a_prediction_file_is_scored_under_any_name(tmp_path, name, dataset):
    joints = _joints(dataset)
    write_predictions(tmp_path / name, INDEX, joints + 2, PredictionHeader(dataset))
    np.savez(tmp_path / "truth.npz", target_cam_mm=joints, keys=[f"test/image_{i}" for i in INDEX])
    report = score(tmp_path / name, tmp_path / "truth.npz", dataset)
    assert report.mean_error_mm == pytest.approx(12**0.5, abs=1e-5)
    with pytest.raises(ConfigError, match="holds camera space"):
        score(tmp_path / name, tmp_path / "truth.npz", dataset, space="uvd")


def test_a_score_refuses_frames_in_another_order(tmp_path):
    joints = _joints("hands17")
    write_predictions(tmp_path / "predict_x", INDEX, joints, PredictionHeader("hands17"))
    shuffled = INDEX[[1, 0, 2, 3, 4]]
    names = [f"image_D{i:08d}.png" for i in shuffled]
    write_results(tmp_path / "truth.txt", joints, names, ResultHeader("hands17"))
    with pytest.raises(DataError, match=r"row 0: 7 in predict_x, 3 in truth.txt"):
        score(tmp_path / "predict_x", tmp_path / "truth.txt", "hands17")
    with h5py.File(tmp_path / "annotation_test", "w") as archive:
        archive["index"], archive["poses"] = INDEX[:3], joints[:3]
    with pytest.raises(DataError, match="at row 3 the prediction has frame 900001 and the truth the end"):
        score(tmp_path / "predict_x", tmp_path / "annotation_test", "hands17")


def test_published_annotations_serve_as_truth_and_texts_are_ordinary_results(tmp_path):
    joints = _joints("hands17")
    with h5py.File(tmp_path / "annotation_test", "w") as archive:
        archive["index"], archive["poses"] = INDEX.astype(np.int32), joints
    write_predictions(tmp_path / "predict_x", INDEX, joints + 1, PredictionHeader("hands17"))
    report = score(tmp_path / "predict_x", tmp_path / "annotation_test", "hands17")
    assert report.mean_error_mm == pytest.approx(3**0.5, abs=1e-5)
    predictions_to_text(tmp_path / "predict_x", tmp_path / "x.txt")
    np.testing.assert_allclose(
        read_results(tmp_path / "x.txt", "hands17").joints_cam_mm, joints + 1, atol=1e-4
    )
    short = tmp_path / "predict_short"
    write_predictions(short, INDEX[:4], joints[:4], PredictionHeader("hands17"))
    assert score(short, tmp_path / "annotation_test", "hands17", drop_last=True).frames == 4
