"""Which sample comes when: by seed, epoch, process and position, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

Draw = tuple[int, int]
"""(epoch, index): the epoch travels with the index, so that workers need no shared state."""


class TrainSampler(Sampler[Draw]):
    """A seeded permutation per epoch, dealt out to the processes in equal counts.

    Where the count does not divide, the first samples of the order are dealt again. An epoch can be
    begun in its middle, for a resumed run.

    Args:
        count: samples of the split.
        seed: with the epoch, the seed of the permutation.
        rank, world_size: this process among how many.
        epoch: the epoch of the next iteration.
        skip: samples of this process that a resumed run has already seen in that epoch.
        shuffle: False keeps the split's order in every epoch, as some published programs do.
        multiple_of: samples of this process come in multiples of this, and what is left over of the order is
            not seen in that epoch; 1 leaves nothing out.
    """

    def __init__(
        self,
        count: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        epoch: int = 0,
        skip: int = 0,
        shuffle: bool = True,
        multiple_of: int = 1,
    ) -> None:
        self.count, self.seed, self.shuffle = count, seed, shuffle
        self.multiple_of = multiple_of
        self.rank, self.world_size = rank, world_size
        self.epoch, self.skip = epoch, skip

    def __len__(self) -> int:
        """Samples of a whole epoch: a resumed epoch keeps its length, as Lightning counts its batches on."""
        if self.multiple_of == 1:
            return -(-self.count // self.world_size)
        return self.count // self.world_size // self.multiple_of * self.multiple_of

    def __iter__(self) -> Iterator[Draw]:
        epoch = self.epoch
        order = np.arange(self.count)
        if self.shuffle:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.count)
        mine = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        return ((epoch, int(index)) for index in mine[self.skip :])

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this; naming another epoch ends the skipping."""
        if epoch != self.epoch:
            self.epoch, self.skip = epoch, 0


class EvalSampler(Sampler[Draw]):
    """Every sample exactly once over all processes; processes may differ by one sample, or have none.

    Args:
        count: samples of the split.
        rank, world_size: this process among how many.
    """

    def __init__(self, count: int, rank: int = 0, world_size: int = 1) -> None:
        self.count, self.rank, self.world_size = count, rank, world_size

    def __len__(self) -> int:
        return len(range(self.rank, self.count, self.world_size))

    def __iter__(self) -> Iterator[Draw]:
        return ((0, index) for index in range(self.rank, self.count, self.world_size))
