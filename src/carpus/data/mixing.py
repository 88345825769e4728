"""Several datasets as one sequence of training samples: in which order, and how often each of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from carpus.data.sampler import Draw
from carpus.data.samples import Samples
from carpus.errors import DataError

_DRAWN = 1
"""Sets the draws of a mixture apart from those of a sample's augmentation, which is seeded alike."""


@dataclass(frozen=True)
class Mixture:
    """Which sample of which part stands at which place.

    The parts of a group follow one another. Of several groups each is repeated whole as often as it fits into
    the longest one; what is then missing to equal length is drawn from it at random, anew in every epoch.

    Args:
        lengths: number of samples of every part, in order.
        groups: numbers of the parts of every group, in order; each part is in one.
        seed: of what is drawn.
    Example:
        >>> both = Mixture([3, 2, 2], [[0], [1, 2]])
        >>> len(both), both.place(0, 2), both.place(0, 4), both.place(0, 7)
        (8, (0, 2), (1, 0), (2, 1))
    """

    lengths: Sequence[int]
    groups: Sequence[Sequence[int]]
    seed: int = 0

    @classmethod
    def concat(cls, lengths: Sequence[int]) -> Mixture:
        """All parts one after the other."""
        return cls(lengths, [list(range(len(lengths)))])

    def __len__(self) -> int:
        return len(self.groups) * self._longest

    def place(self, epoch: int, index: int) -> tuple[int, int]:
        """Part and number in it of the sample at ``index`` in an epoch.

        Raises:
            IndexError: if there is no such place.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of a mixture that has {len(self)}")
        number, position = divmod(index, self._longest)
        group = self.groups[number]
        ends = list(accumulate(self.lengths[part] for part in group))
        length = ends[-1]
        if position >= length * (self._longest // length):
            position = self.drawn(epoch, index, length)
        position %= length
        within = bisect_right(ends, position)
        return group[within], position - (ends[within - 1] if within else 0)

    def drawn(self, epoch: int, index: int, length: int) -> int:
        """Number below ``length`` of what stands where whole repetitions of a group do not reach."""
        return int(np.random.default_rng((self.seed, epoch, index, _DRAWN)).integers(length))

    @property
    def _longest(self) -> int:
        return max(sum(self.lengths[part] for part in group) for group in self.groups)


def by_dimension(names: Sequence[str], datasets: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Names of parts with joints in space, then of those without, each group in the order given.

    A dataset says which it is by ``labels_3d``; one that does not say has joints in space if it offers
    ``joints_cam_mm``.

    Args:
        names: of the parts.
        datasets: configuration of every part's dataset.
    Returns:
        Two groups, or one where all parts are of a kind.
    Example:
        >>> kinds = {"human36m": {"offers": ["joints_cam_mm"]}, "mpii": {"labels_3d": False}}
        >>> by_dimension(["mpii", "human36m"], kinds)
        [['human36m'], ['mpii']]
    """

    def in_space(name: str) -> bool:
        said = datasets[name].get("labels_3d")
        return "joints_cam_mm" in datasets[name].get("offers", ()) if said is None else bool(said)

    groups = [[name for name in names if in_space(name) == wanted] for wanted in (True, False)]
    return [group for group in groups if group]


class MixedSamples:
    """Samples of several parts, and their order.

    Args:
        parts: by name, in order.
        mixture: of their lengths.
    Raises:
        DataError: if a part is empty.
    """

    def __init__(self, parts: Mapping[str, Samples], mixture: Mixture) -> None:
        self.names, self.parts, self.mixture = tuple(parts), tuple(parts.values()), mixture
        for name, samples in parts.items():
            if not len(samples):
                raise DataError(f"part {name} of the mixture has no sample in the split '{samples.split}'")

    def __len__(self) -> int:
        return len(self.mixture)

    @property
    def split(self) -> str:
        """Name of the split, for messages."""
        return f"{self.parts[0].split} of {' + '.join(self.names)}"

    def first_of(self, part: int) -> int:
        """Index of the first sample of a part, by its number."""
        mixture = self.mixture
        group = next(number for number, members in enumerate(mixture.groups) if part in members)
        members = list(mixture.groups[group])
        before = sum(mixture.lengths[number] for number in members[: members.index(part)])
        return group * (len(mixture) // len(mixture.groups)) + before

    def describe(self) -> str:
        """The parts and their lengths in words: ``stb 15,000 + rhd 41,258``."""
        return " + ".join(f"{name} {len(part):,}" for name, part in zip(self.names, self.parts, strict=True))


class PartBatches(Sampler[list[Draw]]):
    """Batches for evaluation, each of one part: every sample once over all processes.

    Args:
        mixture: all parts, one after the other.
        batch_size: samples per batch.
        rank, world_size: this process among how many.
    """

    def __init__(self, mixture: Mixture, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.batch_size = batch_size
        ends = accumulate(mixture.lengths)
        self._shares = [
            range(end - length + rank, end, world_size)
            for end, length in zip(ends, mixture.lengths, strict=True)
        ]

    def __len__(self) -> int:
        return sum(-(-len(share) // self.batch_size) for share in self._shares)

    def __iter__(self) -> Iterator[list[Draw]]:
        for share in self._shares:
            for start in range(0, len(share), self.batch_size):
                yield [(0, index) for index in share[start : start + self.batch_size]]
