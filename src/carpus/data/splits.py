"""Split names, and which records of which store they mean."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from carpus.data.sources.msra import GESTURES
from carpus.data.sources.releases import RELEASES, release_of, release_of_centres
from carpus.data.store import Store
from carpus.errors import ConfigError, unknown

BASES = ("train", "val", "test")
SPLITS = (
    *BASES,
    *("minitrain", "minival", "minitest"),
    *("smalltrain", "smallval", "smalltest"),
    "tinytrain",
)
MINI_COUNT = 1000
SMALL_SHARE = {"train": 0.10, "val": 0.25, "test": 0.25}
TINY_SHARE = 0.05
_SEED = 1


def parse_split(split: str) -> tuple[str, str]:
    """Base and size of a split name.

    Raises:
        ConfigError: naming the nearest split that exists.
    Example:
        >>> parse_split("smallval"), parse_split("test")
        (('val', 'small'), ('test', ''))
    """
    if split not in SPLITS:
        raise ConfigError(unknown("split", split, SPLITS))
    base = next(b for b in BASES if split.endswith(b))
    return base, split.removesuffix(base)


def sample(positions: np.ndarray, base: str, size: str) -> np.ndarray:
    """A seeded sub-split, in the order drawn; fewer frames than asked give all of them.

    Args:
        positions: ``(N,)`` of the whole split.
        base: ``train``, ``val`` or ``test``.
        size: empty (all, in order), ``mini``, ``small`` or ``tiny``.
    """
    if not size:
        return positions
    share = {"small": SMALL_SHARE[base], "tiny": TINY_SHARE}
    count = MINI_COUNT if size == "mini" else int(len(positions) * share[size])
    if count >= len(positions):
        return positions
    draw = random.Random(_SEED)
    draw.randint(0, 100)  # InterHand2.6M's published sub-splits spend one number first; one rule for all
    return positions[draw.sample(range(len(positions)), max(count, 1))]


class SplitPolicy(ABC):
    """Says which records of which store make ``train``, ``val`` and ``test``."""

    centers: str

    @abstractmethod
    def store_of(self, base: str) -> str:
        """Physical split that holds a base split."""

    @abstractmethod
    def positions(self, base: str, store: Store) -> np.ndarray:
        """``(N,)`` int64 positions in the store, in published order."""

    @abstractmethod
    def center_mode(self, base: str) -> str:
        """``train`` or ``test``: which published centre file covers a base split."""

    @abstractmethod
    def center_lines(self, mode: str, store: Store) -> tuple[np.ndarray, np.ndarray, int]:
        """Positions, their lines in a centre file, and the number of lines the file must have."""

    @abstractmethod
    def explain(self, mode: str, store: Store, lines: int) -> str:
        """What a centre file of the wrong length probably is, and what to do."""

    def center_file(self, mode: str) -> str:
        """Name of a centre file."""
        return self.centers.format(split=mode, **self.describe())

    def groups(self, store: Store, positions: np.ndarray) -> np.ndarray:
        """``(N,)`` name of the recording each frame belongs to, for messages."""
        return np.full(len(positions), store.meta["split"])

    def describe(self) -> dict[str, Any]:
        """The settings a selection depends on."""
        return asdict(self)  # type: ignore[call-overload]


def choose(splits: str, **policies: SplitPolicy) -> SplitPolicy:
    """The split policy a configuration names.

    Args:
        splits: name of one of the policies.
        policies: by name.
    Raises:
        ConfigError: naming the nearest policy that exists.
    Example:
        >>> choose("published", published=Published()).test
        'test'
    """
    if splits not in policies:
        raise ConfigError(unknown("dataset.splits", splits, policies))
    return policies[splits]


@dataclass(frozen=True)
class Published(SplitPolicy):
    """The publisher's own splits.

    Args:
        train, val, test: physical split of each base split; by default validation is done on ``test``, as
            the references do.
        val_fraction: ``val`` is this share of ``train`` instead: its last frames in published order.
        centers: name of the centre files.
    """

    train: str = "train"
    val: str = "test"
    test: str = "test"
    val_fraction: float | None = None
    centers: str = "center_{split}_refined.txt"

    def __post_init__(self) -> None:
        if self.val_fraction is not None and not 0 < self.val_fraction < 1:
            raise ConfigError(f"val_fraction={self.val_fraction}: a share between 0 and 1 is expected")

    def store_of(self, base: str) -> str:
        """Physical split that holds a base split."""
        held_out = base == "val" and self.val_fraction is not None
        return self.train if held_out else {"train": self.train, "val": self.val, "test": self.test}[base]

    def positions(self, base: str, store: Store) -> np.ndarray:
        """All records of the store, or its part before or after the held-out share begins."""
        everything = np.arange(len(store))
        if self.val_fraction is None or base == "test":
            return everything
        held_out = max(1, int(len(store) * self.val_fraction))
        return everything[-held_out:] if base == "val" else everything[:-held_out]

    def center_mode(self, base: str) -> str:
        """The store's own name."""
        return self.store_of(base)

    def center_lines(self, mode: str, store: Store) -> tuple[np.ndarray, np.ndarray, int]:
        """Lines are the published line numbers."""
        return np.arange(len(store)), np.asarray(store.column("line")), int(store.meta["lines"])

    def explain(self, mode: str, store: Store, lines: int) -> str:
        """The two counts."""
        return f"the {mode} split of {store.meta['dataset']} has {store.meta['lines']} published frames"


