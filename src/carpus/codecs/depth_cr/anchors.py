"""Targets and answers of the two locators: a lattice of cells, one of which holds the hand."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from carpus.errors import ConfigError

_LOG = logging.getLogger(__name__)


class Located(NamedTuple):
    """Cubes of a batch.

    ``center_mm`` ``(B, 3)`` camera frame; ``half_mm`` ``(B,)`` half the edge; ``score`` ``(B,)``;
    ``cell`` ``(B, 2 or 3)`` int64 the winning cell; ``center_px`` ``(B, 2)`` u, v and ``half_px`` ``(B,)``
    of the square in the image, None from the scene locator.
    """

    center_mm: Tensor
    half_mm: Tensor
    score: Tensor
    cell: Tensor
    center_px: Tensor | None = None
    half_px: Tensor | None = None


@dataclass(frozen=True)
class FrameAnchors:
    """Cells over an image; the size of the hand's square tells its distance.

    Args:
        rows, cols: pixels of the frame.
        half_mm: half the cube's edge.
        cells: cells per axis.
    """

    rows: int = 480
    cols: int = 640
    half_mm: float = 120.0
    cells: int = 8

    def __post_init__(self) -> None:
        _check_positive(rows=self.rows, cols=self.cols, half_mm=self.half_mm, cells=self.cells)

    @property
    def unit_px(self) -> float:
        """The length that offsets and sizes are counted in: the longer side of the frame."""
        return float(max(self.rows, self.cols))

    def encode(self, center_mm: Tensor, camera: Tensor) -> Tensor:
        """Targets of a batch.

        Args:
            center_mm: ``(B, 3)`` middle of each cube.
            camera: ``(B, 4)`` fx, fy, cx, cy in pixels.
        Returns:
            ``(B, 4·cells²)``: one-hot of the cell that holds the projected centre, the nearest one for a
            centre outside the frame; then for every cell, row by row, the centre's offset in rows and columns
            and the logarithm of half the square, all in units of :attr:`unit_px`.
        Example:
            >>> camera = torch.tensor([[475.0, 475.0, 320.0, 240.0]])
            >>> target = FrameAnchors().encode(torch.tensor([[0.0, 0.0, 500.0]]), camera)
            >>> target.shape, target[0, :64].argmax().item()
            (torch.Size([1, 256]), 27)
        """
        z = center_mm[:, 2]
        position = torch.stack(
            (
                camera[:, 1] * center_mm[:, 1] / z + camera[:, 3],
                camera[:, 0] * center_mm[:, 0] / z + camera[:, 2],
            ),
            -1,
        )
        half_px = self.half_mm * camera[:, :2].amax(1) / z
        index = _cell(position, self._cell_px(center_mm), self.cells)
        offset = (position[:, None] - self._centers_px(center_mm)) / self.unit_px
        size = (half_px / self.unit_px).log()[:, None, None].expand(-1, self.cells**2, 1)
        return _join(index[:, 0] * self.cells + index[:, 1], offset, size)

    def decode(self, anchors: Tensor, camera: Tensor) -> Located:
        """Cubes at the cells of the largest logits; their score is the logit's sigmoid.

        Args:
            anchors: ``(B, 4·cells²)`` logits, then three numbers per cell.
            camera: ``(B, 4)``.
        """
        logit, flat, numbers = _winner(anchors, self.cells**2)
        numbers = _guarded(numbers)
        center = self.unit_px * numbers[:, :2] + self._centers_px(numbers)[flat]
        half_px = self.unit_px * numbers[:, 2].exp()
        fx, fy, cx, cy = camera.to(numbers.dtype).unbind(-1)
        z = self.half_mm * torch.maximum(fx, fy) / half_px
        center_mm = torch.stack(((center[:, 1] - cx) * z / fx, (center[:, 0] - cy) * z / fy, z), -1)
        cell = torch.stack((flat // self.cells, flat % self.cells), -1)
        half_mm = torch.full_like(z, self.half_mm)
        return Located(center_mm, half_mm, logit.sigmoid(), cell, center.flip(-1), half_px)

    def _cell_px(self, like: Tensor) -> Tensor:
        return like.new_tensor([self.rows / self.cells, self.cols / self.cells])

    def _centers_px(self, like: Tensor) -> Tensor:
        """Row and column ``(cells², 2)`` of the cell centres."""
        return (_lattice(self.cells, 2, like) + 0.5) * self._cell_px(like)


@dataclass(frozen=True)
class SceneAnchors:
    """Cells over a cube of space in front of the camera.

    Args:
        low_mm: its corner of smallest coordinates, camera frame.
        edge_mm: its edge, also the unit of offsets and sizes.
        half_mm: half the edge of the hand's cube.
        cells: cells per axis.
    """

    low_mm: tuple[float, float, float] = (-480.0, -480.0, 100.0)
    edge_mm: float = 960.0
    half_mm: float = 120.0
    cells: int = 8

    def __post_init__(self) -> None:
        _check_positive(edge_mm=self.edge_mm, half_mm=self.half_mm, cells=self.cells)

    def encode(self, center_mm: Tensor) -> Tensor:
        """Targets of a batch.

        Args:
            center_mm: ``(B, 3)`` middle of each cube.
        Returns:
            ``(B, 5·cells³)``: one-hot of the cell that holds the centre, the nearest one for a centre
            outside; then for every cell, [x][y][z], the centre's offset and the logarithm of the cube's half
            edge, all in units of ``edge_mm``.
        """
        cell_mm = self.edge_mm / self.cells
        index = _cell(center_mm - center_mm.new_tensor(self.low_mm), cell_mm, self.cells)
        offset = (center_mm[:, None] - self._centers_mm(center_mm)) / self.edge_mm
        size = offset.new_tensor(self.half_mm / self.edge_mm).log().expand(len(center_mm), self.cells**3, 1)
        flat = (index[:, 0] * self.cells + index[:, 1]) * self.cells + index[:, 2]
        return _join(flat, offset, size)

    def decode(self, anchors: Tensor) -> Located:
        """Cubes at the cells of the largest scores.

        Args:
            anchors: ``(B, 5·cells³)`` scores, then four numbers per cell.
        """
        score, flat, numbers = _winner(anchors, self.cells**3)
        numbers = _guarded(numbers)
        center_mm = self._centers_mm(numbers)[flat] + self.edge_mm * numbers[:, :3]
        half_mm = self.edge_mm * numbers[:, 3].exp()
        n = self.cells
        return Located(center_mm, half_mm, score, torch.stack((flat // n**2, flat // n % n, flat % n), -1))

    def _centers_mm(self, like: Tensor) -> Tensor:
        """``(cells³, 3)`` mm."""
        return (_lattice(self.cells, 3, like) + 0.5) * (self.edge_mm / self.cells) + like.new_tensor(
            self.low_mm
        )


def _lattice(cells: int, dim: int, like: Tensor) -> Tensor:
    """Indices ``(cellsᵈ, d)`` of all cells, the last axis fastest."""
    axis = torch.arange(cells, device=like.device, dtype=like.dtype)
    return torch.cartesian_prod(*[axis] * dim)


def _cell(position: Tensor, cell: Tensor | float, cells: int) -> Tensor:
    # The published rule: a position on a border belongs to the cell before it.
    return (position / cell - 1e-6).floor().long().clamp(0, cells - 1)


def _join(flat: Tensor, offset: Tensor, size: Tensor) -> Tensor:
    """One-hot of the cell ``(B,)``, then offsets and size of every cell."""
    one_hot = torch.zeros(offset.shape[:2], dtype=offset.dtype, device=offset.device)
    one_hot.scatter_(1, flat[:, None], 1.0)
    return torch.cat((one_hot, torch.cat((offset, size), -1).flatten(1)), 1)


def _winner(anchors: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Largest score ``(B,)``, its cell ``(B,)`` and the numbers ``(B, n)`` of that cell."""
    anchors = anchors.to(torch.promote_types(anchors.dtype, torch.float32))
    score, flat = anchors[:, :count].max(-1)
    numbers = anchors[:, count:].unflatten(1, (count, -1))
    return score, flat, numbers[torch.arange(len(flat), device=flat.device), flat]


def _guarded(numbers: Tensor) -> Tensor:
    """The numbers with an impossible logarithm of a size replaced by 0."""
    wild = ~((numbers[:, -1] >= -10) & (numbers[:, -1] <= 1))
    if bool(wild.any()):
        _LOG.warning(
            "%d of %d located cubes have an impossible size; the unit is used", int(wild.sum()), len(wild)
        )
    size = numbers[:, -1:].masked_fill(wild[:, None], 0.0)
    return torch.cat((numbers[:, :-1], size), -1)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"{name} {value}: must be above 0")
