"""What tracking a stream came to: frames found and lost, time per stage, distance from the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from carpus.data.streams import FrameTable
from carpus.engine.estimator import OK, STAGES
from carpus.skeletons import Skeleton, get_skeleton


class TrackSums:
    """Counts and times of a stream."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.warm_up_s = 0.0
        self.seconds = 0.0
        self._ms: dict[str, float] = dict.fromkeys(("load", *STAGES, "draw"), 0.0)
        self._errors_mm: list[float] = []

    @property
    def frames(self) -> int:
        """Frames so far."""
        return sum(self.statuses.values())

    def add(self, status: str, ms: Mapping[str, float], error_mm: float | None = None) -> None:
        """Count a frame.

        Args:
            status: ``ok`` or the locator's message.
            ms: milliseconds per stage.
            error_mm: mean distance of its joints from the true ones, where they are known.
        """
        self.statuses[status] += 1
        for stage, value in ms.items():
            self._ms[stage] += value
        if error_mm is not None:
            self._errors_mm.append(error_mm)

    def to_json(self) -> dict[str, Any]:
        """The numbers of ``summary.json``."""
        many = max(self.frames, 1)
        return {
            "frames": self.frames,
            "found": self.statuses[OK],
            "lost": {status: count for status, count in self.statuses.most_common() if status != OK},
            "warm_up_s": round(self.warm_up_s, 3),
            "frames_per_s": round(self.frames / self.seconds, 2) if self.seconds else None,
            "mean_ms": {stage: round(value / many, 3) for stage, value in self._ms.items()},
            "mean_error_mm": round(float(np.mean(self._errors_mm)), 3) if self._errors_mm else None,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        content = self.to_json()
        lost = ", ".join(f"{status} {count}" for status, count in content["lost"].items())
        missed = self.frames - content["found"]
        lines = [
            f"{self.frames} frames: found {content['found']}, lost {missed}" + (f" ({lost})" if lost else "")
        ]
        if content["mean_error_mm"] is not None:
            lines.append(f"mean joint error {content['mean_error_mm']:.2f} mm in the frames found")
        spent = ", ".join(f"{stage} {value:.1f}" for stage, value in content["mean_ms"].items() if value)
        rate = content["frames_per_s"]
        return [*lines, f"mean ms: {spent}; {rate} frames/s, after {self.warm_up_s:.1f} s to warm up"]


class TrueJoints:
    """Compares joints with true ones of the same names, whatever the order of either set.

    Args:
        truth: true joints per frame.
        skeleton: of the joints that are compared with them.
    """

    def __init__(self, truth: FrameTable, skeleton: Skeleton) -> None:
        self._truth = truth
        theirs = get_skeleton(truth.skeleton).joints if truth.skeleton else ()
        shared = [joint for joint in skeleton.joints if joint in theirs]
        self._ours = [skeleton.joints.index(joint) for joint in shared]
        self._theirs = [theirs.index(joint) for joint in shared]

    def error_mm(self, name: str, joints_cam_mm: np.ndarray) -> float | None:
        """Mean distance over the shared joints of a frame, None where the truth is not known.

        Args:
            name: of the frame.
            joints_cam_mm: ``(J, 3)``.
        """
        truth = self._truth.get(name)
        if truth is None or not self._ours:
            return None
        return float(np.linalg.norm(joints_cam_mm[self._ours] - truth[self._theirs], axis=1).mean())
