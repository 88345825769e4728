"""What ``carpus demo`` leaves of people: mesh, parameters and renders of each, and a page with them in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from carpus.data.own_photos import WHOLE
from carpus.render.mesh import draw_box, draw_meshes, write_obj
from carpus.reports.demo import MOST_ON_PAGE
from carpus.reports.digit_photo import readable_json
from carpus.reports.draw import draw_skeleton
from carpus.reports.page import ReportMeta, render_page
from carpus.reports.payload import data_uri, pack_cloud, plain, skeleton_data
from carpus.reports.people_found import (
    SPACE,
    FittedModel,
    FoundPerson,
    faces_of,
    in_one_space,
    surface_points,
)
from carpus.reports.style import write_bytes

POINTS = 5000
"""Points of a surface on the page."""
_QUALITY, _SAMPLES, _PAIR_PX, _THUMB_PX = 95, 2, 560, 300
_MM_PER_M = 1000.0


@dataclass(frozen=True)
class PeoplePhoto:
    """A photograph and those found in it.

    Args:
        name: file name.
        stem: of the folder written for it.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        people: one entry per box.
    """

    name: str
    stem: str
    image: np.ndarray
    people: Sequence[FoundPerson]


class PeopleWriter:
    """Writes photograph after photograph, then the page; only small pictures stay in memory.

    A photograph has a folder with ``output.obj``, ``params.json``, ``render_cropped_img.jpg`` and
    ``render_original_img.jpg``; of the second box ``output_2.obj`` and so on.

    Args:
        folder: gets those folders and ``people.html``.
        model: what is fitted.
        meta: what the page says.
        photos: how many there will be.
    """

    what = "photographs"
    """Counted on the page."""

    def __init__(self, folder: Path, model: FittedModel, meta: ReportMeta, photos: int) -> None:
        self.folder, self.model, self.meta = folder, model, meta
        chosen = np.linspace(0, photos - 1, min(photos, MOST_ON_PAGE)).round().astype(int)
        self._on_page, self._count, self._people = frozenset(chosen.tolist()), 0, 0
        self._samples: list[dict[str, Any]] = []

    def add(self, photo: PeoplePhoto) -> None:
        """Write the files of one photograph."""
        folder = self.folder / photo.stem
        folder.mkdir(parents=True, exist_ok=True)
        whole = drawn_photo(photo, self.model)
        write_bytes(folder / "render_original_img.jpg", _jpeg(whole))
        for number, person in enumerate(photo.people):
            end = f"_{number + 1}" if number else ""
            mesh = person.vertices_cam_mm / _MM_PER_M
            write_obj(folder / f"output{end}.obj", mesh, faces_of(self.model, person))
            text = readable_json(self._content(photo, person))
            write_bytes(folder / f"params{end}.json", text.encode())
            crop = drawn_crop(person, self.model)
            write_bytes(folder / f"render_cropped_img{end}.jpg", _jpeg(crop))
            if self._count in self._on_page:
                self._samples.append(self._sample(photo, number, crop, whole))
        self._count += 1
        self._people += len(photo.people)

    def close(self) -> Path:
        """Write the page."""
        data = {
            "space": "millimetres in front of the method's virtual camera: distances are not measured",
            "frames": self._count,
            "skeleton": skeleton_data(self.model.joints),
            "scores": None,
            "cards": self._cards(),
            "samples": self._samples,
            "history": [],
            "viewpoint": [],
        }
        note = {"body model": f"{self.model.kind}, {'stand-in' if self.model.standin else 'published'}"}
        meta = replace(self.meta, extra={**self.meta.extra, **note})
        return write_bytes(self.folder / "people.html", render_page(meta, data, []).encode())

    def _cards(self) -> list[dict[str, Any]]:
        vertices = int(self.model.faces.max()) + 1
        return [
            {"name": self.what, "value": f"{self._count:,}", "main": True},
            {"name": "boxes", "value": f"{self._people:,}"},
            {"name": "vertices", "value": f"{vertices:,}", "unit": self.model.kind},
            {"name": "joints", "value": str(len(self.model.joints)), "unit": self.model.joints.name},
        ]

    def _content(self, photo: PeoplePhoto, person: FoundPerson) -> dict[str, Any]:
        return {
            "photo": photo.name,
            "image_wh": [photo.image.shape[1], photo.image.shape[0]],
            "run": self.meta.key,
            "method": self.meta.method,
            **person.entry(self.model),
            "space": SPACE,
        }

    def _sample(self, photo: PeoplePhoto, number: int, crop: np.ndarray, whole: np.ndarray) -> dict[str, Any]:
        """A person as the page's viewer takes it."""
        person = photo.people[number]
        joints = person.joints_cam_mm
        center = np.nan_to_num(joints).mean(0)
        pair = np.concatenate([drawn_skeleton(person, self.model), crop], axis=1)
        several = f" box {number + 1}" if len(photo.people) > 1 else ""
        points = surface_points(person.vertices_cam_mm, self.model.faces, POINTS)
        return {
            "key": f"{photo.name}{several} · {person.told(self.model)}",
            "index": self._count,
            "group": "frame",
            "pred": plain(joints, 2),
            "target": None,
            "valid": [True] * len(joints),
            "center": plain(center, 2),
            "cloud": pack_cloud(points, center),
            "pair": data_uri(_fit(pair, _PAIR_PX)),
            "thumb": data_uri(_fit(whole, _THUMB_PX)),
        }


def drawn_crop(person: FoundPerson, model: FittedModel) -> np.ndarray:
    """The mesh over what the method was shown, ``(H, W, 3)`` uint8."""
    return draw_meshes(
        person.crop, [person.vertices_cam_mm], model.faces, person.crop_camera, samples=_SAMPLES
    )


def drawn_photo(photo: PeoplePhoto, model: FittedModel) -> np.ndarray:
    """The photograph with all meshes, nearer ones over farther ones, and the boxes that were given."""
    meshes, camera = in_one_space(photo.people)
    drawn = draw_meshes(photo.image, meshes, model.faces, camera, samples=_SAMPLES) if meshes else photo.image
    for person in photo.people:
        if person.box.source != WHOLE:
            drawn = draw_box(drawn, person.box.xywh_px)
    return drawn


def drawn_skeleton(person: FoundPerson, model: FittedModel) -> np.ndarray:
    """The joints over what the method was shown, ``(H, W, 3)`` uint8."""
    joints = person.crop_camera.project(np.asarray(person.joints_cam_mm, np.float64))
    width = max(1.2, person.crop.shape[0] / 160)
    return draw_skeleton(person.crop, joints, model.joints, order=person.joints_cam_mm[:, 2], width=width)


def _jpeg(picture: np.ndarray) -> bytes:
    # With colours of every second pixel only, thin lines of boxes would fade.
    full = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, *full])[1].tobytes()


def _fit(picture: np.ndarray, longest: int) -> np.ndarray:
    """A picture with its longer side at most that long."""
    share = longest / max(picture.shape[:2])
    if share >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
