"""FreiHAND's challenge file scored against the published labels."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from carpus.data.results.freihand_results import write_freihand
from carpus.errors import DataError
from carpus.metrics.freihand_scoring import score_freihand

sys.path.insert(0, str(Path(__file__).parent))

import mesh_worker as worker


def test_a_file_is_scored_as_the_predictions_it_holds(tmp_path):
    found, truth = worker.samples("freihand")
    expected = worker.fed(worker.protocol("freihand"), found, truth)
    for name, file in (("joints_cam_mm", "xyz"), ("vertices_cam_mm", "verts")):
        (tmp_path / f"evaluation_{file}.json").write_text(json.dumps((truth[name] / 1000).tolist()))
    joints = torch.from_numpy(worker.HAND) @ found.double()
    path = write_freihand(tmp_path / "pred.zip", joints, found, count=None)
    assert score_freihand(path, tmp_path, batch_size=3) == pytest.approx(expected, abs=2e-3)
    write_freihand(tmp_path / "few.json", joints[1:], found[1:], count=None)
    with pytest.raises(DataError, match="4 pictures, 5 are expected"):
        score_freihand(tmp_path / "few.json", tmp_path)
    (tmp_path / "evaluation_xyz.json").write_text("[[1, 2]]")
    with pytest.raises(DataError, match=r"\(N, 21, 3\) is expected"):
        score_freihand(path, tmp_path)
    (tmp_path / "evaluation_xyz.json").unlink()
    with pytest.raises(DataError, match="no such file"):
        score_freihand(path, tmp_path)
