"""One fitted body model as NeuralAnnot publishes it, checked: its numbers, parts, gender and camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from carpus.data.whole_body_people import flat
from carpus.errors import DataError, unknown

GENDERS = ("neutral", "male", "female")
PARTS = ("lhand", "rhand", "face")
"""Parts of SMPL-X that a fit may lack."""

SIZES: dict[str, dict[str, int]] = {
    "smplx": {
        **{"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45, "jaw_pose": 3},
        **{"shape": 10, "expr": 10, "trans": 3},
    },
    "smpl": {"pose": 72, "shape": 10, "trans": 3},
    "mano": {"pose": 48, "shape": 10, "trans": 3},
    "flame": {"root_pose": 3, "jaw_pose": 3, "shape": 10, "expr": 10, "trans": 3},
}
"""Entries of a fit and how many numbers they have, in the order they are kept."""

_PART_ENTRIES = {"lhand": ("lhand_pose",), "rhand": ("rhand_pose",), "face": ("jaw_pose", "expr")}
_OPTIONAL = {name for entries in _PART_ENTRIES.values() for name in entries}
_GENDER_NAMES: dict[Any, str] = {"m": "male", "f": "female"}
UNSAID = 2
"""State of a part of which a fit does not say whether it is there."""


def parse_fit(
    content: Any, model: str, where: str, gender_needed: bool = False, remedy: str = ""
) -> tuple[list[float], list[int], int, list[float]]:
    """One published fit: its numbers, parts, gender and camera.

    Args:
        content: ``{smplx_param: {...}, cam_param: {...}}``, or the parameters alone.
        model: one of :data:`SIZES`.
        where: for messages.
        gender_needed: whether a fit that does not say the gender is refused.
        remedy: what else can be done about a fit of another model, for messages.
    Raises:
        DataError: if it is of another model, incomplete, or not of finite numbers.
    """
    if not isinstance(content, dict):
        raise DataError(f"{where}: an object of parameters is expected, not {type(content).__name__}")
    param = content.get(f"{model}_param", content)
    _check_model(content, param, model, where, remedy)
    numbers: list[float] = []
    for name, size in SIZES[model].items():
        given = param.get(name)
        absent = model == "smplx" and name in _OPTIONAL and given is None
        numbers += [0.0] * size if absent else _numbers(given, size, f"{where}: {name}")
    gender = _GENDER_NAMES.get(param.get("gender"), param.get("gender"))
    if gender is None and gender_needed:
        raise DataError(
            f"{where} has no gender; {', '.join(GENDERS)} are allowed, and the mesh depends on it"
        )
    if gender is not None and gender not in GENDERS:
        raise DataError(f"{where}: {unknown('gender', str(gender), GENDERS)}")
    there = [_part_state(param, part) for part in PARTS] if model == "smplx" else [0] * len(PARTS)
    camera = content.get("cam_param")
    intrinsics = [np.nan] * 4 if camera is None else camera_numbers(camera, f"{where}: cam_param")
    return numbers, there, GENDERS.index(gender or "neutral"), intrinsics


def _part_state(param: dict[str, Any], part: str) -> int:
    if any(param.get(name) is None for name in _PART_ENTRIES[part]):
        return 0
    said = param.get(f"{part}_valid")
    return UNSAID if said is None else int(bool(said))


def _check_model(content: dict[str, Any], param: Any, model: str, where: str, remedy: str) -> None:
    """Refuse the fits of another model, which look alike."""
    if not isinstance(param, dict):
        raise DataError(f"{where}: an object of parameters is expected, not {type(param).__name__}")
    body = len(flat(param["body_pose"])) if param.get("body_pose") is not None else 0
    smpl = "smpl_param" in content or body == 69 or (len(flat(param.get("pose", []))) == 72 and not body)
    if model == "smplx" and smpl:
        raise DataError(
            f"{where} has SMPL parameters (69 body numbers), SMPL-X ones (63) are needed. They are fits of "
            f"another model: get the file whose name has SMPLX, do not rename{remedy}"
        )
    if model == "smpl" and ("smplx_param" in content or body == 63):
        raise DataError(
            f"{where} has SMPL-X parameters (63 body numbers), SMPL ones (69) are needed. They are fits of "
            f"another model: get the file whose name has SMPL, do not rename{remedy}"
        )


def camera_numbers(camera: Any, where: str) -> list[float]:
    """fx, fy, cx, cy of a published ``{focal, princpt}``.

    Raises:
        DataError: if it is not of two finite numbers each.
    """
    if not isinstance(camera, dict) or not {"focal", "princpt"} <= set(camera):
        raise DataError(f"{where}: focal and princpt are expected")
    return _numbers(camera["focal"], 2, f"{where} focal") + _numbers(camera["princpt"], 2, f"{where} princpt")


def _numbers(value: Any, size: int, where: str) -> list[float]:
    try:
        found = [float(number) for number in flat(value)]
    except (TypeError, ValueError):
        found = []
    if len(found) != size or not np.isfinite(found).all():
        raise DataError(f"{where}: {size} finite numbers are expected, found {len(found)}")
    return found
