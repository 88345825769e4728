"""Contact sheets of the one-hand worlds, for the documentation: pictures above what their labels say."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from carpus.data.part_codes import RHD_PERSON, RHD_TO_LABELS
from carpus.skeletons import FREIHAND_HAND, RHD_HAND, STB_HAND
from carpus.synthetic import freihand, rhd, stb
from carpus.synthetic.sheet import draw_joints
from carpus.synthetic.tree import generator
from carpus.synthetic.two_hands.moment import Hands
from carpus.synthetic.two_hands.sheet import part_colours

_TILE = 176
_SHADES = 40.0
_DEPTH_MM = (250.0, 1100.0)


def rhd_sheet(path: Path, columns: int = 5, seed: int = 2) -> None:
    """A column per picture of RHD's world: colour, part mask, joints that are visible.

    Args:
        path: PNG to write.
        columns: how many.
        seed: of everything drawn.
    """
    world, tiles = rhd.World(seed), []
    for column in range(columns):
        shot = world.shot(column, generator(seed, "rhd sheet", column))
        coloured = np.where(shot.mask[..., None] > RHD_PERSON, part_colours()[RHD_TO_LABELS[shot.mask]], 0)
        coloured[shot.mask == RHD_PERSON] = (70, 75, 95)
        drawn, pixels = shot.image // 2, shot.pixels()
        for first in (0, len(RHD_HAND)):
            own = slice(first, first + len(RHD_HAND))
            if shot.visible[own].mean() > 0.4:
                drawn = draw_joints(drawn, pixels[own], RHD_HAND)
        tiles.append(np.concatenate([_tile(image) for image in (shot.image, coloured, drawn)]))
    _save(path, np.concatenate(tiles, axis=1))


def stb_sheet(path: Path, columns: int = 4, seed: int = 2) -> None:
    """A column per background of STB's world: colour with joints, depth of the hand, the depth camera's view.

    Args:
        path: PNG to write.
        columns: how many, up to six.
        seed: of everything drawn.
    """
    hands, tiles = Hands(), []
    for column in range(columns):
        name = f"B{column + 1}{('Random', 'Counting')[column % 2]}"
        stage = stb.make_stage(seed, name, 0)
        *_, pose = stb.poses(stage, seed, name, 8 + 7 * column)
        shot = stb.take(hands, stage, pose)
        made = dict(stb.pictures(shot, stage, generator(seed, "stb sheet", column)))
        image = _decoded(made["SK_color"])
        drawn = draw_joints(image, shot.view.camera.project(shot.joints_mm), STB_HAND)
        depths = [_grey(_decoded(made[kind])) for kind in ("SK_depth_seg", "SK_depth")]
        tiles.append(np.concatenate([_tile(picture) for picture in (image, drawn, *depths)]))
    _save(path, np.concatenate(tiles, axis=1))


def freihand_sheet(path: Path, columns: int = 6, seed: int = 2) -> None:
    """A column per pose of FreiHAND's world: its four versions, its silhouette with joints.

    Args:
        path: PNG to write.
        columns: how many.
        seed: of everything drawn.
    """
    world, tiles = freihand.World(seed), []
    for column in range(columns):
        shot = world.shot("train", column, range(24))
        versions = [world.picture(shot, "train", column, version) for version in range(4)]
        mask = np.repeat(110 * shot.seen[..., None].astype(np.uint8), 3, axis=2)
        drawn = draw_joints(mask, shot.camera.project(shot.joints_mm), FREIHAND_HAND)
        tiles.append(np.concatenate([_tile(image, 140) for image in (*versions, drawn)]))
    _save(path, np.concatenate(tiles, axis=1))


def _tile(image: np.ndarray, width: int = _TILE) -> np.ndarray:
    size = width, round(width * image.shape[0] / image.shape[1])
    return cv2.resize(image.astype(np.uint8), size, interpolation=cv2.INTER_AREA)


def _decoded(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _grey(coded: np.ndarray) -> np.ndarray:
    """STB's coded depth as a grey picture, the nearest white."""
    depth = coded[..., 0] + 256.0 * coded[..., 1]
    near, far = _DEPTH_MM
    level = 255 * np.clip((far - depth) / (far - near), 0, 1) * (depth > 0)
    return np.repeat(level[..., None], 3, axis=2).astype(np.uint8)


def _save(path: Path, sheet: np.ndarray) -> None:
    # Fewer shades are hardly seen and make the file half as long.
    sheet = np.rint(np.rint(sheet / 255 * _SHADES) / _SHADES * 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    rhd_sheet(folder / "synthetic_rhd.png")
    stb_sheet(folder / "synthetic_stb.png")
    freihand_sheet(folder / "synthetic_freihand.png")
