"""The files beside the models: read safely, checked, missed with a word on what to put where."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest

from carpus.bodies.companions import COMPANIONS, find_companion, load_companion
from carpus.bodies.standin import standin_companions, write_standins
from carpus.errors import ConfigError, DataError
from formula_bodies import formula_companions, write_formula_models


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    return np.array_equal(one, other)


@pytest.mark.parametrize("name", COMPANIONS)
def test_files_hold_what_the_standins_hold(every_standin, tmp_path, name):
    from_file = load_companion(every_standin, name)
    assert same(from_file, load_companion(tmp_path, name, standin=True))
    shutil.copy(every_standin / COMPANIONS[name].place, tmp_path)
    assert same(from_file, load_companion(tmp_path, name))


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_missing_file_says_what_to_put_where(tmp_path, name):
    with pytest.raises(DataError) as caught:
        find_companion(tmp_path, name)
    told = str(caught.value)
    folder = str((tmp_path / COMPANIONS[name].place).parent)
    for word in (COMPANIONS[name].name, COMPANIONS[name].what, folder, "http", "standin=True"):
        assert word in told


def test_the_files_of_the_formula_models_are_read(tmp_path):
    write_formula_models(tmp_path, ("flame",), variants=("neutral",))
    faces, weights = load_companion(tmp_path, "flame_dynamic")
    assert (faces.shape, weights.shape) == ((79, 17), (79, 17, 3))
    for name, content in formula_companions("smplx").items():
        (tmp_path / "smplx").mkdir(exist_ok=True)
        path = tmp_path / "smplx" / name
        np.save(path, content) if path.suffix == ".npy" else path.write_bytes(pickle.dumps(content))
    assert load_companion(tmp_path, "mano_vertices")["right"].tolist() == list(range(7000, 7778))
    assert load_companion(tmp_path, "flame_vertices")[-1] == 10045
    assert load_companion(tmp_path, "smplx_to_j14").sum(1) == pytest.approx(1)


WRONG = [
    ("mano_vertices", {"left_hand": np.arange(778)}, "left_hand and right_hand was expected"),
    (
        "mano_vertices",
        {"left_hand": np.arange(777), "right_hand": np.arange(778)},
        r"left_hand holds \(777,\) of int64, 778 vertex numbers were expected",
    ),
    ("flame_vertices", np.zeros(5023, int), "vertex numbers repeat or leave 0..10474"),
    ("flame_vertices", np.arange(5023) + 6000, "vertex numbers repeat or leave 0..10474"),
    ("smplx_to_j14", np.zeros((14, 6890)), r"has shape \(14, 6890\), a regressor of \(14, 10475\)"),
    ("h36m_smpl", np.zeros((17, 6890)), "rows of a joint regressor sum to one, these do not"),
    ("flame_static", {"lmk_face_idx": np.zeros(51)}, "lmk_face_idx and lmk_b_coords was expected"),
    (
        "flame_static",
        {"lmk_face_idx": np.full(51, 9976), "lmk_b_coords": np.zeros((51, 3))},
        "a landmark lies on a face that FLAME does not have",
    ),
    (
        "flame_dynamic",
        {"lmk_face_idx": np.zeros((51,)), "lmk_b_coords": np.zeros((51, 3))},
        r"\(79, 17\) landmarks expected",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG)
def test_content_of_another_form_is_named(tmp_path, name, content, message):
    path = tmp_path / COMPANIONS[name].name
    if path.suffix == ".npy":
        np.save(path, content, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        load_companion(tmp_path, name)
    assert str(path) in str(caught.value)


class Evil:
    """Runs a command when it is unpickled in the usual way."""

    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def test_nothing_in_a_file_is_run(tmp_path):
    for name in ("mano_vertices", "flame_dynamic"):
        path = tmp_path / COMPANIONS[name].name
        if path.suffix == ".npy":
            np.save(path, np.array(Evil(), object), allow_pickle=True)
        else:
            path.write_bytes(pickle.dumps({"left_hand": Evil()}))
        with pytest.raises(DataError, match=r"it asks for 'builtins\.exec'"):
            load_companion(tmp_path, name)
    with pytest.raises(ConfigError, match="unknown companion of the body models 'mano_vertexes'"):
        load_companion(tmp_path, "mano_vertexes")


def test_published_companions_are_never_overwritten(tmp_path):
    (tmp_path / "smplx").mkdir()
    path = tmp_path / COMPANIONS["smplx_to_j14"].place
    path.write_bytes(pickle.dumps(formula_companions("smplx")[path.name]))
    with pytest.raises(ConfigError, match="is not this stand-in's; write the stand-ins into another folder"):
        write_standins(tmp_path, ["smplx"])
    assert len(standin_companions()) == len(COMPANIONS)
