"""Which pictures of RHD, STB and FreiHAND train, which choose the best weights, which are scored."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from carpus.data.sources.stb.layout import SEQUENCES
from carpus.data.splits import SplitPolicy
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, unknown

log = logging.getLogger(__name__)


class PictureSplits(SplitPolicy):
    """Splits of pictures, which have boxes and no centres."""

    centers = ""

    def center_mode(self, base: str) -> str:
        """There is no centre file.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"pictures have no centres; the {base} split has boxes")

    def center_lines(self, mode: str, store: Store) -> tuple[np.ndarray, np.ndarray, int]:
        """There is no centre file.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"pictures have no centres; {store.folder} has boxes")

    def explain(self, mode: str, store: Store, lines: int) -> str:
        """There is no centre file."""
        return f"{store.meta['dataset']} has pictures: no centre file belongs to it"


@dataclass(frozen=True)
class HeldOut(PictureSplits):
    """A seeded share of the training records is kept for validation; no group is on both sides.

    Args:
        train, test: physical splits.
        val_fraction: share of the groups of ``train``.
        by: column that says which records belong together.
        seed: of the choice.
    Raises:
        ConfigError: for a share outside 0 to 1.
    """

    train: str = "train"
    test: str = "test"
    val_fraction: float = 0.05
    by: str = "line"
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.val_fraction < 1:
            raise ConfigError(f"val_fraction={self.val_fraction}: a share between 0 and 1 is expected")

    def store_of(self, base: str) -> str:
        """Validation pictures are in the training store."""
        return self.test if base == "test" else self.train

    def positions(self, base: str, store: Store) -> np.ndarray:
        """All records of the test store, or one side of the training store."""
        if base == "test":
            return np.arange(len(store))
        groups = np.asarray(store.column(self.by))
        distinct = np.unique(groups)
        count = min(max(1, round(len(distinct) * self.val_fraction)), len(distinct) - 1)
        chosen = np.random.default_rng(self.seed).permutation(distinct)[:count]
        held_out = np.isin(groups, chosen)
        return np.flatnonzero(held_out if base == "val" else ~held_out)


@dataclass(frozen=True)
class Sequences(PictureSplits):
    """Whole sequences make a split; all are in one store.

    Args:
        train, val, test: names of sequences, or how they begin: ``["B2", "B3Random"]``.
        names: all sequences, in the order of their numbers in the store's column ``sequence``.
        store: the physical split that holds all.
    Raises:
        ConfigError: for a name that no sequence has.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    names: tuple[str, ...]
    store: str = "all"

    def __post_init__(self) -> None:
        numbers = {base: set(self._numbers(base)) for base in ("train", "val", "test")}
        for base in ("val", "test"):
            shared = sorted(numbers["train"] & numbers[base])
            if shared:
                log.warning(
                    "%s is part of the training split (%s): do not choose weights or settings by its scores; "
                    "dataset.splits=held_out keeps them apart",
                    base,
                    ", ".join(self.names[number] for number in shared),
                )

    def store_of(self, base: str) -> str:
        """The store of all sequences."""
        return self.store

    def positions(self, base: str, store: Store) -> np.ndarray:
        """Frames of the base split's sequences, in published order.

        Raises:
            DataError: if the store has none of them.
        """
        sequence = np.asarray(store.column("sequence"))
        wanted = self._numbers(base)
        found = np.flatnonzero(np.isin(sequence, wanted))
        if not found.size:
            there = ", ".join(self.names[number] for number in np.unique(sequence)) or "none"
            raise DataError(
                f"{store.folder}: no frame of {', '.join(self.names[n] for n in wanted)}, which make the "
                f"{base} split; sequences packed: {there}. Complete the tree and pack again, or set "
                "dataset.splits"
            )
        return found

    def _numbers(self, base: str) -> list[int]:
        chosen: list[int] = []
        for begin in getattr(self, base):
            found = [number for number, name in enumerate(self.names) if name.startswith(begin)]
            if not found:
                raise ConfigError(unknown(f"sequence of the {base} split", str(begin), self.names))
            chosen += found
        return sorted(set(chosen))


def stb_splits(splits: str, **policies: Mapping[str, Sequence[str]]) -> Sequences:
    """The split policy of STB a configuration names.

    Args:
        splits: name of one of the policies.
        policies: by name ``train``, ``val`` and ``test``, each a list of sequences or of their beginnings.
    Raises:
        ConfigError: for an unknown policy or sequence.
    Example:
        >>> stb_splits("own", own={"train": ["B3"], "val": ["B2"], "test": ["B1Random"]}).test
        ('B1Random',)
    """
    if splits not in policies:
        raise ConfigError(unknown("dataset.splits", splits, policies))
    chosen = {base: tuple(str(name) for name in names) for base, names in policies[splits].items()}
    if set(chosen) != {"train", "val", "test"}:
        raise ConfigError(
            f"dataset.spec.splits.{splits}: lists train, val and test are needed, not {list(chosen)}"
        )
    return Sequences(chosen["train"], chosen["val"], chosen["test"], SEQUENCES)
