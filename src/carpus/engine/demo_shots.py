"""What photographs and videos share: pictures with boxes, who looks into them, the walk over photos."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from omegaconf import DictConfig
from PIL import Image, UnidentifiedImageError

from carpus.data.own_photos import SUFFIXES as PICTURES
from carpus.data.own_photos import (
    WHOLE,
    PhotoBox,
    check_names,
    checked_box,
    find_photos,
    read_boxes,
    read_photo,
)
from carpus.data.own_videos import SUFFIXES as VIDEOS
from carpus.engine.demo import demo_meta
from carpus.engine.demo_options import RgbOptions
from carpus.engine.folder import RunFolder
from carpus.errors import DataError
from carpus.geometry.one_euro import OneEuroSettings
from carpus.reports.clip import ClipPage, FramePlace
from carpus.reports.digit_frame import unique_stems
from carpus.reports.digit_photo import box_name
from carpus.reports.page import ReportMeta

Progress = Callable[[int, int], None]
Found = TypeVar("Found")
AT_ONCE = 8
"""Boxes that go through a network together."""
_STUDIOS = {"InterHand26M": "one studio with lamps all around and a plain background"}


@dataclass(frozen=True)
class Shot:
    """A photograph or a frame, and where to look in it.

    Args:
        name: for messages.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        boxes: in the picture.
        stem: of the files of a photograph.
    """

    name: str
    image: np.ndarray
    boxes: Sequence[PhotoBox]
    stem: str = ""


@dataclass(frozen=True)
class Asked:
    """One box of a picture.

    Args:
        key: for messages.
        image: ``(H, W, 3)`` uint8 RGB.
        box: where to look.
    """

    key: str
    image: np.ndarray
    box: PhotoBox


class Page(Protocol):
    """Takes pictures one by one and ends with a page."""

    folder: Path

    def close(self) -> Path:
        """Write the page."""
        ...


class Subject(ABC, Generic[Found]):
    """A run's network with all that depends on what it looks for: hands, or people.

    Args:
        cfg: configuration of the run.
        options: of the command line.
    """

    nobody: ClassVar[str] = "there is nothing"
    """Said of a picture without a box."""

    def __init__(self, cfg: DictConfig, options: RgbOptions) -> None:
        self.cfg, self.options = cfg, options

    @abstractmethod
    def predict(self, asked: Sequence[Asked]) -> list[Found]:
        """What is in boxes, of one picture or of several.

        Raises:
            DataError: for a box without extent in its picture.
        """

    @abstractmethod
    def said(self, found: Found) -> str:
        """A line for the user."""

    @abstractmethod
    def page(self, folder: Path, meta: ReportMeta, count: int) -> Page:
        """The writer of that many photographs."""

    @abstractmethod
    def write(self, page: Any, shot: Shot, found: Sequence[Found]) -> None:
        """Give a photograph to the writer."""

    @abstractmethod
    def clip_page(self, folder: Path, meta: ReportMeta, count: int | None, fps: float) -> ClipPage:
        """The writer of that many frames, None if their number is not known, for a film."""

    @abstractmethod
    def write_frame(self, page: Any, shot: Shot, found: Sequence[Found], place: FramePlace) -> None:
        """Give a frame to the writer."""

    @abstractmethod
    def smoother(self, settings: OneEuroSettings) -> Callable[[Found, float], Found]:
        """A filter over time, in seconds, of one hand, pair of hands or person."""

    def boxes(self, name: str, image: np.ndarray, named: Sequence[np.ndarray]) -> Sequence[PhotoBox]:
        """Where to look in a picture.

        Args:
            name: for messages.
            image: ``(H, W, 3)`` uint8 RGB.
            named: boxes that a file gives for it.
        Returns:
            one box or more; none if nobody was found.
        Raises:
            DataError: for a box that shows nothing of the picture.
        """
        return boxes_for(name, image, self.options.boxes, named)

    def warnings(self) -> list[str]:
        """What holds for all pictures."""
        return [out_of_domain(self.cfg)]

    def doubts(self, shot: Shot) -> list[str]:
        """What is doubtful about boxes of a picture."""
        return []

    def summed_up(self, whole: int, of: str) -> list[str]:
        """Warnings about so many pictures that were taken whole, of how many of what."""
        return []


def asked_of(shot: Shot) -> list[Asked]:
    """A picture's boxes, each with a name of its own."""
    return [Asked(f"{shot.name}{box_name(i, shot.boxes)}", shot.image, b) for i, b in enumerate(shot.boxes)]


