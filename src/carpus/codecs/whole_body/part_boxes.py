"""Targets of the boxes around hands and face: centre and size in the crop, in cells."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.codecs.hand25d import affine
from carpus.codecs.whole_body.joints import CropPlace, swapped
from carpus.codecs.whole_body.layout import PartLayout

PARTS = ("lhand", "rhand", "face")
"""Parts that have a box, in the order of records."""
_MIRROR = (1, 0, 2)


def part_box_targets(
    layout: PartLayout, boxes_xyxy_px: Tensor, valid: Tensor, place: CropPlace
) -> dict[str, Tensor]:
    """Where the parts lie in B crops; in a mirrored one the left hand's box is the right hand's.

    A turned crop enlarges a box: it spans the four corners.

    Args:
        layout: crop and cells.
        boxes_xyxy_px: ``(B, 3, 4)`` left, top, right, bottom in the published image, in the order of
            :data:`PARTS`; anything where invalid.
        valid: ``(B, 3)`` bool.
        place: of the crops.
    Returns:
        Of each part ``<part>_bbox_center`` and ``<part>_bbox_size`` ``(B, 2)`` in cells along width and
        height, zeros where invalid, and ``<part>_bbox_valid`` ``(B,)`` float 0 or 1.
    """
    left, top, right, bottom = boxes_xyxy_px.unbind(-1)
    corners = torch.stack((left, top, right, top, right, bottom, left, bottom), -1).unflatten(-1, (4, 2))
    cells = layout.to_cells(affine(place.image_to_crop, corners.flatten(1, 2))).unflatten(1, (3, 4))
    first, last = cells.amin(2), cells.amax(2)
    flipped = place.flipped.bool()
    counts = swapped(valid.bool(), _MIRROR, flipped)
    centre, size = (swapped(v, _MIRROR, flipped) for v in ((first + last) / 2, last - first))
    nothing = torch.zeros_like(centre)
    centre, size = (torch.where(counts[..., None], values, nothing) for values in (centre, size))
    targets: dict[str, Tensor] = {}
    for index, part in enumerate(PARTS):
        targets[f"{part}_bbox_center"], targets[f"{part}_bbox_size"] = centre[:, index], size[:, index]
        targets[f"{part}_bbox_valid"] = counts[:, index].to(centre.dtype)
    return targets
