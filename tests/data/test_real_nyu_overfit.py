"""The real NYU frame, learnt by heart at the full grid through the commands a user types."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from real_nyu import make_nyu_tree

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_real_frame_is_learnt_at_the_full_grid(tmp_path):
    tree = make_nyu_tree(tmp_path / "tree")
    logs = f"paths.logs={tmp_path}/logs"
    train = [
        *("experiment=v2v_one_frame", f"dataset.root={tree}", f"paths.packs={tmp_path}/packs", logs),
        *("augment=none", "trainer.max_epochs=200"),  # half the steps do without augmentation
    ]
    subprocess.run([sys.executable, "train.py", *train], cwd=ROOT, check=True)
    (run,) = (tmp_path / "logs").iterdir()
    subprocess.run([sys.executable, "test.py", f"key={run.name}", logs], cwd=ROOT, check=True)
    assert json.loads((run / "result" / "test.json").read_text())["mean_error_mm"] <= 6.0
