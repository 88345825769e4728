"""Rows of AGORA's data frames: a picture, its camera, and the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from carpus.data.agora_bodies import JOINTS
from carpus.data.agora_pickles import Frame
from carpus.errors import DataError
from carpus.geometry.agora_camera import SceneCamera, scene_camera, scene_kind

GENDERS = ("neutral", "male", "female")
MOST_OCCLUDED = 90.0
"""Per cent; people of whom more is hidden are not scored."""
_VERTICES = 10475
_TRUTH = {"gt_joints_2d": 2, "gt_joints_3d": 3, "gt_verts": 3}


@dataclass(frozen=True)
class RowPerson:
    """One person of a row.

    Args:
        number: in the picture.
        position_cm: ``(3,)`` in Unreal's world.
        yaw_deg: there.
        gender: one of :data:`GENDERS`.
        kid: whether it is a child.
        occlusion: per cent of it that is hidden.
        is_valid: whether it is scored.
        age, ethnicity: as published; None where they are not.
        fit: path of its fit as published.
        truth: of ``gt_joints_2d``, ``gt_joints_3d`` and ``gt_verts`` what is published.
    """

    number: int
    position_cm: tuple[float, float, float]
    yaw_deg: float
    gender: str
    kid: bool
    occlusion: float
    is_valid: bool
    age: str | None
    ethnicity: str | None
    fit: str
    truth: dict[str, np.ndarray]


@dataclass(frozen=True)
class Row:
    """A picture.

    Args:
        where: file and row, for messages.
        image: the large picture's file name.
        camera: its camera.
        people: those in it.
    """

    where: str
    image: str
    camera: SceneCamera
    people: list[RowPerson]


def image_of(frame: Frame, row: int) -> str:
    """File name of a row's picture."""
    return PurePosixPath(str(frame.column("imgPath")[row]).replace("\\", "/")).name


def read_row(frame: Frame, row: int) -> Row:
    """A row of a data frame, checked.

    Raises:
        DataError: naming row, column and what is wrong.
    """
    image, where = image_of(frame, row), f"{frame.path}: row {row}"
    where = f"{where} ({image})"
    try:
        camera = _camera(frame, row, image)
        count = len(frame.people(row, "X"))
        people = [_person(frame, row, number, where) for number in range(count)]
    except (TypeError, ValueError, IndexError) as error:
        raise DataError(f"{where}: {error}") from None
    return Row(where, image, camera, people)


def check_columns(frame: Frame) -> None:
    """Refuse a frame without people of SMPL-X.

    Raises:
        DataError: naming the column that is missing.
    """
    for name in ("imgPath", "X", "Y", "Z", "Yaw", "gender", "kid", "occlusion", "isValid", "gt_path_smplx"):
        frame.column(name)


def _camera(frame: Frame, row: int, image: str) -> SceneCamera:
    if scene_kind(image).position_cm is not None:
        return scene_camera(image, (0, 0, 0), 0)
    values = [float(frame.column(name)[row]) for name in ("camX", "camY", "camZ", "camYaw")]
    if not np.isfinite(values).all():
        raise ValueError(f"the camera is {values}, finite numbers are expected")
    return scene_camera(image, values[:3], values[3])


def _person(frame: Frame, row: int, number: int, where: str) -> RowPerson:
    def value(name: str) -> Any:
        values = frame.people(row, name)
        if number >= len(values):
            raise DataError(f"{where}: '{name}' has {len(values)} people, 'X' more")
        return values[number]

    place = [float(value(name)) for name in ("X", "Y", "Z", "Yaw")]
    if not np.isfinite(place).all():
        raise DataError(f"{where}: person {number} stands at {place}, finite numbers are expected")
    gender = str(value("gender")).lower()
    if gender not in GENDERS:
        raise DataError(f"{where}: person {number} has gender '{gender}'; {', '.join(GENDERS)} are known")
    occlusion = float(value("occlusion"))
    # Nothing is known of who was not rendered.
    occlusion = occlusion if np.isfinite(occlusion) else 100.0
    return RowPerson(
        number,
        (place[0], place[1], place[2]),
        place[3],
        gender,
        bool(value("kid")),
        occlusion,
        bool(value("isValid")) and 0 <= occlusion <= MOST_OCCLUDED,
        str(value("age")) if "age" in frame else None,
        str(value("ethnicity")) if "ethnicity" in frame else None,
        str(value("gt_path_smplx")).replace("\\", "/"),
        {
            name: _points(value(name), size, f"{where}: {name} of person {number}")
            for name, size in _TRUTH.items()
            if name in frame
        },
    )


def _points(values: Any, size: int, where: str) -> np.ndarray:
    """Published points; further joints than SMPL-X's 127 are cut off."""
    points = np.asarray(values, np.float64)
    points = points[0] if points.ndim == 3 and len(points) == 1 else points
    least = _VERTICES if where.split(": ")[-1].startswith("gt_verts") else JOINTS
    if points.ndim != 2 or points.shape[1] != size or len(points) < least:
        raise DataError(
            f"{where} has shape {points.shape}, ({least}, {size}) is expected; labels of SMPL (24 joints, "
            "6890 vertices) are not those of SMPL-X"
        )
    return points[:least]


class FitFiles:
    """Fits by the paths that data frames give.

    Args:
        places: folders the paths may begin in.
    """

    def __init__(self, places: list[Path]) -> None:
        self.places = places
        self._found: Path | None = None

    def path(self, published: str) -> Path:
        """The pickle beside the published mesh.

        Raises:
            DataError: naming the file and the folders in which it is not.
        """
        name = Path(published).with_suffix(".pkl")
        for place in [self._found, *self.places] if self._found else self.places:
            if (place / name).is_file():
                self._found = place
                return place / name
        raise DataError(
            f"{self.places[0] / name} is missing{self._others(name)}; unpack AGORA's SMPL-X fits "
            "(smplx_gt) there, or name the folder that holds them with --fits"
        )

    def _others(self, name: Path) -> str:
        others = ", ".join(str(place / name) for place in self.places[1:])
        return f" (nor is it at {others})" if others else ""
