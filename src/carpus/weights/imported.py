"""What every importer returns, and what several do with a file's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.nets.weight_file import load_untrusted

__all__ = ["ImportedWeights", "add_counters", "check_names", "epoch_of", "load_untrusted"]

_COUNTER = "num_batches_tracked"


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


def add_counters(entries: dict[str, Tensor], names: Iterable[str]) -> list[str]:
    """Complete entries by the batch counters that files from before PyTorch 0.4.1 do not have.

    They are not used in computing.

    Args:
        entries: of the file; completed in place.
        names: of all entries it should have.
    Returns:
        A sentence for the user, if any were absent.
    """
    absent = [name for name in names if name.endswith(_COUNTER) and name not in entries]
    entries.update({name: torch.zeros((), dtype=torch.int64) for name in absent})
    return [f"{len(absent)} batch counters were absent and set to 0"] if absent else []


def epoch_of(content: Any) -> str:
    """``, epoch 14`` if a file's content says how long it was trained, else nothing."""
    epoch = content.get("epoch") if isinstance(content, Mapping) else None
    return f", epoch {epoch}" if isinstance(epoch, int) else ""
