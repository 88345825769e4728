"""Runs of untrained networks, small enough to be asked for joints in a moment."""

from __future__ import annotations

from pathlib import Path

import torch

from carpus.engine.build import build_module
from carpus.engine.checkpoints import AtomicCheckpointIO
from carpus.engine.config import compose_config, save_config
from carpus.engine.folder import RunFolder, environment, now
from rgb_hand_tree import MINI

SMALL = ("seednet.channels=8", "seednet.net.stacks=1", "+method.module.net.lift.cells=[4]")
STANDIN = "method.module.net.sik.standin=true"


def rhd(folder: Path) -> list[str]:
    """Overrides of the two training pictures and the one test picture."""
    where = [f"dataset.root={MINI / 'RHD'}", f"paths.packs={folder}/packs"]
    return [*where, "dataset.images=tree", "dataset.splits=published"]


def untrained(folder: Path, key: str, method: str = "handflow2d/lift", *more: str) -> RunFolder:
    """A run as training leaves it, with the weights it would begin with."""
    torch.manual_seed(3)
    cfg = compose_config([f"method={method}", "dataset=rhd", *rhd(folder), *SMALL, *more])
    run = RunFolder(folder / "logs" / key).create()
    save_config(cfg, run.config_file)
    content = {"state_dict": build_module(cfg).state_dict(), "global_step": 0, "epoch": 0}
    AtomicCheckpointIO().save_checkpoint(content, run.last)
    run.update_meta(key=key, status="done", start=now(), command="", **environment())
    return run
