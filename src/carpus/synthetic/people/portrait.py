"""People whose head is FLAME's stand-in: what pictures of faces with FLAME fits show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.rest_joints import BODY, HEAD_ROOT
from carpus.bodies.standin import standin_companions, standin_model
from carpus.bodies.standin_smpl import smplx_body
from carpus.skeletons import SMPLX_144
from carpus.synthetic.people.figure import Figure, Fit
from carpus.synthetic.people.looks import offsets
from carpus.synthetic.people.model import Placed, contour_row, placed, rest, rig

_HEAD = SMPLX_144.index("head_joint")
_SHAPES, _RIDGE, _LANDMARK_WEIGHT = 10, 0.02, 100.0


@dataclass(frozen=True)
class HeadFit:
    """A head as published FLAME fits describe it.

    Args:
        root: ``(3,)`` axis-angle of the whole head.
        jaw: ``(3,)``.
        shape: ``(10,)`` coefficients.
        expression: ``(10,)``.
        trans_m: ``(3,)``.
    """

    root: np.ndarray
    jaw: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    trans_m: np.ndarray

    def turns(self) -> np.ndarray:
        """``(5, 3)`` of the model's joints; neck and eyes do not turn."""
        still = np.zeros(3)
        return np.stack([self.root, still, self.jaw, still, still])

    def body(self, dress: np.ndarray | None = None) -> Placed:
        """The posed head, ``dress`` ``(5023, 3)`` metres put on its vertices at rest."""
        return placed(
            rig("flame"), self.turns(), np.concatenate([self.shape, self.expression]), self.trans_m, dress
        )

    def joints_m(self) -> np.ndarray:
        """``(73, 3)`` in the order of :data:`~carpus.skeletons.FLAME_73`."""
        body = self.body()
        static, dynamic = _landmarks()
        row = contour_row(self.turns()[[1, 0]])
        ids = np.concatenate([static[0], dynamic[0][row]])
        weights = np.concatenate([static[1], dynamic[1][row]])
        faces = np.asarray(standin_model("flame", "neutral").arrays["f"])
        points = np.einsum("lk,lkc->lc", weights, body.vertices_m[faces[ids]])
        return np.concatenate([body.joints_m, points])

    def seen_from(self, rotation: np.ndarray, position_m: np.ndarray) -> HeadFit:
        """The same head in a camera's frame, in numbers as they are written.

        Args:
            rotation: ``(3, 3)`` world to camera.
            position_m: ``(3,)`` of the camera in the world.
        """
        root = Rotation.from_matrix(rotation @ Rotation.from_rotvec(self.root).as_matrix()).as_rotvec()
        pivot = rest(rig("flame"), np.concatenate([self.shape, self.expression]))[1][0]
        trans = rotation @ (pivot + self.trans_m - position_m) - pivot
        return HeadFit(root.round(6), self.jaw, self.shape, self.expression, trans.round(6))


@dataclass(frozen=True)
class Portrayed(Figure):
    """A person whose head is FLAME's.

    Args:
        head: its numbers in the world.
    """

    head: HeadFit

    def dressed_mm(self) -> np.ndarray:
        """``(V, 3)`` what a camera sees of it."""
        ids = smplx_body().pieces["head"]
        vertices = super().dressed_mm()
        vertices[ids] = 1000.0 * self.head.body(offsets(self.person)[ids]).vertices_m
        return vertices


def portrayed(figure: Figure, shape: np.ndarray) -> Portrayed:
    """A person with a head of FLAME on its neck; pose of the head, jaw and expression stay.

    Args:
        figure: the person.
        shape: ``(10,)`` coefficients of the head.
    """
    fit: Fit = figure.fit
    body = fit.body()
    turn = body.turns[_HEAD]
    given = np.concatenate([shape, fit.expression])
    pivot = rest(rig("flame"), given)[1][0]
    # The head's own root lies where it would on a body of mean size; its pivot moves with its shape.
    trans = turn @ (HEAD_ROOT[0] - BODY[_HEAD]) + body.joints_m[_HEAD] - pivot
    root = Rotation.from_matrix(turn).as_rotvec()
    head = HeadFit(root.round(6), fit.turns[-1], shape, fit.expression, trans.round(6))
    return Portrayed(figure.person, fit, figure.seated, head)


def nearest_head(fit: Fit) -> HeadFit:
    """The head of FLAME that comes nearest to a body's own, in the body's frame.

    Args:
        fit: of the body.
    """
    ids, given = smplx_body().pieces["head"], np.concatenate([fit.shape, fit.expression])
    vertices, joints = rest(rig("smplx", fit.gender), given)
    flame, offset = rig("flame"), HEAD_ROOT[0] - BODY[_HEAD]
    start = np.concatenate([np.zeros(_SHAPES), fit.expression])
    away = vertices[ids] - joints[_HEAD] - offset - rest(flame, start)[0]
    numbers = (start + _head_system() @ away.ravel()).round(6)
    body = fit.body()
    turn, pivot = body.turns[_HEAD], rest(flame, numbers)[1][0]
    trans = turn @ (offset + pivot) + body.joints_m[_HEAD] - pivot
    root = Rotation.from_matrix(turn).as_rotvec()
    return HeadFit(root.round(6), fit.turns[-1], numbers[:_SHAPES], numbers[_SHAPES:], trans.round(6))


@lru_cache(maxsize=1)
def _head_system() -> np.ndarray:
    """``(20, 3 * 5023)`` from displacements of a head's vertices to shape and expression.

    Landmarks count more than the rest. Large coefficients cost more than they gain.
    """
    basis = rig("flame").basis
    weights = np.ones(basis.shape[:2])
    faces = np.asarray(standin_model("flame", "neutral").arrays["f"])
    weights[faces[np.concatenate([table[0].ravel() for table in _landmarks()])]] = _LANDMARK_WEIGHT
    system = basis.reshape(-1, basis.shape[-1])
    weighted = system * weights.reshape(-1, 1)
    return np.linalg.solve(weighted.T @ system + _RIDGE * np.eye(system.shape[1]), weighted.T)


@lru_cache(maxsize=1)
def _landmarks() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Faces and weights of FLAME's static and moving landmarks."""
    files = standin_companions()
    names = ("static_embedding.pkl", "dynamic_embedding.npy")
    tables = [files[f"flame/flame_{name}"] for name in names]
    static, dynamic = [(table["lmk_face_idx"], table["lmk_b_coords"]) for table in tables]
    return static, dynamic
