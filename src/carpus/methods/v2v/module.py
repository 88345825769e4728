"""V2V-PoseNet as a training module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from carpus.codecs.occupancy import Occupancy
from carpus.codecs.volume import VolumeCodec
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from carpus.methods.base import LossTerm, Outputs, PoseModule
from carpus.methods.v2v.health import BatchRule, HealthCheck
from carpus.types import Batch, Predictions


class V2V(PoseModule):
    """Occupancy of the cube in, one heat-map volume per joint out, joints by the target's own decoder.

    Args:
        net: :class:`~carpus.methods.v2v.net.V2VNet`.
        grid: the voxel grid; the one the inputs and the codec use.
        codec: :class:`~carpus.codecs.GaussianVolume` or :class:`~carpus.codecs.TrilinearVolume`.
        losses: name to term; the term named ``heatmap`` is the one the health check watches.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        batch_rule: what to do for another batch size than the recipe's.
        health: when and how to look whether the network learns; None for never.
    """

    def __init__(
        self,
        net: nn.Module,
        grid: VoxelGrid,
        codec: VolumeCodec,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        batch_rule: BatchRule | None = None,
        health: HealthCheck | None = None,
    ) -> None:
        super().__init__(net, losses, optimizer, scheduler)
        self.occupancy = Occupancy(grid)
        self.codec = codec
        self.batch_rule = BatchRule() if batch_rule is None else batch_rule
        self.health = health
        self._lr_factor = 1.0

    def prepare(self, batch: Batch) -> Batch:
        """Adds ``occupancy`` ``(B, 1, S, S, S)`` and, where joints are known, the codec's targets."""
        transform = transform_of(batch)
        points = unproject_ragged(batch["pixels"], batch["depth"], batch["depth_length"], batch["camera"])
        volume = self.occupancy.encode(points, batch["depth_length"], batch["center_mm"], transform)
        targets = self._targets(batch, transform) if self._wants_targets(batch) else {}
        return batch.plus(occupancy=volume, **targets)

    def forward(self, batch: Batch) -> Outputs:
        """``volume`` ``(B, J, S/2, S/2, S/2)``."""
        return {"volume": self.net(batch["occupancy"])}

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Joints in the camera frame; the augmentation of a training batch is undone."""
        joints, scores = self.codec.decode(outputs["volume"], batch["center_mm"], transform_of(batch))
        return Predictions(batch.keys_, joints_cam_mm=joints, joint_scores=scores)

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """The configured terms; the health check reads along."""
        terms = super().losses(outputs, batch)
        if self.training and self.health and "heatmap" in terms and self.health.watches(self.global_step):
            self.log_dict(
                self.health.observe(self.global_step, terms["heatmap"], self.codec.idle_loss(batch), self.net)
            )
        return terms

    def prepare_training(self, effective_batch: int) -> None:
        """Warn if a recipe is not known to work with this batch, and scale the learning rate by its rule.

        Args:
            effective_batch: samples per optimiser step over all processes.
        """
        self._lr_factor = self.batch_rule.lr_factor(effective_batch)
        for complaint in self.batch_rule.complaints(effective_batch):
            rank_zero_warn(complaint)

    def on_fit_start(self) -> None:
        """Warn if batch normalisation sees too few samples."""
        per_device = getattr(getattr(self.trainer, "datamodule", None), "batch_size", None)
        if per_device is not None and per_device < self.batch_rule.min_per_device:
            rank_zero_warn(
                f"batch normalisation sees {per_device} samples per device; "
                f"{self.batch_rule.min_per_device} or more are advised"
            )

    def configure_optimizers(self) -> Any:
        """As every method, with the learning rate of the batch rule."""
        plain = self._optimizer
        # Scaled before the scheduler reads the rate, so that the schedule follows.
        self._optimizer = lambda parameters: _scale_lr(plain(parameters), self._lr_factor)
        try:
            return super().configure_optimizers()
        finally:
            self._optimizer = plain

    def _targets(self, batch: Batch, transform: VolumeTransform) -> dict[str, Tensor]:
        joints, center_mm = batch["joints_cam_mm"], batch["center_mm"]
        if "joint_valid" in batch:
            # What is not annotated may be NaN, which a mask on the loss would not remove.
            joints = torch.where(batch["joint_valid"][..., None], joints, center_mm[:, None])
        return self.codec.encode(joints, center_mm, transform)

    def _wants_targets(self, batch: Batch) -> bool:
        trainer = self._trainer
        scoring = trainer is not None and (trainer.testing or trainer.predicting)
        return "joints_cam_mm" in batch and not scoring


def transform_of(batch: Mapping[str, Tensor]) -> VolumeTransform:
    """The augmentation a batch was made with."""
    return VolumeTransform(batch["aug_scale"], batch["aug_angle"], batch["aug_shift"])


def unproject_ragged(pixels: Tensor, depth_mm: Tensor, lengths: Tensor, camera: Tensor) -> Tensor:
    """Camera-space points of the pixels of several images.

    Args:
        pixels: ``(N, 2)`` (u, v), the samples one after the other, of any number type.
        depth_mm: ``(N,)`` of any number type.
        lengths: ``(B,)`` pixels per sample, summing to N.
        camera: ``(B, 4)`` fx, fy, cx, cy.
    Returns:
        ``(N, 3)`` in the precision of ``camera``.
    """
    own = torch.repeat_interleave(camera, lengths, dim=0, output_size=len(depth_mm))
    z = depth_mm.to(camera.dtype)[:, None]
    return torch.cat(((pixels.to(camera.dtype) - own[:, 2:]) / own[:, :2] * z, z), -1)


def _scale_lr(optimizer: Optimizer, factor: float) -> Optimizer:
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return optimizer
