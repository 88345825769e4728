"""What lies behind people: landscapes, towns, rooms, cloth, a green studio."""

from __future__ import annotations

import cv2
import numpy as np

SCENES = ("landscape", "town", "room", "texture")


def backdrop(size_wh: tuple[int, int], rng: np.random.Generator, kind: str | None = None) -> np.ndarray:
    """``(H, W, 3)`` float32 light 0..1.

    Args:
        size_wh: width and height in pixels.
        rng: source of randomness.
        kind: one of :data:`SCENES`, ``cloth``, ``green``; None: any of the scenes.
    """
    name = kind or str(rng.choice(SCENES, p=(0.4, 0.25, 0.2, 0.15)))
    makers = {
        "landscape": _landscape,
        "town": _town,
        "room": _room,
        "texture": _texture,
        "cloth": _cloth,
        "green": _green,
    }
    image = makers[name](*size_wh, rng)
    return np.clip(image, 0.0, 1.0, out=image)


def _colour(rng: np.random.Generator, low: float, high: float, spread: float = 6.0) -> np.ndarray:
    """``(3,)`` float32 of random brightness; a smaller spread gives purer colours."""
    return (rng.uniform(low, high) * rng.dirichlet((spread, spread, spread)) * 3).astype(np.float32)


def _earth(rng: np.random.Generator) -> np.ndarray:
    """``(3,)`` float32 of grass, soil, rock or water."""
    colours = np.array([[0.07, 0.11, 0.03], [0.16, 0.11, 0.06], [0.17, 0.16, 0.15], [0.06, 0.10, 0.14]])
    colour = colours[rng.integers(len(colours))] * rng.uniform(0.5, 1.8) * rng.normal(1, 0.15, 3)
    return np.clip(colour, 0.01, 1).astype(np.float32)


