"""The sixteen parts of a hand and which face of the closed mesh belongs to which.

MANO's mesh and the part labels published for it are not free to pass on, so none of them are in Carpus.
Labels come from the user's folder (:func:`find_hand_parts`), or from the skinning weights of the model at
hand, which is what the stand-in uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.models import BodyModel
from carpus.bodies.topology import FACES, VERTICES, WRIST_RING
from carpus.bodies.unpickle import read_arrays
from carpus.errors import DataError

PART_NAMES = (
    "ring_base",
    "index_mid",
    "pinky_base",
    "middle_base",
    "middle_tip",
    "ring_tip",
    "pinky_tip",
    "thumb_base",
    "palm",
    "thumb_mid",
    "index_base",
    "index_tip",
    "thumb_tip",
    "pinky_mid",
    "middle_mid",
    "ring_mid",
)
"""Raw part labels 0..15, in the order of the published label files."""

PALM = PART_NAMES.index("palm")
PART_OF_JOINT = (8, 10, 1, 11, 3, 14, 4, 2, 13, 6, 0, 15, 5, 7, 9, 12)
"""The part that each of MANO's 16 joints moves."""

LABEL_FILES = ("sealed_faces.npy", "part_labels.npz")


@dataclass(frozen=True)
class HandParts:
    """The closed mesh of the right hand and the part of every face.

    The left hand reuses both by vertex index.

    Args:
        faces: ``(1554, 3)`` MANO's faces in file order, then 16 that close the wrist with vertex 778.
        face_labels: ``(1554,)`` uint8 raw part 0..15.
        source: where the labels are from.
    """

    faces: np.ndarray
    face_labels: np.ndarray
    source: str


def seal_faces(faces: np.ndarray, source: str = "mesh") -> np.ndarray:
    """MANO's faces and a fan that closes the wrist.

    Args:
        faces: ``(1538, 3)`` of the right hand.
        source: what errors call it.
    Returns:
        ``(1554, 3)`` int64; the fan's faces name vertex 778, the mean of the ring.
    Raises:
        DataError: if the mesh has another hole than MANO's wrist.
    """
    faces = np.asarray(faces, np.int64)
    ring = np.array(WRIST_RING)
    edges = np.stack([np.roll(ring, 1), ring], axis=1)
    half = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    codes, backwards = half @ [VERTICES, 1], half[:, ::-1] @ [VERTICES, 1]
    open_edges = np.setdiff1d(backwards, codes)
    if faces.shape != (FACES, 3) or not np.array_equal(open_edges, np.sort(edges @ [VERTICES, 1])):
        raise DataError(
            f"{source}: faces {faces.shape} with {len(open_edges)} open edges; a MANO right hand has "
            f"({FACES}, 3) and {len(ring)} open edges at the wrist"
        )
    return np.concatenate([faces, np.column_stack([edges, np.full(len(ring), VERTICES)])])


def seal_vertices(vertices: np.ndarray) -> np.ndarray:
    """Vertices with the one that closes the wrist.

    Args:
        vertices: ``(*, 778, 3)``.
    Returns:
        ``(*, 779, 3)``, the last one the mean of the ring.
    """
    return np.concatenate([vertices, vertices[..., WRIST_RING, :].mean(-2, keepdims=True)], axis=-2)


def parts_from_weights(model: BodyModel) -> HandParts:
    """Parts by the joint that moves a face most: like the published labels, but not the same at the borders.

    Args:
        model: the right MANO hand or its stand-in.
    """
    faces = seal_faces(model.faces, model.source)
    weights = np.asarray(model.arrays["weights"])
    moved = weights[model.faces].sum(1).argmax(1)
    labels = np.append(np.array(PART_OF_JOINT)[moved], np.full(len(WRIST_RING), PALM)).astype(np.uint8)
    return HandParts(faces, labels, f"skinning weights of {model.source}")


def read_hand_parts(path: Path) -> HandParts:
    """Published part labels.

    Args:
        path: ``sealed_faces.npy`` of zc-alexfan/render_mano_ih, or an ``.npz`` with ``faces_with_seal`` and
            ``face_label16``.
    Raises:
        DataError: if the file holds something else.
    """
    content = read_arrays(path)
    pairs = (("sealed_faces_right", "sealed_faces_color_right"), ("faces_with_seal", "face_label16"))
    found = next((pair for pair in pairs if set(pair) <= set(content)), None)
    if found is None:
        wanted = " or ".join(f"{faces} and {labels}" for faces, labels in pairs)
        raise DataError(f"{path}: holds {sorted(map(str, content))}, expected {wanted}")
    faces = seal_faces(
        _integers(content[found[0]], f"{path}: {found[0]}", (FACES + 16, 3))[:FACES], str(path)
    )
    labels = _integers(content[found[1]], f"{path}: {found[1]}", (FACES + 16,))
    if set(np.unique(labels)) != set(range(len(PART_NAMES))):
        raise DataError(f"{path}: labels {np.unique(labels)}, expected every one of 0..{len(PART_NAMES) - 1}")
    return HandParts(faces, labels.astype(np.uint8), str(path))


def find_hand_parts(folder: Path | str, model: BodyModel) -> HandParts:
    """The parts that belong to a hand: published labels for MANO, its own for a stand-in.

    Args:
        folder: ``paths.body_models``; labels lie in ``<folder>/mano/`` or directly in it.
        model: the right hand.
    Raises:
        DataError: if MANO has no labels, saying which file to put where; if they belong to another mesh.
    """
    if model.standin:
        return parts_from_weights(model)
    places = [place / name for place in (Path(folder) / "mano", Path(folder)) for name in LABEL_FILES]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DataError(
            "no part labels for MANO: put sealed_faces.npy of https://github.com/zc-alexfan/render_mano_ih "
            f"(folder data/meta_data) into {places[0].parent}; they may not be passed on with Carpus"
        )
    parts = read_hand_parts(found)
    if not np.array_equal(parts.faces[:FACES], model.faces):
        raise DataError(f"{found}: labels faces other than those of {model.source}")
    return parts


def _integers(values: Any, where: str, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers, also where they are stored as floats."""
    array = np.asarray(values)
    if array.shape != shape or array.dtype.kind not in "iuf" or not np.array_equal(array, np.round(array)):
        raise DataError(f"{where}: {array.dtype} {array.shape}, expected whole numbers {shape}")
    return array.astype(np.int64)
