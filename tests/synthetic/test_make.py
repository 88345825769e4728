"""Making trees: complete or not there, the same bytes from the same seed."""

from __future__ import annotations

import hashlib
import json

import pytest

from carpus.errors import ConfigError, DataError
from carpus.synthetic import DATASETS, make, msra


def digest(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


# Large pictures, or many of them, take their time; what they share with the others is tested there.
SLOW = {name: [pytest.mark.slow] for name in ("agora", "human36m", "mpii", "mscoco", "stb")}


@pytest.mark.parametrize("dataset", [pytest.param(d, marks=SLOW.get(d, [])) for d in DATASETS if d != "msra"])
def test_same_seed_gives_same_bytes_and_another_seed_others(dataset, tmp_path):
    one, two, other = (
        make(dataset, tmp_path / n, frames=3, seed=s) for n, s in (("a", 4), ("b", 4), ("c", 5))
    )
    assert digest(one) == digest(two)
    assert digest(one) != digest(other)


def test_msra_is_deterministic_and_its_frames_do_not_depend_on_their_number(tmp_path):
    one, two = (make("msra", tmp_path / str(i), frames=1, subjects=1, seed=4) for i in range(2))
    more = make("msra", tmp_path / "more", frames=2, subjects=2, seed=4)
    assert digest(one) == digest(two)
    image = "db/P0/L/000000_depth.bin"
    assert digest(one)[image] == digest(more)[image]


def test_complete_tree_is_marked_and_left_alone(trees):
    root = trees["icvl"]
    marker = json.loads((root / "SYNTHETIC.json").read_text())
    assert marker == {"carpus_synthetic": 1, "dataset": "icvl", "frames": 12, "subjects": 8, "seed": 1}
    before = (root / "SYNTHETIC.json").stat().st_mtime_ns
    assert make("icvl", root, frames=12, seed=1) == root
    assert (root / "SYNTHETIC.json").stat().st_mtime_ns == before


def test_other_content_is_never_overwritten(trees, tmp_path):
    with pytest.raises(DataError, match="exists and is not empty"):
        make("icvl", trees["icvl"], frames=5, seed=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="mine exists"):
        make("msra", tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_interrupted_writing_leaves_no_tree(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(msra, "write_joints", fail)
    with pytest.raises(KeyboardInterrupt):
        make("msra", tmp_path / "tree", frames=1, subjects=1)
    assert list(tmp_path.iterdir()) == []


def test_empty_folder_is_used_and_progress_reaches_the_total(tmp_path):
    (tmp_path / "tree").mkdir()
    calls = []
    make("nyu", tmp_path / "tree", frames=4, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5, 5)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'msra'"):
        make("mrsa", tmp_path / "x")
    with pytest.raises(DataError, match="frames=0"):
        make("nyu", tmp_path / "x", frames=0)
    with pytest.raises(DataError, match="subjects=10"):
        make("msra", tmp_path / "x", subjects=10)
    assert list(tmp_path.iterdir()) == []
