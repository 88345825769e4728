"""The ``carpus`` command: quick help, readable lists, errors of one sentence."""

import json
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest

from carpus.cli import COMMANDS


def carpus(*arguments: str) -> subprocess.CompletedProcess:
    code = f"import sys; from carpus.cli import main; main({list(arguments)!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_takes_less_than_a_second():
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = carpus("--help")
        seconds.append(time.perf_counter() - began)
        assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert "carpus synth msra" in done.stdout
    assert statistics.median(seconds) <= 1.0


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom carpus.cli import main\n"
        "try: main(['demo', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pytorch_lightning', 'hydra', 'omegaconf', 'cv2', 'matplotlib', 'numba'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(here, name):
    code, output = here("carpus", name, "--help")
    assert code == 0
    assert f"example{'s' if 'examples:' in output else ''}:\n  carpus {name}" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnus"], "did you mean 'runs'"),
        (["show"], "key"),
        (["show", "9999f"], "no run '9999f'"),
        (["show", "aaaa", "--confg"], "--confg"),
        (["compare", "aaaa0000a", "9999f"], "no run '9999f'"),
        (["pack", "msraa"], "did you mean 'msra'"),
        (["pack", "msra", "trian"], "msra has no store trian"),
        (["synth", "msr", "--out", "x"], "did you mean 'msra'"),
        (["score", "no.txt", "no.mat", "--protocol", "nyu"], "no.txt"),
        (["score", "no.txt", "no.mat", "--protocol", "nyuu"], "did you mean 'nyu'"),
        (["demo", "aaaa", "nothing.png"], "nothing.png: no such file or folder"),
        (["demo", "aaaa", "x.png", "--camera", "1,2,3"], "--camera 1,2,3: give 4 numbers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_in_one_sentence(here, world, trained, monkeypatch, arguments, message):
    monkeypatch.setenv("CARPUS_LOGS", str(world.logs))
    code, output = here("carpus", *arguments)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert line.startswith("carpus")
    assert message in line


def test_runs_lists_every_run_and_sorts_by_a_metric(here, trained, copied, world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    other = copied("7777c0001")
    better = other.read_result("test") | {"mean_error_mm": 1.5}
    (other.result / "test.json").write_text(json.dumps(better))
    code, output = here("carpus", "runs", "--sort", "mean_error_mm", "--logs", str(world.logs))
    assert code == 0
    lines = output.splitlines()
    keys = [line.split()[0] for line in lines[2:]]
    assert keys.index(other.key) < keys.index(trained[0].key)
    assert "1.500" in next(line for line in lines if line.startswith(other.key))
    for word in ("status", "method", "dataset", "mean_error_mm"):
        assert word in lines[0]
    assert max(map(len, lines)) <= 80
    code, output = here(
        "carpus", "runs", "--sort", "mean_error_mm", "--descending", "--logs", str(world.logs)
    )
    keys = [line.split()[0] for line in output.splitlines()[2:]]
    assert keys.index(other.key) > keys.index(trained[0].key)


def test_runs_of_an_empty_folder_says_how_to_begin(here, tmp_path):
    code, output = here("carpus", "runs", "--logs", str(tmp_path))
    assert (code, "python train.py" in output) == (0, True)


def test_show_tells_what_a_run_is_and_what_it_left(here, trained, world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, output = here("carpus", "show", "aaaa0", "--logs", str(world.logs))
    assert code == 0
    for word in (
        "status: done",
        "commit: ",
        "test: mean_error_mm",
        "best.ckpt",
        "report_test.html",
    ):
        assert word in output
    assert "None" not in output
    assert all(len(line) <= 80 for line in output.splitlines() if str(world.folder) not in line)
    assert "batch_size: 8" not in output
    assert "batch_size: 8" in here("carpus", "show", "aaaa0", "--config", "--logs", str(world.logs))[1]


def test_compare_shows_what_differs_and_every_metric(here, trained, copied, world):
    other = copied("7777c0002")
    other.config_file.write_text(other.config_file.read_text().replace("batch_size: 8\n", "batch_size: 9\n"))
    code, output = here("carpus", "compare", "aaaa0000a", "7777c", "--logs", str(world.logs))
    assert code == 0, output
    settings = output.split("\n\n")[0].splitlines()
    assert [line.split() for line in settings[2:]] == [["batch_size", "8", "9"]]
    assert "mean_error_mm" in output
    code, output = here(
        "carpus", "compare", "aaaa0000a", "7777c", "--split", "smallval", "--logs", str(world.logs)
    )
    assert code == 1
    assert "eval_on=smallval" in output


def test_synth_pack_verify_and_stats(here, tmp_path):
    code, output = here(
        "carpus", "synth", "msra", "--out", str(tmp_path / "tree"), "--frames", "1", "--seed", "3"
    )
    assert code == 0, output
    assert f"dataset.root={tmp_path}/tree" in output
    where = [f"dataset.root={tmp_path}/tree", f"paths.packs={tmp_path}/packs"]
    code, output = here("carpus", "pack", "msra", "--processes", "1", *where)
    assert code == 0, output
    assert str(tmp_path / "packs/msra") in output
    code, output = here("carpus", "pack", "msra", "verify", *where)
    assert (code, "153 records, every checksum right" in output) == (0, True)
    code, output = here("carpus", "pack", "msra", "stats", *where)
    assert code == 0
    assert "153" in output
    _flip_a_byte(next((tmp_path / "packs/msra").rglob("data.mdb")))
    code, output = here("carpus", "pack", "msra", "verify", *where)
    assert code == 1
    error = output.strip().splitlines()[-1]
    assert "1 of 153 records are damaged: 'P" in error
    assert "carpus pack msra" in error


def _flip_a_byte(file):
    """Change one pixel in the middle of a store."""
    content = np.fromfile(file, np.uint8)
    content[len(content) // 2] ^= 1
    content.tofile(file)


def test_export_writes_the_annotation_of_a_published_split(here, tmp_path):
    file = tmp_path / "rhd_test.json"
    where = ["--out", str(file), f"paths.data={tmp_path}", "dataset.synth.frames=8"]
    code, output = here("carpus", "export", "rhd_synthetic", "--split", "test", *where)
    assert code == 0, output
    written = json.loads(file.read_text())
    assert len(written["images"]) == len(written["annotations"]) > 0
    code, output = here("carpus", "export", "stb", "--out", str(tmp_path / "x.json"))
    assert code == 1
    assert "trees of RHD" in output


def test_score_of_a_published_file(here, samples, tmp_path):
    nyu = samples / "nyu"
    code, output = here(
        "carpus",
        *("score", str(nyu / "predictions/A2J_nyu_861_epoch32_UVD.txt.gz")),
        *(str(nyu / "labels/nyu_keypointsUVD_test.mat"), "--protocol", "nyu"),
        *("--json", str(tmp_path / "score.json")),
    )
    assert code == 0, output
    assert "8.610" in output
    assert "8.6" in json.dumps(json.loads((tmp_path / "score.json").read_text()))
