"""Several datasets as batches of one method's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from carpus.data.datamodule import DataModule, SplitLoaders
from carpus.data.fields import PASSED_ON
from carpus.data.loading import Failed, InputSamples, Loader, MakeInputs, collate_samples
from carpus.data.mixing import MixedSamples, Mixture, PartBatches
from carpus.data.sampler import Draw
from carpus.errors import ConfigError
from carpus.types import Batch, Inputs, Ragged

ONLY_SCORED = frozenset({*PASSED_ON, "joint_visible"})
"""Inputs that no training step reads."""


class MixedInputs(InputSamples):
    """A method's inputs of the samples of several parts, each made by its part's own inputs.

    Keys begin with the part's name; ``part`` in the inputs is its number. What only protocols read is left
    out of training samples, as not every dataset publishes it.

    Args:
        samples: of all parts.
        inputs: of every part.
        seed: with epoch and index in the mixture, the seed of a sample's generator.
        train: passed to ``inputs``.
    """

    def __init__(self, samples: MixedSamples, inputs: Sequence[MakeInputs], seed: int, train: bool) -> None:
        super().__init__(samples.parts[0], inputs[0], seed, train)
        self.mixed, self.makers = samples, tuple(inputs)

    def __len__(self) -> int:
        return len(self.mixed)

    def __getitem__(self, draw: Draw) -> tuple[str, Inputs] | Failed:
        """Key and inputs of a draw (epoch, index)."""
        number, position = self.mixed.mixture.place(*draw)
        name = self.mixed.names[number]
        made = self._make(draw, self.mixed.parts[number], self.makers[number], position)
        if isinstance(made, Failed):
            return Failed(type(made.error)(f"part {name}: {made.error}"))
        key, inputs = made
        if self.train:
            inputs = {name: value for name, value in inputs.items() if name not in ONLY_SCORED}
        return f"{name}/{key}", {**inputs, "part": number}


class MixedDataModule(SplitLoaders):
    """Loaders of several datasets for one method.

    Training samples come from all parts in the order of a :class:`~carpus.data.mixing.Mixture`. Batches of
    validation and test are of one part each, which the tensor ``part`` ``(B,)`` names.

    Args:
        parts: the loaders of every part alone, by name; all with the same settings.
        groups: names of the parts that follow one another; the groups are made equally long.
        mix: of the groups, for messages.
    """

    def __init__(
        self, parts: Mapping[str, DataModule], groups: Sequence[Sequence[str]], mix: str = "concat"
    ) -> None:
        first = next(iter(parts.values()))
        super().__init__(
            first.batch_size,
            first.eval_batch_size,
            first.workers,
            first.seed,
            first.shuffle,
            first.timeout_s,
            first.start_method,
            first.drop_last,
        )
        self.parts, self.mix = dict(parts), mix
        numbers = {name: number for number, name in enumerate(self.parts)}
        self._groups = [[numbers[name] for name in group] for group in groups]

    def pack(self, stage: str) -> None:
        """Pack what is missing of every part."""
        for part in self.parts.values():
            part.pack(stage)

    def samples(self, stage: str) -> MixedSamples:
        """Samples of all parts, for ``train`` in the order of the mixture."""
        opened = {name: part.samples(stage) for name, part in self.parts.items()}
        lengths = [len(samples) for samples in opened.values()]
        groups = self._groups if stage == "train" else [list(range(len(lengths)))]
        return MixedSamples(opened, Mixture(lengths, groups, self.seed))

    def count(self, stage: str) -> int:
        """Number of samples of a stage; of ``train`` with those that come again to make groups equal."""
        return len(self.samples(stage))

    def train_dataloader(self) -> Loader:
        """Batches of the training splits, after a look at whether the parts can share them.

        Raises:
            ConfigError: naming parts and inputs that differ.
        """
        data = self._inputs("train")
        starts = [data.mixed.first_of(number) for number in range(len(self.parts))]
        firsts = [made for made in (data[0, start] for start in starts) if not isinstance(made, Failed)]
        check_alike(tuple(self.parts), firsts)
        return super().train_dataloader()

    def _inputs(self, stage: str) -> MixedInputs:
        makers = [part.inputs for part in self.parts.values()]
        return MixedInputs(self.samples(stage), makers, self.seed, train=stage == "train")

    def _eval_loader(self, stage: str) -> Loader:
        batches = PartBatches(self.samples(stage).mixture, self.eval_batch_size, *self._process())
        return self._loader(stage, batches, None)

    def _loader(self, stage: str, sampler: Any, batch_size: int | None, **options: Any) -> Loader:
        join = partial(collate_parts, tuple(self.parts))
        return super()._loader(stage, sampler, batch_size, join=join, **options)

    def _depends(self) -> dict[str, Any]:
        return {**super()._depends(), "mixture": f"{self.mix} of {self.samples('train').describe()}"}


def collate_parts(names: tuple[str, ...], samples: Sequence[Any]) -> Batch | Failed:
    """A batch, or the first failure among its samples, or that parts ship what cannot be joined.

    Args:
        names: of the parts.
        samples: ``(key, inputs)`` with ``part`` in the inputs.
    """
    whole = [item for item in samples if not isinstance(item, Failed)]
    if len(whole) == len(samples):
        try:
            check_alike(names, whole)
        except ConfigError as error:
            return Failed(error)
    return collate_samples(samples)


def check_alike(names: tuple[str, ...], samples: Sequence[tuple[str, Inputs]]) -> None:
    """Refuse samples of different parts whose inputs cannot share a batch.

    Args:
        names: of the parts.
        samples: key and inputs; one of every part is looked at.
    Raises:
        ConfigError: naming the parts, and every input that differs.
    Example:
        >>> two = [("a/1", {"part": 0, "depth": np.zeros(3)}), ("b/1", {"part": 1})]
        >>> check_alike(("a", "b"), two)
        Traceback (most recent call last):
        carpus.errors.ConfigError: parts a and b cannot share a batch: 'depth' is only in a. Give both...
    """
    by_part = {int(inputs["part"]): inputs for _, inputs in reversed(samples)}  # type: ignore[arg-type]
    for (one, inputs), (other, others) in pairwise(sorted(by_part.items())):
        ours, theirs = _shapes(inputs), _shapes(others)
        wrong = [
            f"'{name}' is only in {names[one if name in ours else other]}"
            if name not in ours or name not in theirs
            else f"'{name}' is {ours[name]} in {names[one]} and {theirs[name]} in {names[other]}"
            for name in {**ours, **theirs}
            if ours.get(name) != theirs.get(name)
        ]
        if wrong:
            raise ConfigError(
                f"parts {names[one]} and {names[other]} cannot share a batch: {'; '.join(wrong)}. Give both "
                "parts the same settings, or train without one of them"
            )


def _shapes(inputs: Inputs) -> dict[str, str]:
    """Shape and type of every input; of ragged ones without the first dimension."""
    found = {}
    for name, value in inputs.items():
        array = np.asarray(value.values if isinstance(value, Ragged) else value)
        shape = ("*", *array.shape[1:]) if isinstance(value, Ragged) else array.shape
        found[name] = f"({', '.join(map(str, shape))}) {array.dtype}"
    return found
