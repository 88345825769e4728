"""Pose2Pose as a training module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from carpus.bodies.layers import BodyLayer, SmplBody
from carpus.codecs.whole_body.layout import resized
from carpus.methods.base import LossTerm, Outputs
from carpus.methods.fitted import FittedPerson
from carpus.nets.hand4whole.pose2pose import Pose2PoseBody, Pose2PoseFace, Pose2PoseHand
from carpus.nets.hand4whole.posed import posed_part
from carpus.nets.hand4whole.sizes import VirtualCamera

_PARTS = {Pose2PoseBody: "body", Pose2PoseHand: "hand", Pose2PoseFace: "face"}
_POSES = {
    "smpl": ("root_pose", "body_pose"),
    "mano": ("root_pose", "hand_pose"),
    "flame": ("root_pose", "jaw_pose"),
}


class Pose2Pose(FittedPerson):
    """Crop of a body, a hand or a head in; parameters of SMPL, MANO or FLAME, camera and joints out.

    Args:
        net: of :mod:`carpus.nets.hand4whole.pose2pose`; says which part it is.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        folder: of the body models, ``paths.body_models``.
        standin: use stand-ins for body models that are missing.
        imagenet: ``timm``, the file of ``backbone``, or None for random weights.
        camera_only: let the projection's error train the camera alone.
    """

    def __init__(
        self,
        net: Pose2PoseBody | Pose2PoseHand | Pose2PoseFace,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        folder: str | Path = "human_model_files",
        standin: bool = False,
        imagenet: str | Mapping[str, str] | None = None,
        camera_only: bool = False,
    ) -> None:
        depth = None if isinstance(net, Pose2PoseFace) else net.depth_cells
        layout = resized(_PARTS[type(net)], net.image_hw, depth)
        super().__init__(net, layout, losses, optimizer, scheduler, folder, standin, imagenet)
        self.camera_only = camera_only

    def backbones(self) -> dict[str, nn.Module]:
        """The only one."""
        return {"backbone": self.net.backbone}  # type: ignore[dict-item]

    @property
    def camera(self) -> VirtualCamera:
        """Of the crop."""
        return self.net.camera  # type: ignore[return-value]

    def posed(self, outputs: Outputs) -> Outputs:
        """Joints and surface of the part's body model, a right hand or a neutral body."""
        variant = "right" if self.layout.one_hand else "neutral"
        layer = self.bodies.layer(self.layout.model, variant, outputs["cam_trans"].device)

        def part(**parameters: Tensor) -> tuple[Tensor, Tensor]:
            return _joints_and_vertices(layer, parameters)

        made = posed_part(self.parameters_of(outputs), part, self.camera, self.camera_only)
        return {**made, "joints_supervised_m": made["joints_m"]}

    def parameters_of(self, outputs: Outputs) -> dict[str, Tensor]:
        """Parameters by their published names."""
        names = (*_POSES[self.layout.model], "shape", "expr", "cam_trans")
        return {name: outputs[name].float() for name in names if name in outputs}


def _joints_and_vertices(layer: BodyLayer, parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The layer's answer in the joints methods of a part are trained on."""
    pose = torch.cat([value for name, value in parameters.items() if name.endswith("_pose")], 1)
    rest = {name: parameters[name] for name in ("shape", "expr") if name in parameters}
    made = layer(pose=pose, **rest)
    joints = layer.joints_33(made.vertices_m) if isinstance(layer, SmplBody) else made.joints_m
    return joints, made.vertices_m
