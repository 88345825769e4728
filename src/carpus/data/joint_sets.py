"""Published sets of hands that have joints but no pictures, as named arrays and as fields of records."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.hand_sample_geometry import BONE
from carpus.data.sik import OFFLINE_SETS, SIK1M_FILES, TRAIN_SHARE, Sik1M, SikOffline, offline_files
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import SNAP

log = logging.getLogger(__name__)

Arrays = dict[str, np.ndarray]
PLACE_MM = np.array([0.0, 0.0, 600.0], np.float32)
"""Where the root of every hand is said to be: these sets have no camera, pictures of them need one."""
VIEW = np.array([600.0, 600.0, 160.0, 120.0])
"""Camera ``(4,)`` of such pictures."""
PICTURE_HW = (240, 320)
"""Their height and width."""
EPOCHS = 100
"""Looks at every training picture of the published SIK-offline."""
_BONES_M = (0.02, 0.5)
_MM_PER_M = 1000.0


class JointSet(ABC):
    """A published set: which files make which store, which rows of it make which split.

    Args:
        root: the published folder.
    """

    name: ClassVar[str]
    page: ClassVar[str] = ""
    """Page of ``docs/datasets`` that describes it, if that is not called ``name``."""
    stores: ClassVar[tuple[str, ...]]

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @abstractmethod
    def files(self, store: str) -> list[Path]:
        """The files of a store.

        Raises:
            DataError: naming one that is missing.
        """

    @abstractmethod
    def read(self, store: str) -> Arrays:
        """Arrays of one length; hands of a set are its rows."""

    @abstractmethod
    def store_of(self, base: str) -> str:
        """The store that holds ``train``, ``val`` or ``test``."""

    @abstractmethod
    def rows_of(self, base: str, count: int) -> range:
        """The rows of ``train``, ``val`` or ``test`` in its store of ``count`` hands."""

    @abstractmethod
    def fields(self, rows: Mapping[str, np.ndarray]) -> Arrays:
        """What records hold: every array of :meth:`read` for n hands, as fields with n rows."""

    def options(self) -> dict[str, Any]:
        """What the content of a store depends on beside its files."""
        return {}

    def variant(self) -> str:
        """What the folder of a store made with other than the default options is called in addition."""
        return ""

    def expected(self, store: str) -> int:
        """Published number of hands; 0 where none is known."""
        del store
        return 0


class Sik1MSet(JointSet):
    """SIK-1M: joints of a hand model and the rotations they were made with.

    Args:
        root: the folder with both pickles.
        splits: ``published``: the first 80 % train, the rest validates and tests; ``held_out``: the end of
            the training part validates.
        val_fraction: of ``held_out``, a share of the training part.
    Raises:
        ConfigError: for other splits.
    Example:
        >>> hands = Sik1MSet("nowhere", splits="held_out", val_fraction=0.25)
        >>> [hands.rows_of(base, 10) for base in ("train", "val", "test")]
        [range(0, 6), range(6, 8), range(8, 10)]
    """

    name = "sik1m"
    stores = ("all",)

    def __init__(self, root: str | Path, splits: str = "published", val_fraction: float = 0.05) -> None:
        super().__init__(root)
        if splits not in ("published", "held_out"):
            raise ConfigError(unknown("dataset.splits", splits, ("published", "held_out")))
        if not 0 < val_fraction < 1:
            raise ConfigError(f"dataset.val_fraction={val_fraction}: a share between 0 and 1 is expected")
        self.held_out = val_fraction if splits == "held_out" else None

    def files(self, store: str) -> list[Path]:
        """Both pickles."""
        return _there([self.root / name for name in SIK1M_FILES])

    def read(self, store: str) -> Arrays:
        """``joints_m`` ``(N, 21, 3)``, ``quat`` ``(N, 16, 4)`` w, x, y, z."""
        data = Sik1M(self.root, "all")
        arrays = {"joints_m": data.joints_m, "quat": data.rotations}
        _check_hands(arrays, ("joints_m",), self.root)
        lengths = np.linalg.norm(arrays["quat"], axis=-1)
        if np.abs(lengths - 1).max(initial=0.0) > 0.01:
            log.warning(
                "%s: quaternions have lengths from %.3g to %.3g", self.root, lengths.min(), lengths.max()
            )
        return arrays

    def store_of(self, base: str) -> str:
        """The only one."""
        return "all"

    def rows_of(self, base: str, count: int) -> range:
        """In the published order."""
        first = int(count * TRAIN_SHARE)
        if self.held_out is None:
            return range(first) if base == "train" else range(first, count)
        learnt = first - max(1, int(first * self.held_out))
        ends = {"train": (0, learnt), "val": (learnt, first), "test": (first, count)}
        return range(*ends[base])

    def fields(self, rows: Mapping[str, np.ndarray]) -> Arrays:
        """``joints_cam_mm`` and the place they are shown at, ``quat``."""
        return {**_shown(rows["joints_m"]), "quat": rows["quat"]}


class SikOfflineSet(JointSet):
    """SIK-offline: joints a network found in pictures, and the true ones.

    Args:
        root: the folder with ``sik_train_rhd_100epoch.pkl`` and so on.
        sets: of :data:`~carpus.data.sik.OFFLINE_SETS`.
        epochs: how often the pictures of the training split were looked at; part of its files' names.
    Raises:
        ConfigError: for an unknown set, or none.
    """

    name = "sik_offline"
    stores = ("train", "test")
    images: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"stb": 15_000, "rhd": 41_258},
        "test": {"stb": 3_000, "rhd": 2_728},
    }
    """Pictures of the sets' splits."""

    def __init__(self, root: str | Path, sets: Sequence[str] = OFFLINE_SETS, epochs: int = EPOCHS) -> None:
        super().__init__(root)
        wrong = [name for name in sets if name not in OFFLINE_SETS]
        if wrong or not sets:
            raise ConfigError(unknown("dataset.sets", wrong[0] if wrong else "", OFFLINE_SETS))
        self.sets, self.epochs = tuple(name for name in OFFLINE_SETS if name in sets), epochs

    def files(self, store: str) -> list[Path]:
        """One pickle per set."""
        found = []
        for name in self.sets:
            places = offline_files(self.root, store, name, self.epochs)
            there = next((path for path in places if path.is_file()), None)
            if there is None:
                raise DataError(
                    f"{places[0]} is missing; `carpus sik KEY {name} --split {store}` writes it, and "
                    f"dataset.sets=[{OFFLINE_SETS[0]}] does with one set"
                )
            found.append(there)
        return found

    def read(self, store: str) -> Arrays:
        """``found_m`` and ``true_m`` ``(N, 21, 3)``."""
        data = SikOffline(self.root, store, self.sets, self.epochs)
        arrays = {"found_m": data.found_m, "true_m": data.true_m}
        _check_hands(arrays, ("true_m", "found_m"), self.root)
        return arrays

    def store_of(self, base: str) -> str:
        """Validation is done on ``test``: all of ``train`` shows the same pictures again and again."""
        return "train" if base == "train" else "test"

    def rows_of(self, base: str, count: int) -> range:
        """All."""
        return range(count)

    def fields(self, rows: Mapping[str, np.ndarray]) -> Arrays:
        """``joints_found_m`` about the root, ``joints_cam_mm`` and the place they are shown at."""
        return {**_shown(rows["true_m"]), "joints_found_m": rows["found_m"]}

    def options(self) -> dict[str, Any]:
        """Sets and epochs."""
        return {"sets": list(self.sets), "epochs": self.epochs}

    def variant(self) -> str:
        """Of a selection: ``_rhd``, ``_rhd_5epoch``."""
        some = "" if self.sets == OFFLINE_SETS else f"_{'_'.join(self.sets)}"
        return some if self.epochs == EPOCHS else f"{some}_{self.epochs}epoch"

    def expected(self, store: str) -> int:
        """Pictures times epochs."""
        return sum(self.images[store][name] for name in self.sets) * (self.epochs if store == "train" else 1)


