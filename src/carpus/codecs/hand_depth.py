"""Depth of a hand's crop as a small map from 0 (background) to about 1 (nearest), and its silhouette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class DepthTargets(NamedTuple):
    """``depth`` ``(B, S, S)`` from 0 to 1, ``mask`` ``(B, S, S)`` 0 or 1, ``valid`` ``(B,)`` bool."""

    depth: Tensor
    mask: Tensor
    valid: Tensor


@dataclass(frozen=True)
class HandDepth:
    """Targets of a depth crop: what lies around the joints, scaled to the nearest and farthest of it.

    Args:
        cells: side of the targets.
        margin_mm: depth before the nearest and behind the farthest joint that still belongs to the hand.
        gap_mm: added to the extent on either side, so that neither end is exactly 0 or 1.
        mask_above: the silhouette is where the small map is larger.
    Example:
        >>> depth_mm = torch.zeros(1, 4, 4)
        >>> depth_mm[0, :2] = torch.tensor([400.0, 900.0, 460.0, 500.0])
        >>> found = HandDepth(cells=4).encode(depth_mm, torch.tensor([[410.0, 490.0]]))
        >>> found.depth[0, 0].round(decimals=2), found.mask[0].sum()
        (tensor([0.9900, 0.0000, 0.4000, 0.0100]), tensor(4.))
    """

    cells: int = 64
    margin_mm: float = 50.0
    gap_mm: float = 1.0
    mask_above: float = 0.01

    def encode(
        self,
        depth_mm: Tensor,
        joint_depth_mm: Tensor,
        valid: Tensor | None = None,
        joint_valid: Tensor | None = None,
    ) -> DepthTargets:
        """Targets of a batch.

        Args:
            depth_mm: ``(B, H, W)`` of any type, 0 where nothing was measured.
            joint_depth_mm: ``(B, J)`` z of the joints.
            valid: ``(B,)`` bool, samples with a depth image; None for all.
            joint_valid: ``(B, J)`` bool, or None for all; a sample without a valid joint is invalid.
        Returns:
            zeros for invalid samples.
        """
        z = joint_depth_mm.to(torch.promote_types(joint_depth_mm.dtype, torch.float32))
        known = torch.isfinite(z) if joint_valid is None else torch.isfinite(z) & joint_valid.bool()
        usable = known.any(-1) if valid is None else known.any(-1) & valid.bool()
        nearest = torch.where(known, z, torch.inf).amin(-1) - self.margin_mm
        farthest = torch.where(known, z, -torch.inf).amax(-1) + self.margin_mm
        shades = scaled_depth(depth_mm.to(z.dtype), nearest, farthest, self.gap_mm)
        small = F.interpolate(shades[:, None], (self.cells, self.cells), mode="bilinear")[:, 0]
        small = torch.where(usable[:, None, None], small, 0.0)
        return DepthTargets(small, (small > self.mask_above).to(small.dtype), usable)


def scaled_depth(depth_mm: Tensor, nearest_mm: Tensor, farthest_mm: Tensor, gap_mm: float = 1.0) -> Tensor:
    """Depth between two planes as values from about 1 (nearest measurement) to about 0 (farthest).

    Args:
        depth_mm: ``(B, H, W)`` float.
        nearest_mm: ``(B,)``; what lies at it or before it is background.
        farthest_mm: ``(B,)``; what lies at it or behind it is background.
        gap_mm: between the ends of the scale and the measurements.
    Returns:
        ``(B, H, W)``, 0 for the background.
    """
    near, far = nearest_mm[:, None, None], farthest_mm[:, None, None]
    hand = (depth_mm > near) & (depth_mm < far)
    low = torch.where(hand, depth_mm, far).amin((1, 2), keepdim=True) - gap_mm
    high = torch.where(hand, depth_mm, 0.0).amax((1, 2), keepdim=True) + gap_mm
    return torch.where(hand, (high - depth_mm) / (high - low), 0.0)
