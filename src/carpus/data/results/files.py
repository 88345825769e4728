"""Result files in the published formats, each with a list of frames and a header beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import carpus
from carpus.data.results.spaces import (
    Convention,
    check_space,
    convention,
    detect_space,
    from_cam_mm,
    to_cam_mm,
)
from carpus.data.results.text import image_name, read_table, write_atomic, write_table
from carpus.errors import ConfigError, DataError

_KEPT_DECIMALS = {"mm": 4, "m": 6}


@dataclass(frozen=True)
class ResultHeader:
    """What a result file holds and where it comes from; stored as ``<name>.json`` beside it.

    Args:
        dataset: name of the dataset.
        convention: whose file layout it has, a name in :data:`carpus.data.results.spaces.CONVENTIONS`;
            empty for the dataset's own.
        space: one of :data:`carpus.data.results.spaces.SPACES`.
        center_source: ``file``, ``com``, ``gt`` or ``none``.
        checkpoints: files whose predictions were averaged.
        pixel_offset: what was added to pixel indices when points were made.
        constants: whose intrinsics lie between pixels and camera space, ``data`` or ``evaluator``.
        models: number of models in the mean.
        joints: joint names in file order; filled in on writing.
        unit: ``mm`` or ``m``; filled in on writing.
        frames: number of lines; filled in on writing.
        created_by: program and version.
    """

    dataset: str
    space: str = "xyz"
    center_source: str = "none"
    checkpoints: tuple[str, ...] = ()
    pixel_offset: float = 0.0
    constants: str = "data"
    models: int = 1
    convention: str = ""
    joints: tuple[str, ...] = ()
    unit: str = ""
    frames: int = 0
    created_by: str = f"carpus {getattr(carpus, '__version__', '')}".strip()


@dataclass(frozen=True)
class ResultFile:
    """A result file in our frame: ``(N, J, 3)`` mm, y down; frame ids and header where they exist."""

    joints_cam_mm: np.ndarray
    frames: list[str] | None
    header: ResultHeader | None
    space: str


def sidecars(path: Path | str) -> tuple[Path, Path]:
    """Paths of the frame list and the header of a result file.

    Example:
        >>> [p.name for p in sidecars("out/result.txt.gz")]
        ['result.frames.txt', 'result.json']
    """
    path = Path(path)
    name = path.name.removesuffix(".gz").removesuffix(".txt")
    return path.with_name(f"{name}.frames.txt"), path.with_name(f"{name}.json")


def write_results(
    path: Path | str, joints_cam_mm: np.ndarray, frames: Sequence[str], header: ResultHeader
) -> ResultHeader:
    """Write predictions in a dataset's published layout, with both sidecars.

    Space ``xyz`` gives the files of the PyTorch port (camera space, the dataset's y and unit), ``uvd`` those
    of leaderboards and of the ICVL, NYU and MSRA evaluator; HANDS 2017 lines start with the image name and
    have tabs.

    Args:
        path: the file; ``.gz`` compresses.
        joints_cam_mm: ``(N, J, 3)`` in our frame.
        frames: N frame ids in the order of the evaluation.
        header: dataset, space, constants and origin.
    Returns:
        the header as written.
    Raises:
        DataError: if the shape does not fit the dataset or a number is not finite.
    """
    rules = convention(header.convention or header.dataset)
    joints = np.asarray(joints_cam_mm)
    if joints.ndim != 3 or joints.shape[1:] != (len(rules.skeleton), 3) or len(joints) != len(frames):
        raise DataError(
            f"{path}: not written, joints {joints.shape} and {len(frames)} frame ids do not make "
            f"(N, {len(rules.skeleton)}, 3) for {header.dataset}"
        )
    values = from_cam_mm(joints, rules, header.space, header.constants).reshape(len(joints), -1)
    names = [image_name(frame) for frame in frames] if rules.named else None
    unit = "mm" if header.space == "cam" else rules.unit
    write_table(path, values, _KEPT_DECIMALS[unit], names, "\t" if rules.named else " ")
    complete = replace(header, joints=rules.skeleton.joints, unit=unit, frames=len(joints))
    frame_list, header_path = sidecars(path)
    write_atomic(frame_list, "".join(f"{frame}\n" for frame in frames).encode())
    write_atomic(header_path, (json.dumps(asdict(complete), indent=2) + "\n").encode())
    return complete


def read_results(
    path: Path | str, dataset: str, space: str | None = None, constants: str | None = None
) -> ResultFile:
    """Read a text result file, ours or a third party's.

    Args:
        path: the file, plain or ``.gz``.
        dataset: name of the dataset.
        space: how to read it; None asks the header beside it, and detects it where there is none.
        constants: ``data`` or ``evaluator``; None asks the header, ``data`` where there is none.
    Returns:
        joints in our frame.
    Raises:
        DataError: naming file and line of what does not fit, or the sidecar that contradicts it.
    """
    rules = convention(dataset)
    table = read_table(path, 3 * len(rules.skeleton))
    values = table.values.reshape(len(table.values), -1, 3)
    header = read_header(path)
    if header is not None:
        _check_header(header, rules, len(values), path)
        space, constants = space or header.space, constants or header.constants
    used = space or detect_space(values, rules, str(path))
    check_space(used)
    joints = to_cam_mm(values, rules, used, constants or "data")
    return ResultFile(joints, _frames_of(path, len(values)) or table.names, header, used)


def read_header(path: Path | str) -> ResultHeader | None:
    """The header beside a result file, or None where there is none.

    Raises:
        DataError: if there is one that cannot be understood.
    """
    header_path = sidecars(path)[1]
    if not header_path.exists():
        return None
    try:
        content = json.loads(header_path.read_text())
        if not str(content.get("created_by", "")).startswith("carpus"):
            return None  # somebody else's file of that name
        known: dict[str, Any] = {k: v for k, v in content.items() if k in ResultHeader.__dataclass_fields__}
        known |= {name: tuple(known.get(name, ())) for name in ("checkpoints", "joints")}
        return ResultHeader(**known)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{header_path}: is not the header of a result file ({error})") from None


def convert_results(
    source: Path | str,
    destination: Path | str,
    dataset: str,
    space: str,
    source_space: str | None = None,
    constants: str = "data",
) -> ResultHeader:
    """Rewrite a result file in another space, both ways between ``xyz``, ``uvd`` and the others.

    Args:
        source: the file to read.
        destination: the file to write; must be another one.
        dataset: name of the dataset.
        space: of the new file.
        source_space: of the old one; None as in :func:`read_results`.
        constants: whose intrinsics lie between pixels and camera space, on both sides.
    Returns:
        the header of the new file.
    """
    if Path(source).resolve() == Path(destination).resolve():
        raise ConfigError(f"{destination}: source and destination are the same file; choose another name")
    old = read_results(source, dataset, source_space, constants)
    frames = old.frames or [str(line) for line in range(1, len(old.joints_cam_mm) + 1)]
    origin = old.header or ResultHeader(dataset)
    header = replace(origin, dataset=dataset, convention="", space=space, constants=constants)
    return write_results(destination, old.joints_cam_mm, frames, header)


def _check_header(header: ResultHeader, rules: Convention, frames: int, path: Path | str) -> None:
    beside = sidecars(path)[1]
    if convention(header.convention or header.dataset) is not rules:
        raise DataError(f"{beside}: says dataset {header.dataset}, asked for {rules.dataset}")
    if header.frames != frames:
        raise DataError(f"{path}: has {frames} lines, its header {beside.name} says {header.frames}")


def _frames_of(path: Path | str, count: int) -> list[str] | None:
    frame_list = sidecars(path)[0]
    if not frame_list.exists():
        return None
    frames = frame_list.read_text().splitlines()
    if len(frames) != count:
        raise DataError(f"{frame_list}: lists {len(frames)} frames, {Path(path).name} has {count} lines")
    return frames
