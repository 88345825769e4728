"""The depth CR family as one training module: what it computes follows from its composition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from carpus.codecs.depth_cr import CenteredJoints, FrameAnchors, Located, SceneAnchors, joint_decoder
from carpus.losses.depth_cr import VALIDATION_TERMS, build_terms, gradient_norms, inert_terms, loss_preset
from carpus.methods.base import LossTerm, Outputs, PoseModule
from carpus.methods.depth_cr.model import guide_maps
from carpus.methods.depth_cr.wire import expand
from carpus.nets.depth_cr import Composition, norm_decay, set_norm_decay
from carpus.types import Batch, Predictions


class DepthCR(PoseModule):
    """One of the 28 models, or any composition of their parts.

    Args:
        model: the composition.
        joints: joints J of the skeleton.
        cube_mm: edge of the hand's cube.
        depth_range_mm: valid depth; the scene a 3D localiser looks at.
        preset: weights and reductions of the losses: ``ref``, ``ref_20180222`` or ``balanced``.
        weights: name to weight, where another than the preset's is wanted; None keeps the preset's.
        batch_size: samples per optimiser step; ``balanced`` divides the L2 penalty by it.
        decoder_options: further arguments of the decoder.
        corrected_z: ``udir2`` maps are drawn from the true points; the decoder must know.
        dropout: share of features dropped before last layers.
        norm_decay: decay of running statistics; None chooses by the number of steps.
        watch_step: step at which terms and their gradients are printed, and a term without influence is
            warned of; 0 for never.
        losses: further terms.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
    """

    def __init__(
        self,
        model: Composition,
        joints: int,
        cube_mm: float,
        depth_range_mm: tuple[float, float],
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        preset: str = "balanced",
        weights: Mapping[str, float | None] | None = None,
        batch_size: int = 50,
        decoder_options: Mapping[str, Any] | None = None,
        corrected_z: bool = False,
        dropout: float = 0.5,
        norm_decay: float | None = None,
        watch_step: int = 10,
    ) -> None:
        net = model.build_net(joints, dropout)
        numbers = loss_preset(preset, model.loss, model.guide.name, batch_size)
        terms = build_terms(numbers, model.guide, net)
        chosen = {name: weight for name, weight in (weights or {}).items() if weight is not None}
        own = {name: LossTerm(fn, chosen.get(name, weight)) for name, (fn, weight) in terms.items()}
        super().__init__(net, {**own, **losses}, optimizer, scheduler)
        self.model, self.joints, self.half_mm = model, joints, cube_mm / 2
        self.depth_range_mm = (float(depth_range_mm[0]), float(depth_range_mm[1]))
        self.norm_decay, self.watch_step = norm_decay, watch_step
        self._summed = frozenset(
            n for n, term in numbers.terms.items() if term.reduction == "sum" and n != "l2"
        )
        # What the published program watches: the penalty of the weights is no matter of validation.
        self._unwatched = frozenset(own) - frozenset(VALIDATION_TERMS[model.loss])
        options = dict(decoder_options or {})
        if model.decoder == "udir2_top5" and corrected_z:
            options["corrected_z"] = True
        heat, side = "heat" in model.guide.parts, model.guide.side or 32
        self._decoder = (
            None if model.locates else joint_decoder(model.decoder, self.half_mm, heat, side, **options)
        )

    def prepare(self, batch: Batch) -> Batch:
        """Adds ``net_input`` ``(B, C, *S)`` and the targets of the losses where the truth is known."""
        channels = (*(self.model.input.side,) * self.model.input.dim, self.model.input.channels)
        made = {"net_input": expand(batch, "net_input", channels, self.model.input.kind)}
        if "joints_cam_mm" in batch and self.model.locates:
            made["anchor_target"] = self._anchor_target(batch)
        elif "joints_cam_mm" in batch:
            middle = batch["center_mm"][:, None]
            # What is not annotated may be NaN, which a mask on the loss would not remove.
            joints = torch.where(batch["joint_valid"][..., None], batch["joints_cam_mm"], middle)
            made["pose_target_mm"] = CenteredJoints().encode(joints, batch["center_mm"])
            if grid := guide_maps(self.model):
                width = self.joints * self.model.guide.channels_per_joint
                made["guide_target"] = expand(batch, "guide", (*grid, width))
        return Batch(batch.keys_, {**batch, **made})

    def forward(self, batch: Batch) -> Outputs:
        """What the network says: ``joints_centered_mm``, ``maps_<r>`` or ``anchors``."""
        return self.net(batch["net_input"])

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Joints in the camera frame; from a localiser the middle of the cube as the only joint."""
        if self._decoder is None:
            found = self.locate(outputs, batch)
            return Predictions(
                batch.keys_, joints_cam_mm=found.center_mm[:, None], joint_scores=found.score[:, None]
            )
        joints, scores = self._decoder.decode(outputs, batch["center_mm"], batch["net_input"])
        return Predictions(batch.keys_, joints_cam_mm=joints, joint_scores=scores)

    def locate(self, outputs: Outputs, batch: Batch) -> Located:
        """The cubes a localiser finds."""
        anchors = self._anchors(batch)
        if isinstance(anchors, FrameAnchors):
            return anchors.decode(outputs["anchors"], batch["camera"])
        return anchors.decode(outputs["anchors"])

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """The terms of the preset; published sums run over the whole optimiser step."""
        terms = super().losses(outputs, batch)
        if not self.training:
            return {name: value for name, value in terms.items() if name not in self._unwatched}
        passes = self._passes()
        terms = {name: value * (passes if name in self._summed else 1) for name, value in terms.items()}
        if self.watch_step and self.global_step == self.watch_step:
            self._watch(terms)
        return terms

    def on_fit_start(self) -> None:
        """Fit the memory of batch normalisation to the length of the training."""
        steps = int(self.trainer.estimated_stepping_batches)
        decay = norm_decay(steps) if self.norm_decay is None else self.norm_decay
        set_norm_decay(self.net, decay)
        rank_zero_info(
            f"batch normalisation remembers {1 / (1 - decay):.0f} steps (decay {decay:g}) of {steps:,}"
        )

    def _passes(self) -> int:
        """Forward passes behind one optimiser step, whose gradients Lightning averages."""
        trainer = self._trainer
        return 1 if trainer is None else trainer.accumulate_grad_batches * trainer.world_size

    def _watch(self, terms: Mapping[str, Tensor]) -> None:
        """Print the weighted terms and their gradients; warn of those that move nothing."""
        self.watch_step = 0
        if self.model.locates:
            return
        weighted = {name: self.terms[name].weight * value for name, value in terms.items()}
        norms = gradient_norms(weighted, self.net.last_stem_weight())
        listed = ", ".join(
            f"{n} {float(v.detach()):.4g} (gradient {norms[n]:.3g})" for n, v in weighted.items()
        )
        rank_zero_info(f"weighted loss terms: {listed}")
        self.log_dict({f"gradient/{name}": norm for name, norm in norms.items()})
        guides = [name for name in inert_terms(norms) if name in ("map", "unit", "detection")]
        if guides:
            rank_zero_warn(
                f"{', '.join(guides)}: less than 1/1000 of the gradient, so the maps hardly guide the "
                "network. loss=balanced weighs them visibly; the preset ref is kept as published"
            )

    def _anchors(self, batch: Batch) -> FrameAnchors | SceneAnchors:
        if self.model.net.dim == 2:
            rows, cols = batch["image_size"][0].tolist()
            return FrameAnchors(rows, cols, self.half_mm)
        near, far = self.depth_range_mm
        edge = far - near
        return SceneAnchors((-edge / 2, -edge / 2, near), edge, self.half_mm)

    def _anchor_target(self, batch: Batch) -> Tensor:
        """What a localiser should say."""
        anchors = self._anchors(batch)
        if isinstance(anchors, FrameAnchors):
            return anchors.encode(batch["center_mm"], batch["camera"])
        return anchors.encode(batch["center_mm"])
