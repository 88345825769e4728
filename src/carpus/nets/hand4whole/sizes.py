"""Sizes of crops and maps, and the virtual camera they are seen through."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from carpus.errors import ConfigError

_STRIDE = 32


def times(xy: Tensor, factors: tuple[float, float]) -> Tensor:
    """Places scaled along x and y; a tensor of the factors would make a GPU wait for its copy.

    Args:
        xy: ``(*, 2)``.
        factors: along x, along y.
    """
    return torch.stack((xy[..., 0] * factors[0], xy[..., 1] * factors[1]), -1)


@dataclass(frozen=True)
class VirtualCamera:
    """The camera a network places a person in front of: far away, looking at the middle of the image.

    Args:
        image_hw: height and width of the network's image, pixels.
        cells_hw: height and width of the heat map joints are compared in.
        focal_px: focal length.
        size_m: of a person; says how far away the farthest one stands, metres.
    Example:
        >>> round(VirtualCamera((256, 192), (8, 6)).farthest_m, 2)
        56.38
    """

    image_hw: tuple[int, int]
    cells_hw: tuple[int, int]
    focal_px: float = 5000.0
    size_m: float = 2.5

    @property
    def farthest_m(self) -> float:
        """Largest depth of a person, metres."""
        return self.focal_px * self.size_m / math.sqrt(math.prod(self.image_hw))

    @property
    def principal_px(self) -> tuple[float, float]:
        """The middle of the image, x and y in pixels."""
        return self.image_hw[1] / 2, self.image_hw[0] / 2

    def translation(self, numbers: Tensor) -> Tensor:
        """Where the model's origin stands.

        Args:
            numbers: ``(B, 3)`` of the network, of any precision.
        Returns:
            ``(B, 3)`` metres: x, y, and a depth between 0 and :attr:`farthest_m`.
        """
        wide = numbers.float()
        return torch.cat((wide[:, :2], self.farthest_m * wide[:, 2:].sigmoid()), 1)

    def cells(self, points_m: Tensor, translation_m: Tensor) -> Tensor:
        """Where points fall in the heat map.

        Args:
            points_m: ``(B, P, 3)`` in the model's frame, metres.
            translation_m: ``(B, 3)`` of :meth:`translation`.
        Returns:
            ``(B, P, 2)`` x, y in cells.
        """
        moved = points_m + translation_m[:, None]
        # As published: the depth is never exactly 0.
        pixels = moved[..., :2] / (moved[..., 2:] + 1e-4) * self.focal_px
        middle = self.principal_px
        return self.in_cells(torch.stack((pixels[..., 0] + middle[0], pixels[..., 1] + middle[1]), -1))

    def in_cells(self, pixels: Tensor) -> Tensor:
        """``(*, 2)`` pixels of the image as cells of the heat map."""
        (height, width), (rows, columns) = self.image_hw, self.cells_hw
        return times(pixels, (columns / width, rows / height))

    def in_pixels(self, cells: Tensor) -> Tensor:
        """``(*, 2)`` cells of the heat map as pixels of the image."""
        (height, width), (rows, columns) = self.image_hw, self.cells_hw
        return times(cells, (width / columns, height / rows))


@dataclass(frozen=True)
class PersonSizes:
    """Crops and maps of the whole-body network.

    Args:
        crop_hw: the person's crop; the body's network sees every second pixel of it.
        hand_px: side of the hands' crops.
        face_px: side of the face's crop.
        depth_cells: layers of the heat maps.
        focal_px: of the virtual camera in pixels of the body's image.
        size_m: of a person, see :class:`VirtualCamera`.
    Raises:
        ConfigError: if a side is no multiple of what the networks need.
    Example:
        >>> PersonSizes().body_cells, PersonSizes().hand_cells
        ((8, 8, 6), (8, 8, 8))
    """

    crop_hw: tuple[int, int] = (512, 384)
    hand_px: int = 256
    face_px: int = 192
    depth_cells: int = 8
    focal_px: float = 5000.0
    size_m: float = 2.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop_hw", tuple(int(side) for side in self.crop_hw))
        wrong = [side for side in self.crop_hw if side < 1 or side % (2 * _STRIDE)]
        wrong += [side for side in (self.hand_px, self.face_px) if side < 1 or side % _STRIDE]
        if wrong or len(self.crop_hw) != 2 or self.depth_cells < 1:
            raise ConfigError(
                f"sizes of a whole body: crop_hw {list(self.crop_hw)} must be two multiples "
                f"of {2 * _STRIDE}, hand_px {self.hand_px} and face_px {self.face_px} multiples of "
                f"{_STRIDE}, depth_cells {self.depth_cells} at least 1"
            )

    @property
    def body_hw(self) -> tuple[int, int]:
        """Height and width of the body's image."""
        return self.crop_hw[0] // 2, self.crop_hw[1] // 2

    @property
    def body_cells(self) -> tuple[int, int, int]:
        """Depth, height and width of the body's heat maps."""
        return self.depth_cells, self.body_hw[0] // _STRIDE, self.body_hw[1] // _STRIDE

    @property
    def hand_cells(self) -> tuple[int, int, int]:
        """Depth, height and width of a hand's heat maps."""
        return self.depth_cells, self.hand_px // _STRIDE, self.hand_px // _STRIDE

    @property
    def camera(self) -> VirtualCamera:
        """The camera of the body's image."""
        return VirtualCamera(self.body_hw, self.body_cells[1:], self.focal_px, self.size_m)