@dataclass(frozen=True)
class LeaveOneSubjectOut(SplitPolicy):
    """One subject tests, the others train.

    Args:
        test_subject: the fold.
        val_subject: a training subject held out for model selection; without one, validation is done on the
            test subject, as the references do.
        store: the physical split that holds all subjects.
        centers: name of the centre files.
    """

    test_subject: int = 3
    val_subject: int | None = None
    store: str = "all"
    centers: str = "center_{split}_{test_subject}_refined.txt"

    def __post_init__(self) -> None:
        if self.val_subject == self.test_subject:
            raise ConfigError(f"val_subject={self.val_subject} is the test subject; choose another or null")

    def store_of(self, base: str) -> str:
        """The store of all subjects."""
        return self.store

    def positions(self, base: str, store: Store) -> np.ndarray:
        """Frames of the base split's subjects, in store order."""
        subject = np.asarray(store.column("subject"))
        for chosen in (self.test_subject, self.val_subject):
            if chosen is not None and not (subject == chosen).any():
                raise ConfigError(
                    f"no subject {chosen}: {store.folder} has {sorted(map(int, np.unique(subject)))}"
                )
        if base == "val" and self.val_subject is not None:
            return np.flatnonzero(subject == self.val_subject)
        if base != "train":
            return np.flatnonzero(subject == self.test_subject)
        keep = subject != self.test_subject
        return np.flatnonzero(keep & (subject != self.val_subject) if self.val_subject is not None else keep)

    def center_mode(self, base: str) -> str:
        """A held-out training subject has its centres in the fold's training file."""
        return "train" if base == "train" or (base == "val" and self.val_subject is not None) else "test"

    def center_lines(self, mode: str, store: Store) -> tuple[np.ndarray, np.ndarray, int]:
        """Line k is the fold's k-th frame."""
        in_test = np.asarray(store.column("subject")) == self.test_subject
        positions = np.flatnonzero(in_test if mode == "test" else ~in_test)
        return positions, np.arange(len(positions)), len(positions)

    def groups(self, store: Store, positions: np.ndarray) -> np.ndarray:
        """``P3/TIP``."""
        subject, gesture = store.column("subject")[positions], store.column("gesture")[positions]
        names = np.array([[f"P{s}/{g}" for g in GESTURES] for s in range(256)])
        return names[subject.astype(int), gesture.astype(int)]

    def explain(self, mode: str, store: Store, lines: int) -> str:
        """Where the lines end or go on, and both releases beside this tree."""
        positions, _, expected = self.center_lines(mode, store)
        subject = np.asarray(store.column("subject"))
        counts = np.bincount(subject, minlength=9).tolist()
        edge = self.groups(store, positions[[min(lines, expected - 1)]])[0]
        how = "ends in" if lines < expected else "goes on after"
        table = [f"{'subject':>8} {'this tree':>10} " + " ".join(f"{name:>7}" for name in RELEASES)]
        table += [
            f"{f'P{s}':>8} {count:>10} " + " ".join(f"{RELEASES[name][s]:>7}" for name in RELEASES)
            for s, count in enumerate(counts[:9])
        ]
        return (
            f"fold {self.test_subject} of this tree has {expected} {mode} frames: the file {how} {edge}. "
            f"The tree is {release_of(counts)}, the centres belong to "
            f"{release_of_centres(lines, self.test_subject, mode)}\n" + "\n".join(table)
        )
