"""An AGORA report as plain text of at most 80 columns."""

from __future__ import annotations

import math

from carpus.metrics.agora.figures import SHORT, AgoraFigures
from carpus.metrics.agora.scoring import AgoraReport


def agora_table(report: AgoraReport) -> str:
    """The report as text: the leader board's rows, the same without misses, people by occlusion.

    Args:
        report: of :func:`carpus.metrics.agora.scoring.score_agora`.
    Returns:
        lines without a final line break.
    """
    figures = report.figures
    model = {"smplx": "SMPL-X", "smpl": "SMPL"}[report.model]
    blocks = [
        f"AGORA {model}: {report.images:,} pictures, {report.people:,} people, {report.matched:,} found, "
        f"{report.misses:,} missed,\n{report.false_positives:,} false positives",
        f"F1 {figures.f1:.2f}   precision {figures.precision:.2f}   recall {figures.recall:.2f}",
        _rows(figures),
    ]
    if report.misses and report.model == "smplx":
        blocks.append("hands and face of people nobody found left out\n" + _rows(report.figures_found_only))
    if report.by_occlusion:
        blocks.append(_occlusion(report))
    return "\n\n".join([*blocks, *report.notes])


def _rows(figures: AgoraFigures) -> str:
    parts = list(figures.mve)
    lines = ["mm     " + "".join(f"{SHORT[part]:>9}" for part in parts)]
    tables = {"NMVE": figures.nmve, "NMJE": figures.nmje, "MVE": figures.mve, "MPJPE": figures.mpjpe}
    for name, table in tables.items():
        cells = [f"{_number(table[part]) if part in table else '':>9}" for part in parts]
        lines.append(f"{name:<7}{''.join(cells)}".rstrip())
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _occlusion(report: AgoraReport) -> str:
    lines = ["occlusion    people    found    B-MVE  B-MPJPE"]
    for row in report.by_occlusion:
        errors = [_number(row.get(name, math.nan)) for name in ("mve", "mpjpe")]
        share = f"{row['occlusion']:.0f} to {row['occlusion'] + 10:.0f} %"
        counts = f"{row['people']:>8,.0f} {row['found']:>8,.0f}"
        lines.append(f"{share:<10} {counts} {errors[0]:>8} {errors[1]:>8}")
    return "\n".join(lines)
