"""What a method of whole bodies, hands or faces finds in one box of a photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carpus.data.own_photos import PhotoBox
from carpus.geometry.camera import Camera
from carpus.reports.payload import plain
from carpus.skeletons import Skeleton

SPACE = {
    "pixels": "(column, row) of the upright photograph; the centre of the first pixel is (0, 0)",
    "parameters": "of the body model: axis-angle poses in radians, finger poses about the mean hand; "
    "add cam_trans (metres) to its vertices and joints",
    "camera": "virtual, of the photograph: column = focal_px[0] * x / z + princpt_px[0], row likewise; "
    "x right, y down, z forward. Its focal length is a convention of the method: distances are not measured",
    "left hand": "parameters are those of the left model; MANO's left file needs the sign of its first shape "
    "direction corrected, as Carpus does",
}
_DIGITS = 7


@dataclass(frozen=True)
class FittedModel:
    """The body model that is fitted.

    Args:
        kind: ``smplx``, ``smpl``, ``mano`` or ``flame``.
        faces: ``(F, 3)`` vertex indices.
        joints: those that are predicted.
        standin: whether its shapes are not the published ones.
    """

    kind: str
    faces: np.ndarray
    joints: Skeleton
    standin: bool


@dataclass(frozen=True)
class DetectedBox(PhotoBox):
    """A box that a detector found.

    Args:
        score: of the detector, at most 1.
    """

    score: float


@dataclass(frozen=True)
class FoundPerson:
    """A fitted body, hand or face in front of a virtual camera.

    Args:
        box: where it was looked for.
        crop_xywh_px: ``(4,)`` what the method was shown of the photograph.
        side: ``left`` or ``right`` of a hand, else None.
        joints_px: ``(J, 2)`` in the photograph.
        joints_cam_mm: ``(J, 3)``.
        vertices_cam_mm: ``(V, 3)``.
        parameters: of the body model by their published names, ``cam_trans`` among them.
        camera: virtual, of the photograph.
        crop: ``(H, W, 3)`` uint8 RGB, never mirrored.
        crop_camera: virtual, of the crop.
    """

    box: PhotoBox
    crop_xywh_px: np.ndarray
    side: str | None
    joints_px: np.ndarray
    joints_cam_mm: np.ndarray
    vertices_cam_mm: np.ndarray
    parameters: Mapping[str, np.ndarray]
    camera: Camera
    crop: np.ndarray
    crop_camera: Camera

    def told(self, model: FittedModel) -> str:
        """A line for the user."""
        what = f"{self.side} hand" if self.side else {"flame": "face"}.get(model.kind, "person")
        score = f", score {self.box.score:.2f}" if isinstance(self.box, DetectedBox) else ""
        box = ",".join(f"{value:g}" for value in np.round(self.box.xywh_px, 1))
        return f"{what} as {model.kind} in box {box} ({self.box.source}{score})"

    def entry(self, model: FittedModel) -> dict[str, Any]:
        """The JSON file's content; numbers are rounded far below what can be seen."""
        return {
            "model": model.kind,
            "standin": model.standin,
            "hand": self.side,
            **{name: plain(value.reshape(-1), _DIGITS) for name, value in self.parameters.items()},
            "focal_px": plain([self.camera.fx, self.camera.fy], _DIGITS),
            "princpt_px": plain([self.camera.cx, self.camera.cy], _DIGITS),
            "bbox_xywh_px": plain(np.asarray(self.box.xywh_px, float), 3),
            "bbox_source": self.box.source,
            "bbox_score": round(self.box.score, 5) if isinstance(self.box, DetectedBox) else None,
            "crop_xywh_px": plain(np.asarray(self.crop_xywh_px, float), 3),
            "skeleton": model.joints.name,
            "joints": list(model.joints.joints),
            "joints_px": plain(self.joints_px, 3),
            "joints_cam_mm": plain(self.joints_cam_mm, 3),
        }


def faces_of(model: FittedModel, person: FoundPerson) -> np.ndarray:
    """``(F, 3)`` with outward normals: a mirrored mesh's triangles run the other way round."""
    return model.faces[:, ::-1] if person.side == "left" else model.faces


def in_one_space(people: Sequence[FoundPerson]) -> tuple[list[np.ndarray], Camera]:
    """Meshes of several virtual cameras as one camera would see them.

    Every box has a focal length of its own. Whoever stands at depth z before a camera of focal length f looks
    the same at depth z F / f before one of F; relief is kept, so that nearer people hide farther ones.

    Args:
        people: at least one; those who reach behind their camera are left out.
    Returns:
        ``(V, 3)`` each, in millimetres, and the camera.
    """
    camera = max((person.camera for person in people), key=lambda seen: seen.fx)
    meshes = []
    for person in people:
        points = np.asarray(person.vertices_cam_mm, np.float64)
        if not np.isfinite(points).all() or points[:, 2].min() <= 0:
            continue
        middle = float(np.median(points[:, 2]))
        depth = points[:, 2] + middle * (camera.fx / person.camera.fx - 1)
        meshes.append(camera.unproject(person.camera.project(points), depth))
    return meshes, camera


def surface_points(vertices: np.ndarray, faces: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Points spread evenly over a mesh.

    Args:
        vertices: ``(V, 3)``.
        faces: ``(F, 3)``.
        count: how many.
        seed: of their places.
    Returns:
        ``(count, 3)``.
    Example:
        >>> flat = surface_points(np.array([[0, 0, 5], [2, 0, 5], [0, 2, 5.0]]), np.array([[0, 1, 2]]), 9)
        >>> flat.shape, bool((flat[:, 2] == 5).all()), bool((flat[:, :2].sum(1) <= 2).all())
        ((9, 3), True, True)
    """
    rng = np.random.default_rng(seed)
    corners = np.asarray(vertices, np.float64)[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.linalg.norm(np.cross(first, second), axis=1)
    chosen = rng.choice(len(faces), count, p=areas / areas.sum())
    along = rng.random((count, 2))
    # The far half of the parallelogram is folded back into the triangle.
    along = np.where(along.sum(1, keepdims=True) > 1, 1 - along, along)
    return corners[chosen, 0] + along[:, :1] * first[chosen] + along[:, 1:] * second[chosen]
