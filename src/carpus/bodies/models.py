"""What a body model file holds: counts, keys and shapes of MANO, SMPL, SMPL-X and FLAME."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from carpus.bodies.stubs import Unread
from carpus.errors import ConfigError, DataError, unknown

Size = int | str
"""A number, or ``"n+"`` for at least n."""


@dataclass(frozen=True)
class ModelKind:
    """One family of body models.

    Args:
        title: what people call it.
        names: variant to file name without ending.
        endings: endings in the order they are looked for.
        vertices, faces, joints: counts.
        shape_columns: columns of the shape basis, at least.
        more: further keys and their shapes.
        source: where the published files come from.
    """

    title: str
    names: Mapping[str, str]
    endings: tuple[str, ...]
    vertices: int
    faces: int
    joints: int
    shape_columns: int
    more: Mapping[str, tuple[Size, ...]]
    source: str

    @property
    def shapes(self) -> dict[str, tuple[Size, ...]]:
        """Every key that must be there, with its shape."""
        return {
            "v_template": (self.vertices, 3),
            "f": (self.faces, 3),
            "shapedirs": (self.vertices, 3, f"{self.shape_columns}+"),
            "posedirs": (self.vertices, 3, 9 * (self.joints - 1)),
            "J_regressor": (self.joints, self.vertices),
            "kintree_table": (2, self.joints),
            "weights": (self.vertices, self.joints),
            **self.more,
        }


_GENDERS = ("neutral", "male", "female")
_LANDMARKS: dict[str, tuple[Size, ...]] = {"lmk_faces_idx": (51,), "lmk_bary_coords": (51, 3)}

KINDS: dict[str, ModelKind] = {
    "mano": ModelKind(
        "MANO",
        {"right": "MANO_RIGHT", "left": "MANO_LEFT"},
        (".pkl", ".npz"),
        vertices=778,
        faces=1538,
        joints=16,
        shape_columns=10,
        more={"hands_components": (45, 45), "hands_mean": (45,)},
        source="https://mano.is.tue.mpg.de (mano_v1_2.zip, folder models)",
    ),
    "smplx": ModelKind(
        "SMPL-X",
        {gender: f"SMPLX_{gender.upper()}" for gender in _GENDERS},
        (".npz", ".pkl"),
        vertices=10475,
        faces=20908,
        joints=55,
        shape_columns=20,
        more={
            "hands_componentsl": (45, 45),
            "hands_componentsr": (45, 45),
            "hands_meanl": (45,),
            "hands_meanr": (45,),
            **_LANDMARKS,
        },
        source="https://smpl-x.is.tue.mpg.de (models_smplx_v1_1.zip, folder models/smplx)",
    ),
    "smpl": ModelKind(
        "SMPL",
        {gender: f"SMPL_{gender.upper()}" for gender in _GENDERS},
        (".pkl", ".npz"),
        vertices=6890,
        faces=13776,
        joints=24,
        shape_columns=10,
        more={},
        source="https://smpl.is.tue.mpg.de and https://smplify.is.tue.mpg.de, renamed",
    ),
    "flame": ModelKind(
        "FLAME",
        {"neutral": "FLAME_NEUTRAL", "male": "FLAME_MALE", "female": "FLAME_FEMALE"},
        (".pkl", ".npz"),
        vertices=5023,
        faces=9976,
        joints=5,
        shape_columns=20,
        more={},
        source="https://flame.is.tue.mpg.de (FLAME2020.zip, generic_model.pkl renamed)",
    ),
}


@dataclass(frozen=True)
class BodyModel:
    """The checked content of a body model file.

    Args:
        kind: key of :data:`KINDS`.
        variant: ``right``, ``left``, or a gender.
        arrays: the file's keys; arrays dense, ``f`` and ``kintree_table`` int64 with parent -1 for the root.
        source: the file, or what made it.
        standin: True if it is not the published model but one of the same schema.
    """

    kind: str
    variant: str
    arrays: Mapping[str, Any]
    source: str
    standin: bool

    @property
    def faces(self) -> np.ndarray:
        """``(F, 3)`` int64 vertex indices."""
        return self.arrays["f"]

    @property
    def parents(self) -> np.ndarray:
        """``(J,)`` int64 parent of every joint, -1 for the root."""
        return self.arrays["kintree_table"][0]


def model_kind(kind: str) -> ModelKind:
    """The family of that name.

    Raises:
        ConfigError: listing the families.
    """
    if kind not in KINDS:
        raise ConfigError(unknown("body model", kind, KINDS))
    return KINDS[kind]


def checked(kind: str, variant: str, content: Mapping[str, Any], source: str) -> BodyModel:
    """A body model whose keys and shapes are as the family's files have them.

    Args:
        kind: key of :data:`KINDS`.
        variant: ``right``, ``left``, or a gender.
        content: the file's keys.
        source: what errors call it.
    Raises:
        DataError: naming the key that is missing or has another shape.
    """
    family = model_kind(kind)
    arrays = {key: _dense(value) for key, value in content.items()}
    for key, shape in family.shapes.items():
        if key not in arrays:
            raise DataError(
                f"{source}: no key '{key}', so not a {family.title} model; it holds {sorted(arrays)}"
            )
        _check_shape(arrays[key], shape, f"{source}: '{key}'", family.title)
    for key in ("f", "kintree_table"):
        arrays[key] = np.asarray(arrays[key]).astype(np.int64)
    arrays["kintree_table"][0, 0] = -1
    faces = arrays["f"]
    if faces.min() < 0 or faces.max() >= family.vertices:
        raise DataError(f"{source}: 'f' names vertices {faces.min()}..{faces.max()} of {family.vertices}")
    return BodyModel(kind, variant, arrays, source, bool(arrays.get("standin", False)))


def _dense(value: Any) -> Any:
    return value.toarray() if scipy.sparse.issparse(value) else value


def _check_shape(value: Any, shape: tuple[Size, ...], where: str, title: str) -> None:
    if isinstance(value, Unread):
        raise DataError(f"{where} is a {value.name} expression whose value the file does not hold")
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise DataError(f"{where} is no array of numbers")
    fits = len(value.shape) == len(shape) and all(
        given >= int(size[:-1]) if isinstance(size, str) else given == size
        for given, size in zip(value.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join(f"{size}" for size in shape)
        raise DataError(f"{where} has shape {value.shape}, {title} has ({expected})")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise DataError(f"{where} holds values that are not finite")
