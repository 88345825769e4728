"""What is in a folder of body models, and copies without chumpy that smplx reads."""

from __future__ import annotations

import pickle
import shutil
import sys
import types

import numpy as np
import pytest
import scipy.sparse
import smplx

from carpus.bodies.companions import COMPANIONS
from carpus.bodies.files import load_body_model
from carpus.bodies.inventory import convert_models, inventory
from carpus.bodies.models import KINDS
from carpus.errors import ConfigError, DataError
from formula_bodies import formula_content

PLACES = 11 + len(COMPANIONS)


def states(folder):
    return {entry.place: entry.state for entry in inventory(folder)}


@pytest.fixture
def chumpy(monkeypatch):
    """A chumpy that can write pickles as the publishers' did; gone when they are read."""
    module = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x):
            self.x = x

        def __getstate__(self):
            return {"x": self.x}

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


def published(folder, kind, variant, chumpy, more=()):
    """A file as the publishers write it, with the formula model's numbers."""
    content = formula_content(kind, variant) | dict(more)
    content["J_regressor"] = scipy.sparse.csc_matrix(content["J_regressor"])
    for key in ("v_template", "shapedirs", "posedirs", "weights"):
        content[key] = chumpy(content[key])
    path = folder / kind / (KINDS[kind].names[variant] + ".pkl")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def test_an_empty_folder_lacks_everything(tmp_path):
    entries = list(inventory(tmp_path))
    assert len(entries) == PLACES
    assert {entry.state for entry in entries} == {"missing"}
    assert all("http" in entry.source and entry.use for entry in entries)


def test_a_folder_of_standins_is_known_as_such(every_standin):
    assert set(states(every_standin).values()) == {"stand-in"}


def test_every_state_is_told_apart(tmp_path, every_standin, chumpy):
    shutil.copytree(every_standin / "mano", tmp_path / "mano")
    published(tmp_path, "mano", "left", chumpy)
    published(tmp_path, "flame", "neutral", chumpy)
    (tmp_path / "smpl").mkdir()
    (tmp_path / "smpl" / "SMPL_MALE.pkl").write_bytes(pickle.dumps(formula_content("mano", "left")))
    np.save(tmp_path / "SMPL-X__FLAME_vertex_ids.npy", np.arange(5023))
    found = {entry.place: entry for entry in inventory(tmp_path)}
    for place, state in {
        "mano/MANO_RIGHT.pkl": "stand-in",
        "mano/MANO_LEFT.pkl": "published",
        "flame/FLAME_NEUTRAL.pkl": "published",
        "smpl/SMPL_MALE.pkl": "unusable",
        "smpl/SMPL_NEUTRAL.pkl": "missing",
        "smplx/SMPL-X__FLAME_vertex_ids.npy": "published",
    }.items():
        assert found[place].state == state, place
    assert "chumpy" in found["mano/MANO_LEFT.pkl"].note
    assert "shape (778, 3), SMPL has (6890, 3)" in found["smpl/SMPL_MALE.pkl"].note


def test_converted_models_are_read_by_smplx_without_chumpy(tmp_path, chumpy, monkeypatch, capsys):
    source, out = tmp_path / "published", tmp_path / "plain"
    published(source, "mano", "right", chumpy)
    published(source, "smpl", "neutral", chumpy)
    still = {"posedirs": np.zeros((10475, 3, 486), np.float32)}
    published(source, "smplx", "neutral", chumpy, still)
    written = dict(convert_models(source, out))
    names = sorted(path.relative_to(out).as_posix() for path in written.values())
    assert names == ["mano/MANO_RIGHT.pkl", "smpl/SMPL_NEUTRAL.pkl", "smplx/SMPLX_NEUTRAL.npz"]
    monkeypatch.delitem(sys.modules, "chumpy")
    monkeypatch.delitem(sys.modules, "chumpy.ch")
    for kind, variant, options in (
        ("mano", "right", {"is_rhand": True, "use_pca": False}),
        ("smpl", "neutral", {}),
        ("smplx", "neutral", {"use_pca": False}),
    ):
        layer = smplx.create(str(out), kind, **options)
        expected = formula_content(kind, variant)["v_template"]
        np.testing.assert_allclose(layer.v_template, expected, atol=1e-6)
        ours = load_body_model(out, kind, variant)
        np.testing.assert_array_equal(ours.arrays["weights"], formula_content(kind, variant)["weights"])
    capsys.readouterr()
    assert states(out)["smplx/SMPLX_NEUTRAL.npz"] == "converted"
    assert states(out)["mano/MANO_RIGHT.pkl"] == "converted"
    assert not list(convert_models(out, tmp_path / "again"))
    with pytest.raises(ConfigError, match=r"MANO_RIGHT\.pkl exists; remove it or name another folder"):
        list(convert_models(source, out))


def test_what_cannot_be_converted_is_refused(tmp_path, chumpy, every_standin):
    with pytest.raises(ConfigError, match="cannot go where the originals are"):
        list(convert_models(tmp_path, tmp_path / "x" / ".."))
    assert not list(convert_models(every_standin, tmp_path / "none"))
    path = published(tmp_path, "mano", "right", chumpy)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"MANO_RIGHT\.pkl: damaged"):
        list(convert_models(tmp_path, tmp_path / "out"))
