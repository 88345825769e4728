"""From AGORA's data frames to what programs train on: a list of people, parameters in the camera's frame.

Per split ``AGORA_<split>.json`` in COCO's form, per person ``smplx_params_cam/<folder>/<image>/<k>.json``,
per picture ``cam_params/<folder>/<image>.json`` and ``gt_joints/<folder>/<image>.npz``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.agora_bodies import JointBodies
from carpus.data.agora_frame_parser import FrameParser
from carpus.data.agora_layout import annotation_names, frame_folder, write_json
from carpus.data.agora_pickles import read_frame
from carpus.data.agora_rows import FitFiles, check_columns, image_of
from carpus.data.bytes_writer import BytesWriter
from carpus.data.locking import exclusive
from carpus.data.packing import in_order

_LOG = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
BATCH = 16
_HEADER = "\x01made from"
"""Sorted before every picture."""
_FAR_PX = 1.0


@dataclass(frozen=True)
class ParseSummary:
    """What was done.

    Args:
        split: train or val.
        images: pictures.
        parsed: how many of them were parsed now.
        people: number of people.
        valid: how many of them are scored.
        kids: how many are children.
        guessed: how many children have neither published joints nor a template to make them with.
        off_px: ``(n,)`` per adult with published joints: how far its joints lie from them at most.
        standin: whether the body models are stand-ins.
    """

    split: str
    images: int
    parsed: int
    people: int
    valid: int
    kids: int
    guessed: int
    off_px: np.ndarray = field(repr=False)
    standin: bool = False

    def lines(self) -> list[str]:
        """A few lines to print."""
        marked = " (stand-in bodies)" if self.standin else ""
        lines = [
            f"{self.split}: {self.images:,} pictures, {self.parsed:,} parsed now, {self.people:,} people, of "
            f"them {self.valid:,} valid and {self.kids:,} children, treated as adults{marked}"
        ]
        if len(self.off_px):
            half, most = np.percentile(self.off_px, (50, 99))
            lines.append(
                f"{self.split}: joints of {len(self.off_px):,} adults lie within {half:.3f} px (median), "
                f"{most:.3f} px (99 %), {self.off_px.max():.3f} px (worst) of the published ones"
            )
        if self.guessed:
            lines.append(
                f"{self.split}: joints of {self.guessed:,} children are those of adults: the data frames "
                "have none, and there is no smplx_kid_template.npy among the body models"
            )
        return lines


def parse_split(
    base: Path,
    split: str,
    frames: list[Path],
    fits: FitFiles,
    bodies: JointBodies,
    *,
    vertices: bool = False,
    processes: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> ParseSummary:
    """Parse what is not parsed yet, and write the split's list when everything is.

    Whatever interrupts it, the same call continues. What is written does not depend on ``processes``.

    Args:
        base: folder everything is written to.
        split: ``train`` or ``val``.
        frames: its data frames.
        fits: of its people.
        bodies: by gender.
        vertices: keep the published meshes, too.
        processes: parsers.
        force: parse also what is parsed.
        progress: called with pictures done and in all.
    Raises:
        DataError: naming the frame, row or fit that is missing or damaged.
    """
    made_from = _made_from(frames, bodies, vertices)
    with (
        exclusive(base / f".parse_{split}.lock"),
        BytesWriter(base / f".parse_{split}.lmdb") as journal,
    ):
        _check_header(journal, made_from, force)
        names, parsed = list[str](), 0
        for path in frames:
            parser = _open(path, base, split, bodies, fits, vertices)
            names += _names(parser)
            for done, left in _parse(parser, journal, processes):
                parsed += done
                if progress is not None:
                    progress(len(names) - left, len(names))
        summary = _publish(base, split, names, journal, made_from)
    found = ParseSummary(split, len(names), parsed, *summary, bodies.standin)
    _warn(found)
    return found


def _open(
    path: Path, base: Path, split: str, bodies: JointBodies, fits: FitFiles, vertices: bool
) -> FrameParser:
    frame = read_frame(path)
    check_columns(frame)
    if not vertices:
        # They are most of the file and would be sent to every process.
        frame.columns.pop("gt_verts", None)
    return FrameParser(base, frame, frame_folder(path, split) or path.stem, bodies, fits, vertices)


def _names(parser: FrameParser) -> list[str]:
    """Names of all pictures of a frame, as the journal has them."""
    return [f"{parser.folder}/{image_of(parser.frame, row)}" for row in range(len(parser.frame))]


def _parse(parser: FrameParser, journal: BytesWriter, processes: int) -> Iterator[tuple[int, int]]:
    """Parse the rows of a frame that are missing; each time how many, and how many are left."""
    todo = np.array([row for row, name in enumerate(_names(parser)) if name not in journal], np.int64)
    left = len(todo)
    yield 0, left
    tasks = [todo[start : start + BATCH] for start in range(0, len(todo), BATCH)]
    for batch in in_order(parser, tasks, processes):
        # The journal comes last: the files of what it names are there.
        journal.put([(row.name, row.entry) for row in batch])
        left -= len(batch)
        yield len(batch), left


def _made_from(frames: list[Path], bodies: JointBodies, vertices: bool) -> dict[str, Any]:
    """What the result depends on, plain."""
    return {
        "frames": {path.name: _hash(path) for path in frames},
        "bodies": bodies.digests(),
        "standin": bodies.standin,
        "vertices": vertices,
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def _check_header(journal: BytesWriter, made_from: dict[str, Any], force: bool) -> None:
    """Forget what was parsed from other files, or with other bodies."""
    header = json.dumps(made_from, sort_keys=True).encode()
    known = journal.get(_HEADER)
    if force or (known is not None and known != header):
        if not force:
            _LOG.warning("%s: parsed from other frames or bodies before; parsing anew", journal.folder.parent)
        journal.clear()
    journal.put([(_HEADER, header)])


def _publish(
    base: Path, split: str, names: list[str], journal: BytesWriter, made_from: dict[str, Any]
) -> tuple[int, int, int, int, np.ndarray]:
    """Write the list of a split; the numbers of a summary from ``people`` on."""
    images, people = list[dict[str, Any]](), list[dict[str, Any]]()
    off, guessed = list[float](), 0
    for number, name in enumerate(names):
        content = json.loads(journal.get(name) or b"{}")
        images.append({"id": number, **content["image"]})
        for person in content["people"]:
            off += [person.pop("off_px")] if "off_px" in person else []
            guessed += person.pop("guessed")
            people.append({"id": len(people), "image_id": number, **person})
    path = base / annotation_names(split)[0]
    write_json(path, {"info": made_from, "images": images, "annotations": people})
    valid, kids = (sum(bool(person[key]) for person in people) for key in ("is_valid", "kid"))
    return len(people), valid, kids, guessed, np.array(off)


def _warn(summary: ParseSummary) -> None:
    off = summary.off_px
    if len(off) and np.median(off) > _FAR_PX:
        _LOG.warning(
            "%s: joints of half of the adults lie more than %.1f px from the published ones: body models, "
            "fits or data frames of another release?",
            summary.split,
            float(np.median(off)),
        )
