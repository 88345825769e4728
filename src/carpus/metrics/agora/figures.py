"""AGORA's figures: F1 of the detections, errors by part, of the full body, and all of them over F1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

PARTS = ("body", "left_hand", "right_hand", "face")
SHORT = {"full_body": "FB", "body": "B", "left_hand": "LH", "right_hand": "RH", "face": "F"}
"""How the leader board abbreviates parts."""
NORMALISED = ("full_body", "body")


@dataclass(frozen=True)
class AgoraFigures:
    """What the leader board shows, rounded as it rounds; mm but for the three rates.

    Args:
        precision, recall, f1: of the detections, 2 decimals.
        mve: mean vertex error by part and of the ``full_body``.
        mpjpe: mean joint error likewise.
        nmve: ``mve`` of full body and body over F1; NaN for an F1 of 0.
        nmje: ``mpjpe`` likewise.
    """

    precision: float
    recall: float
    f1: float
    mve: Mapping[str, float]
    mpjpe: Mapping[str, float]
    nmve: Mapping[str, float] = field(default_factory=dict)
    nmje: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, float]:
        """All figures by the names of the leader board, such as ``NMVE_FB`` or ``MPJPE_LH``."""
        values = {"F1": self.f1, "precision": self.precision, "recall": self.recall}
        tables = {"NMVE": self.nmve, "NMJE": self.nmje, "MVE": self.mve, "MPJPE": self.mpjpe}
        for name, table in tables.items():
            values |= {f"{name}_{SHORT[part]}": value for part, value in table.items()}
        return values


def precision_recall_f1(people: int, misses: int, false_positives: int) -> tuple[float, float, float]:
    """Rates of the detections, rounded to 2 decimals; 0 where there is nothing to divide by.

    Args:
        people: true people that count.
        misses: those of them without a prediction.
        false_positives: predictions without a person.
    Example:
        >>> precision_recall_f1(people=100, misses=7, false_positives=3)
        (0.97, 0.93, 0.95)
        >>> precision_recall_f1(people=0, misses=0, false_positives=0)
        (0.0, 0.0, 0.0)
    """
    hits = people - misses
    if hits <= 0:
        return 0.0, 0.0, 0.0
    rates = (
        hits / (hits + false_positives),
        hits / (hits + misses),
        hits / (hits + 0.5 * (false_positives + misses)),
    )
    return round(rates[0], 2), round(rates[1], 2), round(rates[2], 2)


def full_body(parts: Mapping[str, float]) -> float:
    """Error of the full body from rounded errors of its parts: body + a third of hands and face.

    Example:
        >>> full_body({"body": 90.2, "left_hand": 46.3, "right_hand": 48.1, "face": 41.6})
        135.5
    """
    extremities = parts["left_hand"] + parts["right_hand"] + parts["face"]
    return round(parts["body"] + extremities / 3, 1)


def figures_of(
    mve: Mapping[str, float], mpjpe: Mapping[str, float], rates: tuple[float, float, float]
) -> AgoraFigures:
    """The leader board's figures from mean errors of parts.

    Args:
        mve: mean vertex error by part, mm; all of :data:`PARTS`, or the body alone (SMPL).
        mpjpe: mean joint error likewise.
        rates: of :func:`precision_recall_f1`.
    Example:
        >>> found = figures_of({"body": 84.8}, {"body": 89.8}, (0.97, 0.92, 0.94))
        >>> found.nmve["body"], found.nmje["body"]
        (90.2, 95.5)
    """
    tables = []
    for errors in (mve, mpjpe):
        rounded = {part: round(errors[part], 1) for part in PARTS if part in errors}
        if len(rounded) == len(PARTS):
            rounded = {"full_body": full_body(rounded), **rounded}
        tables.append(rounded)
    precision, recall, f1 = rates
    over_f1 = [
        {part: round(table[part] / f1, 1) if f1 > 0 else math.nan for part in NORMALISED if part in table}
        for table in tables
    ]
    return AgoraFigures(precision, recall, f1, tables[0], tables[1], over_f1[0], over_f1[1])
