"""A score report as plain text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from carpus.metrics.functional.legacy import METRIC_LABELS
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
    blocks = [_title(report), _figures(report), _success(report, thresholds_mm), _joints(report)]
    if report.precision is not None:
        blocks.insert(2, _grid([(part, f"{100 * rate:.2f} %") for part, rate in report.parts.items()]))
    if report.legacy is not None:
        legacy = report.legacy
        blocks += [_figures(legacy), _success(legacy, thresholds_mm), _joints(legacy)]
    return "\n\n".join(blocks)


def _title(report: ScoreReport) -> str:
    return "\n".join(
        [f"{report.protocol}: {report.frames:,} frames × {len(report.joints)} joints", *report.notes]
    )


def _figures(report: ScoreReport) -> str:
    """The single figures under the name of their metric."""
    lines = [METRIC_LABELS[report.metric]]
    if report.camera is not None:
        lines.append("through the camera " + ", ".join(f"{value:g}" for value in report.camera))
    if report.map_10cm is not None:
        lines.append(f"mAP@10cm               {100 * report.map_10cm:8.3f} %")
    unit = _unit(report)
    lines += [
        f"mean error             {report.mean_error_mm:8.3f}{unit}",
        f"median error           {report.median_error_mm:8.3f}{unit}",
        f"largest mean of joint  {report.max_joint_mean_error_mm:8.3f}{unit}",
        f"PCK-AUC 0 to 50        {100 * report.pck_auc_50mm:8.3f} %",
    ]
    return "\n".join(lines)


def _unit(report: ScoreReport) -> str:
    """What follows an error; nothing for a figure that is no distance."""
    return " mm" if report.metric == "euclid" else ""


def _success(report: ScoreReport, thresholds_mm: Sequence[float]) -> str:
    """Success rates in percent at a few thresholds."""
    known = report.thresholds_mm.tolist()
    at = [known.index(t) for t in thresholds_mm if t in known]
    unit = _unit(report)
    lines = ["within".ljust(22) + "".join(f"{report.thresholds_mm[i]:g}{unit}".rjust(9) for i in at)]
    curves = {"worst joint of frame": report.max_frame, "mean of frame": report.mean_frame}
    for name, curve in (curves | {"any joint": report.joint}).items():
        lines.append(name.ljust(22) + "".join(f"{100 * curve[i]:.2f} %".rjust(9) for i in at))
    return "\n".join(lines)


def _joints(report: ScoreReport) -> str:
    rows = zip(report.joints, report.per_joint_error_mm, report.per_joint_median_mm, strict=True)
    unit = _unit(report)
    cells = [(joint, f"{mean:.3f}{unit} {f'({median:.2f})':>8}") for joint, mean, median in rows]
    return "mean (median) of each joint\n" + _grid(cells)


def _grid(entries: Sequence[tuple[str, str]]) -> str:
    """Names and values in as many columns as fit, read downwards."""
    if not entries:
        return ""
    name_width = max(len(name) for name, _ in entries)
    value_width = max(10, *(len(value) for _, value in entries))
    cells = [f"{name.ljust(name_width)} {value.rjust(value_width)}" for name, value in entries]
    columns = max(1, (WIDTH + 3) // (len(cells[0]) + 3))
    rows = -(-len(cells) // columns)
    return "\n".join("   ".join(cells[row::rows]) for row in range(rows))
