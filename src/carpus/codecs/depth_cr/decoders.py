"""Joints from coordinates, from closeness and direction maps, and from class volumes.

All maps are channels-first, volumes indexed [x][y][z]; a cube is its centre and half its edge, in mm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown


class DecodedJoints(NamedTuple):
    """``joints_cam_mm`` ``(B, J, 3)``, and ``joint_scores`` ``(B, J)`` where a decoder has some."""

    joints_cam_mm: Tensor
    joint_scores: Tensor | None


class JointDecoder(Protocol):
    """What a method may rely on in every decoder."""

    def decode(self, outputs: Mapping[str, Tensor], center_mm: Tensor, image: Tensor) -> DecodedJoints:
        """Joints of a batch.

        Args:
            outputs: of the network: ``joints_centered_mm`` or ``maps_<r>``.
            center_mm: ``(B, 3)`` middle of each cube.
            image: ``(B, C, *)`` the network's input.
        """
        ...


@dataclass(frozen=True)
class CenteredJoints:
    """Coordinates relative to the cube's centre, as predicted."""

    def encode(self, joints_cam_mm: Tensor, center_mm: Tensor) -> Tensor:
        """The target ``(B, J, 3)`` of joints ``(B, J, 3)`` around centres ``(B, 3)``; no scaling by the cube.

        Example:
            >>> CenteredJoints().encode(torch.full((1, 1, 3), 400.0), torch.full((1, 3), 390.0)).tolist()
            [[[10.0, 10.0, 10.0]]]
        """
        return joints_cam_mm - center_mm[:, None]

    def decode(self, outputs: Mapping[str, Tensor], center_mm: Tensor, image: Tensor) -> DecodedJoints:
        """``joints_centered_mm`` plus the centre; no scores."""
        return DecodedJoints(_wide(outputs["joints_centered_mm"]) + center_mm[:, None], None)


@dataclass(frozen=True)
class PixelDirections:
    """Each joint from the pixels whose closeness to it is largest, each pointing at it.

    Channels: heat J if ``heat``, closeness J, directions 3J joint after joint.

    Args:
        half_mm: half the cube's edge.
        heat: whether heat maps stand before the closeness.
        weights: ``closeness`` chooses and weighs pixels; ``heat`` uses the heat maps for both, zero where the
            closeness is below 0.01 (unused by the published models: the weights often sum to 0).
        pixels: number of pixels per joint.
        corrected_z: take pixel values as depth across the whole cube; the published maps were made with
            values that cover its rear half only.
    """

    half_mm: float = 120.0
    heat: bool = False
    weights: str = "closeness"
    pixels: int = 5
    corrected_z: bool = False

    def __post_init__(self) -> None:
        if self.weights not in ("closeness", "heat"):
            raise ConfigError(unknown("weights", self.weights, ("closeness", "heat")))
        if self.weights == "heat" and not self.heat:
            raise ConfigError("PixelDirections: weights=heat needs heat=true, the maps have no heat channels")

    def decode(self, outputs: Mapping[str, Tensor], center_mm: Tensor, image: Tensor) -> DecodedJoints:
        """Joints, and the mean weight of the chosen pixels as their score.

        Args:
            outputs: the last ``maps_<r>`` ``(B, K, S, S)`` counts.
            center_mm: ``(B, 3)``.
            image: ``(B, 1, C, C)`` orthographic front view, values in [0, 1), 0 = void; C a multiple of S.
        """
        heat, closeness, directions = _split(_last(outputs), self.heat)
        points = self.points(image, closeness.shape[-1], center_mm).flatten(1, 2)
        weights = closeness.flatten(2)
        if self.weights == "heat":
            weights = heat.flatten(2).masked_fill(weights < 0.01, 0.0)
        return _vote(weights, closeness, directions, points, self.pixels, 2 * self.half_mm)

    def points(self, image: Tensor, side: int, center_mm: Tensor) -> Tensor:
        """The point ``(B, S, S, 3)`` mm that each pixel of a map stands for; void pixels lie at value 0."""
        step = image.shape[-1] // side
        value = image[:, 0, ::step, ::step].to(center_mm.dtype)
        index = torch.arange(side, dtype=value.dtype, device=value.device) / side
        row, col = (2 * grid - 1 for grid in torch.meshgrid(index, index, indexing="ij"))
        depth = 2 * value - 1 if self.corrected_z else value
        normal = torch.stack((col.expand_as(value), row.expand_as(value), depth), -1)
        return normal * self.half_mm + center_mm[:, None, None]


@dataclass(frozen=True)
class VoxelDirections:
    """Each joint from the voxels whose closeness to it is largest, each pointing at it.

    Channels: closeness J, directions 3J joint after joint.

    Args:
        half_mm: half the cube's edge.
        voxels: number of voxels per joint.
        weight_from_joint0: weigh every joint's voxels by the closeness of joint 0, as published.
    """

    half_mm: float = 120.0
    voxels: int = 5
    weight_from_joint0: bool = False

    def decode(self, outputs: Mapping[str, Tensor], center_mm: Tensor, image: Tensor) -> DecodedJoints:
        """Joints, and the mean weight of the chosen voxels as their score.

        Args:
            outputs: the last ``maps_<r>`` ``(B, 4J, S, S, S)`` counts.
            center_mm: ``(B, 3)``.
            image: not used.
        """
        _, closeness, directions = _split(_last(outputs), heat=False)
        points = voxel_centers(closeness.shape[-1], center_mm, self.half_mm).flatten(1, 3)
        weights = closeness.flatten(2)
        shared = weights[:, :1].expand_as(weights) if self.weight_from_joint0 else None
        return _vote(weights, closeness, directions, points, self.voxels, 2 * self.half_mm, shared)


