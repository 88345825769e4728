"""Contact sheet of the two-hand world, for the documentation: pictures above their part masks and joints."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from carpus.bodies.hand_parts import PART_NAMES, parts_from_weights
from carpus.bodies.mano import SIDES
from carpus.bodies.standin import standin_model
from carpus.geometry.camera import Camera
from carpus.render.parts import part_mask
from carpus.skeletons import INTERHAND, INTERHAND_HAND
from carpus.synthetic.sheet import draw_joints
from carpus.synthetic.tree import generator
from carpus.synthetic.two_hands.moment import Hands, Moment, sample_moment
from carpus.synthetic.two_hands.people import sample_person
from carpus.synthetic.two_hands.picture import photograph
from carpus.synthetic.two_hands.studio import (
    StudioCamera,
    sample_background,
    sample_cameras,
    sample_light,
)

_TILE = 136
_KINDS = ("interlaced", "around", "touch", "onback", "palms", "interlaced", "pinch")
_MARGIN = 1.35
_SHADES = 36.0


def two_hand_sheet(path: Path, columns: int = 7, seed: int = 5) -> None:
    """A column per person and way of touching: the picture, its part mask, its joints.

    Args:
        path: PNG to write.
        columns: how many.
        seed: of everything drawn.
    """
    hands, tiles = Hands(), []
    for column in range(columns):
        rng = generator(seed, "two hand sheet", column)
        person, light, cameras = sample_person(rng), sample_light(rng), sample_cameras(8, rng)
        # Noise of the sensor would fill the file.
        camera = replace(cameras[1 if column % 4 == 3 else 2 * (column % 3)], noise=0.0)
        kind = _KINDS[column % len(_KINDS)]
        sides = ("left",) if kind == "pinch" else SIDES
        moment = sample_moment(hands, person, sides, kind, rng)
        background = sample_background(camera, rng)
        picture = photograph(moment.mesh, camera, light, person, background, rng)
        tiles.append(np.concatenate(_crops(picture, moment, camera)))
    sheet = np.concatenate(tiles, axis=1)
    # Fewer shades are hardly seen and make the file half as long.
    sheet = np.uint8(np.rint(np.rint(sheet / 255 * _SHADES) / _SHADES * 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def part_colours() -> np.ndarray:
    """``(33, 3)`` uint8 RGB of mask values: fingers as in skeletons, lighter to the tip; left hand darker."""
    colours = np.zeros((33, 3))
    for label, name in enumerate(PART_NAMES):
        finger, _, part = name.partition("_")
        if finger == "palm":
            colours[1 + label] = (200, 200, 190)
            continue
        joint = f"{'little' if finger == 'pinky' else finger}_{'pip' if finger != 'thumb' else 'mcp'}"
        base = np.array(INTERHAND_HAND.colours[INTERHAND_HAND.index(joint)])
        colours[1 + label] = base + (255 - base) * {"base": 0.0, "mid": 0.35, "tip": 0.65}[part]
    colours[17:] = 0.6 * colours[1:17]
    return colours.astype(np.uint8)


def _crops(picture: np.ndarray, moment: Moment, camera: StudioCamera) -> list[np.ndarray]:
    """Three tiles around the hands."""
    joints = {side: camera.camera.project(camera.to_camera(j)) for side, j in moment.joints_mm.items()}
    points = np.concatenate(list(joints.values()))
    low, high = points.min(0), points.max(0)
    scale = _TILE / (_MARGIN * (high - low).max())
    shift = _TILE / 2 - scale * (low + high) / 2
    warp = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    size = (_TILE, _TILE)
    crop = cv2.warpAffine(picture, warp, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    lens = camera.camera
    zoomed = Camera(scale * lens.fx, scale * lens.fy, scale * lens.cx + shift[0], scale * lens.cy + shift[1])
    vertices = (moment.vertices_mm.get(side) for side in SIDES)
    right, left = (None if found is None else camera.to_camera(found) for found in vertices)
    mask = part_mask(right, left, parts_from_weights(standin_model("mano", "right")), zoomed, size)
    coloured = np.where(mask.labels[..., None] > 0, part_colours()[mask.labels], crop // 3)
    drawn = crop // 2
    for side, pixels in joints.items():
        rows = [INTERHAND.sides[joint] == side for joint in range(len(INTERHAND))]
        assert sum(rows) == len(pixels)
        drawn = draw_joints(drawn, scale * pixels + shift, INTERHAND_HAND)
    return [crop, coloured.astype(np.uint8), drawn]


if __name__ == "__main__":
    two_hand_sheet(Path(sys.argv[1]) / "synthetic_interhand.png")
