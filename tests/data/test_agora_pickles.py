"""Data frames of any release of pandas, fits with tensors, and nothing that is written in them runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from carpus.data.agora_pickles import read_fit, read_frame
from carpus.errors import DataError
from carpus.synthetic.agora_frames import write_frame
from untrusted_files import Runs

FRAMES = sorted((Path(__file__).parents[1] / "samples" / "agora_frames").glob("*.pkl"))


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.stem)
def test_frames_of_every_release_of_pandas(path):
    frame = read_frame(path)
    assert len(frame) == 2
    assert frame.column("imgPath") == ["ag_0.png", "ag_1.png"]
    assert frame.column("camX") == [0.0, 1.5]
    assert frame.column("number") == [0, 1]
    assert frame.people(1, "gender") == ["male", "female"]
    assert frame.people(1, "occlusion") == [3.25, 95.0]
    assert [bool(valid) for valid in frame.people(0, "isValid")] == [True, False]
    np.testing.assert_array_equal(frame.people(1, "gt_joints_2d")[0], np.arange(6.0).reshape(3, 2) + 1)


def test_there_are_frames_of_several_releases():
    assert len(FRAMES) >= 5


def test_frames_written_without_pandas(tmp_path):
    points = np.random.default_rng(0).normal(size=(4, 2))
    write_frame(
        tmp_path / "f.pkl", {"imgPath": ["a", "b", "c"], "X": [[1.0], [2.0, 3.0], []], "p": [[points]] * 3}
    )
    frame = read_frame(tmp_path / "f.pkl")
    assert list(frame.columns) == ["imgPath", "X", "p"]
    assert frame.people(1, "X") == [2.0, 3.0]
    assert frame.people(2, "X") == []
    np.testing.assert_array_equal(frame.people(2, "p")[0], points)


def test_fits_of_arrays_and_of_tensors(tmp_path):
    tensor = torch.arange(6.0).reshape(2, 3)
    content = {
        "betas": np.ones((1, 10), np.float32),
        "view": tensor.T,
        "learnt": torch.nn.Parameter(tensor[1:]),
        "count": 3,
        "gender": "male",
    }
    (tmp_path / "fit.pkl").write_bytes(pickle.dumps(content))
    fit = read_fit(tmp_path / "fit.pkl")
    assert sorted(fit) == ["betas", "count", "learnt", "view"]
    np.testing.assert_array_equal(fit["view"], tensor.T.numpy())
    np.testing.assert_array_equal(fit["learnt"], [[3.0, 4.0, 5.0]])
    assert fit["betas"].dtype == np.float64


@pytest.mark.parametrize("read", [read_frame, read_fit])
def test_nothing_runs(tmp_path, read):
    path, trace = tmp_path / "trap.pkl", tmp_path / "touched"
    for content in (Runs(trace), {"a": Runs(trace)}):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=r"trap\.pkl: not read, it asks for '.*open'"):
            read(path)
    assert not trace.exists()


def test_storage_with_code_inside_does_not_run(tmp_path):
    trace = tmp_path / "touched"
    inner = pickle.dumps(Runs(trace), 2)
    path = tmp_path / "trap.pkl"
    loader = (
        b"ctorch.storage\n_load_from_bytes\n" + pickle.dumps(inner, 3)[2:-1] + pickle.TUPLE1 + pickle.REDUCE
    )
    path.write_bytes(pickle.PROTO + b"\x03" + loader + pickle.STOP)
    with pytest.raises(DataError):
        read_fit(path)
    assert not trace.exists()


def test_damaged_files_are_named(tmp_path):
    whole = FRAMES[0].read_bytes()
    path = tmp_path / "cut.pkl"
    for content in (whole[: len(whole) // 2], b"", b"no pickle"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cut\.pkl"):
            read_frame(path)
    with pytest.raises(DataError, match="no such file"):
        read_frame(tmp_path / "absent.pkl")
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="data frame of AGORA"):
        read_frame(path)


def test_missing_columns_and_lists_are_named():
    frame = read_frame(FRAMES[0])
    with pytest.raises(DataError, match="no column 'gt_verts'"):
        frame.column("gt_verts")
    with pytest.raises(DataError, match="row 0: 'camX'"):
        frame.people(0, "camX")
