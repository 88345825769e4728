"""Body model files: found, checked, refused; what the user is told."""

from __future__ import annotations

import logging
import pickle
import re
import shutil

import numpy as np
import pytest

from carpus.bodies.files import announce_standin, find_body_model, load_body_model, read_body_model
from carpus.bodies.models import KINDS, checked
from carpus.bodies.stubs import Unread
from carpus.errors import ConfigError, DataError


def test_a_missing_file_says_what_to_put_where(tmp_path):
    with pytest.raises(DataError) as caught:
        find_body_model(tmp_path, "mano", "left")
    told = str(caught.value)
    for word in ("MANO_LEFT.pkl", str(tmp_path / "mano"), "mano.is.tue.mpg.de", "standin=True"):
        assert word in told


@pytest.mark.parametrize(("kind", "variant"), [("mono", "left"), ("mano", "lefft"), ("smplx", "right")])
def test_unknown_names_are_named(tmp_path, kind, variant):
    with pytest.raises(ConfigError, match=f"unknown .*'({kind}|{variant})'"):
        find_body_model(tmp_path, kind, variant)


def test_files_are_found_beside_and_below(folder, tmp_path):
    source = folder / "mano" / "MANO_RIGHT.pkl"
    assert find_body_model(folder, "mano", "right") == source
    shutil.copy(source, tmp_path / "MANO_RIGHT.pkl")
    assert find_body_model(str(tmp_path), "mano", "right") == tmp_path / "MANO_RIGHT.pkl"


def test_an_npz_file_is_read_like_a_pickle(folder, tmp_path):
    from_pickle = load_body_model(folder, "mano", "right")
    (tmp_path / "mano").mkdir()
    np.savez(tmp_path / "mano" / "MANO_RIGHT.npz", **from_pickle.arrays)
    from_npz = load_body_model(tmp_path, "mano", "right")
    assert from_npz.standin
    for key, value in from_pickle.arrays.items():
        np.testing.assert_array_equal(from_npz.arrays[key], value, err_msg=key)


def test_a_standin_is_made_only_when_asked_for_and_announced(tmp_path, caplog):
    announce_standin.cache_clear()
    with pytest.raises(DataError, match="not found"):
        load_body_model(tmp_path, "mano", "right")
    with caplog.at_level(logging.WARNING):
        assert load_body_model(tmp_path, "mano", "right", standin=True).standin
        load_body_model(tmp_path, "mano", "right", standin=True)
    assert [record.message.count("not the published model") for record in caplog.records] == [1]
    assert not list(tmp_path.iterdir())


def test_a_published_file_wins_over_a_standin(tmp_path, formula_content):
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(pickle.dumps(formula_content("right")))
    assert not load_body_model(tmp_path, "mano", "right", standin=True).standin


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, "'weights' is no array of numbers"),
        ({"v_template": np.zeros((6890, 3))}, r"'v_template' has shape \(6890, 3\), MANO has \(778, 3\)"),
        ({"shapedirs": np.zeros((778, 3, 9))}, r"'shapedirs' has shape .*\(778, 3, 10\+\)"),
        ({"hands_mean": np.full(45, np.nan)}, "'hands_mean' holds values that are not finite"),
        ({"f": np.full((1538, 3), 778)}, r"'f' names vertices 778\.\.778 of 778"),
        ({"posedirs": Unread("chumpy.ch.MatVecMult")}, "'posedirs' is a chumpy.ch.MatVecMult expression"),
    ],
)
def test_content_of_another_form_is_named(change, message, formula_content):
    with pytest.raises(DataError, match=f"some file: {message}"):
        checked("mano", "right", formula_content("right") | change, "some file")


def test_a_file_of_another_family_is_named(tmp_path):
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(pickle.dumps({"v_template": np.zeros((778, 3)), "faces": 1}))
    with pytest.raises(DataError, match=re.escape(f"{path}: no key 'f', so not a MANO model; it holds")):
        read_body_model(path, "mano", "right")


def test_a_root_stored_as_unsigned_becomes_minus_one(right):
    assert right.parents.tolist() == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    assert KINDS["mano"].shapes["posedirs"] == (778, 3, 135)
