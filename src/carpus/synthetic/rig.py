"""The articulated hand: rest mesh, joints and axes in a hand frame, and linear blend skinning.

Hand frame, millimetres: origin at the wrist joint, x to the thumb's side, y along the fingers, z out of the
palm. Fingers come in the order thumb, index, middle, ring, little. Each has four bones: metacarpal, proximal,
intermediate, distal; the thumb has no intermediate one, its fourth bone has no length and moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from carpus.synthetic.glb import SkinnedMesh, read_glb

FINGERS = ("thumb", "index", "middle", "ring", "little")
BONES = 4
PALM, FOREARM = 0, 1 + len(FINGERS) * BONES
"""Columns of the skinning weights: palm, the 20 finger bones, the forearm."""

_THUMB = ("metacarpal", "phalanx-proximal", "phalanx-distal", "tip")
_OTHERS = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
_PREFIX = ("thumb", "index-finger", "middle-finger", "ring-finger", "pinky-finger")
_TO_HAND = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])
_TIP_DEPTH_MM = 3.0
"""How far below the finger's end the tip joint lies."""


@dataclass(frozen=True)
class HandRig:
    """A hand at rest.

    Args:
        vertices: ``(V, 3)`` mm, hand frame.
        faces: ``(F, 3)`` int64.
        weights: ``(V, 22)`` palm, 5x4 finger bones, forearm; rows sum to 1.
        heads: ``(5, 4, 3)`` mm, where each bone starts.
        tips: ``(5, 3)`` mm, just below the surface at each finger's end.
        axes: ``(5, 4, 3, 3)`` columns x, y, z: flexion turns about -x, abduction to the thumb's side about
            y (out of the back of the finger), twist about z (towards the wrist).
        rest_flexion: ``(5, 4)`` degrees by which each bone is flexed against the one before at rest.
    """

    vertices: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    heads: np.ndarray
    tips: np.ndarray
    axes: np.ndarray
    rest_flexion: np.ndarray

    @property
    def ends(self) -> np.ndarray:
        """``(5, 4, 3)`` mm, where each bone ends."""
        ends = np.concatenate([self.heads[:, 1:], self.tips[:, None]], axis=1)
        ends[0, 2] = self.tips[0]
        return ends


@dataclass(frozen=True)
class PosedHand:
    """A hand in a pose, in the hand frame or the camera's.

    Args:
        vertices: ``(V, 3)`` mm.
        chain: ``(5, 5, 3)`` mm per finger: base of the metacarpal, MCP, PIP, DIP, tip; the thumb's are base
            (CMC), MCP, IP, tip, tip.
        wrist: ``(3,)`` mm.
        across: ``(3,)`` unit vector from the little finger's side of the wrist to the thumb's.
        palm_axis: ``(3,)`` unit vector out of the palm.
    """

    vertices: np.ndarray
    chain: np.ndarray
    wrist: np.ndarray
    across: np.ndarray
    palm_axis: np.ndarray

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> PosedHand:
        """The hand after ``x -> rotation x + translation`` with ``(3, 3)`` and ``(3,)``."""
        return PosedHand(
            self.vertices @ rotation.T + translation,
            self.chain @ rotation.T + translation,
            rotation @ self.wrist + translation,
            rotation @ self.across,
            rotation @ self.palm_axis,
        )


@lru_cache(maxsize=1)
def generic_hand() -> HandRig:
    """The rig of the freely licensed generic hand that comes with Carpus (read once)."""
    asset = files("carpus.bodies").joinpath("assets", "webxr_generic_hand", "right.glb")
    return rig_from_mesh(read_glb(Path(str(asset))))


