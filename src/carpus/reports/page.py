"""The HTML page of a run: one file that needs neither network nor server.

Charts and the 3D view are our own (see ``assets/``): with plotly inlined every page would weigh five
megabytes before its first number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from carpus.reports.sections import Html, body_of

_SCRIPTS = ("charts.js", "hand3d.js", "page.js")


@dataclass(frozen=True)
class ReportMeta:
    """What a report says about its run; empty values are left out.

    Args:
        key: of the run.
        method, dataset, split: what was scored on what.
        command: that makes the run again.
        date: when it was scored.
        commit: of the code.
        seed: of the training.
        checkpoint: file that was scored, relative to the run's folder.
        center_source: ``file``, ``com`` or ``gt``.
        ensemble: number of checkpoints averaged, 1 = a single model.
        baseline_mm: mean error of always predicting the mean pose.
        metrics: the protocol's numbers, name to value.
        cube_mm: edge of the cube around the hand: the depth range pictures show.
        limit_mm: largest threshold of curves; None = 84 for hands, 250 where the cube is a body's.
        extra: further facts for the header.
        unit: of every error on the page, ``mm`` or ``px``.
        headline: of hands in colour images, the metric that ranks, one of ``metrics``; there its mean-pose
            baseline is ``mean_pose_error_<unit>``, or ``mean_pose_headline`` of a share.
        notes: what a reader must know of the numbers, a sentence each.
    """

    key: str
    method: str
    dataset: str
    split: str
    command: str = ""
    date: str = ""
    commit: str = ""
    seed: int | None = None
    checkpoint: str = ""
    center_source: str = ""
    ensemble: int = 1
    baseline_mm: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    cube_mm: float = 200.0
    limit_mm: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    unit: str = "mm"
    headline: str = ""
    notes: Sequence[str] = ()

    @property
    def title(self) -> str:
        """``v2v on msra, test``."""
        return f"{self.method} on {self.dataset}, {self.split}"

    @property
    def threshold_limit(self) -> float:
        """The largest threshold of the curves, in the page's unit."""
        if self.unit == "px":
            return 30.0
        return self.limit_mm or (84.0 if self.cube_mm <= 600 else 250.0)

    @property
    def within(self) -> tuple[float, float, float]:
        """Distances at which shares are told: fingers need other ones than a body, and pixels their own."""
        if self.unit == "px":
            return (5.0, 10.0, 20.0)
        return (10.0, 20.0, 40.0) if self.cube_mm <= 600 else (50.0, 100.0, 200.0)

    def facts(self) -> dict[str, str]:
        """What stands below the title, in order."""
        model = "single model" if self.ensemble == 1 else f"ensemble of {self.ensemble}"
        named = {
            "date": self.date,
            "commit": self.commit,
            "seed": "" if self.seed is None else str(self.seed),
            "checkpoint": self.checkpoint,
            "model": model,
            "hand centres": self.center_source,
            **self.extra,
        }
        return {name: str(value) for name, value in named.items() if str(value)}


def render_page(
    meta: ReportMeta, data: Mapping[str, Any], joint_table: Sequence[Mapping[str, Any]], config_text: str = ""
) -> str:
    """The page as text.

    Args:
        meta: facts about the run.
        data: ``skeleton``, ``scores`` (or None), ``samples``, ``history``, ``viewpoint``, ``cards`` and
            ``frames``, as :mod:`carpus.reports.payload` makes them.
        joint_table: rows of :func:`carpus.reports.payload.joint_rows`.
        config_text: the resolved configuration.
    """
    body: Html = body_of(meta, data, joint_table, config_text)
    return Template(asset("page.html")).substitute(
        title=escape(f"{meta.key} · {meta.title}"),
        style=asset("page.css"),
        body=body,
        data=script_json(data),
        script=in_unit("\n".join(asset(name) for name in _SCRIPTS), meta.unit),
    )


def in_unit(text: str, unit: str) -> str:
    """A text or script that speaks of millimetres, in the page's unit.

    Example:
        >>> in_unit("error (mm), millimetres; hmm", "px")
        'error (px), pixels; hmm'
    """
    if unit == "mm":
        return text
    return re.sub(r"\bmm\b", unit, text).replace("millimetres", "pixels")


def script_json(data: Any) -> str:
    """JSON that can stand inside a script element whatever its strings hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def asset(name: str) -> str:
    """A file that comes with the package."""
    return (files("carpus.reports") / "assets" / name).read_text(encoding="utf-8")
