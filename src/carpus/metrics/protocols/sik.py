"""The evaluation of BiHand's hand-model stage: joints about the root, of the true size."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from carpus.data.results.text import write_atomic
from carpus.errors import ConfigError, unknown
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.hand_alignment import hand_errors
from carpus.metrics.functional.pixels import even_thresholds
from carpus.metrics.functional.success import curve_area
from carpus.metrics.pixel_error import ErrorFigures, ErrorTable
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.skeletons import Skeleton, get_skeleton
from carpus.types import Batch, Predictions

PCK_MM = (20.0, 30.0, 40.0)
AREA_MM = (20.0, 50.0)
HEADLINES: Mapping[str, tuple[str, bool]] = {
    "epe_mm_root_21j": ("sik/root_21j_all/epe_mean_mm", False),
    "epe_mm_root_20j": ("sik/root_20j_all/epe_mean_mm", False),
    "auc_mm_root_21j": ("sik/root_21j_all/auc@20-50mm", True),
}
"""Short names: the figure each stands for, and whether more of it is better."""
_THRESHOLDS = tuple(sorted({*PCK_MM, *even_thresholds(*AREA_MM).tolist()}))


class SikProtocol(MetricProtocol):
    """Errors in millimetres of joints about the root; the method gives them the true reference bone.

    Figures are found per joint, then averaged over joints, as published: of all 21, among them the root,
    whose error is 0, and of the 20 others. Shares and areas are 0..1.

    Args:
        skeleton: the joints, or their name.
        root_joint: what joints are relative to.
        headline: one of :data:`HEADLINES`.
        keep_rows: hands per process whose errors are kept for exact medians.
    Raises:
        ConfigError: for an unknown name.
    Example:
        >>> hand = torch.zeros(1, 21, 3)
        >>> off = hand + torch.tensor([25.0, 0.0, 0.0]) * (torch.arange(21) != 9)[None, :, None]
        >>> protocol = SikProtocol()
        >>> truth = Batch(["a"], {"joints_cam_mm": hand, "joint_valid": torch.ones(1, 21, dtype=torch.bool)})
        >>> protocol.update(Predictions(["a"], joints_cam_mm=off + 7.0), truth)
        >>> values = protocol.compute()
        >>> values["sik/root_20j_all/epe_mean_mm"], values["sik/root_20j_all/pck@20mm"]
        (25.0, 0.0)
        >>> round(values["epe_mm_root_21j"], 3)
        23.81
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm"})

    def __init__(
        self,
        skeleton: Skeleton | str = "snap",
        root_joint: str = "middle_mcp",
        headline: str = "epe_mm_root_21j",
        keep_rows: int = 8192,
    ) -> None:
        if headline not in HEADLINES:
            raise ConfigError(unknown("headline", headline, HEADLINES))
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        if root_joint not in self.skeleton.joints:
            raise ConfigError(unknown("root_joint", root_joint, self.skeleton.joints))
        self.root = self.skeleton.index(root_joint)
        self.headline, self.higher_is_better = headline, HEADLINES[headline][1]  # type: ignore[misc]
        self.table = ErrorTable(len(self.skeleton), _THRESHOLDS, keep_rows)
        super().__init__({"table": self.table})
        self.curves: dict[str, dict[str, list[float]]] = {}
        self.described: dict[str, Any] = {}

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch.

        Raises:
            ConfigError: if the method does not predict joints in space.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        joints = predictions.joints_cam_mm
        if joints is None:
            raise ConfigError(f"joints_cam_mm is what is scored, the method gives {predictions.offered()}")
        valid = batch["joint_valid"].to(joints.device).bool()
        check_finite(joints, valid, batch.keys_)
        self.follow(joints.device)
        target = batch["joints_cam_mm"].to(joints.device)
        self.table.update(*hand_errors(joints, target, valid, "root", self.root))

    def compute(self) -> dict[str, float]:
        """Metric name to value over every hand of every process; NaN as headline of an empty split."""
        found = ErrorFigures(*self.reduced()["table"])
        everyone = torch.arange(len(self.skeleton), device=found.mean.device)
        told = self._block(found, everyone) | self._block(found, everyone[everyone != self.root])
        means = zip(self.skeleton.joints, found.mean.tolist(), strict=True)
        told |= {f"sik/root_21j_all/epe_mm/{joint}": value for joint, value in means}
        headlines = {name: told[full] for name, (full, _) in HEADLINES.items()}
        self.described = {
            "hands_scored": int(found.rows),
            "joint_order": list(self.skeleton.joints),
            "aligned": f"root {self.skeleton.joints[self.root]}; the reference bone is the true one",
            "medians": "exact" if found.exact else "from bins, right to 0.14 %",
        }
        return headlines | told | {"counts/hands": float(found.rows)}

    def write_files(
        self, folder: Path, label: str, values: Mapping[str, float], conditions: Mapping[str, Any]
    ) -> None:
        """``<label>_sik.json``: numbers, curves of the areas, and what they depend on."""
        content = {
            "numbers": {name: value if math.isfinite(value) else None for name, value in values.items()},
            "curves": self.curves,
            "conditions": {**conditions, **self.described},
        }
        text = json.dumps(content, indent=2) + "\n"
        write_atomic(folder / f"{label}_sik.json", text.encode())

    def _block(self, found: ErrorFigures, columns: torch.Tensor) -> dict[str, float]:
        """Figures of some joints."""
        prefix, (low, high) = f"sik/root_{len(columns)}j_all", AREA_MM
        shares = found.shares[columns].nanmean(0)
        at = even_thresholds(low, high)
        curve = shares[[_THRESHOLDS.index(value) for value in at.tolist()]].cpu()
        name = f"{prefix}/auc@{low:g}-{high:g}mm"
        known = [value if math.isfinite(value) else None for value in curve.tolist()]
        self.curves[name] = {"threshold_mm": at.tolist(), "pck": known}  # type: ignore[dict-item]
        return {
            f"{prefix}/epe_mean_mm": float(found.mean[columns].nanmean()),
            f"{prefix}/epe_median_mm": float(found.median[columns].nanmean()),
            **{f"{prefix}/pck@{t:g}mm": float(shares[_THRESHOLDS.index(t)]) for t in PCK_MM},
            name: float(curve_area(at, curve)),
        }
