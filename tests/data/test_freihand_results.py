"""FreiHAND's challenge file: written, read back, ordered, refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carpus.data.results.freihand_results import read_freihand, write_freihand
from carpus.errors import DataError


def hands(count=4, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(0, 80, (count, 21, 3)) + 500, draw.normal(0, 80, (count, 778, 3)) + 500


@pytest.mark.parametrize("name", ["pred.json", "pred.zip"])
def test_round_trip_in_metres(tmp_path, name):
    joints, vertices = hands()
    path = write_freihand(tmp_path / "new" / name, joints, vertices, count=None)
    found = read_freihand(path, count=4)
    np.testing.assert_allclose(found.joints_cam_mm, joints, atol=5.1e-4)
    np.testing.assert_allclose(found.vertices_cam_mm, vertices, atol=5.1e-4)
    assert len(found) == 4
    if name == "pred.json":
        content = json.loads(path.read_text())
        assert [len(part) for part in content] == [4, 4]
        np.testing.assert_allclose(content[0][1], joints[1] / 1000, atol=5.1e-7)


def test_rows_are_put_in_the_order_of_the_pictures(tmp_path):
    joints, vertices = hands()
    order = [2, 0, 3, 1]
    keys = [f"evaluation/{number:08d}" for number in order]
    path = write_freihand(tmp_path / "pred.json", joints[order], vertices[order], keys, count=4)
    np.testing.assert_allclose(read_freihand(path).joints_cam_mm, joints, atol=5.1e-4)
    for wrong, message in (
        ([*keys[:3], keys[0]], "needed once"),
        ([*keys[:3], "evaluation/00000007"], "follow each other"),
        ([*keys[:3], "evaluation/last"], "does not end in the number"),
        (keys[:3], "3 keys for 4"),
    ):
        with pytest.raises(DataError, match=message):
            write_freihand(tmp_path / "x.json", joints, vertices, wrong, count=4)
    assert not (tmp_path / "x.json").exists()


def test_what_the_challenge_would_refuse_is_not_written(tmp_path):
    joints, vertices = hands()
    broken = vertices.copy()
    broken[2, 5, 1] = np.nan
    for given, message in (
        ((joints, vertices), "3,960 are expected"),
        ((joints[:, :20], vertices), r"\(4, 20, 3\)"),
        ((joints, vertices[:, :777]), r"\(4, 777, 3\)"),
        ((joints, broken), "the first is number 2"),
    ):
        with pytest.raises(DataError, match=message):
            write_freihand(tmp_path / "pred.json", *given)


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "pred.json"
    for text, message in (
        ("[[", "not JSON"),
        ("{}", "no list of two"),
        ("[[[1]], [[1, 2]]]", "joints"),
        ("[[[[1, 2, 3], [1]]], []]", "not 21 points"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_freihand(path)
    write_freihand(path, *hands(), count=None)
    with pytest.raises(DataError, match="5 are expected"):
        read_freihand(path, count=5)
    with pytest.raises(DataError, match="no such file"):
        read_freihand(tmp_path / "none.zip")
