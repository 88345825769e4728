"""2DHandFlow and BiHand's stages as a training module."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_only
from torch import Tensor
from torch.optim import Optimizer

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.errors import ConfigError, unknown
from carpus.methods.base import LossTerm, NonFiniteLossError, Outputs, PoseModule
from carpus.methods.handflow2d.checks import check_sizes, check_terms
from carpus.methods.handflow2d.pairs import as_pairs
from carpus.metrics.heatmap_pck import HeatmapPck
from carpus.nets.backbones.pretrained import load_imagenet
from carpus.nets.flows import normalise_nll
from carpus.nets.handflow2d import CsFlowSeed, FlowSeed, HandFlowNet
from carpus.nets.handflow2d.kinematics import shape_of
from carpus.nets.handflow2d.latent_seed import LatentSeed
from carpus.skeletons import SNAP
from carpus.types import Batch, Predictions

log = logging.getLogger(__name__)

NORMALISE = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
}
"""Mean and deviation taken off the image: as 2DHandFlow, as BiHand's weights want it."""
ROOTS = ("gt", "constant")
MM_PER_M = 1000.0


class HandFlow2D(PoseModule):
    """Crop of one hand in; heat maps and silhouette, then joints in 3D, then a hand model.

    Args:
        net: its stages decide what is predicted.
        codec: heat-map targets and decoder.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        normalize: one of :data:`NORMALISE`.
        input_px: side of the network's input; the crop is resized if it has another.
        root_source: what places 3D joints: ``gt`` the true root, bone length; ``constant``: the middle of
            the crop at ``root_depth_mm`` and ``bone_mm``. The answer of the image alone is up to these.
        root_depth_mm: depth of the root for ``constant``.
        bone_mm: wrist to the base of the middle finger for ``constant``.
        imagenet: weights a flow seed's backbone starts from: a file, ``timm`` to let timm fetch its own, or
            None for random ones.
    Raises:
        ConfigError: for an unknown choice, or terms, sizes and stages that do not fit together.
    """

    def __init__(
        self,
        net: HandFlowNet,
        codec: Heatmap2D,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[torch.nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        normalize: str = "imagenet",
        input_px: int = 256,
        root_source: str = "gt",
        root_depth_mm: float = 600.0,
        bone_mm: float = 95.0,
        imagenet: str | None = None,
    ) -> None:
        super().__init__(net, losses, optimizer, scheduler)
        for name, value, allowed in (
            ("normalize", normalize, NORMALISE),
            ("root_source", root_source, ROOTS),
        ):
            if value not in allowed:
                raise ConfigError(unknown(f"method.module.{name}", value, allowed))
        check_terms(net, losses)
        check_sizes(net, codec, input_px)
        self.codec, self.normalize, self.input_px = codec, normalize, input_px
        self.root_source, self.root_depth_mm, self.bone_mm = root_source, root_depth_mm, bone_mm
        self.imagenet = imagenet
        self.rates = HeatmapPck(net.seednet.joints)
        """Published figure of the heat maps; see :meth:`watched`."""

    def initialise(self) -> None:
        """Fill a flow seed's backbone with ImageNet weights."""
        net = self.net
        assert isinstance(net, HandFlowNet)
        seed = net.seednet
        if not isinstance(seed, LatentSeed):
            return
        filled = load_imagenet(seed.feature_extractor, self.imagenet)
        rank_zero_info(f"backbone {seed.feature_extractor.name}: {filled.source}")
        normed = any(isinstance(part, torch.nn.BatchNorm2d) for part in seed.feature_extractor.modules())
        if self.imagenet is None and normed and (seed.bn_eval or seed.freeze):
            rank_zero_only(log.warning)(
                "the backbone starts from random weights and keeps statistics that mean nothing; set "
                "method.module.imagenet=timm (or a file), or seednet.net.bn_eval=false and freeze=false"
            )

    def prepare(self, batch: Batch) -> Batch:
        """Adds ``image`` and, where the hand is labelled, targets of every stage."""
        made = {"image": self._image(batch["rgb"]), **self._known(batch)}
        maps, veil = self.codec.encode(batch["kp2d"], batch["kp_valid"])
        made |= {
            "heatmap_target": maps,
            "heatmap_valid": veil,
            "mask_target": batch["mask"].float(),
            "mask_valid": batch["mask_veil"],
            "depth_target": batch["dep"],
            "depth_valid": batch["dep_veil"],
            "joints_target_mm": MM_PER_M * batch["joint"],
            "joints_target_valid": batch["kp_valid"] & batch["joint_known"][:, None],
        }
        hands = shape_of(batch["joint"], batch["joint_root"], eps=0.0)
        made |= {
            "joints_rs_target": hands.joints,
            "bone_mm": MM_PER_M * batch["joint_bone"],
            "kin_len_target": hands.lengths,
        }
        return batch.plus(**made)

    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs; the flow's likelihood only where a loss is to be computed."""
        infos = {"joint_root": batch["root_m"], "joint_bone": batch["bone_m"], "intr": batch["intr"]}
        net = self.net
        assert isinstance(net, HandFlowNet)
        wanted = infos if net.liftnet is not None else None
        return net(batch["image"], wanted, nll="flow" in self.terms and self._scores_losses())

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Unweighted loss terms; a hand model is drawn to nothing where joints in 3D are not known."""
        if "jointRS" in outputs:
            batch = Batch(batch.keys_, {**batch, **_where_known(outputs["jointRS"], batch)})
        return super().losses(outputs, batch)

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """The hand that was looked at, in the picture and in the camera's frame, as a pair of hands."""
        left = batch["hand_left"]
        found = self.codec.decode(outputs["l_hm"][-1].float())
        pixels = self.codec.to_image(found.joints_px, batch["image_to_crop"])
        predictions = Predictions(
            batch.keys_, joints_px=as_pairs(pixels, left), joint_scores=as_pairs(found.confidence, left)
        )
        joints_m = self._joints_m(outputs, batch)
        if joints_m is not None:
            predictions.joints_cam_mm = as_pairs(_in_camera_mm(joints_m, batch), left)
        if "vertsRS" in outputs:
            predictions.vertices_cam_mm = _in_camera_mm(_placed(outputs["vertsRS"], batch), batch)
        return predictions

    def watch(self, stage: str, outputs: Outputs, batch: Batch) -> None:
        """Count heat maps whose peak is where it belongs."""
        del stage
        maps = outputs["l_hm"][-1].float()
        self.rates.to(maps.device).update(maps, batch["heatmap_target"], batch["heatmap_valid"])

    def watched(self, stage: str) -> dict[str, float]:
        """``hm_pck``: as published, the mean over batches; ``hm_pck_global``: over all samples."""
        del stage
        rates = self.rates.compute()
        self.rates.reset()
        return {"hm_pck": float(rates.by_batch), "hm_pck_global": float(rates.overall)}

    def _loss(self, outputs: Outputs, batch: Batch, stage: str) -> Tensor:
        """As the base's; the flow's likelihood is logged in both of its units, its failure explained."""
        try:
            total = super()._loss(outputs, batch, stage)
        except NonFiniteLossError as error:
            error.args = (f"{error}; {self._culprit(batch)}",)
            raise
        if "l_ff" in outputs:
            nll = outputs["l_ff"].detach()
            per_dim = normalise_nll(nll, outputs["l_ff_dims"], "per_dim")
            logged = {f"{stage}/nll": nll, f"{stage}/nll_per_dim": per_dim}
            training = stage == "train"
            how = {"on_step": training, "on_epoch": not training, "sync_dist": not training}
            self.log_dict(logged, batch_size=batch.size, **how)
        return total

    def _culprit(self, batch: Batch) -> str:
        """Where the network stopped being finite, as far as that can be told, and what to do."""
        net = self.net
        assert isinstance(net, HandFlowNet)
        seed, remedy = net.seednet, "lower optimizer.lr or set trainer.gradient_clip_norm=1"
        if not isinstance(seed, FlowSeed | CsFlowSeed):
            return remedy
        found = seed.explain(batch["image"]) or "every step of the flow is finite by itself"
        return f"{found}; {remedy}, or bound the flow with seednet.net.clamp"

    def _scores_losses(self) -> bool:
        if self.training:
            return True
        return self._trainer is not None and (self._trainer.validating or self._trainer.sanity_checking)

    def _image(self, rgb: Tensor) -> Tensor:
        """``(B, 3, S, S)`` normalised, of ``(B, C, C, 3)`` uint8."""
        image = rgb.permute(0, 3, 1, 2).float() / 255
        if image.shape[-1] != self.input_px:
            size = (self.input_px, self.input_px)
            image = torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True)
        mean, deviation = (image.new_tensor(v)[:, None, None] for v in NORMALISE[self.normalize])
        return (image - mean) / deviation

    def _known(self, batch: Batch) -> dict[str, Tensor]:
        """Root and reference bone in metres that 3D joints are placed with; assumed where no label says."""
        focal, centre = batch["intr"][:, (0, 1), (0, 1)], batch["intr"][:, :2, 2]
        depth = torch.full_like(focal[:, :1], self.root_depth_mm / MM_PER_M)
        middle = self.codec.crop_px / 2
        root = torch.cat(((middle - centre) / focal * depth, depth), 1)
        bone = torch.full_like(depth, self.bone_mm / MM_PER_M)
        given = batch["joint_known"][:, None] & (self.root_source == "gt")
        return {
            "root_m": torch.where(given, batch["joint_root"], root),
            "bone_m": torch.where(given, batch["joint_bone"], bone),
        }

    @staticmethod
    def _joints_m(outputs: Outputs, batch: Batch) -> Tensor | None:
        """``(B, 21, 3)`` of the last stage that finds any, in the crop's frame."""
        if "jointRS" in outputs:
            return _placed(outputs["jointRS"], batch)
        return outputs["l_joint"][-1].float() if "l_joint" in outputs else None


