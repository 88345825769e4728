"""The surface of the stand-in hand: 778 vertices, 1538 faces, closed but for a 16-sided hole at the wrist.

A left hand in wrist coordinates: x to the fingers, y to the back of the hand, z to the thumb; metres.
A palm of twelve rings, four fingers on its last ring, a thumb on a hole in its side. Every ring runs
right-handed about the direction in which its tube grows, so that all faces look outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from carpus.bodies.rest_joints import MANO_FINGERS, left_hand_joints, left_hand_tips
from carpus.bodies.standin_mesh import MeshBuilder
from carpus.bodies.topology import BESIDE_TIPS, FINGER_TIPS, VERTICES, WRIST_RING

_PALM_RINGS = 12
_ACROSS = 9  # points on the back of a palm ring, as many on the palm's side; one more at either edge
_THUMB_RING = 4
_THUMB_EDGE = 9  # index of the thumb-side point in a palm ring
_BOUNDS = (-0.049, -0.028, -0.006, 0.018, 0.041)  # where fingers meet on the last ring, little to index
_RINGS = {"index": 13, "middle": 14, "little": 12, "ring": 13, "thumb": 12}
_RADIUS = {"index": 0.0093, "middle": 0.0096, "little": 0.0080, "ring": 0.0091, "thumb": 0.0118}
_LITTLE_TO_INDEX = ("little", "ring", "middle", "index")


@dataclass(frozen=True)
class HandSurface:
    """The left stand-in hand at rest.

    Args:
        vertices: ``(778, 3)`` metres.
        faces: ``(1538, 3)`` looking outwards.
        finger: ``(778,)`` index into :data:`MANO_FINGERS`, -1 on the palm.
    """

    vertices: np.ndarray
    faces: np.ndarray
    finger: np.ndarray


def _wrist() -> np.ndarray:
    angle = np.arange(16) * np.pi / 8
    return np.stack([np.zeros(16), 0.0172 * np.cos(angle), 0.0275 * np.sin(angle)], axis=1)


def _palm_ring(step: float) -> np.ndarray:
    """``(20, 3)`` points part of the way to the fingers: back, thumb edge, palm, little edge."""
    joints = dict(zip(MANO_FINGERS, left_hand_joints()[1::3], strict=True))
    knuckles = np.array([joints[finger] for finger in _LITTLE_TO_INDEX])
    last = np.interp(np.arange(_ACROSS), np.arange(0, _ACROSS, 2), _BOUNDS)
    centre = (last[0] + last[-1]) / 2 * step
    half = 0.029 + (last[-1] - last[0] + 0.002 - 0.058) / 2 * step**0.7
    z = centre + (last - last.mean()) / ((last[-1] - last[0]) / 2) * half * 0.88
    edge = np.abs(z - centre) / half
    thick = (0.0170 - 0.0060 * step) * (1 - edge**2.6) ** (1 / 2.6)
    ball = np.exp(-(((step - 0.33) / 0.2) ** 2)) * np.clip((z - centre) / half, 0, 1) ** 2  # of the thumb
    bend = np.interp(z, knuckles[:, 2], knuckles[:, 1]) * step**2
    x = 0.015 + step * (np.interp(z, knuckles[:, 2], knuckles[:, 0]) - 0.012 - 0.015)
    back = np.stack([x, bend + thick, z], axis=1)
    front = np.stack([x, bend - 1.1 * thick - 0.007 * ball, z], axis=1)[::-1]
    thumb = [x[-1], bend[-1] - 0.004 * ball[-1], centre + half + 0.007 * ball[-1]]
    little = [x[0], bend[0], centre - half]
    return np.concatenate([back, [thumb], front, [little]])


def _palm(builder: MeshBuilder) -> list[np.ndarray]:
    """Wrist and palm with a hole for the thumb; the twelve rings."""
    wrist = builder.add(_wrist())
    rings = [builder.add(_palm_ring(step)) for step in np.linspace(0, 1, _PALM_RINGS)]
    builder.merge(wrist, rings[0])
    for index, (ring, following) in enumerate(pairwise(rings)):
        beside_thumb = index in (_THUMB_RING - 1, _THUMB_RING)
        builder.join(ring, following, (_THUMB_EDGE - 1, _THUMB_EDGE) if beside_thumb else ())
    return rings


def _thumb_hole(rings: list[np.ndarray]) -> np.ndarray:
    """``(8,)`` the edge of the hole, beginning on the side of the fingers."""
    before, at, after = rings[_THUMB_RING - 1], rings[_THUMB_RING], rings[_THUMB_RING + 1]
    back, middle, front = _THUMB_EDGE - 1, _THUMB_EDGE, _THUMB_EDGE + 1
    return np.array(
        [
            after[middle],
            after[back],
            at[back],
            before[back],
            before[middle],
            before[front],
            at[front],
            after[front],
        ]
    )


def _finger_bases(builder: MeshBuilder, ring: np.ndarray) -> dict[str, np.ndarray]:
    """``(8,)`` loops on the last palm ring: back, thumb side, palm, little side."""
    front = ring[_THUMB_EDGE + 1 : -1][::-1]
    webs = [
        ring[-1],
        *(builder.add(_between(builder, ring[c], front[c]))[0] for c in (2, 4, 6)),
        ring[_THUMB_EDGE],
    ]
    return {
        finger: np.array([*ring[2 * i : 2 * i + 3], webs[i + 1], *front[2 * i : 2 * i + 3][::-1], webs[i]])
        for i, finger in enumerate(_LITTLE_TO_INDEX)
    }


def _between(builder: MeshBuilder, first: int, second: int) -> np.ndarray:
    return (builder.vertices[first] + builder.vertices[second])[None] / 2


def _tube(builder: MeshBuilder, loop: np.ndarray, finger: str) -> tuple[int, int]:
    """A finger on its loop; its apex and the last ring's first vertex."""
    index = MANO_FINGERS.index(finger)
    joints = left_hand_joints()[1 + 3 * index : 4 + 3 * index]
    base = np.mean([builder.vertices[v] for v in loop], axis=0)
    line = np.array([base, *(joints[1:] if finger == "thumb" else joints), left_hand_tips()[index]])
    length = np.append(0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum())
    upwards, phase = (
        (np.array([1.0, 0, 0]), 0.0) if finger == "thumb" else (np.array([0, 1.0, 0]), -np.pi / 4)
    )
    angle = phase + np.arange(8) * np.pi / 4
    radius = _RADIUS[finger]
    for at in np.linspace(0.006, length[-1] - 0.12 * radius, _RINGS[finger]):
        to_tip = (length[-1] - at) / (1.5 * radius)
        size = radius * (1 - 0.3 * at / length[-1]) * np.sqrt(1 - max(0.0, 1 - to_tip) ** 2)
        following = builder.add(_circle(line, length, at, upwards, angle, size), index)
        builder.join(loop, following)
        loop = following
    apex = builder.add(line[-1:], index)[0]
    builder.close(loop, apex)
    return int(apex), int(loop[0])


