"""Prediction files of the published depth CR program: HDF5 with ``index`` and ``poses``, and their text form.

``index`` ``(m,)`` int32 holds the frame numbers in the order of the test split, ``poses`` ``(m, 3J)`` float32
the joints in the camera frame, millimetres, y down. NYU's joints stand palm first there (the attribute
``joint_order`` is ``published``); in memory they have the order of the evaluation, as everywhere in Carpus.
Files the published program wrote have no attributes and are read all the same.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import carpus
from carpus.data.prepared.frame import published_order
from carpus.data.results.index import TRAILING_NUMBER
from carpus.data.results.spaces import Convention, convention
from carpus.data.results.text import read_table, write_table
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import Skeleton

JOINT_ORDERS = ("published", "evaluation")
_IMAGE_NAMES = {"nyu": "depth_1_{:07d}.png"}


@dataclass(frozen=True)
class PredictionHeader:
    """Where a prediction file comes from; stored as its attributes.

    Args:
        dataset: name of the dataset.
        model: name of the model.
        checkpoint: file its weights come from.
        data_hash: fingerprint of the data it was run on.
        metric_version: definition of the figures at that time.
        joint_order: ``published`` (NYU palm first) or ``evaluation``: order of the joints in the file.
        skeleton: name of the joint set, needed for a dataset that is none of the published ones; elsewhere
            filled in on writing.
        created_by: program and version.
    """

    dataset: str
    model: str = ""
    checkpoint: str = ""
    data_hash: str = ""
    metric_version: str = ""
    joint_order: str = "published"
    skeleton: str = ""
    created_by: str = f"carpus {getattr(carpus, '__version__', '')}".strip()

    @property
    def rules(self) -> Convention:
        """The convention of the joint set, or of the dataset.

        Raises:
            ConfigError: if neither is known.
        """
        return convention(self.skeleton or self.dataset)


@dataclass(frozen=True)
class PredictionFile:
    """``index`` ``(m,)`` int32 and ``joints_cam_mm`` ``(m, J, 3)`` float32 in the evaluation's joint order.

    ``header`` is None for a file without attributes.
    """

    index: np.ndarray
    joints_cam_mm: np.ndarray
    header: PredictionHeader | None = None


def is_predictions(path: Path | str) -> bool:
    """Whether a file, whatever its name, is HDF5 and holds ``index`` and ``poses``."""
    if not Path(path).is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as archive:
            return all(isinstance(archive.get(name), h5py.Dataset) for name in ("index", "poses"))
    except OSError:
        return False


def write_predictions(
    path: Path | str, index: np.ndarray, joints_cam_mm: np.ndarray, header: PredictionHeader
) -> PredictionHeader:
    """Write a prediction file, under a temporary name that is renamed when complete.

    Args:
        path: the file, published as ``predict_<model>`` without a suffix.
        index: ``(m,)`` frame numbers in test order.
        joints_cam_mm: ``(m, J, 3)`` in our frame and the evaluation's joint order.
        header: dataset and origin.
    Returns:
        the header as written.
    Raises:
        DataError: if shapes do not fit, a number is not finite, or there is no frame.
    """
    path, skeleton = Path(path), header.rules.skeleton
    numbers, joints = _checked(path, index, joints_cam_mm, skeleton)
    poses = joints[:, _order(header.joint_order, skeleton, path)].reshape(len(joints), -1)
    complete = replace(header, skeleton=skeleton.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(temporary, "w") as archive:
            archive.create_dataset("index", data=numbers, compression="lzf")
            archive.create_dataset("poses", data=poses, compression="lzf")
            archive.attrs.update(asdict(complete))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return complete


def read_predictions(path: Path | str, dataset: str | None = None) -> PredictionFile:
    """Read a prediction file, ours or the published program's; its ``annotation`` files are read alike.

    Args:
        path: the file.
        dataset: name of the dataset; None takes it from the file.
    Returns:
        the joints in the evaluation's order.
    Raises:
        DataError: if the file is damaged, holds something else or is of another dataset.
        ConfigError: if neither the file nor the caller names the dataset.
    """
    path = Path(path)
    index, poses, header = _read(path)
    rules = _rules(path, header, dataset)
    J = len(rules.skeleton)
    if index.ndim != 1 or poses.shape not in ((len(index), 3 * J), (len(index), J, 3)):
        raise DataError(
            f"{path}: index {index.shape} and poses {poses.shape} do not make (m,) and (m, {3 * J}), as "
            f"{rules.dataset} needs"
        )
    order = _order(header.joint_order if header else "published", rules.skeleton, path)
    joints = poses.reshape(-1, J, 3).astype(np.float32)
    back = np.argsort(order)
    return PredictionFile(index.astype(np.int32), joints[:, back], header)


def read_prediction_text(path: Path | str, dataset: str) -> PredictionFile:
    """Read the text form: image name, then 3J numbers, camera frame with y down, NYU palm first.

    Args:
        path: the file, plain or ``.gz``; any white space between entries.
        dataset: name of the dataset.
    Raises:
        DataError: naming file and line of what does not fit.
    """
    return _read_text(Path(path), convention(dataset).skeleton)


def _read_text(path: Path, skeleton: Skeleton) -> PredictionFile:
    table = read_table(path, 3 * len(skeleton))
    for line, name in enumerate(table.names or [""], start=1):
        if not TRAILING_NUMBER.search(name):
            raise DataError(f"{path}:{line}: expected an image name that ends with its number, got {name!r}")
    back = np.argsort(published_order(skeleton))
    joints = table.values.reshape(len(table.values), -1, 3)[:, back].astype(np.float32)
    index = np.array([int(match[1]) for match in map(TRAILING_NUMBER.search, table.names or []) if match])
    return PredictionFile(_int32(index, path), joints)


def predictions_to_text(source: Path | str, destination: Path | str, dataset: str | None = None) -> None:
    """Write a prediction file as text: image name and numbers with four decimals, separated by tabs.

    Args:
        source: HDF5 file.
        destination: ``.txt`` or ``.txt.gz``.
        dataset: name of the dataset; None takes it from the file.
    """
    read = read_predictions(source, dataset)
    rules = _rules(Path(source), read.header, dataset)
    form = _IMAGE_NAMES.get(rules.dataset, "image_D{:08d}.png")
    poses = read.joints_cam_mm[:, published_order(rules.skeleton)].reshape(len(read.index), -1)
    write_table(destination, poses, 4, [form.format(number) for number in read.index.tolist()], "\t")


def text_to_predictions(
    source: Path | str, destination: Path | str, header: PredictionHeader
) -> PredictionHeader:
    """Make a prediction file of its text form, for example one the published program left.

    Args:
        source: text of :func:`read_prediction_text`.
        destination: HDF5 file.
        header: dataset and what is known of the origin.
    """
    read = _read_text(Path(source), header.rules.skeleton)
    return write_predictions(destination, read.index, read.joints_cam_mm, header)


def find_predictions(folder: Path | str) -> dict[str, Path]:
    """Prediction files of a folder by what follows ``predict_`` in their names; other files do not count."""
    files = sorted(Path(folder).glob("predict_*"))
    return {file.name.removeprefix("predict_"): file for file in files if is_predictions(file)}


def _rules(path: Path, header: PredictionHeader | None, dataset: str | None) -> Convention:
    """The convention of a file, from itself or from the caller."""
    if header is None and not dataset:
        raise ConfigError(f"{path}: does not say of which dataset it is; name the dataset")
    rules = header.rules if header else convention(str(dataset))
    if dataset and convention(dataset) is not rules:
        raise DataError(f"{path}: says dataset {rules.dataset}, asked for {dataset}")
    return rules


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, PredictionHeader | None]:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as archive:
            index, poses = (np.asarray(archive[name]) for name in ("index", "poses"))
            attributes: dict[str, Any] = dict(archive.attrs)
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: is not a prediction file with index and poses ({error})") from None
    known = {f.name: str(attributes[f.name]) for f in fields(PredictionHeader) if f.name in attributes}
    return index, poses, PredictionHeader(**known) if "dataset" in known else None


def _checked(
    path: Path, index: np.ndarray, joints_cam_mm: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    numbers, joints = _int32(np.asarray(index), path), np.asarray(joints_cam_mm, dtype=np.float32)
    if joints.shape != (len(numbers), len(skeleton), 3) or not len(numbers):
        raise DataError(
            f"{path}: not written, index {numbers.shape} and joints {joints.shape} do not make (m,) and "
            f"(m, {len(skeleton)}, 3) for {skeleton.name} with at least one frame"
        )
    broken = ~np.isfinite(joints).all(axis=(1, 2))
    if broken.any():
        row = int(broken.argmax())
        raise DataError(f"{path}: not written, row {row} (frame {numbers[row]}) is NaN or infinite")
    return numbers, joints


def _int32(index: np.ndarray, path: Path) -> np.ndarray:
    """Frame numbers as int32, none of them changed by it."""
    numbers = index.astype(np.int32)
    if index.ndim != 1 or not np.array_equal(numbers, index):
        raise DataError(
            f"{path}: frame numbers {index.shape} {index.dtype} are not whole 32-bit numbers (m,)"
        )
    return numbers


def _order(joint_order: str, skeleton: Skeleton, path: Path) -> np.ndarray:
    """``(J,)`` so that ``joints[:, order]`` are as the file holds them."""
    if joint_order not in JOINT_ORDERS:
        raise DataError(f"{path}: {unknown('joint_order', joint_order, JOINT_ORDERS)}")
    return published_order(skeleton) if joint_order == "published" else np.arange(len(skeleton))