def _placed(points_rs: Tensor, batch: Batch) -> Tensor:
    """Points ``(B, P, 3)`` about the root in reference bones, in metres of the crop's frame."""
    return points_rs.float() * batch["bone_m"][:, None] + batch["root_m"][:, None]


def _in_camera_mm(points_m: Tensor, batch: Batch) -> Tensor:
    """Points ``(B, P, 3)`` of the crop's frame in that of the picture: its turn and mirror undone."""
    linear = batch["image_to_crop"][..., :2].float()
    # Orthogonal once the zoom is taken off, so the product from this side is its inverse.
    turn = linear / linear[:, :1].norm(dim=-1, keepdim=True)
    return MM_PER_M * torch.cat((points_m[..., :2] @ turn, points_m[..., 2:]), -1)


def _where_known(joints_rs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Targets of a hand model; what it says itself where joints are not known."""
    said, known = joints_rs.detach().float(), batch["joints_target_valid"]
    parents, children = (list(ends) for ends in zip(*SNAP.bones, strict=True))
    lengths = (said[:, children] - said[:, parents]).norm(dim=-1, keepdim=True)
    whole = (known[:, children] & known[:, parents])[..., None]
    return {
        "joints_rs_target": torch.where(known[..., None], batch["joints_rs_target"], said),
        "kin_len_target": torch.where(whole, batch["kin_len_target"], lengths),
    }
