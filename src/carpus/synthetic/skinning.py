"""Rotations, shape and pose of the hand rig."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from carpus.synthetic.rig import BONES, FOREARM, PALM, HandRig, PosedHand


@dataclass(frozen=True)
class HandShape:
    """One subject's proportions against the generic hand.

    Args:
        reach_mm: wrist to middle finger tip of the hand at rest; None keeps what the factors give.
        palm: ``(3,)`` factors of the palm's width, length and thickness.
        length: ``(5, 4)`` factors of bone length (the metacarpals of index to little follow the palm).
        girth: ``(5,)`` factors of finger thickness.
    """

    reach_mm: float | None
    palm: np.ndarray
    length: np.ndarray
    girth: np.ndarray


def sample_shape(rng: np.random.Generator, length_mm: tuple[float, float] = (160.0, 200.0)) -> HandShape:
    """A random adult hand.

    Args:
        rng: source of randomness.
        length_mm: range of the distance from wrist to middle finger tip of the hand at rest.
    """
    palm = np.clip(rng.normal(1.0, 0.04, 3), 0.9, 1.1)
    finger = np.clip(rng.normal(1.0, 0.04, (5, 1)), 0.9, 1.1)
    length = np.clip(finger * rng.normal(1.0, 0.03, (5, BONES)), 0.88, 1.12)
    girth = np.clip(rng.normal(1.0, 0.05) * rng.normal(1.0, 0.02, 5), 0.86, 1.14)
    return HandShape(rng.uniform(*length_mm), palm, length, girth)


def shaped(rig: HandRig, shape: HandShape) -> HandRig:
    """The rig of a subject: every bone stretched along and across, blended by the skinning weights.

    Args:
        rig: the generic hand.
        shape: the subject's proportions.
    """
    stretch = _stretches(rig, shape)
    heads = rig.heads * shape.palm
    old_ends = rig.ends
    for level in range(1, BONES):  # four fingers keep their MCP in the palm; the thumb stretches throughout
        moved = heads[:, level - 1] + _apply(
            stretch[:, level - 1], old_ends[:, level - 1] - rig.heads[:, level - 1]
        )
        fingers = slice(1, 5) if level > 1 else slice(0, 0)
        heads[0, level] = moved[0]
        heads[fingers, level] = moved[fingers]
    last = np.array([2, 3, 3, 3, 3])
    own = np.arange(5)
    tips = heads[own, last] + _apply(stretch[own, last], rig.tips - rig.heads[own, last])
    heads[0, 3] = tips[0]
    palm = np.diag(shape.palm)
    offsets = heads - _apply(stretch, rig.heads)
    linear = np.concatenate([palm[None], stretch.reshape(-1, 3, 3), palm[None]])
    shift = np.concatenate([np.zeros((1, 3)), offsets.reshape(-1, 3), np.zeros((1, 3))])
    vertices = _blend(rig.vertices, rig.weights, linear, shift)
    size = 1.0 if shape.reach_mm is None else shape.reach_mm / float(np.linalg.norm(tips[2]))
    return replace(rig, vertices=size * vertices, heads=size * heads, tips=size * tips)


def _stretches(rig: HandRig, shape: HandShape) -> np.ndarray:
    """``(5, 4, 3, 3)`` linear map of every bone."""
    bones = rig.ends - rig.heads
    norm = np.linalg.norm(bones, axis=-1, keepdims=True)
    along = bones / np.maximum(norm, 1e-9)
    outer = along[..., :, None] * along[..., None, :]
    girth = shape.girth[:, None, None, None]
    stretch = girth * np.eye(3) + (shape.length[..., None, None] - girth) * outer
    stretch[1:, 0] = np.diag(shape.palm)
    return stretch


def posed(rig: HandRig, angles_deg: np.ndarray, wrist_deg: tuple[float, float] = (0.0, 0.0)) -> PosedHand:
    """The hand in a pose, by linear blend skinning.

    Args:
        rig: a subject's hand.
        angles_deg: ``(5, 4, 3)`` flexion against the bone before, abduction to the thumb's side against
            rest, twist.
        wrist_deg: flexion and deviation to the thumb's side of the hand against the forearm.
    """
    turn = _joint_turns(rig, angles_deg)
    rotation = np.empty((5, BONES, 3, 3))
    position = np.empty((5, BONES + 1, 3))
    rotation[:, 0], position[:, 0] = turn[:, 0], rig.heads[:, 0]
    ends = rig.ends
    for level in range(BONES):
        if level:
            rotation[:, level] = rotation[:, level - 1] @ turn[:, level]
        step = _apply(rotation[:, level], ends[:, level] - rig.heads[:, level])
        position[:, level + 1] = position[:, level] + step
    position[0, 4] = position[0, 3]
    linear = np.empty((FOREARM + 1, 3, 3))
    linear[PALM], linear[1:FOREARM] = np.eye(3), rotation.reshape(-1, 3, 3)
    linear[FOREARM] = forearm_turn(wrist_deg)
    shift = np.zeros((FOREARM + 1, 3))
    shift[1:FOREARM] = (position[:, :BONES] - _apply(rotation, rig.heads)).reshape(-1, 3)
    vertices = _blend(rig.vertices, rig.weights, linear, shift)
    return PosedHand(vertices, position, np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))


def forearm_turn(wrist_deg: tuple[float, float]) -> np.ndarray:
    """``(3, 3)`` rotation of the forearm against the hand for wrist flexion and deviation in degrees."""
    flexion, deviation = np.radians(wrist_deg)
    return turn_about(np.array([1.0, 0, 0]), np.array(-flexion)) @ turn_about(
        np.array([0, 0, 1.0]), np.array(deviation)
    )


def _joint_turns(rig: HandRig, angles_deg: np.ndarray) -> np.ndarray:
    """``(5, 4, 3, 3)`` rotation of every bone against the one before, in rest coordinates."""
    flexion = np.radians(angles_deg[..., 0] - rig.rest_flexion)
    abduction, twist = np.radians(angles_deg[..., 1]), np.radians(angles_deg[..., 2])
    x, y, z = (rig.axes[..., c] for c in range(3))
    return turn_about(y, abduction) @ turn_about(-x, flexion) @ turn_about(z, twist)


def turn_about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices ``(*, 3, 3)`` about unit axes ``(*, 3)`` by angles ``(*)`` in radians.

    Example:
        >>> turn_about(np.array([0.0, 0.0, 1.0]), np.array(np.pi / 2)).round(3) + 0.0
        array([[ 0., -1.,  0.], [ 1.,  0.,  0.], [ 0.,  0.,  1.]])
    """
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*axis.shape[:-1], 3, 3)
    sine, cosine = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.eye(3) + sine * cross + (1.0 - cosine) * (cross @ cross)


def _apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """``(*, 3, 3)`` times ``(*, 3)``."""
    return (matrices @ vectors[..., None])[..., 0]


def _blend(points: np.ndarray, weights: np.ndarray, linear: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Points ``(V, 3)`` moved by the weighted mean of affine maps ``(B, 3, 3)``, ``(B, 3)``."""
    maps = np.concatenate([linear, shift[..., None]], axis=2).reshape(len(linear), 12)
    blended = (weights @ maps).reshape(-1, 3, 4)
    return np.einsum("vrc,vc->vr", blended[..., :3], points) + blended[..., 3]
