"""``carpus bodies``: what it prints, writes and refuses."""

from __future__ import annotations

import argparse
import pickle

import pytest

from carpus.bodies.models import KINDS
from carpus.commands import bodies_command
from carpus.errors import ConfigError, DataError
from formula_bodies import formula_content


def carpus_bodies(*words):
    parser = argparse.ArgumentParser()
    bodies_command.add_arguments(parser)
    bodies_command.run(parser.parse_args([str(word) for word in words]))


def test_check_lists_what_is_missing_and_where_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CARPUS_DATA", str(tmp_path))
    carpus_bodies("check")
    told = capsys.readouterr().out
    assert str(tmp_path / "body_models") in told
    assert "18 missing" in told
    for word in (
        "smplx/SMPLX_NEUTRAL.npz",
        "MANO_SMPLX_vertex_ids.pkl",
        "https://smpl-x.is.tue.mpg.de",
        "EHF",
    ):
        assert word in told


def test_standins_are_written_and_recognised(tmp_path, capsys):
    carpus_bodies("standins", "--out", tmp_path / "models", "--seed", 3)
    told = capsys.readouterr().out
    assert "11 stand-in models" in told
    assert f"paths.body_models={tmp_path / 'models'}" in told
    carpus_bodies("check", "--folder", tmp_path / "models")
    assert "18 stand-in" in capsys.readouterr().out
    for kind, family in KINDS.items():
        for name in family.names.values():
            assert (tmp_path / "models" / kind / (name + family.endings[0])).is_file()


def test_a_damaged_file_is_named_and_fails(tmp_path, capsys):
    (tmp_path / "mano").mkdir()
    (tmp_path / "mano" / "MANO_LEFT.pkl").write_bytes(b"\x80\x02}q\x00")
    with pytest.raises(DataError, match=r"cannot be used: mano/MANO_LEFT\.pkl"):
        carpus_bodies("check", "--folder", tmp_path)
    told = capsys.readouterr().out
    assert "was the download complete?" in told
    assert "1 unusable" in told


def test_convert_says_what_it_wrote(tmp_path, capsys):
    (tmp_path / "mano").mkdir()
    path = tmp_path / "mano" / "MANO_RIGHT.pkl"
    path.write_bytes(pickle.dumps(formula_content("mano", "right")))
    carpus_bodies("convert", "--folder", tmp_path, "--out", tmp_path / "plain")
    assert "needs converting" in capsys.readouterr().out
    path.write_bytes(pickle.dumps(formula_content("mano", "right") | {"note": "written with chumpy"}))
    carpus_bodies("convert", "--folder", tmp_path, "--out", tmp_path / "plain")
    told = capsys.readouterr().out
    assert f"{path} -> {tmp_path / 'plain' / 'mano' / 'MANO_RIGHT.pkl'}" in told
    assert "1 converted" in told


def test_what_is_not_understood_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown action of carpus bodies 'chek': did you mean 'check'"):
        carpus_bodies("chek")
    for action in ("standins", "convert"):
        with pytest.raises(ConfigError, match="say where to write, --out DIR"):
            carpus_bodies(action, "--folder", tmp_path)
