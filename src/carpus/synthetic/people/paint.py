"""Colours of skin, faces, hair and clothes at places of a body at rest: compiled, one place at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from carpus.bodies.standin_body import HEAD_AXES, HEAD_CENTRE
from carpus.synthetic.people.looks import (
    BEARD,
    BLOOD,
    HAIR,
    HEM,
    IRIS,
    LENGTH,
    MOUTH,
    NECK,
    PATTERN,
    PHASE,
    PITCH,
    PRINT,
    ROLES,
    SHIRT,
    SHOES,
    SKIN,
    SLEEVE,
    TROUSERS,
    WAIST,
)

_HEAD_Y, _HEAD_Z = float(HEAD_CENTRE[1]), float(HEAD_CENTRE[2])
_TALL, _DEEP = float(HEAD_AXES[1]), float(HEAD_AXES[2])
_TRUNK, _NECK, _HEAD, _COLLAR, _UPPER, _FORE, _THIGH, _SHIN, _FOOT, _HAND, _SEAT = range(len(ROLES))
_BARE, _TOP, _LEGS, _HAIRY = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def colour_at(
    role: int,
    x: float,
    y: float,
    z: float,
    back: float,
    tip: float,
    row: np.ndarray,
    colour: np.ndarray,
) -> float:
    """The gloss of a place on a person; ``colour`` is filled with the light 0..1 it sends back.

    Args:
        role: what it belongs to, place in :data:`~carpus.synthetic.people.looks.ROLES`.
        x, y, z: metres at rest.
        back: of a hand, 1 on its upper side, -1 on the palm.
        tip: distance to the nearest finger tip in metres.
        row: ``(ROW,)`` a person's looks.
        colour: ``(3,)`` to fill.
    """
    if role == _HEAD:
        return _head(x, y, z, row, colour)
    if role == _HAND:
        return _hand(back, tip, row, colour)
    if role == _FOOT:
        sole = 0.5 if y < -1.312 else 1.0
        for k in range(3):
            colour[k] = row[SHOES + k] * sole
        return 0.05
    if role == _SEAT:
        grain = 1 + 0.12 * np.sin(90 * x + 5 * np.sin(13 * z)) + 0.05 * np.sin(400 * x)
        colour[0], colour[1], colour[2] = 0.30 * grain, 0.19 * grain, 0.11 * grain
        return 0.02
    kind = _kind(role, x, y, z, row)
    if kind == _TOP:
        _shirt(x, y, z, row, colour)
        return 0.0
    if kind == _BARE:
        _skin(0.15, row, colour)
        return 0.07
    start = TROUSERS if kind == _LEGS else HAIR
    folds = 1 + 0.10 * np.sin(55 * y + 3 * np.sin(30 * x) + row[PHASE])
    seam = 0.8 if kind == _LEGS and (y - row[HEM]) < 0.012 else 1.0
    for k in range(3):
        colour[k] = row[start + k] * folds * seam
    return 0.0


@njit(cache=True, nogil=True)
def _kind(role, x, y, z, row):  # noqa: ANN001, ANN202
    """What covers trunk, neck, arms and legs at a place."""
    if role in (_TRUNK, _COLLAR):
        if y < row[WAIST]:
            return _LEGS
        # A neckline that is deeper in front.
        return _BARE if y > row[NECK] - 0.5 * max(z, 0.0) and abs(x) < 0.085 else _TOP
    if role == _NECK:
        return _HAIRY if row[LENGTH] > 1.5 and z < -0.035 else (_TOP if y < 0.11 else _BARE)
    if role in (_UPPER, _FORE):
        return _TOP if abs(x) < row[SLEEVE] else _BARE
    return _LEGS if y > row[HEM] else _BARE


@njit(cache=True, nogil=True)
def _skin(blood, row, colour):  # noqa: ANN001, ANN202
    for k in range(3):
        colour[k] = row[SKIN + k] * np.exp(blood * row[BLOOD + k])


@njit(cache=True, nogil=True)
def _shirt(x, y, z, row, colour):  # noqa: ANN001, ANN202
    """Cloth with its print and folds."""
    pattern, pitch = row[PATTERN], row[PITCH]
    u, v = (x + 0.6 * z) / pitch, y / pitch
    odd_u, odd_v = float(int(np.floor(u)) & 1), float(int(np.floor(v)) & 1)
    share = 0.0
    if pattern == 1:
        share = odd_v
    elif pattern == 2:
        share = 0.5 * (odd_u + odd_v)
    elif pattern == 3:
        share = 1.0 if (u - np.floor(u) - 0.5) ** 2 + (v - np.floor(v) - 0.5) ** 2 < 0.09 else 0.0
    folds = 1 + 0.08 * np.sin(40 * y + 25 * x + 2.5 * np.sin(22 * z + 17 * x) + row[PHASE])
    for k in range(3):
        colour[k] = (row[SHIRT + k] + share * (row[PRINT + k] - row[SHIRT + k])) * folds


@njit(cache=True, nogil=True)
def _hand(back, tip, row, colour):  # noqa: ANN001, ANN202
    """A paler palm, red tips and knuckles, nails."""
    palm = _smooth(-back, 0.0, 0.7)
    blood = 0.25 + 0.45 * palm + 0.8 * np.exp(-((tip / 0.014) ** 2))
    for knuckle in (0.024, 0.047, 0.078):
        blood += 0.45 * np.exp(-(((tip - knuckle) / 0.005) ** 2)) * abs(back)
    _skin(min(blood, 1.6), row, colour)
    pale = 1 + palm * (0.15 + 0.5 * max(0.4 - row[SKIN + 1], 0.0))
    nail = 0.7 * _smooth(back, 0.45, 0.7) * (1 - _smooth(tip, 0.009, 0.011))
    for k in range(3):
        white = 0.5 * row[SKIN + k] + (0.34 if k == 0 else 0.24)
        colour[k] = colour[k] * pale * (1 - nail) + nail * white
    return 0.09


@njit(cache=True, nogil=True)
def _head(x, y, z, row, colour):  # noqa: ANN001, ANN202
    """Hair, brows, eyes, nostrils, lips, mouth, beard, and skin between them."""
    side, front = abs(x), (z - _HEAD_Z) / _DEEP
    if _hair(y, front, row) > 0.5:
        strand = 1 + 0.25 * np.sin(900 * x + 240 * z) * np.sin(500 * z + 60 * y)
        for k in range(3):
            colour[k] = row[HAIR + k] * strand
        return 0.12
    cheek = np.exp(-(((side - 0.042) / 0.018) ** 2) - ((y - 0.300) / 0.016) ** 2)
    tip = np.exp(-((x / 0.012) ** 2) - ((y - 0.308) / 0.010) ** 2)
    _skin(0.1 + 0.55 * cheek * max(front, 0.0) + 0.6 * tip, row, colour)
    if front < 0.2:
        return 0.06
    if row[BEARD] > 0:
        _beard(side, y, row, colour)
    _lips(x, y, row, colour)
    hole = ((side - 0.0075) / 0.004) ** 2 + ((y - 0.2995) / 0.0028) ** 2
    groove = np.exp(-((side - 0.016) ** 2) / 0.003**2 - ((y - 0.306) / 0.008) ** 2)
    dark = 0.35 if hole < 1 else 1 - 0.3 * groove
    part = (side - 0.014) / 0.042
    brow = 0.362 + 0.003 * (1 - part) + 0.020 * part * (1 - part)
    if -0.05 < part < 1.05 and abs(y - brow) < 0.0040 - 0.0018 * part:
        for k in range(3):
            colour[k] = 0.25 * colour[k] + 0.6 * row[HAIR + k]
        return 0.0
    for k in range(3):
        colour[k] *= dark
    return _eye(side, y, row, colour)


@njit(cache=True, nogil=True)
def _hair(y, front, row):  # noqa: ANN001, ANN202
    """0..1 as :func:`~carpus.synthetic.people.looks.hair_share` has it."""
    low = -0.95 if row[LENGTH] > 1.5 else -0.42
    ahead = _smooth(front, -0.13, 0.37)
    line = low + (0.60 - low) * ahead
    return _smooth((y - _HEAD_Y) / _TALL, line - 0.05, line + 0.05)


@njit(cache=True, nogil=True)
def _beard(side, y, row, colour):  # noqa: ANN001, ANN202
    chin = _smooth(0.292 - 0.25 * max(0.045 - side, 0.0) + 0.4 * max(side - 0.05, 0.0) - y, -0.004, 0.004)
    lip = np.exp(-((y - 0.2885) ** 2) / 0.0045**2) * (1.0 if side < 0.026 else 0.0)
    share = row[BEARD] * min(chin + lip, 1.0)
    for k in range(3):
        colour[k] += share * (0.8 * row[HAIR + k] - colour[k])


@njit(cache=True, nogil=True)
def _lips(x, y, row, colour):  # noqa: ANN001, ANN202
    """Lips, and the dark of the mouth, higher the wider it is open."""
    opened = row[MOUTH]
    height = 0.0095 + 0.010 * opened
    lips = (x / 0.026) ** 2 + ((y - 0.272) / height) ** 2
    if lips < 1:
        level = 0.95 if y > 0.272 else 1.1
        for k in range(3):
            colour[k] = row[SKIN + k] * np.exp(1.7 * row[BLOOD + k]) * level * (0.85 if k == 0 else 0.8)
    inner = 0.0014 + 0.0125 * opened
    if (x / 0.021) ** 2 + ((y - 0.272) / inner) ** 2 < 1:
        tooth = opened > 0.25 and y > 0.272 + 0.35 * inner
        for k in range(3):
            colour[k] = 0.6 if tooth else (0.06 if k == 0 else 0.02)


@njit(cache=True, nogil=True)
def _eye(side, y, row, colour):  # noqa: ANN001, ANN202
    across, up = (side - 0.031) / 0.0145, (y - 0.342) / 0.0072
    inside = across * across + up * up
    if inside > 1:
        lid = np.exp(-(((inside - 1.15) / 0.35) ** 2)) * (0.75 if up > 0 else 0.25)
        for k in range(3):
            colour[k] *= 1 - 0.7 * lid
        return 0.06
    middle = np.sqrt((side - 0.031) ** 2 + (y - 0.3425) ** 2)
    for k in range(3):
        colour[k] = 0.72 - 0.25 * across * across
        if middle < 0.0066:
            colour[k] = row[IRIS + k] * 1.3
        if middle < 0.0028:
            colour[k] = 0.01
    return 0.25


@njit(cache=True, nogil=True)
def _smooth(value, low, high):  # noqa: ANN001, ANN202
    """0 below, 1 above, without a corner between."""
    part = min(max((value - low) / (high - low), 0.0), 1.0)
    return part * part * (3 - 2 * part)
