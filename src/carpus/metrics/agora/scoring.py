"""Score predicted people of AGORA by its official evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.metrics.agora.figures import AgoraFigures, figures_of, precision_recall_f1
from carpus.metrics.agora.matching import match_people
from carpus.metrics.agora.people import AgoraImage, Person, check_person
from carpus.metrics.agora.tables import AgoraPart, AgoraTables
from carpus.metrics.functional.mesh_error import rooted_error, similarity_error

FIGURES = ("mve", "mpjpe", "pa_mpjpe")
_STEP = 10
"""Percent of occlusion in a row of the table."""


@dataclass(frozen=True)
class AgoraReport:
    """What scoring found.

    Args:
        model: ``smplx`` or ``smpl``.
        figures: of the leader board: hands and face of people nobody found count as an error of 0 there.
        figures_found_only: the same with the means of all parts over the people that were found.
        pa_mpjpe: mean joint error by part after similarity transforms, mm, over the people found.
        images, people, matched, misses, false_positives: how many.
        by_occlusion: for each tenth of occlusion that has people: its first percent, how many people count,
            how many were found, and the errors ``mve`` and ``mpjpe`` of the body of those.
        notes: what differs from the official evaluation.
    """

    model: str
    figures: AgoraFigures
    figures_found_only: AgoraFigures
    pa_mpjpe: Mapping[str, float]
    images: int
    people: int
    matched: int
    misses: int
    false_positives: int
    by_occlusion: tuple[Mapping[str, float], ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Everything as plain numbers, lists and strings, for JSON."""
        plain: dict[str, object] = {"model": self.model, **self.figures.as_dict()}
        found = self.figures_found_only.as_dict()
        plain |= {f"found_only_{name}": value for name, value in found.items() if name.startswith(("M", "N"))}
        plain |= {f"PA_MPJPE_{part}": value for part, value in self.pa_mpjpe.items()}
        counts = ("images", "people", "matched", "misses", "false_positives")
        plain |= {name: getattr(self, name) for name in counts}
        return plain | {"by_occlusion": [dict(row) for row in self.by_occlusion], "notes": list(self.notes)}


def part_errors(
    found: Mapping[str, Tensor], true: Mapping[str, Tensor], part: AgoraPart
) -> dict[str, Tensor]:
    """Errors of one part of people, per person.

    Args:
        found: ``joints`` ``(B, J, 3)`` and ``vertices`` ``(B, V, 3)`` predicted.
        true: likewise.
        part: which joints and vertices, and what is brought to its true place first.
    Returns:
        :data:`FIGURES`, ``(B,)`` float64 each, in the unit of the arguments; the root joint is one of the
        joints whose mean is taken.
    """
    kept, roots = list(part.joints), list(part.roots)
    joints, target = found["joints"].double(), true["joints"].double()
    root, true_root = joints[:, roots].mean(1), target[:, roots].mean(1)
    ids = slice(None) if part.vertices is None else part.vertices
    return {
        "mve": rooted_error(found["vertices"][:, ids], true["vertices"][:, ids], root, true_root),
        "mpjpe": rooted_error(joints[:, kept], target[:, kept], root, true_root),
        "pa_mpjpe": similarity_error(joints[:, kept], target[:, kept]),
    }