def rig_from_mesh(mesh: SkinnedMesh) -> HandRig:
    """A hand rig of a right hand with WebXR joint names and axes, in metres."""
    wrist = mesh.joints.index("wrist")
    points = 1000.0 * (mesh.bind[:, :3, 3] - mesh.bind[wrist, :3, 3]) @ _TO_HAND.T
    # The file's rotations are rounded; the nearest true rotation keeps bone lengths exact.
    left, _, right = np.linalg.svd(_TO_HAND @ mesh.bind[:, :3, :3])
    turns = left @ right
    rows = _joint_rows(mesh.joints)
    vertices, faces, weights = _welded(mesh)
    vertices = 1000.0 * (vertices - mesh.bind[wrist, :3, 3]) @ _TO_HAND.T
    weights = _bone_weights(weights, rows, mesh.joints, vertices)
    heads = points[rows]
    ends = points[[mesh.joints.index(f"{prefix}-tip") for prefix in _PREFIX]]
    tips = _surface_tips(vertices, weights, heads[np.arange(5), [2, 3, 3, 3, 3]], ends)
    heads[0, 3] = tips[0]
    axes = turns[rows]
    arrays = (vertices, faces, weights, heads, tips, axes, _rest_flexion(heads, tips, axes))
    for array in arrays:
        array.setflags(write=False)
    return HandRig(*arrays)


def _joint_rows(joints: tuple[str, ...]) -> np.ndarray:
    """``(5, 4)`` index of the joint at the head of every bone."""
    parts = (_THUMB, _OTHERS, _OTHERS, _OTHERS, _OTHERS)
    return np.array(
        [[joints.index(f"{p}-{part}") for part in row] for p, row in zip(_PREFIX, parts, strict=True)]
    )


def _welded(mesh: SkinnedMesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces, weights with the copies along texture seams joined."""
    _, first, inverse = np.unique(mesh.vertices.round(7), axis=0, return_index=True, return_inverse=True)
    return mesh.vertices[first], inverse.reshape(-1)[mesh.faces], mesh.weights[first]


def _bone_weights(
    weights: np.ndarray, rows: np.ndarray, joints: tuple[str, ...], vertices: np.ndarray
) -> np.ndarray:
    """``(V, 22)``: tips move with the last bone, the stub behind the wrist with the forearm."""
    bones = np.zeros((len(weights), FOREARM + 1))
    bones[:, PALM] = weights[:, joints.index("wrist")]
    bones[:, 1:FOREARM] = weights[:, rows.ravel()]
    for finger, prefix in enumerate(_PREFIX[1:], start=1):
        bones[:, finger * BONES + BONES] += weights[:, joints.index(f"{prefix}-tip")]
    bones[:, 3] += bones[:, 4]
    bones[:, 4] = 0.0
    behind = np.clip((5.0 - vertices[:, 1]) / 20.0, 0.0, 1.0)
    share = behind * behind * (3.0 - 2.0 * behind)
    bones *= 1.0 - share[:, None]
    bones[:, FOREARM] = share
    return bones / bones.sum(axis=1, keepdims=True)


def _surface_tips(
    vertices: np.ndarray, weights: np.ndarray, last: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """``(5, 3)`` points on the last bone's line, just below where the finger's surface ends."""
    directions = (ends - last) / np.linalg.norm(ends - last, axis=1, keepdims=True)
    columns = 1 + np.arange(5) * BONES + np.array([2, 3, 3, 3, 3])
    along = np.einsum("vfc,fc->vf", vertices[:, None] - last, directions)
    reach = np.where(weights[:, columns] > 0.5, along, -np.inf).max(axis=0)
    return last + directions * (reach - _TIP_DEPTH_MM)[:, None]


def _rest_flexion(heads: np.ndarray, tips: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """``(5, 4)`` degrees from each bone's predecessor to it about its flexion axis."""
    ends = np.concatenate([heads[:, 1:], tips[:, None]], axis=1)
    bones = ends - heads
    before, after = bones[:, :-1], bones[:, 1:]
    axis = -axes[:, 1:, :, 0]
    sine = np.einsum("flc,flc->fl", axis, np.cross(before, after))
    cosine = np.einsum("flc,flc->fl", before, after)
    flexion = np.zeros((5, BONES))
    flexion[:, 1:] = np.degrees(np.arctan2(sine, cosine))
    flexion[0, 3] = 0.0
    return flexion
