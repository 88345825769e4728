"""Checkpoints of Hand4Whole and Pose2Pose as files: the published programs' and those of our runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.nets.weight_file import load_untrusted, state_dict_of

BODY_MODELS = ("smplx_layer.", "smpl_layer.", "mano_layer.", "flame_layer.")
"""Content of body model files that some snapshots carry; it is read from those files instead."""


@dataclass(frozen=True)
class Snapshot:
    """The tensors of a checkpoint without what its program wraps around their names.

    Args:
        entries: names as :class:`~carpus.nets.hand4whole.net.Hand4WholeNet` and its relatives have them.
        ours: whether the file is one of our runs', with ``state_dict``, instead of a published one, with
            ``network``.
        rest: everything else in the file, such as the epoch.
    """

    entries: dict[str, Tensor]
    ours: bool
    rest: dict[str, Any]

    def content(self, entries: Mapping[str, Tensor], **rest: Any) -> dict[str, Any]:
        """The content of a file of the same kind.

        Args:
            entries: without wrappers.
            rest: beside the tensors.
        """
        if self.ours:
            state = {f"net.{name}": value for name, value in entries.items()}
            return {"state_dict": state, "global_step": 0, **rest}
        return {"network": {f"module.{name}": value for name, value in entries.items()}, **rest}


def read_snapshot(path: Path) -> Snapshot:
    """A checkpoint of any of the programs; no code in the file is run.

    Args:
        path: ``snapshot_6.pth.tar``, a bare state dict, or a checkpoint of one of our runs.
    Raises:
        DataError: if the file cannot be read safely or holds no named tensors.
    """
    path = Path(path)
    return snapshot_of(load_untrusted(path), path)


def snapshot_of(content: Any, path: Path) -> Snapshot:
    """The same of a file's content.

    Args:
        content: of the file.
        path: for messages.
    Raises:
        DataError: if it holds no named tensors.
    """
    ours = isinstance(content, Mapping) and {"state_dict", "global_step"} <= set(content)
    entry = "network" if isinstance(content, Mapping) and "network" in content else "state_dict"
    state = state_dict_of(content, path, entry)
    if not state:
        raise DataError(f"{path}: no tensors at all")
    inside = isinstance(content, Mapping) and entry in content
    rest = {k: v for k, v in content.items() if k != entry} if inside else {}
    return Snapshot({_unwrapped(name): value for name, value in state.items()}, ours, rest)


def write_checkpoint(content: dict[str, Any], path: Path, overwrite: bool = False) -> None:
    """Write a file that appears under its name only when it is complete.

    Args:
        content: of the file.
        path: its name.
        overwrite: whether an existing file may be replaced.
    Raises:
        DataError: if the file exists or cannot be written.
    """
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists; choose another --out, or say --overwrite")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error}") from error


def _unwrapped(name: str) -> str:
    while name.startswith(("module.", "net.")):
        name = name.split(".", 1)[1]
    return name