class AgoraTally:
    """Errors and counts of pictures, one after another.

    Args:
        tables: parts of the body model.
    """

    def __init__(self, tables: AgoraTables) -> None:
        self.tables = tables
        self.errors: dict[str, dict[str, list[float]]] = {
            part: {figure: [] for figure in FIGURES} for part in tables.parts
        }
        self.hidden_found: list[float] = []
        self.hidden_missed: list[float] = []
        self.images = self.false_positives = 0

    @property
    def misses(self) -> int:
        """People that count and were not found."""
        return len(self.hidden_missed)

    @property
    def matched(self) -> int:
        """People that count and were found."""
        return len(self.hidden_found)

    def add(self, image: AgoraImage) -> None:
        """Count one picture.

        Raises:
            DataError: naming a person that cannot be scored.
        """
        for person in (*image.predicted, *image.true):
            check_person(person, self.tables)
        counts = [person.counts for person in image.true]
        predicted, true = ([p.joints_px for p in people] for people in (image.predicted, image.true))
        matching = match_people(predicted, true, counts)
        self.images += 1
        self.false_positives += len(matching.false_positives)
        self.hidden_missed += [image.true[t].occlusion for t in matching.misses]
        self.hidden_found += [image.true[t].occlusion for _, t in matching.pairs]
        if matching.pairs:
            found = [image.predicted[p] for p, _ in matching.pairs]
            self._measure(found, [image.true[t] for _, t in matching.pairs])

    def means(self, figure: str, official: bool) -> dict[str, float]:
        """Mean error by part, mm; with ``official`` misses of hands and face count as 0."""
        means = {}
        for name, part in self.tables.parts.items():
            values = self.errors[name][figure]
            number = len(values) + (self.misses if official and part.misses_are_zero else 0)
            means[name] = float(np.sum(values) / number) if number else float("nan")
        return means

    def by_occlusion(self) -> list[dict[str, float]]:
        """How many people were found in each tenth of occlusion that has people, and errors of the body."""
        found, missed = np.array(self.hidden_found), np.array(self.hidden_missed)
        body = {figure: np.array(self.errors["body"][figure]) for figure in ("mve", "mpjpe")}
        rows = []
        for low in range(0, 100, _STEP):
            inside = found // _STEP == low // _STEP
            number, lost = int(inside.sum()), int((missed // _STEP == low // _STEP).sum())
            if number + lost:
                means = {name: float(v[inside].mean()) for name, v in body.items()} if number else {}
                rows.append({"occlusion": float(low), "people": number + lost, "found": number, **means})
        return rows

    def report(self, notes: Iterable[str] = ()) -> AgoraReport:
        """The figures of everything counted.

        Args:
            notes: what else the report says.
        """
        rates = precision_recall_f1(self.matched + self.misses, self.misses, self.false_positives)
        official, found_only = (
            figures_of(self.means("mve", whole), self.means("mpjpe", whole), rates) for whole in (True, False)
        )
        return AgoraReport(
            model=self.tables.model,
            figures=official,
            figures_found_only=found_only,
            pa_mpjpe=self.means("pa_mpjpe", official=False),
            images=self.images,
            people=self.matched + self.misses,
            matched=self.matched,
            misses=self.misses,
            false_positives=self.false_positives,
            by_occlusion=tuple(self.by_occlusion()),
            notes=(*_notes(self.tables), *notes),
        )

    def _measure(self, predicted: list[Person], true: list[Person]) -> None:
        found, exact = _stacked(predicted, self.tables), _stacked(true, self.tables)
        for name, part in self.tables.parts.items():
            for figure, values in part_errors(found, exact, part).items():
                self.errors[name][figure] += values.tolist()


def score_agora(images: Iterable[AgoraImage], tables: AgoraTables) -> AgoraReport:
    """Score people of any number of pictures by AGORA's official evaluation.

    Args:
        images: one after another; a picture is read, counted and forgotten.
        tables: parts of the body model.
    Returns:
        the report.
    Raises:
        DataError: naming a person that cannot be scored, or if there is no picture.
    """
    tally = AgoraTally(tables)
    for image in images:
        tally.add(image)
    if not tally.images:
        raise DataError("no picture to score: neither predictions nor truth name one")
    return tally.report()


def _stacked(people: list[Person], tables: AgoraTables) -> dict[str, Tensor]:
    joints = [np.asarray(person.joints_cam_mm[: tables.joints], dtype=np.float64) for person in people]
    vertices = [np.asarray(person.vertices_cam_mm, dtype=np.float64) for person in people]
    return {"joints": torch.from_numpy(np.stack(joints)), "vertices": torch.from_numpy(np.stack(vertices))}


def _notes(tables: AgoraTables) -> tuple[str, ...]:
    if tables.official_body:
        return ()
    number = len(ids) if (ids := tables.parts["body"].vertices) is not None else tables.vertices
    return (
        f"vertices of the body: {number}, not the official list; give the file that comes with the official "
        f"evaluation (body_verts_{tables.model}.npy) for its very MVE",
    )
