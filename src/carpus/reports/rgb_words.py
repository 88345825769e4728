"""What the page of hands in photographs says in words: cards, conditions, how to read the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from carpus.metrics.baseline import metric_unit
from carpus.reports.numbers import FrameErrors, success
from carpus.reports.page import ReportMeta
from carpus.skeletons import INTERHAND_PUBLISHED, Skeleton

# Metrics with a card: name on it, factor, unit, digits.
_FIGURES = {
    "mpjpe_all": ("MPJPE, all images", 1.0, "mm", 2),
    "mpjpe_all_no_wrist": ("without the wrists", 1.0, "mm", 2),
    "mpjpe_sh": ("one hand", 1.0, "mm", 2),
    "mpjpe_ih": ("interacting hands", 1.0, "mm", 2),
    "mrrpe": ("between the wrists (MRRPE)", 1.0, "mm", 2),
    "epe_px_none_21j": ("EPE in the image", 1.0, "px", 2),
    "auc_px_none_21j": ("AUC 0–30 px", 1.0, "", 3),
    "pck_crop_none_21j": ("PCK, 5 % of the crop", 100.0, "%", 1),
    "epe_mm_none_21j": ("EPE in space", 1.0, "mm", 2),
    "epe_mm_root_21j": ("EPE in space, from the root", 1.0, "mm", 2),
    "epe_mm_procrustes_21j": ("EPE in space, Procrustes", 1.0, "mm", 2),
    "handness_acc": ("presence of hands right", 100.0, "%", 1),
    "segm_iou": ("part masks, IoU", 100.0, "%", 1),
}


_COUNTED = {
    "mm": "Curves, bars, tables and frames tell errors relative to the wrist of each hand. Wrists, which "
    "would always be 0, are left out, as are joints without annotation and hands whose wrist has none.",
    "px": "Curves, bars, tables and frames tell pixels of the published image between predicted and true "
    "joints, wrists included; joints without annotation do not count.",
}


def hand_cards(errors: FrameErrors | None, count: int, meta: ReportMeta) -> list[dict[str, Any]]:
    """The cards at the top of the page: the protocol's figures, then those of the page's own errors."""
    frames = {"name": "frames", "value": f"{count:,}"}
    if errors is None or not errors.flat.size:
        return [{**frames, "main": True, "note": "no ground truth", "bad": True}]
    flat, (_, low, high), unit = errors.flat, meta.within, errors.unit
    cards = [*_headline(meta), *_beside(meta)]
    if not cards:
        cards = [{"name": "mean error", "value": f"{errors.overall:.2f}", "unit": unit, "main": True}]
    share = lambda values, at: f"{success(values, np.array([at]))[0]:.1f}"  # noqa: E731
    cards += [
        {"name": "median error", "value": f"{np.median(flat):.2f}", "unit": unit},
        {"name": "95 % of the joints within", "value": f"{np.percentile(flat, 95):.1f}", "unit": unit},
        {"name": f"joints ≤ {low:g} {unit}", "value": share(flat, low), "unit": "%"},
        {"name": f"frames wholly ≤ {high:g} {unit}", "value": share(errors.max, high), "unit": "%"},
    ]
    unscored = count - int(errors.scored.sum())
    note = {"note": f"{unscored:,} without ground truth", "bad": True} if unscored else {}
    return [*cards, {**frames, **note}]


def _headline(meta: ReportMeta) -> list[dict[str, Any]]:
    """The metric that ranks, and the mean pose's of the same kind."""
    value, unit = meta.metrics.get(meta.headline), metric_unit(meta.headline)
    if value is None or not math.isfinite(value):
        return []
    usual = (meta.headline.replace("_", " "), 1.0, unit, 2 if unit else 3)
    name, factor, shown, digits = _FIGURES.get(meta.headline, usual)
    figure = {"unit": shown, "value": f"{factor * value:.{digits}f}"}
    cards: list[dict[str, Any]] = [{"name": name, **figure, "main": True}]
    baseline = meta.metrics.get(f"mean_pose_error_{unit}" if unit else "mean_pose_headline")
    if baseline is None or not math.isfinite(baseline):
        return cards
    if not unit:
        # Of shares and areas more is better, and a ratio says little.
        worse = value <= baseline
        cards[0] |= {"note": "below the mean pose's" if worse else "above the mean pose's", "bad": worse}
    elif baseline > 0:
        cards[0] |= {"note": f"{value / baseline:.0%} of the mean pose's", "bad": value >= baseline}
    told = f"{factor * baseline:.{digits}f}"
    return [*cards, {"name": "mean-pose baseline", "value": told, "unit": shown}]


