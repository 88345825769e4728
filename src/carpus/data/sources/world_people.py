"""What datasets share that give joints and fits in the world, and cameras: Human3.6M, MPI-INF-3DHP."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.interhand26m.records import to_camera
from carpus.data.whole_body_fits import Fits, Masks, collect_fits, int_name, nested, remedy_of
from carpus.data.whole_body_people import flat, lookup
from carpus.data.whole_body_source import PeopleSource
from carpus.errors import DataError
from carpus.geometry import Camera
from carpus.types import Field

Names = tuple[int, ...]
_BITS = 21


def code_of(*numbers: Any) -> Any:
    """Some non-negative numbers below two million as one, the first one small; arrays too.

    Example:
        >>> code_of(1, 2) == (1 << 21 | 2)
        True
    """
    code: Any = 0
    for number in numbers:
        code = code << _BITS | number
    return code


@dataclass(frozen=True)
class WorldCameras:
    """Cameras looked up by a number.

    Args:
        codes: ``(C,)`` and the ``order`` that sorts them.
        order: ``(C,)``.
        rotation: ``(C, 3, 3)`` world to camera.
        translation_mm: ``(C, 3)`` added after it.
        intrinsics: ``(C, 4)`` fx, fy, cx, cy.
    """

    codes: np.ndarray
    order: np.ndarray
    rotation: np.ndarray
    translation_mm: np.ndarray
    intrinsics: np.ndarray

    def rows(self, wanted: np.ndarray) -> np.ndarray:
        """``(m,)`` rows, -1 for a camera that is not there."""
        return lookup(self.codes, self.order, wanted)


def collect_cameras(
    entries: Iterable[tuple[int, str, Any]], names: tuple[str, str, str, str]
) -> WorldCameras:
    """A table of cameras.

    Args:
        entries: number, place for messages, and published content.
        names: what the publisher calls rotation, translation, focal length and principal point.
    Raises:
        DataError: naming the camera whose numbers are not as expected.
    """
    sizes = dict(zip(names, (9, 3, 2, 2), strict=True))
    codes, values = array("q"), array("d")
    for code, where, content in entries:
        codes.append(code)
        for name, size in sizes.items():
            try:
                numbers = [float(number) for number in flat(content[name])]
            except (KeyError, TypeError, ValueError):
                numbers = []
            if len(numbers) != size or not np.isfinite(numbers).all():
                raise DataError(f"{where}: {name} of {size} finite numbers is expected")
            values.extend(numbers)
    table, ids = np.array(values).reshape(-1, sum(sizes.values())), np.array(codes, np.int64)
    order = np.argsort(ids, kind="stable")
    return WorldCameras(ids, order, table[:, :9].reshape(-1, 3, 3), table[:, 9:12], table[:, 12:])


@dataclass(frozen=True)
class WorldJoints:
    """Joints looked up by a number: ``codes``, the ``order`` that sorts them, ``(F, J, 3)`` float32 mm."""

    codes: np.ndarray
    order: np.ndarray
    values_mm: np.ndarray

    def rows(self, wanted: np.ndarray) -> np.ndarray:
        """``(m,)`` rows, -1 for a frame that is not there."""
        return lookup(self.codes, self.order, wanted)


def collect_joints(entries: Iterable[tuple[int, str, Any]], count: int) -> WorldJoints:
    """A table of joints.

    Args:
        entries: number, place for messages, and published content.
        count: J.
    Raises:
        DataError: naming the frame whose numbers are not as expected.
    """
    codes, values = array("q"), array("f")
    for code, where, content in entries:
        try:
            found = np.asarray(content, np.float32)
        except (TypeError, ValueError):
            found = np.zeros(0, np.float32)
        if found.shape != (count, 3) or not np.isfinite(found).all():
            raise DataError(
                f"{where}: finite numbers of shape ({count}, 3) are expected, found {found.shape}"
            )
        codes.append(code)
        values.frombytes(found.tobytes())
    ids = np.array(codes, np.int64)
    return WorldJoints(
        ids, np.argsort(ids, kind="stable"), np.array(values, np.float32).reshape(-1, count, 3)
    )


def stream_entries(
    path: Path, depth: int, code: Callable[[Names], int | None]
) -> Iterator[tuple[int, str, Any]]:
    """Values of objects in objects whose names are numbers, those that are wanted.

    Args:
        path: the file.
        depth: how many objects lie in each other.
        code: of the names that lead to a value; None leaves it out.
    """
    with JsonStream(path) as stream:
        for names in nested(stream, depth):
            value = stream.value()
            chosen = code(tuple(int_name(name, path) for name in names))
            if chosen is not None:
                yield chosen, f"{path}: {'/'.join(names)}", value


def stream_fits(path: Path, model: str, depth: int, code: Callable[[Names], int | None]) -> Fits:
    """Fits of such a file, ``smplx`` or ``smpl``."""
    return collect_fits(path, model, stream_entries(path, depth, code), remedy=remedy_of(model))


class WorldPeople(PeopleSource):
    """People whose joints and fits are published in the world; subclasses call :meth:`_join`."""

    _cameras: WorldCameras
    _joints: WorldJoints
    _fits: Fits | None
    _masks: Masks

    def _join(self, camera_codes: np.ndarray, frame_codes: np.ndarray, files: tuple[Path, Path]) -> None:
        """Rows of every person's camera, joints and fit.

        Args:
            camera_codes, frame_codes: ``(N,)``.
            files: of cameras and of joints, for messages.
        Raises:
            DataError: naming the first person without camera or joints.
        """
        self._camera_rows = self._cameras.rows(camera_codes)
        self._joint_rows = self._joints.rows(frame_codes)
        self._fit_rows = np.full(len(self), -1) if self._fits is None else self._fits.rows(frame_codes)
        found = (("camera", self._camera_rows), ("joints", self._joint_rows))
        for (what, rows), file in zip(found, files, strict=True):
            if (lost := np.flatnonzero(rows < 0)).size:
                raise DataError(
                    f"{file} has no {what} for {self._people.locate(int(lost[0]))} ({lost.size:,} people "
                    f"have no {what})"
                )

    def _fields(self, index: int) -> dict[str, Field]:
        camera = int(self._camera_rows[index])
        rotation, shift = self._cameras.rotation[camera], self._cameras.translation_mm[camera]
        world = self._joints.values_mm[int(self._joint_rows[index])]
        joints = to_camera(world[None], rotation[None], -(rotation.T @ shift)[None])[0]
        intrinsics = self._cameras.intrinsics[camera]
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "camera": intrinsics.copy(),
            "joints_cam_mm": joints.astype(np.float32),
            "joints_px": Camera.from_array(intrinsics).project(joints).astype(np.float32),
            "joint_valid": np.ones(len(joints), bool),
        }
        if self._fits is not None and (fit := self._fits.fields(int(self._fit_rows[index]), self._masks)):
            fields |= fit | {
                "model_camera": intrinsics.copy(),
                "model_rotation": rotation.copy(),
                "model_translation_m": shift / 1000,
            }
        return fields
