"""Fitted body models as NeuralAnnot publishes them: their numbers, what of them counts, fields of records."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.whole_body_params import PARTS, SIZES, UNSAID, parse_fit
from carpus.data.whole_body_people import lookup
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons.whole_body import (
    FACE_JOINTS,
    FLAME_73,
    LEFT_HAND_JOINTS,
    RIGHT_HAND_JOINTS,
    SMPL_33,
    SMPLX_137,
)
from carpus.skeletons.whole_body_pose import POSE_ORDERS, POSE_PARTS, SMPLX_POSE
from carpus.types import Field

JOINTS = {"smplx": len(SMPLX_137), "smpl": len(SMPL_33), "mano": 21, "flame": len(FLAME_73)}
"""Joints a fit is trained on."""

BODY_FITS = ("smplx", "smpl")
"""Models that NeuralAnnot fitted to the people of a dataset, one file or set of files of each."""

_PART_JOINTS = {"lhand": LEFT_HAND_JOINTS, "rhand": RIGHT_HAND_JOINTS, "face": FACE_JOINTS}


@dataclass(frozen=True)
class Masks:
    """What of a fit a dataset vouches for.

    Args:
        pose: ``(R,)`` bool per rotation.
        joints: ``(Jm,)`` bool per joint.
    """

    pose: np.ndarray
    joints: np.ndarray


def all_of(model: str) -> Masks:
    """Everything counts."""
    return Masks(np.ones(len(POSE_ORDERS[model]), bool), np.ones(JOINTS[model], bool))


def chosen_fits(fits: str | bool, dataset: str) -> str | None:
    """The model whose fits are read of a dataset of people.

    Args:
        fits: one of :data:`BODY_FITS`; False for none; True, as older configurations have it, for SMPL-X.
        dataset: for messages.
    Returns:
        The model, or None.
    Raises:
        ConfigError: for another value.
    Example:
        >>> chosen_fits("smpl", "mpii"), chosen_fits(False, "mpii")
        ('smpl', None)
    """
    model = {True: "smplx", False: None}[fits] if isinstance(fits, bool) else fits
    if model is not None and model not in BODY_FITS:
        raise ConfigError(unknown(f"dataset.fits of {dataset}", str(fits), (*BODY_FITS, "false")))
    return model


def fits_read(files: Sequence[Path], fits: str | bool, dataset: str) -> list[Path]:
    """Annotation files without the fits that a choice leaves alone.

    Args:
        files: those that exist.
        fits, dataset: as of :func:`chosen_fits`.
    Example:
        >>> files = [Path("MPII_train.json"), Path("MPII_train_SMPLX_NeuralAnnot.json")]
        >>> [file.name for file in fits_read(files, False, "mpii")]
        ['MPII_train.json']
    """
    chosen = chosen_fits(fits, dataset)
    models = [next((m for m in BODY_FITS if f"_{m.upper()}_" in file.name), None) for file in files]
    # MPI-INF-3DHP's file may have the other model's name; it is then the only one.
    read = {chosen} if chosen is None or chosen in models else set(BODY_FITS)
    return [file for file, model in zip(files, models, strict=True) if model is None or model in read]


def remedy_of(model: str) -> str:
    """What else a message offers to those whose fits are not of this model, one of :data:`BODY_FITS`.

    Example:
        >>> remedy_of("smplx")
        ', or read them with dataset.fits=smpl'
    """
    (other,) = (name for name in BODY_FITS if name != model)
    return f", or read them with dataset.fits={other}"


def of_limbs(model: str) -> Masks:
    """What fits to joints that end at wrists and ankles are trusted with: of SMPL all, as is published.

    Args:
        model: one of :data:`BODY_FITS`.
    """
    return without_feet() if model == "smplx" else all_of(model)


def without_feet() -> Masks:
    """SMPL-X fits to joints that end at wrists and ankles: their rotations, toes and heels are guesses."""
    pose, joints = np.ones(len(SMPLX_POSE), bool), np.ones(len(SMPLX_137), bool)
    for side in ("left", "right"):
        for part in ("ankle", "wrist"):
            pose[SMPLX_POSE.index(f"{side}_{part}")] = False
        for part in ("big_toe", "small_toe", "heel"):
            joints[SMPLX_137.index(f"{side}_{part}")] = False
    return Masks(pose, joints)


@dataclass(frozen=True)
class Fits:
    """Fits of one model, looked up by a number.

    Args:
        path: the file.
        model: one of :data:`SIZES`.
        codes: ``(F,)`` number of every fit, and the ``order`` that sorts them.
        order: ``(F,)``.
        values: ``(F, n)`` float32 in the order of :data:`SIZES`; absent parts are 0.
        camera: ``(F, 4)`` fx, fy, cx, cy; NaN where the fit has none of its own.
        parts: ``(F, 3)`` :data:`PARTS`: 0 absent, 1 there, 2 not said.
        gender: ``(F,)`` place in :data:`GENDERS`.
    """

    path: Path
    model: str
    codes: np.ndarray
    order: np.ndarray
    values: np.ndarray
    camera: np.ndarray
    parts: np.ndarray
    gender: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, wanted: np.ndarray) -> np.ndarray:
        """``(m,)`` rows of numbers, -1 where there is no fit."""
        return lookup(self.codes, self.order, np.asarray(wanted))

    def fields(self, row: int, masks: Masks, parts: np.ndarray | None = None) -> dict[str, Field]:
        """Fields ``model_…`` of a record; none for row -1.

        Args:
            row: of :meth:`rows`.
            masks: what the dataset vouches for.
            parts: ``(3,)`` bool of :data:`PARTS`, where the fit does not say itself.
        """
        if row < 0:
            return {}
        sizes, values = SIZES[self.model], self.values[row]
        ends = dict(zip(sizes, np.cumsum(list(sizes.values())).tolist(), strict=True))
        pose = ends["shape"] - sizes["shape"]
        fields: dict[str, Field] = {
            "model": self.model,
            "model_pose": values[:pose].copy(),
            "model_shape": values[pose : ends["shape"]].copy(),
            "model_trans_m": values[-sizes["trans"] :].copy(),
            "gender": int(self.gender[row]),
        }
        if "expr" in sizes:
            fields["model_expr"] = values[ends["shape"] : ends["expr"]].copy()
        if np.isfinite(self.camera[row]).all():
            fields["model_camera"] = self.camera[row].astype(np.float64)
        if self.model != "smplx":
            return {**fields, "model_pose_valid": masks.pose.copy(), "model_joint_valid": masks.joints.copy()}
        fallback = np.zeros(len(PARTS), bool) if parts is None else parts
        return _with_parts(fields, masks, np.where(self.parts[row] == UNSAID, fallback, self.parts[row] == 1))


def _with_parts(fields: dict[str, Field], masks: Masks, there: np.ndarray) -> dict[str, Field]:
    """Rotations and joints of absent parts do not count, and their numbers are 0."""
    pose_valid, joint_valid = masks.pose.copy(), masks.joints.copy()
    pose, expr = np.asarray(fields["model_pose"]).reshape(-1, 3), np.asarray(fields["model_expr"])
    for part, present in zip(PARTS, there, strict=True):
        if not present:
            pose_valid[POSE_PARTS[part]] = joint_valid[_PART_JOINTS[part]] = False
            pose[POSE_PARTS[part]] = 0
            expr[:] = 0 if part == "face" else expr
    return {
        **fields,
        "model_part_valid": np.concatenate([[True], there]),
        "model_pose_valid": pose_valid,
        "model_joint_valid": joint_valid,
    }


def collect_fits(
    path: Path,
    model: str,
    entries: Iterable[tuple[int, str, Any]],
    gender_needed: bool = False,
    remedy: str = "",
) -> Fits:
    """A table of fits.

    Args:
        path: the file, for messages.
        model: one of :data:`SIZES`.
        entries: number, place for messages, and published content; those without content are left out.
        gender_needed, remedy: see :func:`parse_fit`.
    Raises:
        DataError: naming the place of an entry that is not such a fit.
    """
    codes, values, cameras = array("q"), array("f"), array("d")
    parts, genders = array("b"), array("b")
    for code, where, content in entries:
        if content is None:
            continue
        numbers, there, gender, camera = parse_fit(content, model, where, gender_needed, remedy)
        codes.append(code)
        values.extend(numbers)
        cameras.extend(camera)
        parts.extend(there)
        genders.append(gender)
    count = sum(SIZES[model].values())
    ids = np.array(codes, np.int64)
    return Fits(
        path,
        model,
        ids,
        np.argsort(ids, kind="stable"),
        (np.frombuffer(values, np.float32) if codes else np.zeros(0, np.float32)).reshape(-1, count),
        np.array(cameras, np.float64).reshape(-1, 4),
        np.array(parts, np.int8).reshape(-1, len(PARTS)),
        np.array(genders, np.int8),
    )


def nested(stream: JsonStream, depth: int) -> Iterator[tuple[str, ...]]:
    """Names that lead to every value of objects in objects; the caller takes the value at each.

    Args:
        stream: at the outermost object.
        depth: how many objects lie in each other.
    """
    for name in stream.members():
        if depth == 1:
            yield (name,)
        else:
            for rest in nested(stream, depth - 1):
                yield name, *rest


def numbered_fits(path: Path, model: str, wanted: np.ndarray, remedy: str = "") -> Fits:
    """Fits of a file ``{number: fit}``, of the wanted numbers only.

    Args:
        path: the file.
        model: one of :data:`SIZES`.
        wanted: the numbers.
        remedy: see :func:`parse_fit`.
    Raises:
        DataError: naming the entry at fault.
    """
    numbers = frozenset(wanted.tolist())

    def entries() -> Iterator[tuple[int, str, Any]]:
        with JsonStream(path) as stream:
            for (name,) in nested(stream, 1):
                value = stream.value()
                if int_name(name, path) in numbers:
                    yield int(name), f"{path}: '{name}'", value

    return collect_fits(path, model, entries(), remedy=remedy)


def int_name(name: str, path: Path) -> int:
    """A number that is the name of an entry.

    Raises:
        DataError: if it is none.
    """
    if not (name.isascii() and name.isdigit()):
        raise DataError(f"{path}: '{name}' is not a number")
    return int(name)
