"""One Gaussian heat map per joint of a crop, and the joints that such maps mean.

A crop of ``crop_px`` pixels is covered by ``cells`` cells along each side. Cell i spans the crop pixels from
i to i + 1 times their ratio r, so a joint at p lies at cell p / r - 1/2 on the grid of cell centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from carpus.codecs.hand25d import affine, invert_affine
from carpus.codecs.heatmap2d_decode import (
    mean_cells,
    peaks,
    positive_peaks,
    quarter_shift,
    taylor_shift,
)
from carpus.codecs.soft_argmax import CELL_CENTRE
from carpus.errors import ConfigError, unknown

MODES = ("argmax", "argmax_center", "quarter", "dark", "softargmax")
"""How a map is decoded: its largest cell times r (published), the centre of that cell, a quarter of a cell
towards the larger neighbour, the top of the parabola through the logarithm, the mean under a soft-max."""


class HeatmapTargets(NamedTuple):
    """``maps`` ``(B, J, S, S)`` with peak 1, and ``veil`` ``(B, J)`` bool: maps that count."""

    maps: Tensor
    veil: Tensor


class Keypoints(NamedTuple):
    """``joints_px`` ``(B, J, 2)`` in the crop and ``confidence`` ``(B, J)``, the value of the map's peak."""

    joints_px: Tensor
    confidence: Tensor


