"""Boxes of hands and face: from cells to pixels, and the crops they cut out of the person's crop."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import roi_align

from carpus.nets.hand4whole.sizes import VirtualCamera

HAND_EXTENSION, FACE_EXTENSION = 2.0, 1.5
_LARGEST_CROPS = 4


def every_second_pixel(image: Tensor) -> Tensor:
    """The body's image, without any smoothing, as published: ``(B, 3, H, W)`` to ``(B, 3, H/2, W/2)``."""
    return image[..., ::2, ::2].contiguous()


def restore_box(
    center: Tensor, size: Tensor, camera: VirtualCamera, extension: float, aspect: float = 1.0
) -> Tensor:
    """A predicted box as the corners of what is cut out.

    The smaller side grows to the aspect, then both by the extension, about the centre. Sizes may be negative,
    as networks predict what they like; corners are then the wrong way round.

    Args:
        center: ``(B, 2)`` x, y in cells of the body's heat map.
        size: ``(B, 2)`` width, height in cells.
        camera: of the body's image.
        extension: factor on both sides.
        aspect: width over height.
    Returns:
        ``(B, 4)`` x, y, x, y in pixels of the body's image.
    Example:
        >>> camera = VirtualCamera((256, 192), (8, 6))
        >>> restore_box(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.5]]), camera, 2.0)
        tensor([[ 64.,  96., 128., 160.]])
    """
    low, high = camera.in_pixels(center - size / 2), camera.in_pixels(center + size / 2)
    width, height = (high - low).unbind(-1)
    middle = low + (high - low) / 2
    sides = torch.stack((torch.maximum(width, aspect * height), torch.maximum(height, width / aspect)), -1)
    corner = middle - sides * extension / 2
    return torch.cat((corner, corner + sides * extension), -1)


def is_thin(boxes: Tensor, pixels: float = 1.0) -> Tensor:
    """Which boxes show nothing: a side below ``pixels``, or no number.

    Args:
        boxes: ``(*, 4)`` x, y, x, y.
        pixels: in the same unit.
    Returns:
        ``(*)`` bool.
    Example:
        >>> is_thin(torch.tensor([[0.0, 0.0, 2.0, 2.0], [5.0, 0.0, 4.0, 9.0]]))
        tensor([False,  True])
    """
    return ~((boxes[..., 2:] - boxes[..., :2]) >= pixels).all(-1)


def cut_out(image: Tensor, boxes: Tensor, side_px: int) -> Tensor:
    """Square crops by RoIAlign, without its half-pixel shift, as published.

    A box with a side below one pixel counts as one pixel wide from its first corner on; nor does a side of
    more than four crops cost more memory than four.

    Args:
        image: ``(B, 3, H, W)``.
        boxes: ``(N, 4)`` x, y, x, y in pixels of the image, N a multiple of B: box n is of image n mod B.
            No gradient reaches them.
        side_px: of the result.
    Returns:
        ``(N, 3, S, S)``.
    """
    low, high = boxes.detach().float().nan_to_num(0.0, 0.0, 0.0).split(2, -1)
    high = torch.minimum(torch.maximum(high, low + 1), low + _LARGEST_CROPS * max(image.shape[2:]))
    owner = torch.arange(len(boxes), device=boxes.device) % len(image)
    rois = torch.cat((owner[:, None].to(low.dtype), low, high), 1)
    # torchvision computes in the image's precision: coordinates of several hundred need float32.
    return roi_align(image.float(), rois, side_px, spatial_scale=1.0, sampling_ratio=-1, aligned=False)
