"""What a file of one predicted person must look like for AGORA's evaluation server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from carpus.errors import ConfigError, unknown

SMALL_WH = (1280, 720)
MATCHED_JOINTS = 24
FOLDER = "predictions"
"""Name of the folder in the archive."""
NAME = re.compile(r"(?P<image>.+)_personId_(?P<person>\d+)\.pkl")

_SMPLX_ROTATIONS = {
    **{"global_orient": 1, "body_pose": 21, "left_hand_pose": 15, "right_hand_pose": 15},
    **{"leye_pose": 1, "reye_pose": 1, "jaw_pose": 1},
}
_SMPL_ROTATIONS = {"global_orient": 1, "body_pose": 23}
ROTATIONS = {"smplx": _SMPLX_ROTATIONS, "smpl": _SMPL_ROTATIONS}
"""Rotations of every pose parameter, by body model."""
MESHES = {"smplx": (10475, 127), "smpl": (6890, 24)}
"""Vertices, and the least number of 3D joints, of files without parameters."""
CHOICES = {"gender": ("male", "female", "neutral"), "age": ("adult", "kid")}
OPTIONAL = (*CHOICES, "kid_flag", "num_betas", "pose2rot")
BETAS = (10, 300)


def check_model(model: str) -> str:
    """The body model's name in small letters.

    Raises:
        ConfigError: for another than ``smplx`` and ``smpl``.
    Example:
        >>> check_model("SMPLX")
        'smplx'
    """
    name = model.lower().replace("-", "")
    if name not in ROTATIONS:
        raise ConfigError(unknown("body model", model, ROTATIONS))
    return name


def parameter_shapes(model: str, betas: int = 10, pose2rot: bool = True) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter.

    Args:
        model: ``smplx`` or ``smpl``.
        betas: coefficients of shape.
        pose2rot: whether poses are axis-angle; else they are rotation matrices.
    Example:
        >>> parameter_shapes("smpl")["body_pose"], parameter_shapes("smplx")["body_pose"]
        ((1, 23, 3), (1, 63))
        >>> parameter_shapes("smplx", pose2rot=False)["jaw_pose"]
        (1, 1, 3, 3)
    """
    shapes: dict[str, tuple[int, ...]] = {"transl": (1, 3), "betas": (1, betas)}
    if model == "smplx":
        shapes["expression"] = (1, 10)
    for name, count in ROTATIONS[model].items():
        flat = (1, 3 * count) if model == "smplx" else (1, count, 3)
        shapes[name] = flat if pose2rot else (1, count, 3, 3)
    return shapes


def image_stem(image: str) -> str:
    """Name of a picture without folders, ending and the mark of its small edition.

    Raises:
        ConfigError: if nothing is left.
    Example:
        >>> image_stem("test/ag_testset_hdri_1280x720.png"), image_stem("ag_a.b_00001")
        ('ag_testset_hdri', 'ag_a.b_00001')
    """
    name = PurePosixPath(image.replace("\\", "/")).name
    for ending in (".png", ".jpg", ".jpeg"):
        name = name.removesuffix(ending)
    name = name.removesuffix("_1280x720")
    if not name or name.startswith("."):
        raise ConfigError(f"'{image}' is no name of a picture")
    return name


def content_faults(content: Any, model: str) -> list[str]:
    """Everything that is wrong with the content of one file; empty if nothing is.

    Args:
        content: of the pickle.
        model: ``smplx`` or ``smpl``.
    """
    if not isinstance(content, Mapping):
        return [f"holds {type(content).__name__}, a dictionary is expected"]
    faults = _joint_faults(content.get("joints")) if "joints" in content else ["has no key 'joints'"]
    known = {"joints", "params", "verts", "allSmplJoints3d", *OPTIONAL}
    faults += [f"has the unknown key {name!r}" for name in content if name not in known]
    faults += _option_faults(content)
    if "params" in content:
        return faults + _parameter_faults(content, model)
    vertices, joints = MESHES[model]
    for name, count, more in (("verts", vertices, False), ("allSmplJoints3d", joints, True)):
        if name not in content:
            faults.append(f"has neither 'params' nor '{name}'")
        else:
            faults += _array_faults(name, content[name], (count, 3), more)
    return faults


def _option_faults(content: Mapping[str, Any]) -> list[str]:
    faults = []
    for name, allowed in CHOICES.items():
        if name in content and _plain(content[name]) not in allowed:
            faults.append(f"'{name}' is {content[name]!r}; {', '.join(allowed)} are allowed")
    faults += [
        f"'{name}' is {content[name]!r}; True or False is expected"
        for name in ("pose2rot", "kid_flag")
        if name in content and not isinstance(_plain(content[name]), bool)
    ]
    if _betas(content) is None:
        given = content["num_betas"]
        faults.append(f"'num_betas' is {given!r}; a whole number from {BETAS[0]} to {BETAS[1]} is expected")
    return faults


def _betas(content: Mapping[str, Any]) -> int | None:
    """How many coefficients of shape there are; None for a number that is not allowed."""
    given = _plain(content.get("num_betas", BETAS[0]))
    whole = isinstance(given, int) and not isinstance(given, bool)
    return given if whole and BETAS[0] <= given <= BETAS[1] else None


def _plain(value: Any) -> Any:
    """A number or text that NumPy wraps, without the wrapping."""
    wrapped = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1)
    return value.item() if wrapped else value


def _parameter_faults(content: Mapping[str, Any], model: str) -> list[str]:
    params = content["params"]
    if not isinstance(params, Mapping):
        return [f"'params' is {type(params).__name__}, a dictionary is expected"]
    turns = _plain(content.get("pose2rot", True)) is not False
    shapes = parameter_shapes(model, _betas(content) or BETAS[0], turns)
    faults = []
    for name, shape in shapes.items():
        if name not in params:
            faults.append(f"'params' lacks '{name}'")
        else:
            faults += _array_faults(f"params['{name}']", params[name], shape)
    return faults + [f"'params' has the unknown key {name!r}" for name in params if name not in shapes]


def _joint_faults(joints: Any) -> list[str]:
    faults = _array_faults("joints", joints, (MATCHED_JOINTS, 2), more=True)
    if faults:
        return faults
    # Joints in pixels are never all within a pixel of the corner; shares of the picture's size are.
    if float(np.max(joints)) <= 1.0 and float(np.min(joints)) >= -1.0:
        return ["'joints' lie between -1 and 1; pixels of 3840 x 2160 are expected"]
    return []


def _array_faults(name: str, value: Any, shape: tuple[int, ...], more: bool = False) -> list[str]:
    label = name if "[" in name else f"'{name}'"
    if not isinstance(value, np.ndarray):
        return [f"{label} is {type(value).__name__}, a NumPy array is expected"]
    if value.dtype.kind not in "fiu":
        return [f"{label} holds {value.dtype}, numbers are expected"]
    fits = value.ndim == len(shape) and value.shape[1:] == shape[1:]
    fits = fits and (value.shape[0] >= shape[0] if more else value.shape[0] == shape[0])
    if not fits:
        wanted = ", ".join(str(size) for size in shape)
        return [f"{label} has shape {value.shape}, ({wanted}){' or more rows' if more else ''} is expected"]
    if not np.isfinite(value).all():
        return [f"{label} holds NaN or infinite numbers"]
    return []
