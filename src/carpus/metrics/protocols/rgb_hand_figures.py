"""The figures RGB hands are compared by: whose, between which points, after what, over which thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from carpus.metrics.functional.pixels import even_thresholds
from carpus.metrics.functional.success import curve_area
from carpus.metrics.pixel_error import ErrorFigures
from carpus.skeletons import INTERHAND_HAND

CROP_PX = 256
"""Side of the square crop that errors in its pixels refer to."""
PCK_MM = (20.0, 30.0, 40.0)
PCK_PX = (5.0, 10.0, 20.0)


@dataclass(frozen=True)
class Source:
    """One way to measure the error of a joint.

    Args:
        unit: ``px`` of the published picture, ``crop256px`` of the crop, ``mm``.
        align: of :data:`carpus.metrics.functional.hand_alignment.HAND_ALIGNMENTS`.
        root: joint an alignment starts from; empty: the protocol's.
        bone: reference bone of ``root_scale``.
        space: of the points: ``image``, ``crop``, ``plane`` (pixels at the true depth), ``camera``.
    """

    unit: str
    align: str = "none"
    root: str = ""
    bone: tuple[str, str] | None = None
    space: str = "camera"


SOURCES = {
    "px": Source("px", space="image"),
    "crop": Source(f"crop{CROP_PX}px", space="crop"),
    "plane": Source("mm", space="plane"),
    "camera": Source("mm"),
    "root": Source("mm", "root"),
    "bihand": Source("mm", "root_scale", "middle_mcp", ("wrist", "middle_mcp")),
    "hand3d": Source("mm", "root_scale", "wrist", ("middle_mcp", "middle_pip")),
    "procrustes": Source("mm", "procrustes"),
}


@dataclass(frozen=True)
class Figure:
    """What is told of a source.

    Args:
        group: name of the evaluation it belongs to.
        source: one of :data:`SOURCES`.
        which: joints: ``all`` that are annotated or ``visible``.
        pck: thresholds in the source's unit.
        areas: ranges of areas under curve.
        crop_shares: further thresholds, as shares of the crop's side.
        without_root: also tell the figures without the root, whose error an alignment made 0.
        per_joint: also tell the mean error of each joint.
    """

    group: str
    source: str
    which: str
    pck: tuple[float, ...] = ()
    areas: tuple[tuple[float, float], ...] = ()
    crop_shares: tuple[float, ...] = ()
    without_root: bool = False
    per_joint: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Source and joints: figures with the same key share their columns."""
        return self.source, self.which

    def thresholds(self) -> set[float]:
        """All thresholds, in the source's unit."""
        areas = {t for low, high in self.areas for t in even_thresholds(low, high).tolist()}
        return {*self.pck, *areas, *(share * CROP_PX for share in self.crop_shares)}


FIGURES = (
    Figure("2d_ours", "px", "all", PCK_PX, ((0, 30),), per_joint=True),
    Figure("2d_ours", "px", "visible", PCK_PX, ((0, 30),)),
    Figure("2d_ours", "crop", "all", PCK_PX, ((0, 30),), (0.05, 0.2)),
    Figure("2d_ours", "crop", "visible", PCK_PX, ((0, 30),), (0.05, 0.2)),
    Figure("hand3d_2d", "px", "visible", (), ((0, 30),)),
    Figure("2d_mm", "plane", "all", (), ((20, 50), (0, 50))),
    Figure("bihand3d", "bihand", "all", PCK_MM, ((20, 50),), without_root=True),
    Figure("lift3d", "camera", "all", PCK_MM, ((20, 50),)),
    Figure("root3d", "root", "all", PCK_MM, ((20, 50), (0, 50)), without_root=True, per_joint=True),
    Figure("procrustes3d", "procrustes", "all", PCK_MM, ((20, 50), (0, 50))),
    Figure("hand3d_3d", "hand3d", "visible", (), ((0, 50),)),
)
KEYS = tuple(dict.fromkeys(figure.key for figure in FIGURES))
"""Blocks of columns of the table of errors, in order."""
THRESHOLDS = tuple(sorted(set().union(*(figure.thresholds() for figure in FIGURES))))
HAND = INTERHAND_HAND
"""Joints of one hand as predictions have them; columns of a block are in this order."""


