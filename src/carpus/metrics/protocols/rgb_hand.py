"""The published evaluations of RGB hands in 2D and 3D, for every dataset of one hand or two per picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from carpus.data.results.text import write_atomic
from carpus.errors import ConfigError, unknown
from carpus.metrics.functional.hand_alignment import HandErrors
from carpus.metrics.joint_error import MeanJointError
from carpus.metrics.keypoints import Pck, PckAuc
from carpus.metrics.pixel_error import ErrorFigures, ErrorTable
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.metrics.protocols.rgb_hand_errors import Hands, batch_errors
from carpus.metrics.protocols.rgb_hand_figures import (
    CROP_PX,
    HAND,
    HEADLINES,
    KEYS,
    THRESHOLDS,
    FigureReader,
)
from carpus.skeletons import HandPair, Skeleton, get_skeleton
from carpus.types import Batch, Predictions

MMPOSE = "mmpose2d/none_21j_visible"
AUC_PX = 30.0
"""Size in pixels that errors are divided by for the area under curve of ``mmpose2d``."""
BOX_SHARE, AUC_STEPS = 0.2, 20


class RgbHandProtocol(MetricProtocol):
    """Errors in pixels and, of methods that give 3D, in millimetres, under every published alignment.

    Predictions and truth are pairs of hands: 42 joints, of which ``joint_valid`` says what counts; each hand
    with a valid joint is one sample of 21 joints. Names are made of
    ``<group>/<alignment>_<joints>j_<which>/<figure>``, ``which`` being ``all`` annotated joints or the
    ``visible`` ones. Shares and areas are 0..1. A figure is found per joint first, then averaged over joints,
    but for ``mmpose2d``'s mean error. Figures without a single error are left out.

    Batches offer ``joint_valid`` ``(B, 42)`` and ``joints_px`` ``(B, 42, 2)`` or ``joints_cam_mm``
    ``(B, 42, 3)`` with ``camera`` ``(B, 4)``; and where they exist ``joint_visible`` ``(B, 42)``, without
    which every annotated joint is visible.

    Args:
        skeleton: the dataset's joints, or their name; figures of single joints are in its order.
        root_joint: of the group ``root3d``: ``middle_mcp``, ``wrist`` or any other joint.
        headline: one of :data:`~carpus.metrics.protocols.rgb_hand_figures.HEADLINES`.
        crop_enlarge: side of the crop over the longer side of the box of a hand's annotated joints.
        box_enlarge: side of the box of ``mmpose2d`` over the same.
        keep_rows: hands per process whose errors are kept for exact medians.
    Raises:
        ConfigError: if the skeleton lacks a joint, or a name is unknown.
    Example:
        >>> truth = torch.arange(84.0).reshape(1, 42, 2)
        >>> right = (torch.arange(42) < 21)[None]
        >>> protocol = RgbHandProtocol()
        >>> off = Predictions(["a"], joints_px=truth + torch.tensor([3.0, 4.0]))
        >>> protocol.update(off, Batch(["a"], {"joints_px": truth, "joint_valid": right}))
        >>> values = protocol.compute()
        >>> values["epe_px_none_21j"], values["2d_ours/none_21j_all/pck@5px"], values["counts/hands"]
        (5.0, 1.0, 1.0)
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints_px"})
    truth: ClassVar[frozenset[str]] = frozenset({"joint_valid"})

    def __init__(
        self,
        skeleton: Skeleton | str = "interhand26m",
        root_joint: str = "middle_mcp",
        headline: str = "epe_px_none_21j",
        crop_enlarge: float = 2.0,
        box_enlarge: float = 1.2,
        keep_rows: int = 8192,
    ) -> None:
        if headline not in HEADLINES:
            raise ConfigError(unknown("headline", headline, HEADLINES))
        if root_joint not in HAND.joints:
            raise ConfigError(unknown("root_joint", root_joint, HAND.joints))
        named = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        self.joint_names = _hand_joints(named)
        self.order = [HAND.joints.index(joint) for joint in self.joint_names]
        self.headline, self.higher_is_better = headline, HEADLINES[headline][1]  # type: ignore[misc]
        self.skeleton, self.root_joint = named, root_joint
        self.crop_enlarge, self.box_enlarge = crop_enlarge, box_enlarge
        self.table = ErrorTable(len(KEYS) * len(HAND), THRESHOLDS, keep_rows)
        self.box_pck, self.box_auc = Pck(len(HAND), BOX_SHARE), PckAuc(len(HAND), AUC_STEPS)
        self.box_epe = MeanJointError(len(HAND))
        super().__init__(
            {
                "table": self.table,
                "box_pck": self.box_pck,
                "box_auc": self.box_auc,
                "box_epe": self.box_epe,
            }
        )
        self.curves: dict[str, dict[str, list[float]]] = {}
        self.described: dict[str, Any] = {}
        self._visibility = False

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
            ConfigError: if the method predicts neither pixels nor 3D, or not what the headline is of.
            DataError: if the joints are not those of a pair of hands.
        """
        found = batch_errors(predictions, batch, self.root_joint, self.crop_enlarge)
        if found is None:
            return
        hands, errors = found
        self._check_headline(errors, predictions)
        self._visibility = self._visibility or "joint_visible" in batch
        self.follow(hands.joints.device)
        self._add(hands, errors)
        self.box_pck.update(hands.joints, hands.target, self.box_enlarge * hands.sides, hands.visible)
        self.box_auc.update(hands.joints, hands.target, torch.full_like(hands.sides, AUC_PX), hands.visible)
        self.box_epe.update(hands.joints, hands.target, hands.visible)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every hand of every process; NaN as headline of an empty split."""
        got = self.reduced()
        found = ErrorFigures(*got["table"])
        reader = FigureReader(found, self.order, self.root_joint)
        told = reader.values()
        values = {self.headline: math.nan}
        values |= {name: told[full] for name, (full, _) in HEADLINES.items() if full in told}
        counts = found.counts.view(len(KEYS), -1).sum(1).tolist()
        if counts[KEYS.index(("px", "visible"))]:
            told[f"{MMPOSE}/pck@{BOX_SHARE:g}box"] = float(got["box_pck"])
            told[f"{MMPOSE}/auc@0-{AUC_PX:g}px"] = float(got["box_auc"])
            told[f"{MMPOSE}/epe_px"] = float(got["box_epe"])
        told |= {f"counts/joints_{w}": float(counts[KEYS.index(("px", w))]) for w in ("all", "visible")}
        told["counts/hands"] = float(found.rows)
        self.curves = reader.curves
        self.described = self._description(found)
        return values | told

    def write_files(
        self, folder: Path, label: str, values: Mapping[str, float], conditions: Mapping[str, Any]
    ) -> None:
        """``<label>_rgb_hand.json``, its ``.conditions.json`` and the ``.curves.json`` of the areas."""
        files = {
            "": {name: value for name, value in values.items() if isinstance(value, float | int)},
            ".conditions": {**conditions, **self.described},
            ".curves": self.curves,
        }
        for suffix, content in files.items():
            text = json.dumps(_plain(content), indent=2, allow_nan=False) + "\n"
            write_atomic(folder / f"{label}_rgb_hand{suffix}.json", text.encode())

    def _add(self, hands: Hands, errors: Mapping[str, HandErrors]) -> None:
        """Every block of columns; one that cannot be measured counts for nothing."""
        nothing = HandErrors(torch.zeros_like(hands.joints[..., 0]), torch.zeros_like(hands.valid))
        values, masks = [], []
        for source, which in KEYS:
            block = errors.get(source, nothing)
            values.append(block.errors)
            masks.append(block.valid & hands.visible if which == "visible" else block.valid)
        self.table.update(torch.cat(values, 1), torch.cat(masks, 1))

    def _check_headline(self, errors: Mapping[str, HandErrors], predictions: Predictions) -> None:
        if "_mm_" in self.headline and "camera" not in errors:
            raise ConfigError(
                f"headline={self.headline} needs joints_cam_mm of the method and of the dataset; the method "
                f"predicts {sorted(predictions.offered())}: choose one in pixels, such as epe_px_none_21j"
            )

    def _description(self, found: ErrorFigures) -> dict[str, Any]:
        """What the numbers depend on, beside the method and the split."""
        return {
            "hands_scored": int(found.rows),
            "joint_order": list(self.joint_names),
            "root_joint_of_root3d": self.root_joint,
            "root_joint_of_bihand3d": "middle_mcp, scale by wrist to middle_mcp",
            "root_joint_of_hand3d_3d": "wrist, scale by middle_mcp to middle_pip",
            "visible": "annotated" if self._visibility else "not annotated: every annotated joint counts",
            "crop": f"{CROP_PX} px for {self.crop_enlarge:g} x the longer side of the true joints' box",
            "box_of_mmpose2d": f"{self.box_enlarge:g} x the longer side of the true joints' box",
            "medians": "exact" if found.exact else "from bins, right to 0.14 %",
        }


def _hand_joints(skeleton: Skeleton) -> tuple[str, ...]:
    """Names without a side of the 21 joints, in the skeleton's order.

    Raises:
        ConfigError: naming joints that are missing.
    """
    names = skeleton.joints
    if isinstance(skeleton, HandPair):
        names = tuple(name.split("_", 1)[1] for name in names[: skeleton.joints_per_hand])
    missing = [name for name in HAND.joints if name not in names]
    if missing:
        raise ConfigError(
            f"the skeleton {skeleton.name} lacks {', '.join(missing)}: RGB hands are scored by the 21 joints "
            f"of {HAND.name}"
        )
    return tuple(name for name in names if name in HAND.joints)


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
