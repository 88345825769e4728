"""Hand4Whole as a training module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from carpus.codecs.whole_body.layout import resized
from carpus.methods.base import LossTerm, Outputs
from carpus.methods.fitted import FittedPerson
from carpus.nets.hand4whole import Hand4WholeNet
from carpus.nets.hand4whole.posed import SMPLX_PARAMETERS, PosedBody
from carpus.nets.hand4whole.sizes import VirtualCamera
from carpus.types import Batch


class Hand4Whole(FittedPerson):
    """Crop of one person in; SMPL-X, camera, joints in the picture and boxes of hands and face out.

    Args:
        net: :class:`~carpus.nets.hand4whole.Hand4WholeNet`.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        folder: of the body models, ``paths.body_models``.
        standin: use stand-ins for body models that are missing.
        imagenet: ``timm``, files of ``body``, ``hand`` and ``face``, or None for random weights.
        camera_only: let the projection's error train the camera alone; published for AGORA.
    """

    def __init__(
        self,
        net: Hand4WholeNet,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        folder: str | Path = "human_model_files",
        standin: bool = False,
        imagenet: str | Mapping[str, str] | None = None,
        camera_only: bool = False,
    ) -> None:
        layout = resized("whole_body", net.sizes.crop_hw, net.sizes.depth_cells)
        super().__init__(net, layout, losses, optimizer, scheduler, folder, standin, imagenet)
        self.body = PosedBody(net.sizes, camera_only)
        self.thin = MeanMetric()

    def backbones(self) -> dict[str, nn.Module]:
        """Of body, hands and face."""
        net = self.whole_net
        return {
            "body": net.backbone,
            "hand": net.hand_roi_net.backbone,
            "face": net.face_roi_net.backbone,
        }

    @property
    def whole_net(self) -> Hand4WholeNet:
        """The network by its own type."""
        assert isinstance(self.net, Hand4WholeNet)
        return self.net

    @property
    def camera(self) -> VirtualCamera:
        """Of the body's image."""
        return self.whole_net.sizes.camera

    def posed(self, outputs: Outputs) -> Outputs:
        """Joints and surface of SMPL-X, neutral."""
        layer = self.bodies.smplx("neutral", outputs["cam_trans"].device)

        def body(**parameters: Tensor) -> tuple[Tensor, Tensor]:
            made = layer(**packed(parameters))
            return made.joints_m, made.vertices_m

        made = self.body(outputs, body)
        return {**made, "joints_supervised_m": layer.supervised(made["joints_m"])}

    def parameters_of(self, outputs: Outputs) -> dict[str, Tensor]:
        """SMPL-X parameters by their published names."""
        return {name: outputs[name].float() for name in (*SMPLX_PARAMETERS, "cam_trans")}

    def compared(
        self, outputs: Outputs, targets: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Hands in the boxes the network predicted."""
        return self.body.compared(outputs, targets)

    def watch(self, stage: str, outputs: Outputs, batch: Batch) -> None:
        """Count boxes that show nothing."""
        self.thin.update(outputs["thin_boxes"].float().mean(1))

    def watched(self, stage: str) -> dict[str, float]:
        """``thin_boxes``: share of part boxes without size."""
        share = float(self.thin.compute())
        self.thin.reset()
        return {"thin_boxes": share}


def packed(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SMPL-X parameters by their published names as the layer takes them.

    Example:
        >>> shapes = {"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45, "jaw_pose": 3}
        >>> packed({**{n: torch.zeros(1, s) for n, s in shapes.items()}, "shape": 0, "expr": 0})["pose"].shape
        torch.Size([1, 159])
    """
    parts = [parameters[name] for name in SMPLX_PARAMETERS if name.endswith("_pose")]
    return {"pose": torch.cat(parts, 1), "shape": parameters["shape"], "expr": parameters["expr"]}