def _there(files: list[Path]) -> list[Path]:
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise DataError(f"{missing} is missing")
    return files


def _shown(joints_m: np.ndarray) -> Arrays:
    """Joints ``(n, 21, 3)`` in millimetres, their root at :data:`PLACE_MM`, and the camera there."""
    root = SNAP.index("middle_mcp")
    count = len(joints_m)
    return {
        "joints_cam_mm": np.float32(_MM_PER_M) * (joints_m - joints_m[:, root, None]) + PLACE_MM,
        "joint_valid": np.ones((count, len(SNAP)), bool),
        "center_mm": np.tile(PLACE_MM, (count, 1)),
        "camera": np.tile(VIEW, (count, 1)),
    }


def _check_hands(arrays: Arrays, names: Sequence[str], root: Path) -> None:
    """Refuse what is no number, or no hand; say where lengths of the first array are hardly in metres."""
    for name, array in arrays.items():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))
        if bad.size:
            raise DataError(f"{root}: {name} of hand {bad[0]:,} is not finite ({bad.size:,} hands in all)")
    for name in names:
        bones = np.linalg.norm(arrays[name][:, BONE[1]] - arrays[name][:, BONE[0]], axis=-1)
        if (bones <= 0).any():
            raise DataError(f"{root}: in {name} the root of hand {int(np.argmin(bones)):,} lies on its wrist")
        typical = float(np.median(bones)) if len(bones) else _BONES_M[0]
        if name == names[0] and not _BONES_M[0] <= typical <= _BONES_M[1]:
            log.warning(
                "%s: in %s wrist and middle finger's base are %.3g apart, which is no hand in metres: errors "
                "in mm are wrong by that factor",
                *(root, name, typical),
            )
