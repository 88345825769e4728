"""The splits of a dataset as batches of a method's inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl

from carpus.data.loading import InputSamples, Loader, MakeInputs, make_loader
from carpus.data.packed_dataset import AnyDataset
from carpus.data.packing import Progress
from carpus.data.sampler import EvalSampler, TrainSampler
from carpus.data.samples import Samples
from carpus.errors import ConfigError


class SplitLoaders(pl.LightningDataModule, ABC):
    """Loaders of a training, a validation and a test split; resumes in the middle of an epoch.

    The trainer must run with ``use_distributed_sampler=False``: the samplers here know the processes.

    Args:
        batch_size: training samples per batch and process.
        eval_batch_size: the same for validation and test; the training one by default.
        workers: worker processes of each loader.
        seed: seed of order and augmentation.
        shuffle: another order of the training samples in every epoch.
        timeout_s: seconds after which a silent worker is an error; 0 waits for ever.
        start_method: how workers start; the system's default by default.
        drop_last: leave out the last batch of an epoch if it is not full.
    """

    def __init__(
        self,
        batch_size: int,
        eval_batch_size: int | None = None,
        workers: int = 0,
        seed: int = 0,
        shuffle: bool = True,
        timeout_s: float = 0.0,
        start_method: str | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__()
        self.drop_last = drop_last
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or batch_size
        self.workers, self.seed, self.shuffle = workers, seed, shuffle
        self.timeout_s, self.start_method = timeout_s, start_method
        # A process without a sample is fine: metrics reduce over sums, not over batches.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        self._position: dict[str, Any] | None = None

    @abstractmethod
    def pack(self, stage: str) -> None:
        """Pack what the stage ``train``, ``val`` or ``test`` needs and does not find packed."""

    @abstractmethod
    def count(self, stage: str) -> int:
        """Number of samples of a stage."""

    @abstractmethod
    def _inputs(self, stage: str) -> InputSamples:
        """What the loaders load."""

    @abstractmethod
    def _eval_loader(self, stage: str) -> Loader:
        """Batches of a stage, every sample once."""

    def prepare_data(self) -> None:
        """Pack what is missing; Lightning calls this in one process per node."""
        for stage in self._stages():
            self.pack(stage)

    def train_dataloader(self) -> Loader:
        """Batches of the training split, from where a resumed run has stopped."""
        rank, world_size = self._process()
        epoch, skip = self._take_position()
        sampler = TrainSampler(
            self.count("train"),
            self.seed,
            rank,
            world_size,
            epoch,
            skip * self.batch_size,
            self.shuffle,
            self.batch_size if self.drop_last else 1,
        )
        if not len(sampler):
            raise ConfigError(
                f"drop_last=true: {self.count('train')} training samples on {world_size} process(es) fill no "
                f"batch of {self.batch_size}; take smaller batches or drop_last=false"
            )
        return self._loader("train", sampler, self.batch_size)

    def val_dataloader(self) -> Loader:
        """Batches of the validation split, every sample once."""
        return self._eval_loader("val")

    def test_dataloader(self) -> Loader:
        """Batches of the test split, every sample once."""
        return self._eval_loader("test")

    def predict_dataloader(self) -> Any:
        """The test split."""
        return self.test_dataloader()

    def state_dict(self) -> dict[str, Any]:
        """Where training stands: the next batch's epoch and number, and what that number depends on."""
        if self.trainer is None:
            return {}
        loop: Any = self.trainer.fit_loop
        # ``ready`` counts epochs begun, ``processed`` batches done: both also hold inside hooks.
        epoch = max(loop.epoch_progress.current.ready - 1, 0)
        batch = loop.epoch_loop.batch_progress.current.processed
        if batch and batch >= loop.max_batches:
            epoch, batch = epoch + 1, 0
        return {"epoch": epoch, "batch": batch, **self._depends()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue at a saved position."""
        self._position = dict(state_dict) if "epoch" in state_dict else None

    def _take_position(self) -> tuple[int, int]:
        """Epoch and number of the first batch; a position is used once."""
        state, self._position = self._position, None
        if state is None:
            return (self.trainer.current_epoch if self.trainer is not None else 0), 0
        now = self._depends()
        changed = [f"{name} {state.get(name)} -> {now[name]}" for name in now if state.get(name) != now[name]]
        if state["batch"] and changed:
            raise ConfigError(
                f"this run stopped in the middle of epoch {state['epoch']} and cannot continue there with "
                f"{', '.join(changed)}; resume with the same values"
            )
        return state["epoch"], state["batch"]

    def _depends(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "processes": self._process()[1],
            "seed": self.seed,
            "samples": self.count("train"),
        }

    def _stages(self) -> list[str]:
        stage = str(getattr(self.trainer.state.fn, "value", "fit")) if self.trainer is not None else "fit"
        return {"fit": ["train", "val"], "validate": ["val"]}.get(stage, ["test"])

    def _process(self) -> tuple[int, int]:
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _loader(self, stage: str, sampler: Any, batch_size: int | None, **options: Any) -> Loader:
        return make_loader(
            self._inputs(stage),
            sampler,
            batch_size,
            self.workers,
            self.timeout_s,
            self.start_method,
            **options,
        )


class DataModule(SplitLoaders):
    """Loaders of a dataset for one method.

    Args:
        dataset: the dataset.
        inputs: the method's inputs.
        batch_size, eval_batch_size, workers, seed, shuffle, timeout_s, start_method, drop_last: see
            :class:`SplitLoaders`.
        train_split, val_split, test_split: split names.
        progress: called with (done, total) while packing.
    """

    def __init__(
        self,
        dataset: AnyDataset,
        inputs: MakeInputs,
        batch_size: int,
        eval_batch_size: int | None = None,
        workers: int = 0,
        seed: int = 0,
        shuffle: bool = True,
        train_split: str = "train",
        val_split: str = "val",
        test_split: str = "test",
        timeout_s: float = 0.0,
        start_method: str | None = None,
        progress: Progress | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(
            batch_size, eval_batch_size, workers, seed, shuffle, timeout_s, start_method, drop_last
        )
        self.dataset, self.inputs, self.progress = dataset, inputs, progress
        self.split_names = {"train": train_split, "val": val_split, "test": test_split}
        self._samples: dict[str, Samples] = {}

    def pack(self, stage: str) -> None:
        """Open the stage's split, which packs it where it is missing."""
        self.dataset.open(self.split_names[stage], self.progress)

    def samples(self, stage: str) -> Samples:
        """Samples of ``train``, ``val`` or ``test``, opened once."""
        if stage not in self._samples:
            opened = self.dataset.open(self.split_names[stage], self.progress)
            types = getattr(self.inputs, "stored_types", ())
            self._samples[stage] = self.dataset.with_prepared(opened, types) if types else opened
        return self._samples[stage]

    def score_on(self, split: str) -> None:
        """Test on another split from now on."""
        self.split_names["test"] = split
        self._samples.pop("test", None)

    def count(self, stage: str) -> int:
        """Number of samples of a stage."""
        return len(self.samples(stage))

    def _inputs(self, stage: str) -> InputSamples:
        return InputSamples(self.samples(stage), self.inputs, self.seed, train=stage == "train")

    def _eval_loader(self, stage: str) -> Loader:
        return self._loader(stage, EvalSampler(self.count(stage), *self._process()), self.eval_batch_size)
