"""What ``carpus demo`` leaves of a video: a film, numbers of every frame, and a page with some of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import cv2
import numpy as np

from carpus.errors import DataError
from carpus.reports import digit_photo_draw, people_demo
from carpus.reports.demo import MOST_ON_PAGE
from carpus.reports.digit_photo import Photo, PhotoWriter, readable_json
from carpus.reports.page import ReportMeta
from carpus.reports.people_demo import PeoplePhoto, PeopleWriter
from carpus.reports.people_found import FittedModel
from carpus.reports.style import write_bytes
from carpus.reports.track import Mp4File
from carpus.skeletons import HandPair

FRAMES, SUMMARY, FILM = "frames.jsonl", "summary.json", "overlay.mp4"
_OF_PHOTO = ("photo", "boxes")
_OF_RUN = ("image_wh", "run", "method", "model", "standin", "skeleton", "joints", "space")


@dataclass(frozen=True)
class FramePlace:
    """Where a frame is in its video.

    Args:
        number: of the frame, from 0.
        time_s: from the beginning.
        tracks: number of each box; one that is followed keeps it.
    """

    number: int
    time_s: float
    tracks: Sequence[int]


class ClipPage(Protocol):
    """Takes frames one by one and ends with the files of a video."""

    folder: Path

    def finish(self, summary: Mapping[str, Any]) -> list[Path]:
        """Complete all files, with what else is to be said of the video."""
        ...

    def abandon(self) -> None:
        """Leave no files."""
        ...


class ClipFiles:
    """Film and numbers, which appear when they are complete.

    Args:
        folder: of the files.
        fps: frames per second of the film.
    """

    def __init__(self, folder: Path, fps: float) -> None:
        self.folder, self.fps = folder, fps
        folder.mkdir(parents=True, exist_ok=True)
        self._parts = TemporaryDirectory(prefix=".part_", dir=folder)
        self._lines = (Path(self._parts.name) / FRAMES).open("w", encoding="utf-8")
        self._film: Mp4File | None = None
        self._size_wh = (0, 0)

    def add(self, place: FramePlace, boxes: Sequence[Mapping[str, Any]], picture: np.ndarray) -> None:
        """The next frame.

        Args:
            place: in the video.
            boxes: what was found in each.
            picture: ``(H, W, 3)`` uint8 RGB.
        Raises:
            DataError: if a film cannot be written here.
        """
        entries = [{"track": track, **box} for track, box in zip(place.tracks, boxes, strict=True)]
        line = {"frame": place.number, "time_s": round(place.time_s, 6), "boxes": entries}
        self._lines.write(json.dumps(line, allow_nan=False, ensure_ascii=False) + "\n")
        if self._film is None:
            self._size_wh = (picture.shape[1], picture.shape[0])
            self._film = self._opened()
        if (picture.shape[1], picture.shape[0]) != self._size_wh:
            # A film has one size; pictures of another one would be left out of it.
            picture = cv2.resize(picture, self._size_wh, interpolation=cv2.INTER_AREA)
        self._film.add(picture, place.number)

    def _opened(self) -> Mp4File:
        try:
            return Mp4File(Path(self._parts.name) / FILM, self._size_wh, self.fps)
        except DataError:
            raise DataError(
                f"{self.folder / FILM}: OpenCV cannot write MPEG-4 here; is the disk full, or was OpenCV "
                "built without FFmpeg? pip install opencv-python-headless has it"
            ) from None

    def finish(self, summary: Mapping[str, Any]) -> list[Path]:
        """Complete the files.

        Args:
            summary: what holds for all frames.
        """
        self._lines.close()
        if self._film is not None:
            self._film.close()
        parts = [Path(self._parts.name) / name for name in (FILM, FRAMES)]
        moved = [part.replace(self.folder / part.name) for part in parts if part.is_file()]
        self._parts.cleanup()
        return [*moved, write_bytes(self.folder / SUMMARY, readable_json(summary).encode())]

    def abandon(self) -> None:
        """Remove what is not complete."""
        self._lines.close()
        if self._film is not None:
            self._film.close()
        self._parts.cleanup()


class _Ending:
    """How the writer of a video ends, whatever its frames show."""

    what = "frames"
    _files: ClipFiles
    _head: Mapping[str, Any]

    def close(self) -> Path:
        """Write the page."""
        raise NotImplementedError

    def finish(self, summary: Mapping[str, Any]) -> list[Path]:
        """Complete the files and write the page."""
        return [*self._files.finish({**summary, **self._head}), self.close()]

    def abandon(self) -> None:
        """Remove what is not complete."""
        self._files.abandon()


class HandClip(PhotoWriter, _Ending):
    """Frames with hands.

    Args:
        folder: gets ``overlay.mp4``, ``frames.jsonl``, ``summary.json`` and ``hands.html``.
        skeleton: of the joints.
        meta: what the page says.
        frames: how many there will be; None if that is not known.
        fps: frames per second of the film.
    """

    def __init__(
        self, folder: Path, skeleton: HandPair, meta: ReportMeta, frames: int | None, fps: float
    ) -> None:
        super().__init__(folder, skeleton, meta, frames or MOST_ON_PAGE)
        self._files, self._head = ClipFiles(folder, fps), {}

    def add_frame(self, photo: Photo, place: FramePlace) -> None:
        """Write what belongs to one frame."""
        content, labels = self._content(photo), photo.labels()
        picture = digit_photo_draw.drawn_photo(photo.image, labels, photo.hands, self.skeleton)
        self._files.add(place, content["boxes"], picture)
        self._head = {name: value for name, value in content.items() if name not in _OF_PHOTO}
        if self._count in self._on_page:
            self._samples += [self._sample(photo, i, labels) for i in range(len(photo.hands))]
        self._count += 1
        self._hands += sum(int(hands.shown.sum()) for hands in photo.hands)


class PeopleClip(PeopleWriter, _Ending):
    """Frames with people, or parts of them.

    Args:
        folder: gets ``overlay.mp4``, ``frames.jsonl``, ``summary.json`` and ``people.html``.
        model: what is fitted.
        meta: what the page says.
        frames: how many there will be; None if that is not known.
        fps: frames per second of the film.
    """

    def __init__(
        self, folder: Path, model: FittedModel, meta: ReportMeta, frames: int | None, fps: float
    ) -> None:
        super().__init__(folder, model, meta, frames or MOST_ON_PAGE)
        self._files, self._head = ClipFiles(folder, fps), {}

    def add_frame(self, photo: PeoplePhoto, place: FramePlace) -> None:
        """Write what belongs to one frame."""
        contents = [self._content(photo, person) for person in photo.people]
        left_out = (*_OF_PHOTO, *_OF_RUN)
        boxes = [{k: v for k, v in content.items() if k not in left_out} for content in contents]
        picture = people_demo.drawn_photo(photo, self.model) if photo.people else photo.image
        self._files.add(place, boxes, picture)
        for content in contents[:1]:
            self._head = {name: content[name] for name in _OF_RUN}
        if self._count in self._on_page:
            for number, person in enumerate(photo.people):
                crop = people_demo.drawn_crop(person, self.model)
                self._samples.append(self._sample(photo, number, crop, picture))
        self._count += 1
        self._people += len(photo.people)
