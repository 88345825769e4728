"""What Hand4Whole and Pose2Pose share: a crop in, parameters of a body model out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn
from torch.optim import Optimizer

from carpus.bodies.library import BodyModels, body_models
from carpus.codecs.hand25d import affine
from carpus.codecs.whole_body.codec import PersonCodec
from carpus.codecs.whole_body.layout import PartLayout
from carpus.data.augment_rgb import tinted
from carpus.methods.base import LossTerm, Outputs, PoseModule
from carpus.nets.backbones.pretrained import load_imagenet
from carpus.nets.hand4whole.sizes import VirtualCamera
from carpus.types import Batch, Predictions

TARGET = "target."
"""Begins the names of what the codec makes; records have joints of their own under the plain ones."""
MESH = ("target_vertices_mm", "target_vertices_valid")
MM_PER_M = 1000.0


class FittedPerson(PoseModule):
    """Steps that do not depend on which body model is fitted.

    A method fills in ``posed``, ``parameters`` and ``mirrored``.

    Args:
        net: image to parameters.
        layout: crop, joints, cells and body model.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        folder: of the body models, ``paths.body_models``.
        standin: use stand-ins for body models that are missing.
        imagenet: weights the backbones start from: ``timm`` to let timm fetch its own, a file per backbone by
            its name in the network, or None for random ones.
    """

    def __init__(
        self,
        net: nn.Module,
        layout: PartLayout,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        folder: str | Path = "human_model_files",
        standin: bool = False,
        imagenet: str | Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(net, losses, optimizer, scheduler)
        self.layout, self.imagenet = layout, imagenet
        self.bodies: BodyModels = body_models(Path(folder), standin)
        self.codec = PersonCodec(layout, self.bodies)

    def backbones(self) -> dict[str, nn.Module]:
        """What ImageNet weights are for, by name."""
        raise NotImplementedError

    def posed(self, outputs: Outputs) -> Outputs:
        """Joints and surface of the predicted parameters."""
        raise NotImplementedError

    def parameters_of(self, outputs: Outputs) -> dict[str, Tensor]:
        """The body model's parameters, ``cam_trans`` among them."""
        raise NotImplementedError

    @property
    def camera(self) -> VirtualCamera:
        """The camera the network's answer stands in front of."""
        raise NotImplementedError

    def initialise(self) -> None:
        """Fill the backbones with ImageNet weights."""
        for name, backbone in self.backbones().items():
            source = self.imagenet.get(name) if isinstance(self.imagenet, Mapping) else self.imagenet
            filled = load_imagenet(backbone, source)  # type: ignore[arg-type]
            rank_zero_info(f"{name}: {filled.source}, {filled.loaded} entries")

    def prepare(self, batch: Batch) -> Batch:
        """Adds ``image`` ``(B, 3, H, W)`` in [0, 1] and, under ``target.<name>``, the codec's targets.

        In scoring also the true meshes, where there are any.
        """
        # Pictures come with their channels last; backwards through some narrow nets oneDNN crashes on that.
        image = tinted(batch["rgb"], batch["colour"]).contiguous()
        if "label_px" not in batch:
            return batch.plus(image=image)
        made = self.codec.encode(batch) if self.training else self.codec.encode_with_mesh(batch)
        named = {name if name in MESH else f"{TARGET}{name}": value for name, value in made.items()}
        return batch.plus(image=image, **named)

    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs, and joints and surface of the posed body model."""
        outputs = self.net(batch["image"])
        return {**outputs, **self.posed(outputs)}

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Unweighted loss terms, against the codec's targets."""
        targets = {n.removeprefix(TARGET): v for n, v in batch.items() if n.startswith(TARGET)}
        outputs, targets = self.compared(outputs, targets)
        return {name: term.fn(outputs, Batch(batch.keys_, targets)) for name, term in self.terms.items()}

    def compared(
        self, outputs: Outputs, targets: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Outputs and targets in the units the losses compare."""
        return outputs, targets

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Mesh and joints in front of the virtual camera, joints in the published picture.

        A mirrored hand becomes the left one that the picture shows.
        """
        flipped = batch["flipped"].bool()
        sign = torch.where(flipped, -1.0, 1.0)[:, None, None] * outputs["vertices_m"].new_tensor([1.0, 0, 0])
        sign = sign + sign.new_tensor([0, 1.0, 1.0])
        joints = outputs["joints_supervised_m"]
        return Predictions(
            batch.keys_,
            joints_cam_mm=MM_PER_M * sign * joints.float(),
            joints_px=self.to_image(outputs["joint_proj"].float(), batch),
            vertices_cam_mm=MM_PER_M * sign * outputs["vertices_m"].float(),
            body_params=self.unmirrored(self.parameters_of(outputs), flipped) | self.seen_by(batch),
        )

    def to_image(self, cells: Tensor, batch: Batch) -> Tensor:
        """Places ``(B, J, 2)`` in cells as pixels of the published picture."""
        (height, width), (_, rows, columns) = self.layout.crop_hw, self.layout.cells_dhw
        return affine(
            batch["crop_to_image"].float(), cells * cells.new_tensor([width / columns, height / rows])
        )

    def seen_by(self, batch: Batch) -> dict[str, Tensor]:
        """Focal length and principal point ``(B, 2)`` of the virtual camera in the published picture.

        Only of crops that are not turned do they describe the whole camera; nothing is turned in scoring.
        """
        to_image = batch["crop_to_image"].float()
        zoom = to_image.new_tensor(
            [s / v for s, v in zip(self._crop_wh, self.camera.image_hw[::-1], strict=True)]
        )
        scale = torch.stack((to_image[:, 0, 0].abs(), to_image[:, 1, 1].abs()), 1)
        middle = to_image.new_tensor(self.camera.principal_px) * zoom
        centre = affine(to_image, middle.expand(len(to_image), 1, 2))[:, 0]
        return {"focal_px": self.camera.focal_px * zoom * scale, "princpt_px": centre}

    def unmirrored(self, parameters: dict[str, Tensor], flipped: Tensor) -> dict[str, Tensor]:
        """Parameters of a mirrored crop as those of the picture: rotations about y and z change sign."""
        turn = torch.where(flipped[:, None, None], -1.0, 1.0)
        undone = {}
        for name, value in parameters.items():
            if name == "cam_trans":
                undone[name] = torch.cat((value[:, :1] * turn[:, 0], value[:, 1:]), 1)
            elif name.endswith("_pose"):
                axes = value.unflatten(1, (-1, 3))
                undone[name] = torch.cat((axes[..., :1], axes[..., 1:] * turn), -1).flatten(1)
            else:
                undone[name] = value
        return undone

    @property
    def _crop_wh(self) -> tuple[int, int]:
        return self.layout.crop_hw[1], self.layout.crop_hw[0]
