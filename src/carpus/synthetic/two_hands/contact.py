"""Two hands as spheres: how far they run into each other, pushing them apart, closing fingers on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist

from carpus.bodies.mano import SIDES
from carpus.synthetic.two_hands.fingers import FINGER_SPHERES, MIRROR, Fingers, sphere_radii, spheres

_FOREARM_MM = np.array([30.0, 58.0, 86.0])
_FOREARM_RADIUS_MM = np.array([25.0, 28.0, 31.0])
_KNUCKLE_M = 0.1051
"""From the wrist to the middle finger's knuckle of a hand of mean size."""

_TOLERANCE_MM = 1.5
_OWN_TOLERANCE_MM = 5.0
_FAR_MM = 30.0
_AT_KNUCKLE = 3
"""How many of a finger's spheres are near its knuckle."""

_STEPS_MM = np.arange(0.0, 71.0, 2.0)
_FLEXION = np.array([-60.0, -45.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 45.0, 60.0])
_ABDUCTION = np.array([-9.0, 0.0, 9.0])
_SHARE = np.array([0.8, 1.0, 0.7])
"""How a finger's three joints share a change of its curl."""


@dataclass(frozen=True)
class Pair:
    """Both hands of a person, right first, in any frame.

    Args:
        fingers: their bones.
        angles: ``(2, 5, 3, 3)`` degrees.
        rotation: ``(2, 3, 3)`` from each hand's rest frame.
        position_mm: ``(2, 3)`` wrists.
    """

    fingers: Fingers
    angles: np.ndarray
    rotation: np.ndarray
    position_mm: np.ndarray

    def placed(self, points: np.ndarray, hand: int) -> np.ndarray:
        """Points ``(*, 3)`` of a left hand (metres, wrist at the origin) where that hand is, in mm."""
        local = 1000.0 * points * (MIRROR if SIDES[hand] == "right" else 1.0)
        return local @ self.rotation[hand].T + self.position_mm[hand]

    def spheres_mm(self, hand: int) -> np.ndarray:
        """``(S + 3, 3)`` centres of the hand's spheres and those of the forearm behind its wrist."""
        return self.placed(_with_forearm(spheres(self.fingers.chains(self.angles[hand]))), hand)

    def moved(self, rotation: np.ndarray, shift_mm: np.ndarray) -> Pair:
        """The same pair turned about the origin, then shifted."""
        position = self.position_mm @ rotation.T + shift_mm
        return replace(self, rotation=rotation @ self.rotation, position_mm=position)

    def shifted(self, hand: int, shift_mm: np.ndarray) -> Pair:
        """The same pair with one hand shifted."""
        position = self.position_mm.copy()
        position[hand] += shift_mm
        return replace(self, position_mm=position)


def radii_mm(fingers: Fingers) -> np.ndarray:
    """``(S + 3,)`` radii that belong to :meth:`Pair.spheres_mm`."""
    size = float(np.linalg.norm(fingers.heads[2, 0]) / _KNUCKLE_M)
    return np.concatenate([1000.0 * sphere_radii(), _FOREARM_RADIUS_MM]) * size


def overlap_mm(pair: Pair) -> float:
    """How deep the hands run into each other at the worst place; negative where they are apart."""
    one, two = (pair.spheres_mm(hand) for hand in (0, 1))
    radii = radii_mm(pair.fingers)
    return float((radii[:, None] + radii - cdist(one, two)).max())


def pushed_apart(pair: Pair, direction: np.ndarray, tolerance_mm: float = _TOLERANCE_MM) -> Pair:
    """The left hand moved along a direction until the hands only touch.

    Args:
        pair: both hands.
        direction: ``(3,)`` unit vector away from the right hand.
        tolerance_mm: overlap that counts as touching.
    """
    one, two = (pair.spheres_mm(hand) for hand in (0, 1))
    radii = radii_mm(pair.fingers)
    free = _gaps(two + _STEPS_MM[:, None, None] * direction, radii, one, radii) >= -tolerance_mm
    step = _STEPS_MM[int(free.argmax())] if free.any() else _STEPS_MM[-1]
    return pair.shifted(1, step * direction)


