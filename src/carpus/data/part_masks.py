"""Part masks and fit errors of InterHand2.6M's images, rendered from the fitted MANO hands."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from carpus.data.bytes_writer import BytesWriter
from carpus.data.locking import exclusive
from carpus.data.packing import in_order
from carpus.data.part_journal import PartEntry, PartJournal
from carpus.data.part_rendering import PartRenderer, RenderedParts
from carpus.data.sources.interhand26m.annotations import Annotations
from carpus.data.sources.interhand26m.layout import MASKS
from carpus.errors import ConfigError, DataError, unknown

_LOG = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
BODY_MODELS = "body_models"
"""Folder of a synthetic tree that holds the hands its pictures show."""
BATCH = 200
_BAD_FIT_MM = 20.0
"""Fits as far off as this are counted in the summary."""


@dataclass(frozen=True)
class PartChoice:
    """Which images of a split; an empty field leaves all of them in.

    Args:
        captures: numbers.
        sequences: names of folders such as ``ROM01_No_Interaction_2_Hand``.
        cameras: names such as ``400262`` or ``cam400262``.
        limit: at most so many, from the first on.
    """

    captures: Sequence[int] = ()
    sequences: Sequence[str] = ()
    cameras: Sequence[str] = ()
    limit: int | None = None

    def rows(self, images: Annotations) -> np.ndarray:
        """Places of the chosen images in their file.

        Raises:
            ConfigError: naming the capture, sequence or camera that the split does not have.
        """
        numbers = images.numbers
        keep = np.ones(len(images), bool)
        if self.captures:
            keep &= _among("capture", numbers["capture"], [str(c) for c in self.captures])
        if self.sequences:
            places = _places("sequence", self.sequences, images.sequences)
            keep &= np.isin(numbers["sequence"], places)
        if self.cameras:
            keep &= _among("camera", numbers["camera"], [c.removeprefix("cam") for c in self.cameras])
        rows = np.flatnonzero(keep)
        if not len(rows):
            raise ConfigError(f"{images.path}: no image has this capture, sequence and camera at once")
        return rows[: self.limit]


@dataclass(frozen=True)
class PartSummary:
    """What was done.

    Args:
        split: of the images.
        chosen: how many images were asked for.
        rendered: how many of them were not there yet.
        masked: how many of the chosen ones have a mask.
        errors_mm: ``(n, 2)`` fit errors of the chosen ones, right and left; NaN without a fit.
        standin: whether the hands are stand-ins.
    """

    split: str
    chosen: int
    rendered: int
    masked: int
    errors_mm: np.ndarray = field(repr=False)
    standin: bool

    def lines(self) -> list[str]:
        """A few lines to print: counts, and how well the hands are fitted."""
        made = f"{self.chosen:,} images, {self.rendered:,} rendered now, {self.masked:,} have a mask"
        lines = [f"{self.split}: {made}{' (stand-in hands)' if self.standin else ''}"]
        for side, errors in zip(("right", "left"), self.errors_mm.T, strict=True):
            known = errors[np.isfinite(errors)]
            if len(known):
                half, most, worst = np.percentile(known, (50, 95, 100))
                lines.append(
                    f"{self.split} {side} fit error mm: median {half:.1f}, 95 % below {most:.1f}, worst "
                    f"{worst:.1f}; {int((known > _BAD_FIT_MM).sum()):,} of {len(known):,} above "
                    f"{_BAD_FIT_MM:g}"
                )
        return lines


def make_part_masks(
    root: Path,
    split: str,
    body_models: Path,
    choice: PartChoice | None = None,
    *,
    standin: bool = False,
    processes: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> PartSummary:
    """Render what is missing to ``segm_32.lmdb``, and write ``cache/meta_dict_<split>.pkl``.

    Whatever interrupts it, the same call continues. An image whose hands have no fit gets no mask.

    Args:
        root: the published tree.
        split: ``train``, ``val`` or ``test``.
        body_models: folder of the MANO files.
        choice: which images; all by default.
        standin: use stand-in hands where there are no MANO files.
        processes: renderers; what is written does not depend on their number.
        force: render also what is there.
        progress: called with images done and in all.
    Raises:
        ConfigError: for a capture, sequence or camera that the split does not have.
        DataError: naming the annotation or body model file that is missing or damaged, or the tree where it
            cannot be written.
        StoreError: if the disk is full.
    """
    renderer = PartRenderer(root, split, body_models, standin=standin)
    rows = (choice or PartChoice()).rows(renderer.images)
    _check_writable(root)
    with (
        exclusive(root / "cache" / ".parts.lock"),
        BytesWriter(root / MASKS[0]) as masks,
        PartJournal(root, split, standin=renderer.standin, force=force) as journal,
    ):
        if journal.forgot:
            masks.clear(f"{split}/")
        todo = rows if force else rows[[not _is_done(renderer.name(row), masks, journal) for row in rows]]
        done = len(rows) - len(todo)
        for count in _render(renderer, todo, masks, journal, processes):
            if progress is not None:
                progress(done + count, len(rows))
        journal.publish()
        errors, masked = _look_back(renderer, rows, journal)
    return PartSummary(split, len(rows), len(todo), masked, errors, renderer.standin)


def _render(
    renderer: PartRenderer, rows: np.ndarray, masks: BytesWriter, journal: PartJournal, processes: int
) -> Iterator[int]:
    """Render images and commit them batch by batch; how many are done so far."""
    tasks = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    watch, done = _EmptyHands(), 0
    yield done
    for batch in in_order(renderer, tasks, processes):
        # The journal comes last: what it names has its mask.
        masks.put([(mask_name(made.name), made.png) for made in batch if made.png is not None])
        journal.put((made.name, made.entry) for made in batch)
        watch.take(batch)
        done += len(batch)
        yield done
    watch.end()


def mask_name(image: str) -> str:
    """Key of the mask of an image's path below ``images``.

    Example:
        >>> mask_name("val/Capture0/ROM01/cam400262/image1.jpg")
        'val/Capture0/ROM01/cam400262/image1.png'
    """
    return str(Path(image).with_suffix(".png"))


def _check_writable(root: Path) -> None:
    try:
        (root / "cache").mkdir(exist_ok=True)
        (root / MASKS[0]).mkdir(exist_ok=True)
        writable = all(os.access(root / name, os.W_OK) for name in ("cache", MASKS[0]))
    except OSError:
        writable = False
    if not writable:
        raise DataError(
            f"{root} cannot be written; masks go to {MASKS[0]} and fit errors to cache there. Make a folder "
            "of your own with links to its annotations and images, and set dataset.root to it"
        )


def _is_done(image: str, masks: BytesWriter, journal: PartJournal) -> bool:
    entry: PartEntry | None = journal.get(image)
    return entry is not None and (entry.size_wh is None or mask_name(image) in masks)


def _look_back(renderer: PartRenderer, rows: np.ndarray, journal: PartJournal) -> tuple[np.ndarray, int]:
    """Fit errors ``(n, 2)`` of images, NaN without a fit, and how many of the images have a mask."""
    errors, masked = np.full((len(rows), 2), np.nan), 0
    for place, row in enumerate(rows):
        entry = journal.get(renderer.name(row))
        if entry is not None:
            errors[place] = [np.nan if error is None else error for error in entry.errors_mm]
            masked += entry.size_wh is not None
    return errors, masked


def _among(what: str, values: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    known = [str(value) for value in np.unique(values)]
    return np.isin(values, [int(known[place]) for place in _places(what, wanted, known)])


def _places(what: str, wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    for name in wanted:
        if name not in known:
            raise ConfigError(unknown(what, name, known))
    return [list(known).index(name) for name in wanted]


class _EmptyHands:
    """Warns after every sequence in which a fitted hand covers no pixel."""

    def __init__(self) -> None:
        self._folder = ""
        self._found: list[tuple[str, str]] = []
        self._seen = 0

    def take(self, batch: list[RenderedParts]) -> None:
        """Rendered images, in the order of their file."""
        for folder, group in groupby(batch, lambda made: str(Path(made.name).parents[1])):
            if folder != self._folder:
                self.end()
                self._folder = folder
            for made in group:
                self._seen += 1
                self._found += [(made.name, side) for side in made.empty]

    def end(self) -> None:
        """The sequence is over."""
        if self._found:
            name, side = self._found[0]
            _LOG.warning(
                "%s: a fitted hand covers no pixel in %d of %d images, first the %s one in %s: hidden, "
                "outside the picture, or not the hands of these pictures",
                self._folder,
                len({found for found, _ in self._found}),
                self._seen,
                side,
                Path(name).name,
            )
        self._found, self._seen = [], 0