def _circle(
    line: np.ndarray, length: np.ndarray, at: float, upwards: np.ndarray, angle: np.ndarray, size: float
) -> np.ndarray:
    """``(8, 3)`` points around a polyline at an arc length, by their angle from ``upwards``."""
    here, ahead, behind = (_along(line, length, at + step) for step in (0, 0.006, -0.006))
    forward = (ahead - behind) / np.linalg.norm(ahead - behind)
    first = upwards - (upwards @ forward) * forward
    first /= np.linalg.norm(first)
    second = np.cross(forward, first)
    return here + size * (np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second)


def _along(line: np.ndarray, length: np.ndarray, at: float) -> np.ndarray:
    """``(3,)`` point at an arc length of a polyline, straight on beyond its ends."""
    inside = np.clip(at, 0, length[-1])
    point = np.array([np.interp(inside, length, line[:, c]) for c in range(3)])
    ends = (line[0], line[1]) if at < 0 else (line[-2], line[-1])
    return point + (at - inside) * (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])


def hand_surface() -> HandSurface:
    """The left stand-in hand, its wrist and tips numbered as in MANO."""
    builder = MeshBuilder()
    rings = _palm(builder)
    loops = {"thumb": _thumb_hole(rings), **_finger_bases(builder, rings[-1])}
    tips = {finger: _tube(builder, loops[finger], finger) for finger in MANO_FINGERS}
    for index in (0, 12, 24):
        builder.split(index)
    places: dict[int, int] = dict(enumerate(WRIST_RING))
    for finger, (apex, beside) in tips.items():
        places[apex], places[beside] = FINGER_TIPS[finger], BESIDE_TIPS[finger]
    return _renumbered(builder, places, int(rings[_THUMB_RING][_THUMB_EDGE]))


def _renumbered(builder: MeshBuilder, places: dict[int, int], unused: int) -> HandSurface:
    """The surface with some vertices at given numbers, the others in order, one dropped."""
    free = iter(sorted(set(range(VERTICES)) - set(places.values())))
    number = np.full(len(builder.vertices), -1)
    for old in range(len(builder.vertices)):
        if old != unused:
            number[old] = places[old] if old in places else next(free)
    kept = number >= 0
    order = np.argsort(number[kept])
    return HandSurface(
        np.array(builder.vertices)[kept][order],
        number[np.array(builder.faces)],
        np.array(builder.part)[kept][order],
    )
