"""The surfaces of the stand-in bodies: overlapping rounded limbs, a head, two hands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.bodies.models import KINDS
from carpus.bodies.rest_joints import LANDMARKS, LEFT_HAND, LEFT_TIPS, LEFT_WRIST, MANO_FINGERS
from carpus.bodies.standin_hand import hand_surface
from carpus.bodies.standin_mesh import MeshBuilder, ellipsoid, limb
from carpus.bodies.topology import FINGER_TIPS
from carpus.skeletons.whole_body import SMPL_33_VERTICES

X, Y, Z = np.eye(3)
MIRROR = np.array([-1.0, 1.0, 1.0])
HEAD_CENTRE, HEAD_AXES = np.array([0.0, 0.335, 0.012]), np.array([0.078, 0.125, 0.102])
HEAD_VERTICES, SMPL_HEAD = KINDS["flame"].vertices, 2218
LEFT_ROLES = ("collar", "upper_arm", "forearm", "thigh", "shin", "foot", "hand")
PARTS = (
    *("trunk", "neck", "head"),
    *(f"left_{role}" for role in LEFT_ROLES),
    *(f"right_{role}" for role in LEFT_ROLES),
)

_SURFACE_JOINTS = {
    "left_eye": "leye",
    "right_eye": "reye",
    "left_ear": "lear",
    "right_ear": "rear",
    "left_big_toe": "LBigToe",
    "left_small_toe": "LSmallToe",
    "left_heel": "LHeel",
    "right_big_toe": "RBigToe",
    "right_small_toe": "RSmallToe",
    "right_heel": "RHeel",
}
"""What smplx calls joints that lie on the surface."""


@dataclass(frozen=True)
class Limb:
    """A part of the body around a line.

    Args:
        points: ``(P, 3)`` of the line, metres.
        radii: ``(P, 2)`` along ``first`` and across it.
        first: direction across the line.
        rings, sides: of its mesh.
    """

    points: tuple[tuple[float, float, float], ...]
    radii: tuple[tuple[float, float], ...]
    first: np.ndarray
    rings: int
    sides: int


_MIDDLE = {
    "trunk": Limb(
        ((0, -0.55, 0.0), (0, -0.42, 0), (0, -0.24, -0.01), (0, 0.04, -0.02), (0, 0.2, -0.025)),
        ((0.15, 0.10), (0.165, 0.115), (0.135, 0.095), (0.165, 0.11), (0.09, 0.07)),
        *(X, 38, 32),
    ),
    "neck": Limb(((0, 0.08, -0.03), (0, 0.30, 0.0)), ((0.06, 0.06), (0.05, 0.055)), X, 8, 20),
}
_LEFT = {
    "collar": Limb(((0.03, 0.09, -0.02), (0.22, 0.10, -0.03)), ((0.065, 0.07), (0.055, 0.055)), Y, 6, 20),
    "upper_arm": Limb(((0.14, 0.10, -0.03), (0.47, 0.09, -0.05)), ((0.052, 0.052), (0.04, 0.04)), Y, 12, 16),
    "forearm": Limb(((0.40, 0.09, -0.05), (0.71, 0.10, -0.06)), ((0.043, 0.043), (0.022, 0.031)), Y, 12, 16),
    "thigh": Limb(((0.08, -0.38, 0), (0.11, -0.88, 0)), ((0.09, 0.095), (0.058, 0.06)), X, 14, 20),
    "shin": Limb(((0.11, -0.76, 0), (0.10, -1.29, -0.035)), ((0.057, 0.062), (0.036, 0.042)), X, 16, 18),
    "foot": Limb(
        ((0.10, -1.285, -0.085), (0.115, -1.28, 0.04), (0.13, -1.295, 0.175)),
        ((0.034, 0.036), (0.042, 0.042), (0.046, 0.022)),
        *(X, 10, 16),
    ),
}
_MITTEN = Limb(
    ((0.64, 0.10, -0.06), (0.75, 0.10, -0.06), (0.88, 0.10, -0.055)),
    ((0.018, 0.03), (0.017, 0.048), (0.010, 0.042)),
    *(Y, 20, 20),
)


@dataclass(frozen=True)
class BodySurface:
    """A body at rest.

    Args:
        vertices: ``(V, 3)`` metres.
        faces: ``(F, 3)`` looking outwards.
        part: ``(V,)`` index into :data:`PARTS`.
        pieces: vertex numbers of ``head`` (FLAME's, in its order), ``left_hand`` and ``right_hand`` (MANO's).
    """

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    pieces: dict[str, np.ndarray]


def smplx_surface(fixed: dict[str, int]) -> BodySurface:
    """The SMPL-X stand-in: 10475 vertices, two MANO hands, FLAME's head.

    Args:
        fixed: vertex numbers by the names of smplx (``nose``, ``lthumb``, ``RHeel`` …).
    """
    family, hands = KINDS["smplx"], hand_surface()
    builder = MeshBuilder()
    _add_limbs(builder, family.vertices - HEAD_VERTICES - 2 * len(hands.vertices))
    pieces = {}
    for side, sign in (("left", np.ones(3)), ("right", MIRROR)):
        part = PARTS.index(f"{side}_hand")
        pieces[f"{side}_hand"] = builder.add((hands.vertices + LEFT_WRIST) * sign, part)
        faces = pieces[f"{side}_hand"][hands.faces if side == "left" else hands.faces[:, [1, 0, 2]]]
        builder.faces += [tuple(face) for face in faces]
    pieces["head"] = _add_head(builder, family.vertices, 66, 76)
    tips = {
        side[0] + finger.replace("little", "pinky"): int(pieces[f"{side}_hand"][FINGER_TIPS[finger]])
        for side in ("left", "right")
        for finger in MANO_FINGERS
    }
    return _numbered(builder, fixed, tips, family.faces, pieces)


def smpl_surface(fixed: dict[str, int]) -> BodySurface:
    """The SMPL stand-in: 6890 vertices, hands like mittens.

    Args:
        fixed: vertex numbers by the names of smplx.
    """
    family = KINDS["smpl"]
    builder = MeshBuilder()
    _add_limbs(builder, family.vertices - SMPL_HEAD, {"hand": _MITTEN})
    _add_head(builder, family.vertices, 41, 54)
    # Joints of SMPL_33 lie at vertices of their own, beside those that smplx names.
    others = {f"joint {name}": number for name, number in SMPL_33_VERTICES.items()}
    return _numbered(builder, {**fixed, **others}, {}, family.faces, {})


def head_surface(pieces_of: BodySurface) -> tuple[np.ndarray, np.ndarray]:
    """FLAME's stand-in: the head of a body, open at the neck.

    Args:
        pieces_of: the SMPL-X stand-in.
    Returns:
        Vertices ``(5023, 3)`` and faces ``(9976, 3)``.
    """
    ids = pieces_of.pieces["head"]
    number = np.full(len(pieces_of.vertices), -1)
    number[ids] = np.arange(len(ids))
    vertices = pieces_of.vertices[ids]
    faces = number[pieces_of.faces]
    faces = np.unique(faces[(faces >= 0).all(1)], axis=0)
    upwards = vertices[faces][..., 1].mean(1).argsort(kind="stable")
    kept = np.sort(upwards[len(faces) - KINDS["flame"].faces :])
    return vertices, faces[kept]


def _rings(part: Limb) -> tuple[np.ndarray, np.ndarray]:
    return limb(np.array(part.points), np.array(part.radii), part.rings, part.sides, part.first)


def _add_limbs(builder: MeshBuilder, total: int, more: dict[str, Limb] | None = None) -> None:
    """Trunk, neck, arms, legs and feet, and more on either side, the right one the mirror of the left."""
    for role, part in _MIDDLE.items():
        builder.tube(*_rings(part), PARTS.index(role))
    middle, faces = len(builder.vertices), len(builder.faces)
    for role, part in {**_LEFT, **(more or {})}.items():
        builder.tube(*_rings(part), PARTS.index(f"left_{role}"))
    builder.top_up((total + middle) // 2, faces)
    right = {PARTS.index(f"left_{role}"): PARTS.index(f"right_{role}") for role in LEFT_ROLES}
    builder.mirror(middle, faces, right)


def _add_head(builder: MeshBuilder, total: int, rings: int, sides: int) -> np.ndarray:
    """The head, up to a number of vertices in all; the numbers of its own."""
    first = len(builder.vertices)
    builder.tube(*ellipsoid(HEAD_CENTRE, HEAD_AXES, rings, sides), PARTS.index("head"))
    nape = first + 1 + sides // 2 + sides * np.arange(rings)
    builder.split_seam(total, nape)
    return np.arange(first, total)


def _numbered(
    builder: MeshBuilder,
    fixed: dict[str, int],
    given: dict[str, int],
    faces: int,
    pieces: dict[str, np.ndarray],
) -> BodySurface:
    """The surface with its named vertices at fixed numbers, and faces repeated up to the published count."""
    vertices, part = np.array(builder.vertices), np.array(builder.part)
    number = np.arange(len(vertices))
    taken: set[int] = set()
    for name, wanted in fixed.items():
        chosen = given[name] if name in given else _nearest(vertices, part, name, taken)
        taken.add(chosen)
        other = int(np.flatnonzero(number == wanted)[0])
        number[[chosen, other]] = number[[other, chosen]]
    order = np.argsort(number)
    found = number[np.array(builder.faces)]
    filled = np.concatenate([found, np.repeat(found[-1:], faces - len(found), axis=0)])
    return BodySurface(
        vertices[order], filled, part[order], {piece: number[ids] for piece, ids in pieces.items()}
    )


def _nearest(vertices: np.ndarray, part: np.ndarray, name: str, taken: set[int]) -> int:
    """The vertex of the right part that lies nearest to a named place."""
    name = name.removeprefix("joint ")
    name = _SURFACE_JOINTS.get(name, name)
    if name in LANDMARKS:
        place = np.array(LANDMARKS[name])
        role = "head" if name[0].islower() else ("left_foot" if name[0] == "L" else "right_foot")
    elif name.endswith("_mcp"):
        side, finger, _ = name.split("_")
        place = LEFT_HAND[MANO_FINGERS.index(finger), 0] * (1 if side == "left" else MIRROR)
        role = f"{side}_hand"
    else:
        finger = {"pinky": "little"}.get(name[1:], name[1:])
        place = LEFT_TIPS[MANO_FINGERS.index(finger)] * (1 if name[0] == "l" else MIRROR)
        role = "left_hand" if name[0] == "l" else "right_hand"
    distance = np.linalg.norm(vertices - place, axis=1)
    distance[part != PARTS.index(role)] = np.inf
    distance[list(taken)] = np.inf
    return int(distance.argmin())