def demo_images(
    load: Callable[[], Subject[Any]], run: RunFolder, options: RgbOptions, progress: Progress | None = None
) -> list[str]:
    """Predict, write and draw photographs.

    Args:
        load: gives the network; called when files and boxes were found to be there.
        run: that it belongs to.
        options: photographs, and where to look in them.
        progress: called with (done, total).
    Returns:
        lines for the user: one per box, warnings, where the files are.
    Raises:
        DataError: naming photographs that cannot be used; the others have their files.
    """
    files = photos_of(options.images)
    boxes = boxes_by_name(options.box_file, files)
    subject = load()
    page = subject.page(out_folder(run, options), demo_meta(run, subject.cfg), len(files))
    lines, warnings, broken, whole = [], subject.warnings(), [], 0
    stems = unique_stems([file.name for file in files])
    for done, (file, stem) in enumerate(zip(files, stems, strict=True), start=1):
        try:
            shot, said, found = _photograph(subject, file, stem, boxes.get(file.name, ()))
        except DataError as error:
            broken.append(str(error))
            continue
        subject.write(page, shot, found)
        lines += [f"{shot.name}{box_name(i, found)}: {subject.said(one)}" for i, one in enumerate(found)]
        warnings += said
        whole += shot.boxes[0].source == WHOLE
        if progress is not None and len(files) > 1:
            progress(done, len(files))
    if len(broken) == len(files):
        raise DataError(broken[0])
    written = page.close()
    if broken:
        raise DataError(f"{len(broken)} of {len(files)} photographs cannot be used: {'; '.join(broken)}")
    last = subject.summed_up(whole, f"{len(files)} photographs")
    return [*lines, *warned([*warnings, *last]), f"  {page.folder}", f"  {written}"]


def _photograph(
    subject: Subject[Any], file: Path, stem: str, named: Sequence[np.ndarray]
) -> tuple[Shot, list[str], list[Any]]:
    """A file with its boxes, warnings, and what is in the boxes."""
    image, warning = read_photo(file)
    boxes = subject.boxes(file.name, image, named)
    if not boxes:
        raise DataError(f"{file.name}: {subject.nobody}; give --bbox x,y,w,h")
    shot = Shot(file.name, image, boxes, stem)
    return shot, [*([warning] if warning else []), *subject.doubts(shot)], subject.predict(asked_of(shot))


def out_folder(run: RunFolder, options: RgbOptions) -> Path:
    """Where the files go."""
    return options.out or run.path / "vis" / f"demo_{options.images.stem}"


def warned(texts: Iterable[str]) -> list[str]:
    """Lines for the user."""
    return [f"warning: {text}" for text in texts]


def photos_of(path: Path) -> list[Path]:
    """The file itself, or the pictures of a folder in order of their names.

    Raises:
        DataError: if there is none; for a file that is no picture, whatever its ending, naming what is read.
    """
    if not path.is_file() or path.suffix.lower() in PICTURES:
        return find_photos(path)
    try:
        with Image.open(path):
            pass
    except (UnidentifiedImageError, OSError):
        raise DataError(
            f"{path}: neither a picture ({', '.join(PICTURES)}) nor a video ({', '.join(VIDEOS)}); another "
            f"program may convert it, as with: ffmpeg -i {path.name} {path.stem}.mp4"
        ) from None
    return [path]


def boxes_by_name(box_file: Path | None, photos: Sequence[Path]) -> dict[str, list[np.ndarray]]:
    """The boxes of ``--bbox-file`` by the name of their photograph; empty without such a file.

    Raises:
        DataError: if it cannot be read, or names a photograph that is not among these.
    """
    if box_file is None:
        return {}
    boxes = read_boxes(box_file)
    check_names(boxes, [photo.name for photo in photos], box_file)
    return boxes


def boxes_for(
    name: str, image: np.ndarray, given: Sequence[Sequence[float]], named: Sequence[np.ndarray]
) -> list[PhotoBox]:
    """The boxes of a picture; the whole of it where there is none.

    Args:
        name: for messages.
        image: ``(H, W, 3)``.
        given: xywh boxes of every picture.
        named: those a file gives for this one.
    Raises:
        DataError: for a box that shows nothing of the picture.
    """
    size_wh = (image.shape[1], image.shape[0])
    for boxes, source in ((given, "given"), (named, "file")):
        if len(boxes):
            return [PhotoBox(checked_box(box, size_wh, name), source) for box in boxes]
    return [PhotoBox(np.array([0.0, 0.0, *size_wh]), WHOLE)]


def out_of_domain(cfg: DictConfig) -> str:
    """What the run has seen, and what that means for photographs."""
    source = str(cfg.dataset.spec.source._target_).rpartition(".")[2]
    seen = "drawn pictures" if cfg.dataset.get("synth") else _STUDIOS.get(source, "its pictures only")
    return (
        f"this run was trained on {cfg.dataset.name} ({seen}); on photographs from elsewhere expect larger "
        "errors than its scores"
    )
