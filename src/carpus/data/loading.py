"""From a split's samples to batches: one generator per sample, errors that name the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from carpus.data.sampler import Draw, EvalSampler, TrainSampler
from carpus.data.samples import Samples
from carpus.errors import CarpusError, DataError
from carpus.types import Batch, Inputs, Record, collate

MakeInputs = Callable[[Record, np.random.Generator, bool], Inputs]
"""``inputs(record, rng, train) -> Inputs`` of a method."""


@dataclass(frozen=True)
class Failed:
    """What a worker sends instead of a batch; its error is raised where it can be read."""

    error: CarpusError


class InputSamples(TorchDataset[Any]):
    """A method's inputs of the samples of a split.

    Args:
        samples: the split.
        inputs: the method's inputs.
        seed: with epoch and index, the seed of a sample's generator.
        train: passed to ``inputs``.
    """

    def __init__(self, samples: Samples, inputs: MakeInputs, seed: int, train: bool) -> None:
        self.samples, self.inputs = samples, inputs
        self.seed, self.train = seed, train

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> tuple[str, Inputs] | Failed:
        """Key and inputs of a draw (epoch, index); ``index`` is added to the inputs."""
        return self._make(draw, self.samples, self.inputs, draw[1])

    def __getitems__(self, draws: Sequence[Draw]) -> Any:
        """What a loader asks for: a whole batch at once of samples that lie in arrays, else one by one."""
        rows, many = getattr(self.samples, "rows", None), getattr(self.inputs, "many", None)
        if rows is None or many is None:
            return [self[draw] for draw in draws]
        index = np.array([index for _, index in draws])
        try:
            keys, fields = rows(index)
        except CarpusError as error:
            return Failed(error)
        arrays = {**many(fields), "index": index}
        return Batch(keys, {name: torch.from_numpy(values) for name, values in arrays.items()})

    def _make(self, draw: Draw, samples: Samples, make: MakeInputs, position: int) -> Any:
        """Key and inputs of the sample at ``position``, drawn by a generator of its own."""
        epoch, index = draw
        try:
            record = samples[position]
        except CarpusError as error:
            return Failed(error)
        try:
            rng = np.random.default_rng((self.seed, epoch, index))
            inputs = make(record, rng, self.train)
        except CarpusError as error:
            named = str(error) if record.key in str(error) else f"record '{record.key}': {error}"
            return Failed(type(error)(named))
        except Exception as error:
            raise RuntimeError(f"record '{record.key}' (sample {position} of {samples.split})") from error
        return record.key, {**inputs, "index": index}


def collate_samples(samples: Sequence[Any] | Batch | Failed) -> Batch | Failed:
    """A batch, or the first failure among its samples; what is a batch already stays as it is."""
    if isinstance(samples, Batch | Failed):
        return samples
    failed = next((item for item in samples if isinstance(item, Failed)), None)
    return failed or collate(samples)


def quiet_worker(_: int) -> None:
    """One thread per worker: the workers are the parallelism."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


class Loader(DataLoader[Any]):
    """A DataLoader that raises the one-sentence error of a bad record in the main process.

    It has the two methods by which Lightning recognises a loader that can resume in the middle of an
    epoch; the position itself is kept by the DataModule and applied by the sampler.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, Failed):
                raise batch.error
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The epoch, for the record."""
        return {"epoch": getattr(self.sampler, "epoch", 0)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Nothing to do: the sampler was made for the position where the run continues."""


def make_loader(
    samples: InputSamples,
    sampler: TrainSampler | EvalSampler | Sampler[list[Draw]],
    batch_size: int | None,
    workers: int = 0,
    timeout_s: float = 0.0,
    start_method: str | None = None,
    pin_memory: bool | None = None,
    join: Callable[[Sequence[Any]], Batch | Failed] = collate_samples,
) -> Loader:
    """A loader of a split; the last partial batch is kept.

    Args:
        samples: what to load.
        sampler: which sample comes when, or which samples make which batch.
        batch_size: samples per batch and process; None if the sampler makes batches.
        workers: worker processes, 0 loads in this one.
        timeout_s: seconds after which a silent worker is an error; 0 waits for ever.
        start_method: ``fork``, ``spawn`` or ``forkserver``; the system's by default.
        pin_memory: page-locked batches; by default where a CUDA device exists.
        join: makes a batch of samples.
    """
    order: dict[str, Any] = {"batch_sampler": sampler}
    if batch_size is not None:
        order = {"batch_size": batch_size, "sampler": sampler}
    if len(samples) == 0:
        raise DataError(f"the split '{samples.samples.split}' is empty")
    return Loader(
        samples,
        **order,
        num_workers=workers,
        collate_fn=join,
        pin_memory=torch.cuda.is_available() if pin_memory is None else pin_memory,
        timeout=timeout_s if workers else 0,
        worker_init_fn=quiet_worker if workers else None,
        multiprocessing_context=start_method if workers else None,
        persistent_workers=workers > 0,
        # Else each iterator would draw from the global generator, and a resumed run would draw once more.
        generator=torch.Generator().manual_seed(samples.seed),
    )
