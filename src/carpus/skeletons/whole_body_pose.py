"""The order of pose parameters of SMPL-X, SMPL, MANO and FLAME, and how they are mirrored."""

from __future__ import annotations

import numpy as np

from carpus.skeletons.skeleton import Skeleton
from carpus.skeletons.whole_body import BODY_22, MANO_16, SMPL_24, SMPLX_144

SMPLX_POSE = (*BODY_22, *SMPLX_144.joints[25:55], "jaw_joint")
"""The 53 rotations of a whole body: root, body, left hand, right hand, jaw. Three numbers each make 159."""

SMPL_POSE, MANO_POSE = SMPL_24.joints, MANO_16.joints
"""The 24 rotations of SMPL and the 16 of MANO."""

POSE_ORDERS = {"smplx": SMPLX_POSE, "smpl": SMPL_POSE, "mano": MANO_POSE, "flame": ("root", "jaw_joint")}
"""The rotations of each family as methods and records store them; FLAME's root turns the head."""

POSE_PARTS = {"body": slice(0, 22), "lhand": slice(22, 37), "rhand": slice(37, 52), "face": slice(52, 53)}
"""Parts among the 53 rotations of :data:`SMPLX_POSE`; the root belongs to the body."""

PARENTS_55 = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15),
    *(20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38),
    *(21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53),
)
"""The kinematic tree of SMPL-X; SMPL's is its first 22 and a hand on either wrist."""


def pose_mirror(kind: str) -> np.ndarray:
    """For every rotation the one that takes its place in a mirrored picture.

    The numbers themselves change too: y and z of every axis-angle are negated.

    Args:
        kind: ``smplx``, ``smpl``, ``mano`` (whose other side is another model) or ``flame``.
    Returns:
        ``(R,)`` int64.
    Example:
        >>> pose_mirror("smplx")[[0, 1, 2, 22, 51]]
        array([ 0,  2,  1, 37, 36])
    """
    order = POSE_ORDERS[kind]
    swap = {"left": "right", "right": "left"}
    partners = []
    for joint in order:
        side, _, rest = joint.partition("_")
        partners.append(order.index(f"{swap[side]}_{rest}" if side in swap else joint))
    return np.array(partners)


def matching(source: Skeleton, target: Skeleton) -> np.ndarray:
    """Where each joint of one set is found in another, by name.

    Args:
        source: the set that joints are given in.
        target: the set they are wanted in.
    Returns:
        ``(len(target),)`` int64 index into ``source``, -1 where it has no such joint.
    Example:
        >>> from carpus.skeletons import SMPL_33, SMPLX_137
        >>> matching(SMPL_33, SMPLX_137)[[0, 7, 24, 25]]
        array([ 0,  7, 22, -1])
    """
    return np.array([source.joints.index(j) if j in source.joints else -1 for j in target.joints])


def convert_joints(values: np.ndarray, source: Skeleton, target: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Joints of one set in the order of another; what is missing is 0.

    Args:
        values: ``(..., J, C)`` in the order of ``source``.
        source: the set they are given in.
        target: the set they are wanted in.
    Returns:
        ``(..., J', C)``, and ``(J',)`` bool: whether ``source`` has such a joint at all.
    Raises:
        ValueError: if the values are not of as many joints.
    Example:
        >>> from carpus.skeletons import HUMAN36M, SMPLX_137
        >>> made, known = convert_joints(np.ones((17, 2)), HUMAN36M, SMPLX_137)
        >>> made.shape, int(known.sum())
        ((137, 2), 14)
    """
    if values.ndim < 2 or values.shape[-2] != len(source):
        raise ValueError(
            f"convert_joints: {values.shape} given, skeleton {source.name} needs (..., {len(source)}, C)"
        )
    index = matching(source, target)
    known = index >= 0
    made = values[..., index.clip(min=0), :] * known[:, None].astype(values.dtype)
    return made, known
