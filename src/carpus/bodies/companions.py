"""The files beside the models: vertex numbers of hands and head, landmarks, joint regressors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.files import announce_standin
from carpus.bodies.models import KINDS
from carpus.bodies.unpickle import read_npy, read_pickle
from carpus.errors import ConfigError, DataError, unknown

Check = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Companion:
    """One file that methods of whole bodies need beside the models.

    Args:
        place: folder and name below ``paths.body_models``.
        what: what it holds, for people.
        source: where the published file comes from.
        check: gives its content in one form, or says what is wrong; called with the name of the file.
    """

    place: str
    what: str
    source: str
    check: Check

    @property
    def name(self) -> str:
        """File name without folder."""
        return Path(self.place).name


def find_companion(folder: Path | str, name: str) -> Path:
    """The file of a companion.

    Args:
        folder: ``paths.body_models``; the file lies in its own folder there, or directly in it.
        name: key of :data:`COMPANIONS`.
    Raises:
        ConfigError: for a name nobody knows.
        DataError: saying which file to put where, and where to get it.
    """
    if name not in COMPANIONS:
        raise ConfigError(unknown("companion of the body models", name, COMPANIONS))
    companion, root = COMPANIONS[name], Path(folder)
    for place in (root / companion.place, root / companion.name):
        if place.is_file():
            return place
    raise DataError(
        f"{companion.name} ({companion.what}) not found: put it into {(root / companion.place).parent}. It "
        f"comes from {companion.source}. To try things without it, ask for a stand-in (standin=True)."
    )


def read_companion(path: Path, name: str) -> Any:
    """The checked content of a companion's file.

    Args:
        path: ``.pkl`` or ``.npy``; nothing written in it is run.
        name: key of :data:`COMPANIONS`.
    Raises:
        DataError: if it is damaged, asks for more than data, or is another file.
    """
    if path.suffix == ".npy":
        try:
            with path.open("rb") as stream:
                content = read_npy(stream, str(path))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    else:
        content = read_pickle(path)
    return COMPANIONS[name].check(content, str(path))


def load_companion(folder: Path | str, name: str, *, standin: bool = False) -> Any:
    """What a companion holds, or a stand-in's where that is asked for and there is no file.

    Args:
        folder: ``paths.body_models``.
        name: key of :data:`COMPANIONS`.
        standin: make a stand-in if the file is missing.
    Returns:
        ``mano_vertices``: ``{"left": (778,), "right": (778,)}`` int64 vertices of SMPL-X;
        ``flame_vertices``: ``(5023,)`` int64; ``smplx_to_j14``: ``(14, 10475)``;
        ``h36m_smplx``, ``h36m_smpl``: ``(17, V)``; ``flame_static``, ``flame_dynamic``: faces and
        barycentric weights ``(51,), (51, 3)`` and ``(79, 17), (79, 17, 3)``. Regressors are float64.
    Raises:
        ConfigError: for a name nobody knows.
        DataError: if there is no file and no stand-in is wanted, or the file is not such a one.
    """
    try:
        path = find_companion(folder, name)
    except DataError:
        if not standin:
            raise
        from carpus.bodies.standin import standin_companions

        companion = COMPANIONS[name]
        announce_standin(f"stand-in {companion.name}")
        return companion.check(standin_companions()[companion.place], f"stand-in {companion.name}")
    return read_companion(path, name)


def _regressor(rows: int, kind: str) -> Check:
    def check(content: Any, where: str) -> np.ndarray:
        matrix = np.asarray(content.toarray() if hasattr(content, "toarray") else content)
        shape = (rows, KINDS[kind].vertices)
        if matrix.shape != shape or matrix.dtype.kind not in "fiu":
            raise DataError(f"{where} has shape {matrix.shape}, a regressor of {shape} was expected")
        if not np.isfinite(matrix).all() or np.abs(matrix.sum(1) - 1).max() > 0.05:
            raise DataError(f"{where}: rows of a joint regressor sum to one, these do not")
        return matrix.astype(np.float64)

    return check


def _vertices(content: Any, where: str, count: int) -> np.ndarray:
    ids = np.asarray(content).reshape(-1)
    if ids.shape != (count,) or ids.dtype.kind not in "iu":
        raise DataError(f"{where} holds {ids.shape} of {ids.dtype}, {count} vertex numbers were expected")
    ids = ids.astype(np.int64)
    if ids.min() < 0 or ids.max() >= KINDS["smplx"].vertices or len(np.unique(ids)) < count:
        raise DataError(f"{where}: vertex numbers repeat or leave 0..{KINDS['smplx'].vertices - 1}")
    return ids


def _hands(content: Any, where: str) -> dict[str, np.ndarray]:
    if not isinstance(content, dict) or not {"left_hand", "right_hand"} <= set(content):
        raise DataError(f"{where}: a dictionary with left_hand and right_hand was expected")
    count = KINDS["mano"].vertices
    return {side: _vertices(content[f"{side}_hand"], f"{where}: {side}_hand", count) for side in SIDES}


def _head(content: Any, where: str) -> np.ndarray:
    return _vertices(content, where, KINDS["flame"].vertices)


def _landmarks(shape: tuple[int, ...]) -> Check:
    def check(content: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(content, dict) or not {"lmk_face_idx", "lmk_b_coords"} <= set(content):
            raise DataError(f"{where}: a dictionary with lmk_face_idx and lmk_b_coords was expected")
        faces = np.asarray(content["lmk_face_idx"]).astype(np.int64)
        weights = np.asarray(content["lmk_b_coords"], np.float64)
        if faces.shape != shape or weights.shape != (*shape, 3):
            raise DataError(f"{where} holds {faces.shape} and {weights.shape}, {shape} landmarks expected")
        if faces.min() < 0 or faces.max() >= KINDS["flame"].faces:
            raise DataError(f"{where}: a landmark lies on a face that FLAME does not have")
        return faces, weights

    return check


SIDES = ("left", "right")
_SMPLX_SITE = "https://smpl-x.is.tue.mpg.de"
_FLAME_SITE = "https://flame.is.tue.mpg.de"
_REGRESSOR_SITE = "the annotations of https://github.com/mks0601/Hand4Whole_RELEASE (Human3.6M)"

COMPANIONS: dict[str, Companion] = {
    "mano_vertices": Companion(
        "smplx/MANO_SMPLX_vertex_ids.pkl",
        "which vertices of SMPL-X are MANO's",
        f"{_SMPLX_SITE} (MANO and SMPL-X vertex indices)",
        _hands,
    ),
    "flame_vertices": Companion(
        "smplx/SMPL-X__FLAME_vertex_ids.npy",
        "which vertices of SMPL-X are FLAME's",
        f"{_SMPLX_SITE} (FLAME vertex indices)",
        _head,
    ),
    "smplx_to_j14": Companion(
        "smplx/SMPLX_to_J14.pkl",
        "the 14 joints EHF is scored on",
        "https://github.com/vchoutas/expose (SMPLX_to_J14.pkl)",
        _regressor(14, "smplx"),
    ),
    "flame_static": Companion(
        "flame/flame_static_embedding.pkl", "51 landmarks of the face", _FLAME_SITE, _landmarks((51,))
    ),
    "flame_dynamic": Companion(
        "flame/flame_dynamic_embedding.npy",
        "the landmarks of the contour",
        _FLAME_SITE,
        _landmarks((79, 17)),
    ),
    "h36m_smplx": Companion(
        "Human36M/J_regressor_h36m_smplx.npy",
        "Human3.6M's joints from SMPL-X",
        _REGRESSOR_SITE,
        _regressor(17, "smplx"),
    ),
    "h36m_smpl": Companion(
        "Human36M/J_regressor_h36m_smpl.npy",
        "Human3.6M's joints from SMPL",
        _REGRESSOR_SITE,
        _regressor(17, "smpl"),
    ),
}
"""The files of the published tree that are no models."""
