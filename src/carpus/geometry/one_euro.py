"""The 1 euro filter: a low-pass filter that gives way to fast movement.

Source: G. Casiez, N. Roussel and D. Vogel, 1 euro filter: a simple speed-based low-pass filter for noisy
input in interactive systems, CHI 2012.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from carpus.geometry.rotations import (
    axis_angle_to_quaternion,
    normalise_quaternion,
    quaternion_to_axis_angle,
)


@dataclass(frozen=True)
class OneEuroSettings:
    """How much is filtered.

    Args:
        min_cutoff_hz: cutoff frequency of what rests; lower ones leave less jitter and more lag.
        beta: by how many Hz it rises per unit and second of speed; higher ones leave less lag in movement.
        speed_cutoff_hz: cutoff frequency of the speed itself, 1 as published.
    Raises:
        ValueError: for frequencies that are not above 0, or a beta below 0.
    """

    min_cutoff_hz: float = 1.0
    beta: float = 5.0
    speed_cutoff_hz: float = 1.0

    def __post_init__(self) -> None:
        for name in ("min_cutoff_hz", "speed_cutoff_hz"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name):g}: a frequency above 0 is needed")
        if not 0 <= self.beta < math.inf:
            raise ValueError(f"beta is {self.beta:g}: 0 or more is needed")


def smoothing_factor(cutoff_hz: np.ndarray | float, step_s: float) -> np.ndarray | float:
    """The weight of a new value in exponential smoothing with a cutoff frequency.

    Args:
        cutoff_hz: ``(*)``.
        step_s: time since the last value.
    Returns:
        ``(*)`` between 0 and 1.
    Example:
        >>> round(smoothing_factor(1.0, 1 / 30), 4), round(smoothing_factor(30.0, 1 / 30), 4)
        (0.1732, 0.8627)
    """
    turned = 2 * math.pi * cutoff_hz * step_s
    return turned / (1 + turned)


class OneEuro:
    """Filters an array over time, each element on its own.

    What is not finite comes back as NaN, and the element begins anew after it: the first value of a beginning
    comes back as it is.

    Args:
        settings: cutoff frequencies and beta.
        unit: difference that counts as 1 in speeds, such as the size of a hand in pixels.
    Example:
        >>> smooth = OneEuro(OneEuroSettings(min_cutoff_hz=1.0, beta=0.0))
        >>> [smooth(np.array([x]), t / 30).round(3).item() for t, x in enumerate([2.0, 3.0, 3.0])]
        [2.0, 2.173, 2.316]
    """

    def __init__(self, settings: OneEuroSettings | None = None, unit: float = 1.0) -> None:
        self.settings, self.unit = settings or OneEuroSettings(), unit
        self._time_s: float | None = None
        self._value = self._speed = np.zeros(())

    def __call__(self, values: np.ndarray, time_s: float) -> np.ndarray:
        """The filtered values at a later time.

        Args:
            values: ``(*)``, always of one shape.
            time_s: above that of the last call.
        Returns:
            ``(*)`` float64.
        Raises:
            ValueError: if time does not advance.
        """
        values = np.where(np.isfinite(values), np.asarray(values, np.float64), np.nan)
        if self._time_s is None:
            self._value, self._speed = values, np.zeros_like(values)
        else:
            self._advance(values, time_s - self._time_s)
        self._time_s = time_s
        return self._value.copy()

    def _advance(self, values: np.ndarray, step_s: float) -> None:
        if not step_s > 0:
            raise ValueError(f"OneEuro: the time advanced by {step_s:g} s; values must come in order of time")
        settings, away = self.settings, values - self._value
        speed = away / (step_s * self.unit)
        speed = self._speed + smoothing_factor(settings.speed_cutoff_hz, step_s) * (speed - self._speed)
        cutoff_hz = settings.min_cutoff_hz + settings.beta * np.abs(speed)
        goes_on = np.isfinite(away)
        self._value = np.where(goes_on, self._value + smoothing_factor(cutoff_hz, step_s) * away, values)
        self._speed = np.where(goes_on, speed, 0.0)


class OneEuroRotations:
    """The same for rotations, in radians and radians per second.

    Their quaternions are filtered, so that an axis that turns over at half a circle does no harm.

    Args:
        settings: cutoff frequencies and beta.
    Example:
        >>> smooth = OneEuroRotations()
        >>> [smooth(np.array([0.0, 0.0, z]), t).round(2)[2].item() for t, z in ((0.0, 3.1), (0.1, -3.1))]
        [3.1, -3.13]
    """

    def __init__(self, settings: OneEuroSettings | None = None) -> None:
        # A quaternion moves by half the angle.
        self._filter = OneEuro(settings, unit=0.5)
        self._last: np.ndarray | None = None

    def __call__(self, axis_angle: np.ndarray, time_s: float) -> np.ndarray:
        """The filtered rotations at a later time.

        Args:
            axis_angle: ``(*, 3)`` radians.
            time_s: above that of the last call.
        Returns:
            ``(*, 3)`` float64, radians, at most pi.
        """
        quaternion = axis_angle_to_quaternion(
            torch.tensor(np.asarray(axis_angle), dtype=torch.float64)
        ).numpy()
        if self._last is not None:
            # q and -q are one rotation; half way between the wrong two of them lies any other.
            apart = (quaternion * self._last).sum(-1, keepdims=True) < 0
            quaternion = np.where(apart, -quaternion, quaternion)
        self._last = self._filter(quaternion, time_s)
        return quaternion_to_axis_angle(normalise_quaternion(torch.from_numpy(self._last))).numpy()
