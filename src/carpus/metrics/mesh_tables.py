"""What evaluations of meshes need of a body model: which vertices are which part, regressors, true meshes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from carpus.bodies.library import GENDERS, BodyModels
from carpus.bodies.unpickle import read_npy, read_pickle
from carpus.errors import ConfigError, DataError, unknown
from carpus.metrics.functional.mesh_error import regress
from carpus.skeletons.whole_body_datasets import hand_regressor_rows
from carpus.types import Batch

SMPLX_VERTICES, SMPL_VERTICES, MANO_VERTICES, HEAD_VERTICES = 10475, 6890, 778, 5023
PELVIS, NECK, LEFT_WRIST, RIGHT_WRIST = 0, 12, 20, 21
"""Rows of SMPL-X's joint regressor that parts are aligned at."""
_JOINTS = 55

Array = np.ndarray | Tensor | Path | str
"""An array, or the ``.npy`` or ``.pkl`` file that holds one."""


def read_array(value: Array, name: str) -> np.ndarray:
    """The array itself, or what its file holds; of the files that convert models the entry ``mtx``.

    Args:
        value: array, or path of an ``.npy`` file or a pickle.
        name: what errors call it.
    Raises:
        DataError: if the file is missing, damaged, or holds no array.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value
    path = Path(value)
    content: Any = None
    if path.suffix == ".npy" and path.is_file():
        with path.open("rb") as stream:
            content = read_npy(stream, str(path))
    else:
        content = read_pickle(path)
    table: Any = content["mtx"] if isinstance(content, dict) and "mtx" in content else content
    content = table.toarray() if scipy.sparse.issparse(table) else table
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiu":
        raise DataError(f"{path}: no array of numbers, which {name} must be")
    return content


def regressor(value: Array, name: str, joints: int | None, vertices: int) -> Tensor:
    """``(J, V)`` float64 weights.

    Args:
        value: array or file.
        name: what errors call it.
        joints: rows there must be; None for any number.
        vertices: columns there must be.
    Raises:
        DataError: if it has another shape or is not finite.
    """
    weights = read_array(value, name)
    if weights.ndim != 2 or weights.shape[1] != vertices or weights.shape[0] != (joints or len(weights)):
        rows = "J" if joints is None else joints
        raise DataError(f"{name} has shape {weights.shape}, ({rows}, {vertices}) is needed")
    if not np.isfinite(weights).all():
        raise DataError(f"{name} holds weights that are not finite")
    return torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float64))


def vertex_ids(value: Array, name: str, count: int | None, vertices: int) -> Tensor:
    """``(N,)`` int64 vertices of a part.

    Args:
        value: array or file.
        name: what errors call it.
        count: how many there must be; None for any number.
        vertices: of the mesh they are taken from.
    Raises:
        DataError: if there are more or fewer, or they lie outside the mesh.
    """
    ids = read_array(value, name).reshape(-1)
    if not len(ids) or (count is not None and len(ids) != count):
        raise DataError(f"{name} has {len(ids)} vertices, {count or 'some'} are needed")
    if ids.dtype.kind == "f" or ids.min() < 0 or ids.max() >= vertices:
        raise DataError(f"{name} names vertices {ids.min()}..{ids.max()} of a mesh of {vertices}")
    return torch.from_numpy(ids.astype(np.int64))


def hand_rows(joint_regressor: np.ndarray, side: str) -> np.ndarray:
    """``(21, 10475)`` regressor of a hand of SMPL-X in the order wrist, thumb, index, middle, ring, little.

    Args:
        joint_regressor: ``(55, 10475)`` of the model.
        side: ``left`` or ``right``.
    """
    rows = []
    for kind, place in hand_regressor_rows(side):
        one_hot = np.zeros(joint_regressor.shape[1])
        one_hot[place] = 1.0
        rows.append(joint_regressor[place] if kind == "joint" else one_hot)
    return np.stack(rows)


class MeshTables:
    """Parts and regressors of SMPL-X.

    Args:
        joint_regressor: ``(55, 10475)`` of the model file.
        left_hand: ``(778,)`` vertices of the left hand (``MANO_SMPLX_vertex_ids.pkl``).
        right_hand: ``(778,)`` of the right one.
        face: ``(5023,)`` vertices of the head (``SMPL-X__FLAME_vertex_ids.npy``).
        body_regressor: ``(14, 10475)`` joints in the order of LSP (``SMPLX_to_J14.pkl``).
    Raises:
        DataError: naming what has another shape.
    """

    def __init__(
        self,
        joint_regressor: Array,
        left_hand: Array,
        right_hand: Array,
        face: Array,
        body_regressor: Array,
    ) -> None:
        count = SMPLX_VERTICES
        rows = regressor(joint_regressor, "joint_regressor", _JOINTS, count)
        self.roots = rows[[PELVIS, LEFT_WRIST, RIGHT_WRIST, NECK]].clone()
        self.left_hand = vertex_ids(left_hand, "left_hand", MANO_VERTICES, count)
        self.right_hand = vertex_ids(right_hand, "right_hand", MANO_VERTICES, count)
        self.face = vertex_ids(face, "face", HEAD_VERTICES, count)
        self.body = regressor(body_regressor, "body_regressor", 14, count)
        self.left_joints = torch.from_numpy(hand_rows(rows.numpy(), "left"))
        self.right_joints = torch.from_numpy(hand_rows(rows.numpy(), "right"))

    @classmethod
    def of_models(cls, models: BodyModels) -> MeshTables:
        """What a folder of body models has.

        Raises:
            DataError: saying which file to put where.
        """
        return cls(
            joint_regressor=models.joint_regressor(),
            left_hand=models.hand_vertices("left"),
            right_hand=models.hand_vertices("right"),
            face=models.face_vertices(),
            body_regressor=models.j14_regressor(),
        )

    def to(self, device: torch.device) -> MeshTables:
        """The same on a device; itself if it lies there."""
        if self.roots.device == device:
            return self
        moved = copy.copy(self)
        for name, value in vars(self).items():
            setattr(moved, name, value.to(device))
        return moved


TablesGiven = MeshTables | BodyModels | Mapping[str, Any]
"""Tables, the folder of body models to take them from when they are needed, or arguments of MeshTables."""


class TablesOnDevice:
    """Tables of SMPL-X where they are needed, read when they first are.

    Args:
        given: tables, body models, or the arguments of :class:`MeshTables` by name.
    Raises:
        DataError: naming arguments that are missing or unknown.
    """

    def __init__(self, given: TablesGiven) -> None:
        self._tables = None if isinstance(given, BodyModels) else _made(given)
        self._models = given if isinstance(given, BodyModels) else None

    def on(self, device: torch.device) -> MeshTables:
        """The tables on a device."""
        if self._tables is None:
            assert self._models is not None
            self._tables = MeshTables.of_models(self._models)
        self._tables = self._tables.to(device)
        return self._tables


def _made(given: MeshTables | Mapping[str, Any]) -> MeshTables:
    if isinstance(given, MeshTables):
        return given
    wanted = {"joint_regressor", "left_hand", "right_hand", "face", "body_regressor"}
    if set(given) != wanted:
        raise DataError(
            f"tables of SMPL-X need {', '.join(sorted(wanted))}; given were {', '.join(sorted(given))}"
        )
    return MeshTables(**given)


_H36M_MODELS = {"smplx": SMPLX_VERTICES, "smpl": SMPL_VERTICES}


class Human36mRegressors:
    """The regressors of Human3.6M's 17 joints, by the body model they are of.

    Args:
        given: body models, which are asked when a regressor is needed; or ``smplx`` ``(17, 10475)``, ``smpl``
            ``(17, 6890)``, or one of them.
    Raises:
        DataError: for another name or shape.
    """

    def __init__(self, given: BodyModels | Mapping[str, Array]) -> None:
        self._models = given if isinstance(given, BodyModels) else None
        self._weights: dict[int, Tensor] = {}
        for name, value in {} if isinstance(given, BodyModels) else given.items():
            if name not in _H36M_MODELS:
                raise DataError(unknown("body model of a Human3.6M regressor", name, _H36M_MODELS))
            count = _H36M_MODELS[name]
            self._weights[count] = regressor(value, f"Human3.6M regressor of {name}", 17, count)

    def __call__(self, vertices: Tensor) -> Tensor:
        """``(B, 17, 3)`` float64 joints of meshes ``(B, V, 3)``, in their unit.

        Raises:
            ConfigError: naming the meshes there are regressors for.
            DataError: saying which file to put where.
        """
        count = vertices.shape[1]
        if count not in self._weights:
            self._weights[count] = self._read(count)
        self._weights[count] = self._weights[count].to(vertices.device)
        return regress(self._weights[count], vertices)

    def _read(self, vertices: int) -> Tensor:
        for name, count in _H36M_MODELS.items():
            if self._models is not None and count == vertices:
                return self._models.human36m_regressor(name).double()
        known = _H36M_MODELS.values() if self._models is not None else self._weights
        raise ConfigError(
            f"no Human3.6M regressor for meshes of {vertices} vertices; there are those for meshes of "
            f"{', '.join(map(str, known)) or 'no'} vertices: whole bodies and bodies can be scored, "
            "hands and faces cannot"
        )


def fitted_vertices_mm(batch: Batch, models: BodyModels | None, gendered: bool) -> Tensor | None:
    """True meshes ``(B, V, 3)`` in mm, made of the dataset's own fit where it is of another family.

    A method ships the parameters of its own family as ``model_pose``, others as ``smpl_pose`` or
    ``smplx_pose`` (:func:`carpus.data.person_truth.for_scores`). The fit is taken to the camera's frame.

    Args:
        batch: maybe with ``<family>_pose``, ``_shape``, ``_trans_m``, ``_expr``, and ``gender`` ``(B,)``.
        models: layers of those families; None makes nothing.
        gendered: by the layer of each person's gender; else all by the neutral one.
    Returns:
        None where the batch has no such fit.
    """
    kind = next((name for name in ("smplx", "smpl") if f"{name}_pose" in batch), None)
    if kind is None or models is None:
        return None
    names = {"pose", "shape", "trans_m", *(("expr",) if kind == "smplx" else ())}
    given = {name: batch[f"{kind}_{name}"] for name in names}
    numbers = batch["gender"].tolist() if gendered and "gender" in batch else [0] * batch.size
    mesh = models.mixed(kind, [GENDERS[int(number)] for number in numbers], **given).vertices_m
    if "model_rotation" in batch:
        mesh = mesh @ batch["model_rotation"].to(mesh).mT + batch["model_translation_m"].to(mesh)[:, None]
    return mesh * 1000.0