def settled(pair: Pair, grip: float, sweeps: int = 2) -> Pair:
    """Fingers bent until they neither run into the other hand nor hang in the air.

    Args:
        pair: both hands; wrists stay where they are.
        grip: 0 keeps the pose where it can, 1 closes every finger on the other hand.
        sweeps: how often every finger is looked at.
    """
    for _ in range(sweeps):
        for hand in (0, 1):
            pair = _settle_hand(pair, hand, grip)
    return pair


def _with_forearm(balls: np.ndarray) -> np.ndarray:
    arm = np.zeros((*balls.shape[:-2], len(_FOREARM_MM), 3))
    arm[..., 0] = -_FOREARM_MM / 1000.0
    return np.concatenate([balls, arm], axis=-2)


def _settle_hand(pair: Pair, hand: int, grip: float) -> Pair:
    """Finger by finger the best of some candidates, all other fingers staying where they are."""
    other, radii = pair.spheres_mm(1 - hand), radii_mm(pair.fingers)
    options, change = _options(pair.angles[hand])
    candidates = pair.placed(spheres(pair.fingers.chains(options)), hand)
    current, angles = pair.spheres_mm(hand), pair.angles.copy()
    for finger in range(5):
        own = np.arange(finger * FINGER_SPHERES, (finger + 1) * FINGER_SPHERES)
        rest = np.setdiff1d(np.arange(5 * FINGER_SPHERES), own)
        balls = candidates[:, own]
        gaps = _gaps(balls, radii[own], other, radii)
        # Neighbours always touch near the knuckles.
        outer = own[_AT_KNUCKLE:]
        to_own = _gaps(candidates[:, outer], radii[outer], current[rest], radii[rest])
        inside = np.maximum(-gaps - _TOLERANCE_MM, 0) ** 2
        inside += np.maximum(-to_own - _OWN_TOLERANCE_MM, 0) ** 2
        hanging = np.clip(gaps, 0, _FAR_MM)
        best = int((inside + 0.6 * grip * hanging + (1 - 0.7 * grip) * change).argmin())
        angles[hand, finger], current[own] = options[best, finger], balls[best]
    return replace(pair, angles=angles)


def _gaps(
    candidates: np.ndarray, radii: np.ndarray, others: np.ndarray, their_radii: np.ndarray
) -> np.ndarray:
    """``(K,)`` smallest gap between candidates' spheres ``(K, B, 3)`` and others ``(S, 3)``."""
    return (_distances(candidates, others) - radii[:, None] - their_radii).min(axis=(1, 2))


def _distances(candidates: np.ndarray, others: np.ndarray) -> np.ndarray:
    """``(K, B, S)`` between candidates' points ``(K, B, 3)`` and ``(S, 3)``."""
    return cdist(candidates.reshape(-1, 3), others).reshape(*candidates.shape[:2], len(others))


def _options(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidates ``(K, 5, 3, 3)`` around angles ``(5, 3, 3)``, and what each costs ``(K,)``."""
    flexion, abduction = (grid.ravel() for grid in np.meshgrid(_FLEXION, _ABDUCTION, indexing="ij"))
    options = np.broadcast_to(angles, (len(flexion), *angles.shape)).copy()
    options[..., 0] += flexion[:, None, None] * _SHARE
    options[:, :, 0, 1] += abduction[:, None]
    options[..., 0] = np.clip(options[..., 0], (-12.0, 0.0, 0.0), (85.0, 105.0, 75.0))
    options[..., 0, 1] = np.clip(options[..., 0, 1], -18.0, 18.0)
    return options, (flexion / 25.0) ** 2 + (abduction / 9.0) ** 2
