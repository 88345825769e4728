"""Which people train, which choose the best weights, which are scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.data.rgb_splits import PictureSplits
from carpus.data.store import Store
from carpus.errors import ConfigError

ABSENT = "none"
"""Names the physical split of what is not published."""


@dataclass(frozen=True)
class PersonSplits(PictureSplits):
    """The publisher's splits, and a seeded share of training for what is not published.

    Args:
        train, val, test: physical splits; None where a dataset has no such split. Where ``val`` or ``test``
            names the training split, a share of it is kept apart; nobody of a group is on both sides.
        val_fraction: that share of the groups.
        by: column that says which records belong together.
        seed: of the choice.
    Raises:
        ConfigError: for a share outside 0 to 1.
    Example:
        >>> PersonSplits(test="test").store_of("test"), PersonSplits(test="test").store_of("train")
        ('test', 'none')
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    val_fraction: float = 0.02
    by: str = "image_id"
    seed: int = 1

    def __post_init__(self) -> None:
        if self._shared and not 0 < self.val_fraction < 1:
            raise ConfigError(f"val_fraction={self.val_fraction}: a share between 0 and 1 is expected")

    @property
    def _shared(self) -> bool:
        return self.train is not None and self.train in (self.val, self.test)

    def store_of(self, base: str) -> str:
        """The physical split of a base split, :data:`ABSENT` where the dataset has none."""
        return {"train": self.train, "val": self.val, "test": self.test}[base] or ABSENT

    def positions(self, base: str, store: Store) -> np.ndarray:
        """All records of a store, or one side of the training store."""
        if not self._shared or self.store_of(base) != self.train:
            return np.arange(len(store))
        groups = np.asarray(store.column(self.by))
        distinct = np.unique(groups)
        if len(distinct) < 2:
            return np.arange(len(store))
        count = min(max(1, round(len(distinct) * self.val_fraction)), len(distinct) - 1)
        chosen = np.random.default_rng(self.seed).permutation(distinct)[:count]
        held_out = np.isin(groups, chosen)
        return np.flatnonzero(~held_out if base == "train" else held_out)