class FigureReader:
    """Named numbers out of a table of errors whose columns are the joints of :data:`KEYS`.

    Args:
        found: what the table computed.
        order: places in :data:`HAND` of the joints in the order they are told in.
        root_joint: the protocol's.
    """

    def __init__(self, found: ErrorFigures, order: Sequence[int], root_joint: str) -> None:
        self.found, self.order, self.root_joint = found, list(order), root_joint
        self.curves: dict[str, dict[str, list[float]]] = {}
        """PCK at the thresholds of every area, by the area's name."""

    def values(self) -> dict[str, float]:
        """All figures that have at least one error, by name."""
        told: dict[str, float] = {}
        for figure in FIGURES:
            columns = self._columns(figure.key)
            if int(self.found.counts[columns].sum()):
                told |= self._told(figure, columns)
        return told

    def _columns(self, key: tuple[str, str]) -> Tensor:
        start = KEYS.index(key) * len(HAND)
        return torch.tensor([start + place for place in self.order], device=self.found.mean.device)

    def _told(self, figure: Figure, columns: Tensor) -> dict[str, float]:
        source = SOURCES[figure.source]
        told = self._block(figure, columns)
        if figure.without_root:
            root = self.order.index(HAND.index(source.root or self.root_joint))
            kept = [place for place in range(len(columns)) if place != root]
            told |= self._block(figure, columns[kept])
        if figure.per_joint:
            prefix = f"{_prefix(figure, len(columns))}/epe_{source.unit}"
            means = zip(self.order, self.found.mean[columns].tolist(), strict=True)
            told |= {f"{prefix}/{HAND.joints[place]}": value for place, value in means}
        return told

    def _block(self, figure: Figure, columns: Tensor) -> dict[str, float]:
        unit, prefix = SOURCES[figure.source].unit, _prefix(figure, len(columns))
        shares = self.found.shares[columns].nanmean(0)
        told = {
            f"{prefix}/epe_mean_{unit}": float(self.found.mean[columns].nanmean()),
            f"{prefix}/epe_median_{unit}": float(self.found.median[columns].nanmean()),
        }
        for at in figure.pck:
            told[f"{prefix}/pck@{at:g}{unit}"] = float(shares[THRESHOLDS.index(at)])
        for share in figure.crop_shares:
            told[f"{prefix}/pck@{share:g}crop"] = float(shares[THRESHOLDS.index(share * CROP_PX)])
        for low, high in figure.areas:
            name = f"{prefix}/auc@{low:g}-{high:g}{unit}"
            at = even_thresholds(low, high)
            curve = shares[[THRESHOLDS.index(t) for t in at.tolist()]].cpu()
            told[name] = float(curve_area(at, curve))
            self.curves[name] = {f"threshold_{unit}": at.tolist(), "pck": curve.tolist()}
        return told


def _prefix(figure: Figure, joints: int) -> str:
    return f"{figure.group}/{SOURCES[figure.source].align}_{joints}j_{figure.which}"


HEADLINES: Mapping[str, tuple[str, bool]] = {
    "epe_px_none_21j": ("2d_ours/none_21j_all/epe_mean_px", False),
    "auc_px_none_21j": ("2d_ours/none_21j_all/auc@0-30px", True),
    "pck_crop_none_21j": ("2d_ours/none_21j_all/pck@0.05crop", True),
    "epe_mm_none_21j": ("lift3d/none_21j_all/epe_mean_mm", False),
    "epe_mm_root_21j": ("root3d/root_21j_all/epe_mean_mm", False),
    "epe_mm_procrustes_21j": ("procrustes3d/procrustes_21j_all/epe_mean_mm", False),
    "auc_mm_root_scale_21j": ("bihand3d/root_scale_21j_all/auc@20-50mm", True),
}
"""Short names: the figure each stands for, and whether more of it is better."""
