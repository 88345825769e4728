"""Looks at pictures again and again: their order, and what each found until all are complete."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from carpus.data.records import save_array
from carpus.data.sampler import Draw
from carpus.engine.folder import write_text
from carpus.errors import ConfigError


class LookOrder(Sampler[list[Draw]]):
    """All samples in their order, epoch by epoch; no batch is of two."""

    def __init__(self, count: int, epochs: Sequence[int], batch_size: int) -> None:
        self.count, self.epochs, self.batch_size = count, epochs, batch_size

    def __len__(self) -> int:
        return len(self.epochs) * -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        for epoch in self.epochs:
            for start in range(0, self.count, self.batch_size):
                stop = min(start + self.batch_size, self.count)
                yield [(epoch, index) for index in range(start, stop)]

    def ends(self) -> Iterator[int | None]:
        """For every batch the epoch that it completes, or None."""
        for epoch in self.epochs:
            yield from [None] * (-(-self.count // self.batch_size) - 1)
            yield epoch


class Looks:
    """What was found in every epoch, kept beside a file that is not complete yet.

    Args:
        path: the file.
        identity: what the content depends on.
    Raises:
        ConfigError: if something else was begun there.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.folder = path.with_name(f".{path.name}.looks")
        note, text = self.folder / "job.json", json.dumps(identity, indent=2, sort_keys=True, default=str)
        if note.is_file() and note.read_text() != text:
            raise ConfigError(
                f"{self.folder} holds the beginning of another job (another run, dataset or augmentation): "
                "remove it or give another --out"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(note, text)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"{epoch:04d}.npy"

    def has(self, epoch: int) -> bool:
        """Whether an epoch is complete."""
        return self._file(epoch).is_file()

    def keep(self, epoch: int, joints_m: np.ndarray) -> None:
        """Write an epoch, complete or not at all."""
        save_array(self._file(epoch), joints_m)

    def read(self, epoch: int) -> np.ndarray:
        """``(2, n, 21, 3)`` of an epoch, memory-mapped."""
        return np.load(self._file(epoch), mmap_mode="r", allow_pickle=False)

    def forget(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