def _beside(meta: ReportMeta) -> list[dict[str, Any]]:
    """The protocol's other figures that are known."""
    cards = []
    for metric, (name, factor, unit, digits) in _FIGURES.items():
        value = meta.metrics.get(metric)
        if value is None or not math.isfinite(value) or metric == meta.headline:
            continue
        card: dict[str, Any] = {"name": name, "value": f"{factor * value:.{digits}f}", "unit": unit}
        constant = meta.metrics.get("constant_hand_type_acc")
        if metric == "handness_acc" and constant is not None:
            card |= {"note": f"always the same answer: {100 * constant:.1f} %", "bad": value <= constant}
        cards.append(card)
    return cards


def condition_facts(conditions: Mapping[str, Any]) -> dict[str, str]:
    """Conditions of a score as facts for the header.

    Args:
        conditions: of the dataset, ``images_in_store`` and so on.
    Example:
        >>> facts = condition_facts({"split": "val", "images_in_store": 10, "images_published": 2000})
        >>> facts | condition_facts({"boxes_and_wrist_depths": "rootnet"})
        {'images in store': '10 of 2,000 published', 'boxes and wrist depths': 'rootnet'}
    """
    facts = {}
    for name, value in conditions.items():
        if name in ("dataset", "split", "images_published"):
            continue
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        published = conditions.get("images_published")
        if name == "images_in_store" and published:
            text = f"{text}, all published" if value == published else f"{text} of {published:,} published"
        facts[name.replace("_", " ")] = text
    return facts


def hand_notes(
    conditions: Mapping[str, Any],
    metrics: Mapping[str, Any],
    unit: str,
    scored: bool = True,
    in_space: bool = True,
) -> tuple[str, ...]:
    """How to read the numbers of a page of hands.

    Args:
        conditions: of the dataset.
        metrics: the numbers there are, by name.
        unit: of the page's errors.
        scored: whether there is ground truth.
        in_space: whether joints and ground truth have depth.
    """
    notes = [_COUNTED[unit]] if scored else []
    if scored and in_space:
        notes.append(
            "In 3D every predicted hand stands at the true wrist; in pictures where it was predicted."
        )
    if "mpjpe_all" in metrics:
        notes.append(
            "MPJPE is the protocol's: the plain mean of the 42 errors per joint, the wrists' zeros included; "
            "“without the wrists” is that of the other 40, and the mean of the bars."
        )
    if any(metrics.get(name) is not None for name in ("mean_pose_error_mm", "mean_pose_error_px")):
        notes.append(
            "The mean-pose baseline looks at no picture: it answers with the average hands of the training "
            "split, in the frame's box and at the given wrist depths, and is scored alike."
        )
    if conditions.get("boxes_and_wrist_depths") == "gt":
        published = str(conditions.get("dataset", "")).startswith("interhand26m")
        notes.append(
            "Boxes and wrist depths are the true ones (gt): figures are better than with those of a detector"
            + (", and published ones take RootNet's." if published else ".")
        )
    stored, published = conditions.get("images_in_store"), conditions.get("images_published")
    if stored and published and stored != published:
        notes.append(
            f"The store holds {stored:,} images, the published split {published:,}: figures of another "
            "selection cannot be put beside published ones."
        )
    return tuple(notes)


def without_single_joints(
    history: Iterable[Mapping[str, Any]], skeleton: Skeleton
) -> Sequence[dict[str, Any]]:
    """Rows of the log without the errors of single joints, which would be 126 curves of InterHand2.6M.

    Args:
        history: rows of the CSV log.
        skeleton: whose joints' names, or their published ones, begin a metric.
    """
    names = {*skeleton.joints, *INTERHAND_PUBLISHED}

    def single(column: str) -> bool:
        metric = column.partition("/")[2]
        return metric in names or metric.rpartition("_")[0] in names

    return [{name: value for name, value in row.items() if not single(str(name))} for row in history]
