"""Toy targets like the real ones: a disc of pixels or a shell of voxels, joints spread by 40 mm."""

from __future__ import annotations

import torch

from carpus.codecs.depth_cr import FrameAnchors, SceneAnchors

REACH = 240.0


def joints_around_centre(batch: int, joints: int) -> torch.Tensor:
    """``(B, J, 3)`` mm around the cube's centre."""
    return (40 * torch.randn(batch, joints, 3)).clamp(-110, 110)


def lattice(side: int, dim: int) -> torch.Tensor:
    """Cell centres ``(*S, d)`` of a cube of 240 mm around 0."""
    axis = (torch.arange(side) + 0.5) / side * 240 - 120
    return torch.stack(torch.meshgrid(*[axis] * dim, indexing="ij"), -1)


def filled(side: int, dim: int) -> torch.Tensor:
    """Which cells ``(*S)`` hold something: a disc of a quarter of the pixels, a shell of a few voxels."""
    radius = lattice(side, dim).norm(dim=-1)
    return radius < 70 if dim == 2 else (radius < 70) & (radius > 55)


def network_input(batch: int, channels: int, side: int, dim: int) -> torch.Tensor:
    """``(B, C, *S)`` values of filled cells in (0.3, 0.7), 0 elsewhere."""
    values = 0.3 + 0.4 * torch.rand(batch, channels, *[side] * dim)
    return values * filled(side, dim)


def guide_target(guide, joints: torch.Tensor) -> torch.Tensor:
    """``(B, K, *S)`` maps of a guide for joints ``(B, J, 3)``."""
    dim, side = guide.dim, guide.side
    cells, mask = lattice(side, dim), filled(side, dim)
    spread = (slice(None), slice(None), *[None] * dim)
    parts, view = [], 0
    for part in guide.parts:
        planes = [(1, 0), (0, 2), (2, 1)][view] if dim == 2 else (0, 1, 2)
        offset = joints[..., planes][spread] - cells
        distance = offset.norm(dim=-1)
        if part == "heat":
            parts.append(0.12 * torch.exp(-0.5 * (distance / (0.8 * 240 / side)).square()))
        elif part == "direction":
            unit = offset / distance.clamp(min=0.01)[..., None]
            unit = torch.cat((unit, torch.zeros_like(unit[..., :1])), -1) if dim == 2 else unit
            parts.append((unit * mask[..., None]).movedim(-1, 2).flatten(1, 2))
        else:
            parts.append((1 - distance / REACH).clamp(0, 1) * mask)
            view += part == "view"
    return torch.cat(parts, 1)


def anchor_target(batch: int, dim: int) -> torch.Tensor:
    """``(B, 256 or 2560)`` of cubes in view."""
    center = torch.rand(batch, 3) * torch.tensor([300.0, 200.0, 400.0]) + torch.tensor(
        [-150.0, -100.0, 400.0]
    )
    camera = torch.tensor([[475.0, 475.0, 320.0, 240.0]]).expand(batch, 4)
    return FrameAnchors().encode(center, camera) if dim == 2 else SceneAnchors().encode(center)


def toy_batch(model, joints: int, batch: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Network input and prepared batch of a composition."""
    x = network_input(batch, model.input.channels, model.input.side, model.input.dim)
    pose = joints_around_centre(batch, joints)
    prepared = {"pose_target_mm": pose, "joint_valid": torch.ones(batch, joints, dtype=torch.bool)}
    if model.locates:
        prepared["anchor_target"] = anchor_target(batch, model.net.dim)
    elif "label" in model.guide.parts:
        cells = ((pose + 120) / 240 * 32).long().clamp(0, 31)
        prepared["label_target"] = (cells[..., 0] * 32 + cells[..., 1]) * 32 + cells[..., 2]
    elif model.guide.parts:
        prepared["guide_target"] = guide_target(model.guide, pose)
    return x, prepared
