"""DIGIT as a training module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from torch.optim import Optimizer

from carpus.codecs.hand25d import Hand25D
from carpus.codecs.part_labels import swap_hands
from carpus.data.augment_rgb import tinted
from carpus.methods.base import LossTerm, Outputs, PoseModule
from carpus.nets.backbones.pretrained import load_imagenet
from carpus.nets.digit import DigitNet
from carpus.types import Batch, Predictions


class Digit(PoseModule):
    """Crop in; per joint a heat map and a depth map, part masks, hand presence, depth between the wrists.

    Args:
        net: :class:`~carpus.nets.digit.DigitNet`.
        codec: 2.5D targets and decoder.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        imagenet: weights the backbone starts from: a file, ``timm`` to let timm fetch its own, or None for
            random ones.
    """

    def __init__(
        self,
        net: DigitNet,
        codec: Hand25D,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[torch.nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        imagenet: str | Path | None = None,
    ) -> None:
        super().__init__(net, losses, optimizer, scheduler)
        self.codec, self.imagenet = codec, imagenet

    def initialise(self) -> None:
        """Fill the backbone with ImageNet weights."""
        net = self.net
        assert isinstance(net, DigitNet)
        filled = load_imagenet(net.backbone, self.imagenet)
        rank_zero_info(f"backbone {net.backbone.name}: {filled.source}, {filled.loaded} entries")

    def prepare(self, batch: Batch) -> Batch:
        """Adds ``image`` ``(B, 3, S, S)`` in [0, 1] and, where joints are known, the codec's targets."""
        made = {"image": tinted(batch["rgb"], batch["colour"])}
        if "joints_cam_mm" in batch:
            # What is not annotated may be NaN or nonsense; the middle of the hands always projects.
            middle = batch["center_mm"][:, None]
            joints = torch.where(batch["joint_valid"][..., None], batch["joints_cam_mm"], middle)
            made |= self.codec.encode(
                joints,
                batch["joint_valid"],
                batch["hand_type"],
                batch["camera"],
                batch["image_to_crop"],
                batch["flipped"],
            )
        return batch.plus(**made)

    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs, and of them ``joints`` ``(B, J, 3)`` in cells, ``rel_root`` ``(B, 1)``."""
        outputs = self.net(batch["image"])
        joints = self.codec.joints_of(outputs["heatmap"], outputs["depth_map"])
        return {**outputs, "joints": joints, "rel_root": self.codec.rel_root_of(outputs["root_logits"])}

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Hands in the camera frame of the full image; the mirror of a training sample is undone."""
        flipped = batch["flipped"]
        pose = self.codec.decode(
            outputs["joints"].float(),
            outputs["rel_root"].float(),
            batch["camera"],
            batch["image_to_crop"],
            batch["root_depth_mm"],
            flipped,
        )
        present = outputs["hand_type_logits"].float().sigmoid()
        labels = outputs["segm_logits"].argmax(1)
        if bool(flipped.any()):
            present = torch.where(flipped[:, None], present.flip(1), present)
            labels = torch.where(flipped[:, None, None], swap_hands(labels), labels)
        return Predictions(
            batch.keys_,
            joints_cam_mm=pose.joints_cam_mm,
            joints_px=pose.joints_px,
            joint_scores=self._peak(outputs["heatmap"]),
            hand_type_prob=present,
            rel_root_depth_mm=pose.rel_root_depth_mm,
            segm_labels=labels,
        )

    def _peak(self, heatmap: Tensor) -> Tensor:
        """``(B, J)`` largest mass of each joint's soft-max."""
        flat = heatmap.float().flatten(2) * self.codec.beta
        return (flat.amax(-1) - flat.logsumexp(-1)).exp()