def _cloudy(width: int, height: int, rng: np.random.Generator, first: int, levels: int) -> np.ndarray:
    """``(H, W)`` float32 noise of several sizes, about -1..1."""
    made = np.zeros((height, width), np.float32)
    for level in range(levels):
        cells = first * 2**level
        grid = rng.standard_normal((max(2, cells * height // width), max(2, cells)), np.float32)
        made += 0.6**level * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.float32(0.45) * made


def _ramp(top: np.ndarray, bottom: np.ndarray, height: int, width: int) -> np.ndarray:
    part = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    return np.broadcast_to(top + part * (bottom - top), (height, width, 3)).copy()


def _sky(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    blue = np.array([0.25, 0.42, 0.75], np.float32) * np.float32(rng.uniform(0.4, 1.1))
    pale = np.array([0.95, 0.88, 0.82], np.float32) * np.float32(rng.uniform(0.5, 1.0))
    image = _ramp(blue, pale, height, width)
    cloud = np.clip(_cloudy(width, height, rng, 3, 4) + np.float32(rng.uniform(-0.4, 0.5)), 0, 1)[..., None]
    return image + cloud * (np.float32(rng.uniform(0.5, 0.95)) - image)


def _landscape(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Sky, hills one before another, the nearest the most textured."""
    image = _sky(width, height, rng)
    rows = np.arange(height, dtype=np.float32)[:, None]
    ground, texture = _earth(rng), _cloudy(width, height, rng, 8, 5)
    layers, horizon = int(rng.integers(2, 5)), rng.uniform(0.25, 0.65) * height
    for layer in range(layers):
        nearness = (layer + 1) / layers
        line = cv2.resize(rng.standard_normal((1, int(rng.integers(4, 14))), np.float32), (width, 1))
        line += 0.25 * cv2.resize(rng.standard_normal((1, width // 6), np.float32), (width, 1))
        skyline = horizon + (height - horizon) * 0.8 * layer / layers + 0.06 * height * line
        haze = np.float32(0.5) * (1 - nearness) * image[0].mean(0)
        colour = (ground * np.float32(rng.uniform(0.7, 1.3)) + haze) * np.float32(rng.normal(1, 0.08, 3))
        rough = 1 + np.float32(0.9 * nearness) * texture[:: 1 - 2 * (layer % 2), :: 1 - (layer & 2)]
        below = (rows > skyline)[..., None]
        image = np.where(below, colour * np.maximum(rough, 0.15)[..., None], image)
    return image


def _town(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Fronts of houses with windows under a sky, a street."""
    image = _sky(width, height, rng)
    left = -int(rng.integers(0, 60))
    street = int(rng.uniform(0.65, 1.0) * height)
    while left < width:
        wide = int(rng.uniform(0.2, 0.6) * width)
        top = int(rng.uniform(0.02, 0.5) * height)
        _house(image[top:street, max(left, 0) : max(left + wide, 0)], rng)
        left += wide + int(rng.integers(0, 12))
    image[street:] = _colour(rng, 0.08, 0.4, 30.0)
    return image * (1 + np.float32(0.25) * _cloudy(width, height, rng, 16, 4))[..., None]


def _house(front: np.ndarray, rng: np.random.Generator) -> None:
    """A front with rows of windows, painted in place."""
    front[:] = _colour(rng, 0.12, 0.7, 20.0)
    height, width = front.shape[:2]
    across, down = int(rng.integers(14, 40)), int(rng.integers(18, 46))
    glass, frame = _colour(rng, 0.02, 0.35, 10.0), _colour(rng, 0.3, 0.9, 30.0)
    for top in range(down // 3, height - down // 2, down):
        for left in range(across // 3, width - across // 2, across):
            front[top - 1 : top + down // 2 + 1, left - 1 : left + across // 2 + 1] = frame
            front[top : top + down // 2, left : left + across // 2] = glass


def _room(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A wall, a floor, boxes and round things, out of focus."""
    wall = _colour(rng, 0.15, 0.75, 25.0)
    image = _ramp(wall, wall * np.float32(rng.uniform(0.5, 0.9)), height, width)
    floor = int(rng.uniform(0.6, 1.1) * height)
    image[floor:] = _colour(rng, 0.05, 0.4, 10.0)
    for _ in range(int(rng.integers(5, 18))):
        colour = _colour(rng, 0.03, 0.8, 3.0).tolist()
        centre, size = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.04, 0.4, 2) * width
        if rng.uniform() < 0.7:
            box = cv2.boxPoints((centre.tolist(), size.tolist(), float(rng.normal(0, 8))))
            cv2.fillConvexPoly(image, np.rint(box).astype(np.int32), colour)
        else:
            cv2.ellipse(image, (centre.tolist(), size.tolist(), float(rng.uniform(0, 180))), colour, -1)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 3.0)))
    shade = 1 + np.float32(0.35) * _cloudy(width, height, rng, 2, 3)
    return image * shade[..., None]


def _texture(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Stone, bark, grass: noise between two colours."""
    level = np.clip(0.5 + _cloudy(width, height, rng, int(rng.integers(3, 12)), 5), 0, 1)[..., None]
    one, two = _colour(rng, 0.02, 0.4, 12.0), _colour(rng, 0.1, 0.7, 12.0)
    return one + level * (two - one)


def _cloth(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Printed cloth hung up behind: a repeated motif with folds."""
    pitch = int(rng.integers(26, 60))
    tile = np.broadcast_to(_colour(rng, 0.45, 0.85, 30.0), (pitch, pitch, 3)).copy()
    for _ in range(int(rng.integers(3, 8))):
        centre, size = rng.uniform(0, pitch, 2), rng.uniform(0.05, 0.22) * pitch
        colour = _colour(rng, 0.08, 0.6, 2.0).tolist()
        # A motif that crosses the tile's edge comes in again on the other side.
        for shift in np.ndindex(3, 3):
            at = centre + (np.array(shift) - 1) * pitch
            cv2.circle(tile, np.rint(at).astype(int).tolist(), max(1, round(size)), colour, -1, cv2.LINE_AA)
    image = np.tile(tile, (-(-height // pitch), -(-width // pitch), 1))[:height, :width]
    folds = 1 + 0.12 * np.sin(np.arange(width) / rng.uniform(15, 40) + rng.uniform(0, 6))
    shade = np.float32(folds) * (1 + np.float32(0.2) * _cloudy(width, height, rng, 2, 2))
    return image * shade[..., None]


def _green(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """The corner of a green studio, with something of a lamp or a stand in it."""
    green = np.array([0.10, 0.30, 0.04], np.float32) * np.float32(rng.uniform(0.6, 1.3))
    image = np.broadcast_to(green, (height, width, 3)).copy()
    for _ in range(2):
        angle, at = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.85, 2) * (width, height)
        rows, cols = np.mgrid[:height, :width].astype(np.float32)
        side = (cols - at[0]) * np.float32(np.cos(angle)) + (rows - at[1]) * np.float32(np.sin(angle)) > 0
        image[side] *= np.float32(rng.uniform(0.6, 1.15))
    for _ in range(int(rng.integers(0, 3))):
        end = (rng.uniform(0, 1, 2) * (width, height)).astype(int).tolist()
        start = (rng.integers(0, width), int(rng.choice((0, height))))
        grey = float(rng.choice((0.02, 0.3, 0.9)))
        cv2.line(image, tuple(map(int, start)), tuple(end), (grey, grey, grey), int(rng.integers(2, 9)))
    shade = 1 + np.float32(0.2) * _cloudy(width, height, rng, 2, 2)
    return cv2.GaussianBlur(image * shade[..., None], (0, 0), 1.2)
