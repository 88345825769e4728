"""The loop every method shares, written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from carpus.metrics.protocols.base import Protocol
from carpus.types import Batch, Predictions

Outputs = dict[str, Tensor]
"""What a network returns: named tensors."""


@dataclass(frozen=True)
class LossTerm:
    """One named, weighted term of the loss.

    Args:
        fn: ``fn(outputs, batch) -> scalar``; a thin class of :mod:`carpus.losses`.
        weight: factor in the sum; the logged term is the unweighted value.
    """

    fn: Callable[[Outputs, Batch], Tensor]
    weight: float = 1.0


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; carries the keys of the batch at fault."""

    def __init__(self, keys: list[str], terms: Mapping[str, float]) -> None:
        self.keys = keys
        self.terms = dict(terms)
        listed = ", ".join(f"{name}={value:g}" for name, value in terms.items())
        super().__init__(f"the loss is not finite ({listed}) for the batch of {', '.join(keys[:4])}, …")


class PoseModule(pl.LightningModule):
    """Steps, optimiser, schedule, weighted losses and protocol updates.

    A method fills in ``prepare``, ``forward`` and ``decode``, and overrides ``losses`` only if a term needs
    more than the network's outputs and the prepared batch.

    Args:
        net: the network; its parameters are what is optimised.
        losses: name to :class:`LossTerm`.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None for a constant rate; stepped once per epoch, or
            per optimiser step if its class says ``interval = "step"``.
    """

    def __init__(
        self,
        net: nn.Module,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.terms = dict(losses)
        self._optimizer = optimizer
        self._scheduler = scheduler
        self.protocols: dict[str, Protocol] = {}
        self.scores: dict[str, dict[str, float]] = {}
        """What the protocols last found, in full precision; the logged copy is rounded to float32."""
        self.part: str | None = None
        """Of several datasets that are scored one after the other the one at hand, for the log."""

    def initialise(self) -> None:
        """Fill in published weights of a part, such as a backbone, where a training begins without others."""

    def prepare_training(self, effective_batch: int) -> None:
        """Adapt to the number of samples per optimiser step; the engine calls this before fitting.

        Args:
            effective_batch: samples per optimiser step over all processes and accumulated passes.
        """

    def attach(self, stage: str, protocol: Protocol | None) -> None:
        """Use ``protocol`` for the stage ``val`` or ``test``; None scores nothing. The engine calls this."""
        self.protocols.pop(stage, None)
        if protocol is not None:
            self.protocols[stage] = protocol

    def prepare(self, batch: Batch) -> Batch:
        """Network inputs and targets of a batch, built on its device without gradient."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Outputs:
        """Network outputs of a prepared batch."""
        raise NotImplementedError

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Predictions in the camera frame of the full image."""
        raise NotImplementedError

    def watch(self, stage: str, outputs: Outputs, batch: Batch) -> None:
        """Add a scored batch to figures of the method's own, which stand beside the protocol's.

        Args:
            stage: ``val`` or ``test``.
            outputs: the network's.
            batch: the prepared batch.
        """

    def watched(self, stage: str) -> dict[str, float]:
        """What :meth:`watch` found since this was last asked for, reduced over all processes."""
        del stage
        return {}

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Unweighted loss terms by their config names."""
        return {name: term.fn(outputs, batch) for name, term in self.terms.items()}

    def predict_batch(self, batch: Batch) -> Predictions:
        """Inference on one unprepared batch."""
        prepared = self._prepare(batch)
        return self.decode(self(prepared), prepared)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Weighted loss of a batch; every term is logged as ``train/<name>``."""
        prepared = self._prepare(batch)
        return self._loss(self(prepared), prepared, "train")

    def validation_step(self, batch: Batch, _: int) -> None:
        """Loss and protocol update of a validation batch."""
        prepared = self._prepare(batch)
        outputs = self(prepared)
        self._loss(outputs, prepared, "val")
        if "val" in self.protocols:
            self.protocols["val"].update(self.decode(outputs, prepared), prepared)
            self.watch("val", outputs, prepared)

    def test_step(self, batch: Batch, _: int) -> Predictions:
        """Protocol update of a test batch; callbacks receive the predictions."""
        prepared = self._prepare(batch)
        outputs = self(prepared)
        predictions = self.decode(outputs, prepared)
        if "test" in self.protocols:
            self.protocols["test"].update(predictions, prepared)
            self.watch("test", outputs, prepared)
        return predictions

    def predict_step(self, batch: Batch, _: int) -> Predictions:
        """Predictions of a batch without ground truth."""
        return self.predict_batch(batch)

    def on_validation_epoch_end(self) -> None:
        """Log what the protocol found."""
        self._report("val")

    def on_test_epoch_end(self) -> None:
        """Log what the protocol found."""
        self._report("test")

    def configure_optimizers(self) -> Any:
        """Optimiser and, if there is one, its schedule."""
        optimizer = self._optimizer(p for p in self.net.parameters() if p.requires_grad)
        if self._scheduler is None:
            return optimizer
        schedule = self._scheduler(optimizer)
        interval = getattr(schedule, "interval", "epoch")
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": interval}}

    def _prepare(self, batch: Batch) -> Batch:
        # Coordinates in millimetres need float32 also where the network runs in half precision.
        with torch.no_grad(), torch.autocast(device_type=self.device.type, enabled=False):
            return self.prepare(batch)

    def _loss(self, outputs: Outputs, batch: Batch, stage: str) -> Tensor:
        terms = self.losses(outputs, batch)
        total = torch.stack([self.terms[name].weight * value for name, value in terms.items()]).sum()
        logged = {f"{stage}/{name}": value.detach() for name, value in terms.items()}
        logged[f"{stage}/loss"] = total.detach()
        if stage == "train" and not torch.isfinite(total):
            raise NonFiniteLossError(batch.keys_, {name: float(value) for name, value in logged.items()})
        self.log_dict(
            logged,
            batch_size=batch.size,
            on_step=stage == "train",
            on_epoch=stage != "train",
            sync_dist=stage != "train",
        )
        return total

    def _report(self, stage: str) -> None:
        protocol = self.protocols.get(stage)
        if protocol is None:
            return
        # The protocol reduces over processes itself, so every process logs the same numbers.
        self.scores[stage] = {**protocol.compute(), **self.watched(stage)}
        where = f"{stage}/{self.part}" if self.part else stage
        self.log_dict({f"{where}/{name}": value for name, value in self.scores[stage].items()})
        protocol.reset()
