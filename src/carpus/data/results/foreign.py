"""Joints from files other people publish: text, MATLAB, NumPy, HDF5."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from carpus.data.results.files import read_header, sidecars
from carpus.data.results.hdf5 import is_predictions, read_predictions
from carpus.data.results.spaces import Convention, detect_space
from carpus.data.results.text import read_table
from carpus.errors import ConfigError, DataError, unknown

NYU_JOINTS = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
"""The 14 evaluated joints among the 36 of NYU's own files."""

_SPACE_OF_VARIABLE = {
    "joints_cam_mm": "cam",
    "target_cam_mm": "cam",
    "pred_uvd": "uvd",
    "gt_uvd": "uvd",
    "resultUVD": "uvd",
    "joint_uvd": "uvd",
    "real_world_coordinates": "xyz",
    "joint_xyz": "xyz",
}
_PREFERRED = {
    "prediction": ("joints_cam_mm", "pred_uvd", "resultUVD", "resultXYZ", "pred", "predictions"),
    "truth": (
        *("target_cam_mm", "gt_uvd", "keypoints3D", "joint_uvd", "joint_xyz"),
        *("real_world_coordinates", "gt", "target"),
    ),
}


@dataclass(frozen=True)
class ForeignJoints:
    """Joints as a file holds them.

    Args:
        values: ``(N, J, 3)`` float64.
        space: what they are, see :data:`carpus.data.results.spaces.SPACES`.
        source: file, and variable within it.
        constants: intrinsics its header names, or None.
        names: frame names, or None.
        joint_valid: ``(N, J)`` bool, or None for all.
        frame_valid: ``(N,)`` bool, or None for all.
        index: ``(N,)`` int32 frame numbers, or None.
    """

    values: np.ndarray
    space: str
    source: str
    constants: str | None = None
    names: list[str] | None = None
    joint_valid: np.ndarray | None = None
    frame_valid: np.ndarray | None = None
    index: np.ndarray | None = None


def load_joints(path: Path | str, rules: Convention, role: str, space: str | None = None) -> ForeignJoints:
    """Read joints of a known dataset from any of the usual kinds of file.

    Args:
        path: ``.txt``, ``.txt.gz``, ``.mat``, ``.npz``, ``.npy``, ``.h5``; ``a.npz:name`` picks a variable. A
            file of :mod:`carpus.data.results.hdf5` is known by its content.
        rules: the dataset's convention.
        role: ``prediction`` or ``truth``, which decides between several variables.
        space: of the file; None takes it from its header or variable name, or detects it.
    Returns:
        the joints, not yet converted.
    Raises:
        DataError: naming the file, its variables and what was expected.
    """
    file, variable = _split_variable(path)
    suffix = file.suffix.lower()
    if not file.exists():
        raise DataError(f"{file}: no such file")
    if variable in (None, "poses") and suffix != ".mat" and is_predictions(file):
        return _from_predictions(file, rules, space)
    if suffix in (".txt", ".gz", ".csv", ""):
        return _from_text(file, rules, space)
    readers = {".mat": _read_mat, ".npz": _read_npz, ".npy": _read_npy, ".h5": _read_h5, ".hdf5": _read_h5}
    if suffix not in readers:
        raise ConfigError(f"{file}: {unknown('kind of file', suffix, [*readers, '.txt', '.txt.gz'])}")
    content = readers[suffix](file)
    name = _choose(content, rules, role, variable, file)
    values = _shaped(content[name], rules)
    if values is None:
        raise DataError(_no_variable(content, rules, file))
    source = f"{file.name}:{name}" if len(content) > 1 else file.name
    return ForeignJoints(
        values,
        space or _SPACE_OF_VARIABLE.get(name) or detect_space(values, rules, str(file)),
        source,
        joint_valid=_mask(content, "joint_valid", values.shape[:2]) if role == "truth" else None,
        frame_valid=_mask(content, "is_valid", values.shape[:1]),
        names=[str(key) for key in content["keys"]] if _is_keys(content.get("keys"), values) else None,
    )


def _from_predictions(file: Path, rules: Convention, space: str | None) -> ForeignJoints:
    if space not in (None, "cam"):
        raise ConfigError(
            f"{file}: a prediction file holds camera space, mm, y down; leave space {space!r} out"
        )
    read = read_predictions(file, rules.dataset)
    return ForeignJoints(read.joints_cam_mm.astype(np.float64), "cam", file.name, index=read.index)