@dataclass(frozen=True)
class Heatmap2D:
    """Encode joints as maps, decode maps to joints.

    With ``subpixel`` a map's Gaussian is centred where the joint is. Without, as published, the joint is cut
    to a whole crop pixel and that to a whole cell, both towards zero, so a map knows its joint to 0..r pixels
    up and left of it. Either way the Gaussian is cut off to a window of 2 · 3 sigma + 1 cells.

    Args:
        crop_px: side of the square crop.
        cells: side of the maps.
        sigma: of the Gaussian in cells.
        subpixel: whether centres are exact.
        mode: one of :data:`MODES`; :meth:`decode` can be asked for another.
        beta: of ``softargmax``, see :func:`~carpus.codecs.heatmap2d_decode.mean_cells`.
        blur: of ``dark``, see :func:`~carpus.codecs.heatmap2d_decode.taylor_shift`.
    Raises:
        ConfigError: for a size that is not positive, a blur that is not odd or an unknown mode.
    Example:
        >>> codec = Heatmap2D(mode="dark")
        >>> maps, veil = codec.encode(torch.tensor([[[100.0, 51.5]]]))
        >>> maps.shape, veil.tolist(), codec.decode(maps).joints_px.round(decimals=1)
        (torch.Size([1, 1, 64, 64]), [[True]], tensor([[[100.0000,  51.5000]]]))
    """

    crop_px: int = 256
    cells: int = 64
    sigma: float = 2.0
    subpixel: bool = True
    mode: str = "quarter"
    beta: float = 20.0
    blur: int = 11

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("crop_px", "cells", "sigma", "beta", "blur")}
        wrong = [f"{name}={value}" for name, value in sizes.items() if not value > 0]
        if wrong:
            raise ConfigError(f"Heatmap2D: {', '.join(wrong)} must be positive")
        if self.blur % 2 == 0:
            raise ConfigError(f"Heatmap2D: blur={self.blur} cells must be odd; 1 is no blur")
        self._checked(self.mode)

    @property
    def ratio(self) -> float:
        """Crop pixels per cell."""
        return self.crop_px / self.cells

    def to_cells(self, joints_px: Tensor) -> Tensor:
        """Crop pixels ``(*, 2)`` on the grid of cell centres; whole and towards zero without ``subpixel``.

        Example:
            >>> joints = torch.tensor([[101.5, -3.0]])
            >>> Heatmap2D().to_cells(joints), Heatmap2D(subpixel=False).to_cells(joints)
            (tensor([[24.8750, -1.2500]]), tensor([[25., -0.]]))
        """
        if self.subpixel:
            return joints_px / self.ratio - CELL_CENTRE
        return torch.trunc(torch.trunc(joints_px) / self.crop_px * self.cells)

    def encode(self, joints_px: Tensor, valid: Tensor | None = None) -> HeatmapTargets:
        """Targets of a batch, made on the device of the joints.

        Args:
            joints_px: ``(B, J, 2)`` in the crop, also outside it; values at invalid joints do not matter.
            valid: ``(B, J)`` bool or 0/1, joints that are annotated; None for all.
        Returns:
            Maps in float32 or wider, zero where they do not count. A map counts if its window reaches into
            it; without ``subpixel`` also, as published, if the window ends right at its first row or column.
        """
        known = torch.isfinite(joints_px).all(-1)
        if valid is not None:
            known = known & valid.bool()
        exact = joints_px.to(torch.promote_types(joints_px.dtype, torch.float32))
        centre = self.to_cells(torch.where(known[..., None], exact, 0.0))
        reach = int(3 * self.sigma)
        grid = torch.arange(self.cells, dtype=centre.dtype, device=centre.device)
        away = grid - centre[..., None]
        window = (away >= -reach - 0.5) & (away < reach + 0.5)
        # The Gaussian of a plane is the product of those of its axes: 2 S exponentials instead of S · S.
        axes = torch.exp(away.square() / (-2 * self.sigma**2)) * window
        if self.subpixel:
            seen = window.any(-1).all(-1)
        else:
            seen = ((centre - reach < self.cells) & (centre + reach + 1 >= 0)).all(-1)
        veil = known & seen
        columns, rows = (axes * veil[..., None, None]).unbind(-2)
        return HeatmapTargets(rows[..., :, None] * columns[..., None, :], veil)

    def decode(self, maps: Tensor, mode: str | None = None) -> Keypoints:
        """Joints of maps ``(B, J, S, S)`` of any precision.

        ``argmax`` takes a map without a positive value for the cell (0, 0), as published. A map whose peak is
        not finite gives NaN.

        Args:
            maps: raw values; targets have peak 1.
            mode: one of :data:`MODES`; None for the codec's own.
        Raises:
            ConfigError: for an unknown mode, or maps of another size.
        """
        chosen = self._checked(mode or self.mode)
        if maps.shape[-2:] != (self.cells, self.cells):
            raise ConfigError(
                f"Heatmap2D: maps {tuple(maps.shape)} given, {self.cells} x {self.cells} cells expected; "
                "the codec's cells must be the side of the network's maps"
            )
        cells, values = peaks(maps)
        if chosen == "argmax":
            return Keypoints(positive_peaks(maps).cells * self.ratio, values)
        if chosen == "quarter":
            cells = cells + quarter_shift(maps, cells)
        elif chosen == "dark":
            cells = cells + taylor_shift(maps, cells, self.blur)
        elif chosen == "softargmax":
            cells = torch.where(torch.isfinite(cells), mean_cells(maps, values, self.beta), cells)
        return Keypoints((cells + CELL_CENTRE) * self.ratio, values)

    def to_image(self, joints_px: Tensor, image_to_crop: Tensor) -> Tensor:
        """Crop pixels ``(B, J, 2)`` in the image, of maps ``(B, 2, 3)`` that contain a mirror where one was.

        Example:
            >>> mirrored = torch.tensor([[[-2.0, 0.0, 200.0], [0.0, 2.0, 0.0]]])
            >>> Heatmap2D().to_image(torch.tensor([[[180.0, 6.0]]]), mirrored)
            tensor([[[10.,  3.]]])
        """
        return affine(invert_affine(image_to_crop), joints_px)

    @staticmethod
    def _checked(mode: str) -> str:
        if mode not in MODES:
            raise ConfigError(f"Heatmap2D: {unknown('mode', mode, MODES)}")
        return mode
