"""Contact sheets of the synthetic worlds, for the documentation."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from carpus.geometry.camera import Camera
from carpus.render import depth_picture, rasterize, shaded
from carpus.skeletons import HANDS17, ICVL, ITOP, MSRA, NYU, Skeleton
from carpus.synthetic.body import sample_body
from carpus.synthetic.hand import HandFrame, HandView, sample_frame, sample_subject
from carpus.synthetic.itop import CAMERA, sample_views
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.noise import SensorNoise
from carpus.synthetic.poses import MSRA_GESTURES
from carpus.synthetic.tree import generator
from carpus.synthetic.views import (
    HANDS17_VIEW,
    ICVL_VIEW,
    MSRA_VIEW,
    NYU_VIEW,
    STRUCTURED_LIGHT,
    TIME_OF_FLIGHT,
)

_ROWS: tuple[tuple[Skeleton, HandView, SensorNoise], ...] = (
    (MSRA, MSRA_VIEW, TIME_OF_FLIGHT),
    (ICVL, ICVL_VIEW, TIME_OF_FLIGHT),
    (NYU, NYU_VIEW, STRUCTURED_LIGHT),
    (HANDS17, HANDS17_VIEW, STRUCTURED_LIGHT),
)
_HALF_CUBE_MM = 108.0
_TILE = 150


def hand_sheet(path: Path, columns: int = 6, seed: int = 0) -> None:
    """A row per hand dataset: shaded hands with their joints, each beside its noisy depth crop.

    Args:
        path: PNG to write.
        columns: hands per dataset.
        seed: of everything drawn.
    """
    rows = []
    for skeleton, view, sensor in _ROWS:
        tiles = []
        for column in range(columns):
            rng = generator(seed, "sheet", skeleton.name, column)
            name = MSRA_GESTURES[(3 * column + 1) % 17] if skeleton is MSRA else None
            frame = sample_frame(sample_subject(rng), view, rng, name)
            depth_mm = sensor.apply(frame.buffer.depth, view.camera.fx, rng)
            label = f"{skeleton.name} {name}" if name else skeleton.name
            tiles += [_shaded_tile(frame, skeleton, view, label), _depth_tile(frame, depth_mm, view)]
        rows.append(np.concatenate(tiles, axis=1))
    _save(path, np.concatenate(rows))


def body_sheet(path: Path, columns: int = 4, seed: int = 0) -> None:
    """Side view above ceiling view of a few poses: depth, part labels and joints.

    Args:
        path: PNG to write.
        columns: poses.
        seed: of everything drawn.
    """
    tiles = []
    for column in range(columns):
        rng = generator(seed, "body sheet", column)
        views, _ = sample_views(sample_body(rng), rng)
        pictures = []
        for frame in views.values():
            colours = np.array(ITOP.colours)[frame.segmentation]
            picture = depth_picture(frame.depth_mm, 800, 4800)
            mixed = 0.45 * picture + 0.55 * colours
            picture = np.where(frame.segmentation[..., None] >= 0, mixed, picture).astype(np.uint8)
            pictures.append(draw_joints(picture, CAMERA.project(frame.joints_cam_mm), ITOP))
        tiles.append(np.concatenate(pictures))
    _save(path, np.concatenate(tiles, axis=1))


def draw_joints(image: np.ndarray, joints_px: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Bones and joints in the skeleton's colours.

    Args:
        image: ``(H, W, 3)`` uint8 RGB; a new picture is returned.
        joints_px: ``(J, 2)`` pixels.
        skeleton: whose joints these are.
    """
    image = np.ascontiguousarray(image).copy()
    shift = 4
    points = np.rint(joints_px * (1 << shift)).astype(int)
    for parent, child in skeleton.bones:
        ends = tuple(map(int, points[parent])), tuple(map(int, points[child]))
        cv2.line(image, *ends, skeleton.colours[child], 1, cv2.LINE_AA, shift)
    for point, colour in zip(points, skeleton.colours, strict=True):
        centre = (int(point[0]), int(point[1]))
        cv2.circle(image, centre, 3 << shift, (30, 30, 30), -1, cv2.LINE_AA, shift)
        cv2.circle(image, centre, 2 << shift, colour, -1, cv2.LINE_AA, shift)
    return image


def _close_up(frame: HandFrame, view: HandView) -> tuple[Camera, np.ndarray]:
    """A camera in the same place that fills a tile with the hand, and the hand's middle ``(3,)``."""
    points = frame.hand.chain.reshape(-1, 3)
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    zoom = 0.5 * _TILE * middle[2] / _HALF_CUBE_MM
    u, v = middle[:2] / middle[2] * zoom
    return Camera(zoom, zoom * view.camera.fy / view.camera.fx, _TILE / 2 - u, _TILE / 2 - v), middle


def _shaded_tile(frame: HandFrame, skeleton: Skeleton, view: HandView, label: str) -> np.ndarray:
    camera, _ = _close_up(frame, view)
    buffer = rasterize(frame.vertices, frame.faces, camera, (_TILE, _TILE), near=10.0, barycentric=True)
    picture = shaded(buffer, frame.vertices, frame.faces)
    picture = draw_joints(picture, camera.project(hand_joints(frame.hand, skeleton)), skeleton)
    cv2.putText(picture, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
    return picture


def _depth_tile(frame: HandFrame, depth_mm: np.ndarray, view: HandView) -> np.ndarray:
    """The image's own pixels, enlarged without smoothing."""
    camera, middle = _close_up(frame, view)
    scale = camera.fx / view.camera.fx
    warp = np.array(
        [
            [scale, 0, camera.cx - scale * view.camera.cx],
            [0, scale, camera.cy - scale * view.camera.cy],
        ]
    )
    crop = cv2.warpAffine(depth_mm, warp, (_TILE, _TILE), flags=cv2.INTER_NEAREST)
    return depth_picture(crop, middle[2] - _HALF_CUBE_MM, middle[2] + _HALF_CUBE_MM)


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    hand_sheet(folder / "synthetic_hands.png")
    body_sheet(folder / "synthetic_itop.png")
    from carpus.synthetic.two_hands.sheet import two_hand_sheet

    two_hand_sheet(folder / "synthetic_interhand.png")