def _from_text(file: Path, rules: Convention, space: str | None) -> ForeignJoints:
    table = read_table(file, 3 * len(rules.skeleton))
    values = table.values.reshape(len(table.values), -1, 3)
    header = read_header(file)
    listed = sidecars(file)[0]
    names = listed.read_text().splitlines() if header and listed.exists() else table.names
    used = space or (header.space if header else None) or detect_space(values, rules, str(file))
    return ForeignJoints(values, used, file.name, header.constants if header else None, names)


def _split_variable(path: Path | str) -> tuple[Path, str | None]:
    """``file.npz:name`` to file and name, unless a file of the whole name exists."""
    text = str(path)
    head, colon, tail = text.rpartition(":")
    if colon and not Path(text).exists() and Path(head).exists():
        return Path(head), tail
    return Path(text), None


def _read_mat(file: Path) -> dict[str, Any]:
    try:
        return {k: v for k, v in scipy.io.loadmat(str(file)).items() if not k.startswith("__")}
    except NotImplementedError:  # version 7.3 is HDF5 with the axes reversed
        return {name: np.asarray(value).T for name, value in _read_h5(file).items()}
    except Exception as error:
        # scipy raises whatever a damaged file leads it into.
        raise DataError(f"{file}: is not a MATLAB file ({error})") from None


def _read_npz(file: Path) -> dict[str, Any]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: is not a file of plain NumPy arrays ({error})") from None


def _read_npy(file: Path) -> dict[str, Any]:
    try:
        return {"array": np.load(file, allow_pickle=False)}
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{file}: is not a plain NumPy array ({error})") from None


def _read_h5(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        with h5py.File(file, "r") as archive:
            for name, node in archive.items():
                # Depth maps and part labels are large and never joints.
                if isinstance(node, h5py.Dataset) and name not in ("data", "segmentation"):
                    found[name] = node[()]
    except OSError as error:
        raise DataError(f"{file}: is not an HDF5 file ({error})") from None
    return found


def _shaped(values: Any, rules: Convention) -> np.ndarray | None:
    """An array as ``(N, J, 3)`` float64, or None if it cannot be one."""
    array = np.asarray(values)
    joints = len(rules.skeleton)
    if array.dtype.kind not in "fiu":
        return None
    if rules.dataset == "nyu" and array.ndim == 4 and array.shape[2:] == (36, 3):
        array = array[0][:, list(NYU_JOINTS)]  # the front camera
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2 and array.shape[1] == 3 * joints:
        array = array.reshape(len(array), joints, 3)
    return array.astype(np.float64) if array.ndim == 3 and array.shape[1:] == (joints, 3) else None


def _choose(
    content: Mapping[str, Any], rules: Convention, role: str, variable: str | None, file: Path
) -> str:
    """The variable that holds the joints."""
    if variable is not None:
        if variable not in content:
            raise DataError(f"{file}: {unknown('variable', variable, content)}")
        return variable
    fitting = [name for name, value in content.items() if _shaped(value, rules) is not None]
    preferred = [name for name in _PREFERRED[role] if name in fitting]
    if preferred:
        return preferred[0]
    if len(fitting) == 1:
        return fitting[0]
    raise DataError(_no_variable(content, rules, file, fitting))


def _no_variable(
    content: Mapping[str, Any], rules: Convention, file: Path, fitting: list[str] | None = None
) -> str:
    listed = ", ".join(f"{name} {np.shape(value)}" for name, value in content.items()) or "nothing"
    shape = f"(N, {len(rules.skeleton)}, 3)"
    if fitting:
        return f"{file}: several variables are {shape}: {', '.join(fitting)}; add ':name' to the path"
    flat = f"(N, {3 * len(rules.skeleton)})"
    return f"{file}: no variable is {shape} or {flat}, as {rules.dataset} needs; it has {listed}"


def _mask(content: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    value = np.asarray(content[name]) if name in content else None
    return value.reshape(shape).astype(bool) if value is not None and value.size == np.prod(shape) else None


def _is_keys(value: Any, values: np.ndarray) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.shape == values.shape[:1]
