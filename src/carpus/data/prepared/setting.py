"""What prepared arrays depend on besides their type, kept with them and compared when they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from carpus.data.splits import BASES
from carpus.data.store import Store
from carpus.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from carpus.data.dataset import Dataset

_MEANING = {
    "dataset": "dataset",
    "split": "store",
    "rows": "frames of the store",
    "fingerprint": "fingerprint of labels and images",
    "options": "options of the source",
    "skeleton": "joint set",
    "joints": "number of joints",
    "camera": "camera fx, fy, cx, cy",
    "half_mm": "half side of the cube in mm (dataset.cube_mm / 2)",
    "depth_range_mm": "valid depth (dataset.depth_range_mm)",
    "center_source": "dataset.center_source",
}


@dataclass(frozen=True)
class Setting:
    """Frames and geometry of prepared arrays.

    Args:
        dataset: its name.
        split: physical split, one store of records.
        rows: its number of records.
        fingerprint: of the tree it was packed from.
        options: options of the source that change its records.
        skeleton: name of the joint set.
        joints: J; 0 where the labels are not public.
        camera: of the first record; the others bring their own.
        half_mm: half the cube's side.
        depth_range_mm: valid depth.
        center_source: where the cubes' centres come from.
        centers: digest of the centres' values, empty for not known; the values themselves are compared.
    """

    dataset: str
    split: str
    rows: int
    fingerprint: str
    options: Mapping[str, Any]
    skeleton: str
    joints: int
    camera: tuple[float, ...]
    half_mm: float
    depth_range_mm: tuple[float, ...]
    center_source: str
    centers: str = field(default="")

    def to_meta(self) -> dict[str, Any]:
        """As kept with the arrays: plain values."""
        return {
            **asdict(self),
            "camera": list(self.camera),
            "depth_range_mm": list(self.depth_range_mm),
            "options": dict(self.options),
        }

    def differences(self, meta: Mapping[str, Any]) -> list[str]:
        """What a store's meta says otherwise: meaning, value stored, value wanted."""
        wanted = self.to_meta()
        return [
            f"{meaning}: stored {_shown(meta.get(name))}, wanted {_shown(wanted[name])}"
            for name, meaning in _MEANING.items()
            if meta.get(name) != wanted[name]
        ]


def _shown(value: Any) -> str:
    """``120`` for 120.0; text as it is."""
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)


def setting_of(
    dataset: Dataset,
    store: Store,
    centers_mm: np.ndarray | None = None,
    half_mm: float | None = None,
    depth_range_mm: tuple[float, float] | None = None,
) -> Setting:
    """The setting a dataset's configuration asks for.

    Args:
        dataset: the configured dataset.
        store: one of its stores.
        centers_mm: ``(N, 3)`` of all records, where their digest is wanted.
        half_mm, depth_range_mm: where a method uses others than the dataset's.
    """
    first = store[0].fields
    options = {name: value for name, value in store.meta["options"].items() if not name.startswith("com_")}
    return Setting(
        dataset=dataset.name,
        split=store.folder.name,
        rows=len(store),
        fingerprint=store.meta["fingerprint"],
        options=options,
        skeleton=dataset.skeleton.name,
        joints=len(np.asarray(first["joints_cam_mm"])) if "joints_cam_mm" in first else 0,
        camera=tuple(float(value) for value in np.asarray(first["camera"])),
        half_mm=float(dataset.cube_mm / 2 if half_mm is None else half_mm),
        depth_range_mm=tuple(float(v) for v in depth_range_mm or dataset.depth_range_mm),
        center_source=dataset.center_source,
        centers="" if centers_mm is None else centers_digest(centers_mm),
    )


def centers_digest(centers_mm: np.ndarray) -> str:
    """Hash of the centres ``(N, 3)``, whatever file they were read from."""
    values = np.ascontiguousarray(centers_mm, np.float32)
    return hashlib.blake2b(values.tobytes(), digest_size=8).hexdigest()


def all_centers(dataset: Dataset, split: str) -> tuple[Store, np.ndarray]:
    """A store and ``(N, 3)`` float32 centres of its records, over all splits that read it.

    NaN where a record belongs to no split, because it has no centre.

    Raises:
        ConfigError: for a store that no split reads.
    """
    bases = [base for base in BASES if dataset.splits.store_of(base) == split]
    if not bases:
        raise ConfigError(f"no split of {dataset.name} reads its store '{split}'")
    samples = [dataset.open(base) for base in bases]
    store = samples[0].store
    centers = np.full((len(store), 3), np.nan, np.float32)
    for part in samples:
        centers[part.positions] = part.centers_mm()
    return store, centers


def check_setting(meta: Mapping[str, Any], setting: Setting, where: str, remedy: str) -> None:
    """Refuse arrays of another setting.

    Raises:
        StoreError: naming what differs, both values and the remedy.
    """
    found = setting.differences(meta)
    if found:
        raise StoreError(f"{where} holds arrays of another setting: {'; '.join(found)}. {remedy}")
