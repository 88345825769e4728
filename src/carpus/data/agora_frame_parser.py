"""Rows of AGORA's data frames to body parameters in the camera, boxes and true joints, file by file."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.agora_bodies import JOINTS, SHAPE, JointBodies, JointBody, checked_fit
from carpus.data.agora_layout import (
    LARGE,
    SMALL,
    camera_name,
    params_name,
    picture_name,
    truth_name,
    write_bytes,
    write_json,
)
from carpus.data.agora_pickles import Frame, read_fit
from carpus.data.agora_rows import FitFiles, Row, RowPerson, read_row
from carpus.errors import DataError
from carpus.geometry.agora_camera import Placement, camera_frame_root
from carpus.geometry.person_boxes import box_of_points

_ENLARGE = 1.2
_BODY = slice(0, 22)
_PARTS = {
    "bbox": np.arange(JOINTS),
    "lhand_bbox": np.r_[25:40, 66:71],
    "rhand_bbox": np.r_[40:55, 71:76],
    "face_bbox": np.arange(76, JOINTS),
}
"""Boxes, and the joints they enclose."""
_EMPTY = {"gt_joints_2d": (0, JOINTS, 2), "gt_joints_3d": (0, JOINTS, 3)}


@dataclass(frozen=True)
class ParsedRow:
    """What is kept of a picture: its name, and the entries of the list as JSON."""

    name: str
    entry: bytes


class FrameParser:
    """Parses rows of a data frame; called with their numbers.

    Args:
        base: folder everything is written to.
        frame: the rows.
        folder: of its pictures.
        bodies: by gender.
        fits: of its people.
        vertices: keep the published meshes, too.
    """

    def __init__(
        self,
        base: Path,
        frame: Frame,
        folder: str,
        bodies: JointBodies,
        fits: FitFiles,
        vertices: bool = False,
    ) -> None:
        self.base, self.frame, self.folder = base, frame, folder
        self.bodies, self.fits, self.vertices = bodies, fits, vertices

    def __call__(self, rows: np.ndarray) -> list[ParsedRow]:
        """Write what belongs to some rows.

        Raises:
            DataError: naming the row, or the fit at fault.
        """
        return [self._parse(read_row(self.frame, int(row))) for row in rows]

    def _parse(self, row: Row) -> ParsedRow:
        lens = row.camera.lens
        camera = {"focal": [lens.fx, lens.fy], "princpt": [lens.cx, lens.cy]}
        write_json(self.base / camera_name(self.folder, row.image), camera)
        people, truth = [], []
        for person in row.people:
            entry, points = self._person(row, person)
            people.append(entry)
            truth.append(points)
        self._write_truth(row, truth)
        image = {
            f"file_name_{size}": picture_name(size, self.folder, row.image) for size in (LARGE, SMALL)
        } | {"gt_joints_path": truth_name(self.folder, row.image)}
        content = {"image": image, "people": people}
        return ParsedRow(f"{self.folder}/{row.image}", json.dumps(content).encode())

    def _person(self, row: Row, person: RowPerson) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Entry of the list, and true joints; parameters are written."""
        path = self.fits.path(person.fit)
        fit, body = checked_fit(read_fit(path), str(path)), self.bodies[person.gender]
        placement = row.camera.place(person.position_cm, person.yaw_deg)
        name = params_name(self.folder, row.image, person.number)
        write_json(self.base / name, _in_camera(fit, body, placement))
        found = placement(body.joints(fit, kid=person.kid))
        points = {"gt_joints_3d": found, "gt_joints_2d": row.camera.lens.project(found), **person.truth}
        pixels = points["gt_joints_2d"]
        if not np.isfinite(pixels).all():
            raise DataError(f"{row.where}: person {person.number} stands behind the camera")
        entry = {
            "person_id": person.number,
            "smplx_param_path": name,
            "cam_param_path": camera_name(self.folder, row.image),
            **{key: getattr(person, key) for key in ("gender", "kid", "occlusion", "is_valid")},
            **{key: getattr(person, key) for key in ("age", "ethnicity")},
            **{key: _box(pixels[joints]) for key, joints in _PARTS.items()},
        }
        published, exact = "gt_joints_2d" in person.truth, body.has_kid or not person.kid
        entry["guessed"] = not (published or exact)
        if exact and published:
            off = np.linalg.norm(row.camera.lens.project(found)[_BODY] - pixels[_BODY], axis=1)
            entry["off_px"] = float(off.max())
        return entry, points

    def _write_truth(self, row: Row, truth: list[dict[str, np.ndarray]]) -> None:
        arrays: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in _EMPTY.items()}
        names = [*_EMPTY, "gt_verts"] if self.vertices else [*_EMPTY]
        for name in names if truth else ():
            if all(name in points for points in truth):
                arrays[name] = np.stack([points[name] for points in truth]).astype(np.float32)
        data = io.BytesIO()
        np.savez(data, **arrays)
        write_bytes(self.base / truth_name(self.folder, row.image), data.getvalue())


def _in_camera(fit: dict[str, np.ndarray], body: JointBody, placement: Placement) -> dict[str, list[float]]:
    """The parameters with root and translation in the camera's frame; children become adults."""
    adult = {**fit, "betas": fit["betas"][:SHAPE]}
    root, trans = camera_frame_root(placement, fit["global_orient"], fit["transl"], body.pelvis(adult))
    return {
        name: values.tolist() for name, values in (adult | {"global_orient": root, "transl": trans}).items()
    }


def _box(points_px: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in box_of_points(points_px, enlarge=_ENLARGE)]
