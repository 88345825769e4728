"""Pictures to look at: what was parsed of AGORA, drawn over the published pictures of both sizes."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from carpus.data.agora_bodies import JOINTS, JointBodies
from carpus.data.agora_layout import LARGE, SMALL, find_picture, write_bytes
from carpus.data.agora_rows import GENDERS
from carpus.data.rgb_images import decode_rgb
from carpus.data.sources.agora.labels import (
    PART_BOXES,
    AgoraPeople,
    read_camera,
    read_labels,
    read_params,
)
from carpus.errors import DataError
from carpus.geometry.agora_camera import PUBLISHED_WH
from carpus.geometry.camera import Camera
from carpus.skeletons import SMPLX_144

_LOG = logging.getLogger(__name__)

FOLDER = "check"
_BOX, _PART, _INVALID = (255, 220, 0), (0, 220, 255), (150, 150, 150)
_BONES = [bone for bone in SMPLX_144.bones if max(bone) < JOINTS]


def draw_checks(base: Path, split: str, bodies: JointBodies, count: int) -> list[Path]:
    """Draw some pictures of a split, spread over it, from the files that were written.

    People that are not valid are grey. Pictures that are not there are left out, with a warning.

    Args:
        base: folder of everything.
        split: ``train`` or ``val``.
        bodies: by gender.
        count: how many pictures.
    Returns:
        The files, in ``check/<split>``: of every picture one per size.
    """
    found = read_labels(base, split, invalid=True)
    images = np.unique(found.people.people["image"])
    chosen = images[np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int))]
    written, missing = list[Path](), list[str]()
    for image in chosen.tolist():
        names = {LARGE: found.people.names[image], SMALL: found.small[image]}
        for size, name in names.items():
            path = base / find_picture(base, name)
            if not path.is_file():
                missing.append(name)
                continue
            target = base / FOLDER / split / f"{Path(names[LARGE]).stem}_{size}.jpg"
            _write(target, _drawn(path, found, image, bodies, base))
            written.append(target)
    if missing:
        _LOG.warning(
            "%s: %d pictures to be drawn over are missing, such as %s", base, len(missing), missing[0]
        )
    return written


def _drawn(path: Path, found: AgoraPeople, image: int, bodies: JointBodies, base: Path) -> np.ndarray:
    """``(H, W, 3)`` uint8 RGB: a picture with everybody's skeleton and boxes."""
    try:
        canvas = np.ascontiguousarray(decode_rgb(path.read_bytes()))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    scale = canvas.shape[1] / PUBLISHED_WH[0]
    people = found.people.people
    for row in np.flatnonzero(people["image"] == image).tolist():
        valid, text = bool(people["is_valid"][row]), int(people["text"][row])
        camera = Camera.from_array(scale * read_camera(base / found.cameras[text]))
        fit = read_params(base / found.params[text])
        joints = bodies[GENDERS[int(people["gender"][row])]].joints(fit)
        _draw_person(canvas, camera.project(joints), valid)
        _draw_box(canvas, scale * people["bbox_xywh_px"][row], _BOX if valid else _INVALID)
        for name in PART_BOXES if valid else ():
            _draw_box(canvas, scale * people[name][row], _PART)
    return canvas


def _draw_person(canvas: np.ndarray, pixels: np.ndarray, valid: bool) -> None:
    width = max(1, round(canvas.shape[1] / 960))
    for parent, child in _BONES:
        colour = SMPLX_144.colours[child] if valid else _INVALID
        if np.isfinite(pixels[[parent, child]]).all():
            ends = np.clip(np.rint(pixels[[parent, child]]), -32000, 32000).astype(int).tolist()
            cv2.line(canvas, tuple(ends[0]), tuple(ends[1]), colour, width, cv2.LINE_AA)


def _draw_box(canvas: np.ndarray, box: np.ndarray, colour: tuple[int, int, int]) -> None:
    x, y, width, height = (round(float(value)) for value in box)
    thick = max(1, round(canvas.shape[1] / 1280))
    cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, thick)


def _write(path: Path, image: np.ndarray) -> None:
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    write_bytes(path, data.tobytes())
