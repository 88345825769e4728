"""What every importer returns, and the safe way to open a checkpoint."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError


@dataclass(frozen=True)
class ImportedWeights:
    """Weights of a published checkpoint under our names.

    Args:
        state_dict: of the whole module, complete; the network's entries start with ``net.``.
        method: name of the method config.
        joints: number of joints the head predicts; the dataset must have as many.
        overrides: config path to value that make our program compute what the publisher's did.
        notes: sentences for the user.
    """

    state_dict: dict[str, Tensor]
    method: str
    joints: int
    overrides: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def load_untrusted(path: Path) -> Any:
    """The content of a PyTorch file; only tensors and plain containers are read, no code is run.

    Raises:
        DataError: if the file is missing, damaged or holds anything else.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a checkpoint of the published program")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a checkpoint that can be read safely ({reason})") from error


def check_names(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], path: Path
) -> None:
    """Compare names and shapes.

    Raises:
        DataError: listing every missing and unexpected name and every wrong shape.
    """
    problems = [f"missing {name} {wanted[name]}" for name in sorted(set(wanted) - set(found))]
    problems += [f"unexpected {name} {found[name]}" for name in sorted(set(found) - set(wanted))]
    problems += [
        f"{name} has shape {found[name]} instead of {wanted[name]}"
        for name in sorted(set(found) & set(wanted))
        if found[name] != wanted[name]
    ]
    if problems:
        raise DataError(f"{path}: {len(problems)} entries do not fit:\n  " + "\n  ".join(problems))
