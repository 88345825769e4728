"""A score report as plain text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from carpus.metrics.scoring import ScoreReport

WIDTH = 80


def score_table(report: ScoreReport, thresholds_mm: Sequence[float] = (10, 20, 30, 40, 50, 80)) -> str:
    """The report as text: headline first, then rates, then joints.

    Args:
        report: of :func:`carpus.metrics.scoring.score`.
        thresholds_mm: columns of the success table; those the report has.
    Returns:
        lines without a final line break.
    """
    blocks = [_head(report), _success(report, thresholds_mm), _joints(report)]
    if report.precision is not None:
        blocks.insert(1, _grid([(part, f"{100 * rate:.2f} %") for part, rate in report.parts.items()]))
    return "\n\n".join(blocks)


def _head(report: ScoreReport) -> str:
    lines = [f"{report.protocol}: {report.frames:,} frames × {len(report.joints)} joints", *report.notes, ""]
    if report.map_10cm is not None:
        lines.append(f"mAP@10cm      {100 * report.map_10cm:8.3f} %")
    lines.append(f"mean error    {report.mean_error_mm:8.3f} mm")
    lines.append(f"median error  {report.median_error_mm:8.3f} mm")
    return "\n".join(lines)


def _success(report: ScoreReport, thresholds_mm: Sequence[float]) -> str:
    """Success rates in percent at a few thresholds."""
    known = report.thresholds_mm.tolist()
    at = [known.index(t) for t in thresholds_mm if t in known]
    lines = ["within".ljust(22) + "".join(f"{report.thresholds_mm[i]:g} mm".rjust(9) for i in at)]
    curves = {"worst joint of frame": report.max_frame, "mean of frame": report.mean_frame}
    for name, curve in (curves | {"any joint": report.joint}).items():
        lines.append(name.ljust(22) + "".join(f"{100 * curve[i]:.2f} %".rjust(9) for i in at))
    return "\n".join(lines)


def _joints(report: ScoreReport) -> str:
    pairs = zip(report.joints, report.per_joint_error_mm, strict=True)
    return _grid([(joint, f"{error:.3f} mm") for joint, error in pairs])


def _grid(entries: Sequence[tuple[str, str]]) -> str:
    """Names and values in as many columns as fit, read downwards."""
    if not entries:
        return ""
    name_width = max(len(name) for name, _ in entries)
    cells = [f"{name.ljust(name_width)} {value.rjust(10)}" for name, value in entries]
    columns = max(1, (WIDTH + 3) // (len(cells[0]) + 3))
    rows = -(-len(cells) // columns)
    return "\n".join("   ".join(cells[row::rows]) for row in range(rows))
