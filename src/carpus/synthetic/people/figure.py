"""A person somewhere in the world: its pose numbers there, its surface, what it sits on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.synthetic.people.light import Painted
from carpus.synthetic.people.looks import MOUTH, ROLES, Person, offsets, surface
from carpus.synthetic.people.model import Placed, all_joints, file_order, placed, rest, rig
from carpus.synthetic.people.pose import Pose

_UPSIDE = np.diag([1.0, -1.0, -1.0])
"""From bodies, which are y-up and look along z, to the world, which is y-down; they look at the camera."""
_WIDE_OPEN = 0.3
_SEAT, _THIGH, _TRUNK = (ROLES.index(name) for name in ("seat", "thigh", "trunk"))


@dataclass(frozen=True)
class Fit:
    """A whole body as published fits describe it.

    Args:
        turns: ``(53, 3)`` axis-angle, the root's in the world or the camera's frame, fingers about the mean.
        shape: ``(10,)`` coefficients.
        expression: ``(10,)``.
        trans_m: ``(3,)``.
        gender: of the model: ``neutral``, ``male``, ``female``.
    """

    turns: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    trans_m: np.ndarray
    gender: str = "neutral"

    def body(self, dress: np.ndarray | None = None) -> Placed:
        """The posed SMPL-X stand-in.

        Args:
            dress: ``(V, 3)`` metres put on its vertices at rest.
        """
        numbers = np.concatenate([self.shape, self.expression])
        return placed(rig("smplx", self.gender), file_order(self.turns), numbers, self.trans_m, dress)

    def joints_m(self) -> np.ndarray:
        """``(144, 3)`` in the order of :data:`~carpus.skeletons.SMPLX_144`."""
        return all_joints(file_order(self.turns), self.body())

    def seen_from(self, rotation: np.ndarray, position_m: np.ndarray) -> Fit:
        """The same body in a camera's frame, in numbers as they are written.

        Args:
            rotation: ``(3, 3)`` world to camera.
            position_m: ``(3,)`` of the camera in the world.
        """
        turns = self.turns.copy()
        turns[0] = Rotation.from_matrix(rotation @ Rotation.from_rotvec(turns[0]).as_matrix()).as_rotvec()
        root = rest(rig("smplx", self.gender), np.concatenate([self.shape, self.expression]))[1][0]
        trans = rotation @ (root + self.trans_m - position_m) - root
        return Fit(turns.round(6), self.shape, self.expression, trans.round(6), self.gender)


@dataclass(frozen=True)
class Figure:
    """A person in the world, which is y-down.

    Args:
        person: who it is.
        fit: its numbers in the world.
        seated: whether it sits on something.
    """

    person: Person
    fit: Fit
    seated: bool

    def dressed_mm(self) -> np.ndarray:
        """``(V, 3)`` what a camera sees of it."""
        return 1000.0 * self.fit.body(offsets(self.person)).vertices_m


def place(
    person: Person, pose: Pose, heading_deg: float, at_mm: np.ndarray, gender: str = "neutral"
) -> Figure:
    """A person on the floor.

    Args:
        person: who it is.
        pose: how it holds itself.
        heading_deg: where it looks: 0 along -z, 90 along -x.
        at_mm: ``(3,)`` a place on the floor under its pelvis.
        gender: of the model whose numbers describe it.
    """
    turns = pose.turns.copy()
    turns[0] = (
        Rotation.from_euler("y", heading_deg, degrees=True)
        * Rotation.from_matrix(_UPSIDE)
        * Rotation.from_rotvec(turns[0])
    ).as_rotvec()
    free = Fit(turns.round(6), person.shape, pose.expression.round(5), np.zeros(3), gender)
    body = free.body()
    pelvis, lowest = body.joints_m[0], body.vertices_m[:, 1].max()
    trans = at_mm / 1000.0 - (pelvis[0], lowest, pelvis[2])
    fit = Fit(free.turns, free.shape, free.expression, trans.round(6), gender)
    return Figure(person, fit, pose.activity == "sit")


def painted(figures: list[Figure], floor_mm: float) -> Painted:
    """Surfaces of some people and of what they sit on.

    Args:
        figures: who is there.
        floor_mm: y of the floor.
    """
    body = surface()
    parts: list[tuple[np.ndarray, ...]] = []
    for number, figure in enumerate(figures):
        vertices = figure.dressed_mm()
        paint = np.concatenate([body.rest, body.detail], axis=1)
        parts.append((vertices, body.faces, body.roles, np.full(len(body.faces), number), paint))
        if figure.seated:
            box, faces, own = _seat(vertices, figure.fit, floor_mm)
            roles = np.full(len(faces), _SEAT)
            parts.append((box, faces, roles, np.full(len(faces), number), own))
    starts = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
    rows = np.stack([figure.person.row for figure in figures])
    rows[:, MOUTH] = [min(figure.fit.turns[-1, 0] / _WIDE_OPEN, 1.0) for figure in figures]
    return Painted(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part[2] for part in parts]).astype(np.int64),
        np.concatenate([part[3] for part in parts]).astype(np.int64),
        np.concatenate([part[4] for part in parts]),
        rows,
    )


def _seat(vertices: np.ndarray, fit: Fit, floor_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and paint of a box under a person that sits."""
    role = surface().roles_v
    pelvis = 1000.0 * fit.body().joints_m[0]
    near = np.linalg.norm((vertices - pelvis)[:, [0, 2]], axis=1) < 140
    top = vertices[near & np.isin(role, (_TRUNK, _THIGH)), 1].max() - 12
    forward = Rotation.from_rotvec(fit.turns[0]).as_matrix()[:, 2] * (1, 0, 1)
    forward /= np.linalg.norm(forward)
    side = np.cross((0.0, 1.0, 0.0), forward)
    corners = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    flat = pelvis + 40 * forward + 200 * corners[:, :1] * side + 190 * corners[:, 1:] * forward
    box = np.concatenate([flat, flat])
    box[:4, 1], box[4:, 1] = top, floor_mm
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    # Every side has corners of its own, so that edges are sharp.
    points = np.concatenate([box[list(quad)] for quad in quads])
    faces = np.concatenate([[[4 * k, 4 * k + 1, 4 * k + 2], [4 * k, 4 * k + 2, 4 * k + 3]] for k in range(6)])
    own = np.zeros((len(points), 5))
    own[:, 0] = (points - pelvis) @ side / 1000
    own[:, 1:3] = (points - pelvis)[:, [1, 2]] / 1000
    return points, faces, own