@dataclass(frozen=True)
class VoxelArgmax:
    """The middle of the voxel with the largest logit.

    Args:
        half_mm: half the cube's edge.
        side: voxels per axis of labels.
    """

    half_mm: float = 120.0
    side: int = 32

    def encode(self, joints_cam_mm: Tensor, center_mm: Tensor) -> Tensor:
        """Labels of joints.

        Args:
            joints_cam_mm: ``(B, J, 3)``.
            center_mm: ``(B, 3)``.
        Returns:
            ``(B, J)`` int64, (ix·S + iy)·S + iz; a joint outside the cube gets the nearest voxel.
        """
        cell = 2 * self.half_mm / self.side
        index = ((joints_cam_mm - center_mm[:, None] + self.half_mm) / cell).floor().long()
        ix, iy, iz = index.clamp(0, self.side - 1).unbind(-1)
        return (ix * self.side + iy) * self.side + iz

    def decode(self, outputs: Mapping[str, Tensor], center_mm: Tensor, image: Tensor) -> DecodedJoints:
        """Joints, and the soft-max mass of their voxel as score.

        Args:
            outputs: the last ``maps_<r>`` ``(B, J, S, S, S)`` counts.
            center_mm: ``(B, 3)``.
            image: not used.
        """
        logits = _last(outputs)
        side, flat = logits.shape[-1], _wide(logits).flatten(2)
        peak, label = flat.max(-1)
        return DecodedJoints(self.centers(label, center_mm, side), (peak - flat.logsumexp(-1)).exp())

    def centers(self, labels: Tensor, center_mm: Tensor, side: int | None = None) -> Tensor:
        """Voxel centres ``(B, J, 3)`` mm of labels ``(B, J)``."""
        side = side or self.side
        index = torch.stack((labels // side**2, labels // side % side, labels % side), -1)
        return center_mm[:, None] - self.half_mm + 2 * self.half_mm / side * (index.to(center_mm) + 0.5)


def voxel_centers(side: int, center_mm: Tensor, half_mm: float) -> Tensor:
    """Centres ``(B, S, S, S, 3)`` mm of the S³ voxels of cubes around ``center_mm`` ``(B, 3)``."""
    axis = (torch.arange(side, dtype=center_mm.dtype, device=center_mm.device) + 0.5) / side
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1)
    return center_mm[:, None, None, None] + (2 * grid - 1) * half_mm


def joint_decoder(
    name: str, half_mm: float = 120.0, heat: bool = False, side: int = 32, **options: Any
) -> JointDecoder:
    """The decoder of a composition.

    Args:
        name: ``coord``, ``udir2_top5``, ``vxudir_top5`` or ``vox_argmax``.
        half_mm: half the cube's edge.
        heat: whether the maps of ``udir2_top5`` begin with heat maps.
        side: voxels per axis of ``vox_argmax``.
        options: further arguments of the decoder, such as ``weight_from_joint0`` of ``vxudir_top5``.
    Raises:
        ConfigError: for an unknown name or option.
    Example:
        >>> joint_decoder("vox_argmax")
        VoxelArgmax(half_mm=120.0, side=32)
    """
    makers: dict[str, Callable[..., JointDecoder]] = {
        "coord": CenteredJoints,
        "udir2_top5": partial(PixelDirections, half_mm, heat),
        "vxudir_top5": partial(VoxelDirections, half_mm),
        "vox_argmax": partial(VoxelArgmax, half_mm, side),
    }
    if name not in makers:
        raise ConfigError(unknown("decoder", name, makers))
    try:
        return makers[name](**options)
    except TypeError as error:
        raise ConfigError(f"decoder {name}: {error}") from None


def _vote(
    choose: Tensor,
    closeness: Tensor,
    directions: Tensor,
    points: Tensor,
    count: int,
    reach_mm: float,
    weights: Tensor | None = None,
) -> DecodedJoints:
    """Mean of where the cells of largest ``choose`` ``(B, J, N)`` point; ``points`` is ``(B, N, 3)``."""
    best, cells = choose.topk(count, -1)
    share = best if weights is None else weights.gather(2, cells)
    near = closeness.flatten(2).gather(2, cells)
    pick = cells[..., None].expand(-1, -1, -1, 3)
    joints = choose.shape[1]
    vectors = directions.flatten(2).unflatten(1, (joints, 3)).movedim(2, -1).gather(2, pick)
    length = vectors.norm(dim=-1, keepdim=True)
    unit = vectors / torch.where(length > 0, length, 1.0)
    start = points[:, None].expand(-1, joints, -1, -1).gather(2, pick)
    aims = start + unit * (reach_mm * (1 - near))[..., None]
    # Where all weights are 0 the cells count alike; the published code divides by 0.
    total = share.sum(-1, keepdim=True)
    share = torch.where(
        total == 0, torch.full_like(share, 1 / count), share / torch.where(total == 0, 1.0, total)
    )
    return DecodedJoints((share[..., None] * aims).sum(-2), total[..., 0] / count)


def _split(maps: Tensor, heat: bool) -> tuple[Tensor, Tensor, Tensor]:
    parts = 5 if heat else 4
    if maps.shape[1] % parts:
        layout = "heat, closeness, direction" if heat else "closeness, direction"
        raise ConfigError(f"maps of {layout} have {parts} channels per joint; {maps.shape[1]} were given")
    joints = maps.shape[1] // parts
    start = joints if heat else 0
    return maps[:, :start], maps[:, start : start + joints], maps[:, start + joints :]


def _last(outputs: Mapping[str, Tensor]) -> Tensor:
    return _wide(outputs[max(name for name in outputs if name.startswith("maps_"))])


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
