"""Hands without pictures: SIK-1M has joints and rotations, SIK-offline joints found and the true ones."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from carpus.bodies.unpickle import read_pickle
from carpus.data.hand_sample_geometry import kinematics
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import SNAP
from carpus.types import Inputs

SIK1M_FILES = ("sik-fh.pkl", "sik-1m.pkl")
"""In the order in which they are joined."""
TRAIN_SHARE = 0.8
"""First part of SIK-1M, which trains; the rest tests."""
OFFLINE_SETS = ("stb", "rhd")
OFFLINE_EPSILON = 1e-4
"""What SIK-offline adds to bone lengths before it divides by them."""
_JOINTS = (len(SNAP), 3)
_ROTATIONS = (16, 4)
_NAMES = {"scaled": "jointRS", "bone": "joint_bone", "chain": "kin_chain", "length": "kin_len"}


class Sik1M:
    """SIK-1M: hands of a model and the rotations of its joints.

    Args:
        root: the folder with ``sik-fh.pkl`` and ``sik-1m.pkl``.
        split: ``train`` (the first 80 % of both files joined), ``test`` or ``val`` (the rest), or ``all``.
    Raises:
        DataError: naming the file that is missing or holds something else.
        ConfigError: for another split.
    """

    def __init__(self, root: str | Path, split: str = "train") -> None:
        parts = [_arrays(Path(root) / name, {"joint_": _JOINTS, "quat": _ROTATIONS}) for name in SIK1M_FILES]
        count = sum(len(part["joint_"]) for part in parts)
        first = int(count * TRAIN_SHARE)
        ranges = {"train": (0, first), "test": (first, count), "val": (first, count), "all": (0, count)}
        if split not in ranges:
            raise ConfigError(unknown("split of SIK-1M", split, ranges))
        self.joints_m = _joined([part["joint_"] for part in parts], *ranges[split])
        self.rotations = _joined([part["quat"] for part in parts], *ranges[split])

    def __len__(self) -> int:
        return len(self.joints_m)

    def batch(self, rows: np.ndarray | slice) -> Inputs:
        """Some hands at once.

        Args:
            rows: indices, or a slice.
        Returns:
            ``jointRS`` ``(n, 21, 3)``, ``joint_bone`` ``(n, 1)`` m, ``kin_chain`` ``(n, 20, 3)``, ``kin_len``
            ``(n, 20, 1)`` (see :func:`carpus.data.hand_sample_geometry.kinematics`) and ``quat``
            ``(n, 16, 4)`` wxyz, float32.
        """
        return {**_hand(self.joints_m[rows], 0.0), "quat": self.rotations[rows]}

    def __getitem__(self, index: int) -> Inputs:
        """One hand, without the leading dimension."""
        return {name: np.asarray(value)[0] for name, value in self.batch(_one(index, len(self))).items()}


class SikOffline:
    """SIK-offline: joints found by a network, relative to the root, and the true ones.

    Args:
        root: the folder with ``sik_train_stb_100epoch.pkl`` …; ``…_100epochs.pkl``, as they are also called,
            are taken, too.
        split: ``train``, or ``test`` (``val`` is the same).
        sets: of :data:`OFFLINE_SETS`; joined in that order.
        epochs: how often the training pictures were looked at, part of the names of those files.
    Raises:
        DataError: naming the file that is missing or holds something else.
        ConfigError: for another split or set.
    """

    def __init__(
        self, root: str | Path, split: str = "train", sets: Sequence[str] = OFFLINE_SETS, epochs: int = 100
    ) -> None:
        if split not in ("train", "test", "val"):
            raise ConfigError(unknown("split of SIK-offline", split, ("train", "test", "val")))
        wrong = [name for name in sets if name not in OFFLINE_SETS]
        if wrong or not sets:
            raise ConfigError(unknown("set of SIK-offline", wrong[0] if wrong else "", OFFLINE_SETS))
        names = [name for name in OFFLINE_SETS if name in sets]
        shapes = {"jointImpl_": _JOINTS, "jointGt_": _JOINTS}
        parts = [_arrays(_first(offline_files(Path(root), split, name, epochs)), shapes) for name in names]
        self.found_m = _joined([part["jointImpl_"] for part in parts])
        self.true_m = _joined([part["jointGt_"] for part in parts])

    def __len__(self) -> int:
        return len(self.found_m)

    def batch(self, rows: np.ndarray | slice) -> Inputs:
        """Some hands at once.

        Args:
            rows: indices, or a slice.
        Returns:
            The four first of :meth:`Sik1M.batch` for the joints found, and ``true_jointRS`` … for the true
            ones.
        """
        true = _hand(self.true_m[rows], OFFLINE_EPSILON)
        found = _hand(self.found_m[rows], OFFLINE_EPSILON)
        return {**found, **{f"true_{name}": value for name, value in true.items()}}

    def __getitem__(self, index: int) -> Inputs:
        """One hand, without the leading dimension."""
        return {name: np.asarray(value)[0] for name, value in self.batch(_one(index, len(self))).items()}


def offline_files(root: Path, split: str, name: str, epochs: int = 100) -> list[Path]:
    """Where a set of SIK-offline may be; the first is what is written.

    Args:
        root: the folder.
        split: ``train``; anything else is the test split.
        name: of the set.
        epochs: of the training split.
    Example:
        >>> [path.name for path in offline_files(Path("d"), "train", "stb")]
        ['sik_train_stb_100epoch.pkl', 'sik_train_stb_100epochs.pkl']
    """
    ends = (f"_{epochs}epoch", f"_{epochs}epochs") if split == "train" else ("",)
    return [root / f"sik_{'train' if split == 'train' else 'test'}_{name}{end}.pkl" for end in ends]


def write_sik_offline(path: Path, found_m: Iterable[np.ndarray], true_m: Iterable[np.ndarray]) -> int:
    """Write a set of SIK-offline, complete or not at all.

    Args:
        path: the file.
        found_m: batches ``(n, 21, 3)`` of a network's joints, relative to the root, metres.
        true_m: batches of the true ones, as many.
    Returns:
        The number of hands.
    Raises:
        DataError: if the two differ in size, or the disk is full.
    """
    content = {"jointImpl_": _hands(found_m), "jointGt_": _hands(true_m)}
    counts = [len(array) for array in content.values()]
    if counts[0] != counts[1]:
        raise DataError(f"{path}: {counts[0]:,} hands found, {counts[1]:,} true ones; one each is expected")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            pickle.dump(content, file, protocol=4)
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return counts[0]


def _hands(batches: Iterable[np.ndarray]) -> np.ndarray:
    parts = [np.asarray(batch, np.float32).reshape(-1, *_JOINTS) for batch in batches]
    return np.concatenate([np.zeros((0, *_JOINTS), np.float32), *parts])


def _hand(joints_m: np.ndarray, epsilon: float) -> dict[str, np.ndarray]:
    found = kinematics(joints_m, epsilon)
    return {theirs: found[ours].astype(np.float32) for ours, theirs in _NAMES.items()}


def _one(index: int, count: int) -> slice:
    if not -count <= index < count:
        raise IndexError(f"hand {index} of {count}")
    return slice(index % count, index % count + 1)


def _first(paths: list[Path]) -> Path:
    return next((path for path in paths if path.is_file()), paths[0])


def _joined(parts: list[np.ndarray], first: int = 0, last: int | None = None) -> np.ndarray:
    """A range of the arrays behind each other."""
    return np.ascontiguousarray(np.concatenate(parts)[first:last])


def _arrays(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The named arrays of a pickle, float32, all of one length."""
    if not path.is_file():
        raise DataError(f"{path} is missing")
    content = read_pickle(path)
    if not isinstance(content, dict) or not set(shapes) <= set(content):
        found = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise DataError(f"{path}: holds {found}, a dictionary of {', '.join(shapes)} is expected")
    arrays = {}
    for name, shape in shapes.items():
        array = np.asarray(content.pop(name))
        if array.shape[1:] != shape or array.dtype.kind not in "fiu":
            raise DataError(
                f"{path}: {name} is {array.dtype} {array.shape}, numbers (N, {shape}) are expected"
            )
        arrays[name] = array.astype(np.float32, copy=False)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{path}: {lengths}; all must have as many entries")
    return arrays
