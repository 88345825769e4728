"""What every published tree must offer: records of one physical split, read by position."""

from __future__ import annotations

import hashlib
import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from carpus.data.store import Store
from carpus.errors import DataError, unknown
from carpus.geometry.camera import Camera
from carpus.skeletons import Skeleton
from carpus.types import Field, Record

Column = int | float | bool
"""A per-record value small enough to be kept for all records in one array."""
S = TypeVar("S", bound="Source")


class Source(ABC):
    """One physical split of a published tree.

    Positions are stable, so that packing can resume and run in several processes; what is held in memory
    is a few compact arrays. A subclass takes ``(root, split, ...)``; every further constructor argument that
    changes a record is an option the store remembers, unless it is listed in ``selectors``.
    """

    name: ClassVar[str]
    page: ClassVar[str] = ""
    """Page of ``docs/datasets`` that describes the tree, if it is not called ``name``."""
    kind: ClassVar[str] = "depth"
    skeleton: ClassVar[Skeleton]
    splits: ClassVar[tuple[str, ...]]
    """Physical splits: one store each."""
    expected_counts: ClassVar[Mapping[str, int]] = {}
    """Published number of records per split."""
    selectors: ClassVar[tuple[str, ...]] = ("root", "split")
    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Per split, files under the root that add to its records where they exist."""

    def __init__(self, root: str | Path, split: str) -> None:
        if split not in (*self.splits, *self.extra_splits()):
            raise DataError(unknown(f"{self.name} split", split, (*self.splits, *self.extra_splits())))
        self.root = Path(root)
        self.split = split

    @classmethod
    def extra_splits(cls) -> tuple[str, ...]:
        """Selections this source can read directly but that have no store of their own."""
        return ()

    @classmethod
    def extras_found(cls, root: str | Path, split: str) -> list[str]:
        """Those of a split's :attr:`optional` files that exist."""
        return [name for name in cls.optional.get(split, ()) if (Path(root) / name).is_file()]

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """What is worth telling of a store of this dataset, beside what is told of every store."""
        del store
        return {}

    @property
    @abstractmethod
    def lines(self) -> int:
        """Published number of frames, those without an image or label included."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Record: ...

    @abstractmethod
    def columns(self, index: int) -> dict[str, Column]:
        """Small values of a record that splits select by; the same names for every record."""

    @abstractmethod
    def locate(self, index: int) -> str:
        """The published file (and line) of a record, for messages."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of the annotation files' content and of the images' number and size."""

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))


class DepthSource(Source):
    """Depth images with one hand or body; subclasses fill ``_line`` and, where published, ``_joints``."""

    camera: ClassVar[Camera]
    """In Carpus' frame: fy is positive."""
    image_size: ClassVar[tuple[int, int]]
    """Width and height in pixels."""
    y_up: ClassVar[bool]
    """Whether the published y axis points up."""
    unit_mm: ClassVar[float] = 1.0
    """Millimetres per published unit of length."""
    boxes: ClassVar[bool] = False
    """Whether records have ``bbox_xywh_px``."""

    _joints: np.ndarray | None = None
    """``(N, J, 3)`` float32 in Carpus' frame, or None where no labels are public."""
    _line: np.ndarray
    """``(N,)`` int64 published line number of every record."""

    @classmethod
    def published_camera(cls) -> Camera:
        """The camera in the published frame: fy is negative where y points up."""
        cam = cls.camera
        return Camera(cam.fx, -cam.fy if cls.y_up else cam.fy, cam.cx, cam.cy)

    @classmethod
    def to_cam_mm(cls, published: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of the published frame and unit in Carpus' frame, float32 millimetres."""
        scale = cls.unit_mm * np.array([1.0, -1.0 if cls.y_up else 1.0, 1.0])
        return (np.asarray(published, np.float64) * scale).astype(np.float32)

    @classmethod
    def to_published(cls, cam_mm: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of Carpus' frame in the published frame and unit, float64."""
        scale = cls.unit_mm * np.array([1.0, -1.0 if cls.y_up else 1.0, 1.0])
        return np.asarray(cam_mm, np.float64) / scale

    def __len__(self) -> int:
        return len(self._line)

    def __getitem__(self, index: int) -> Record:
        images, coding = self._read(index)
        fields: dict[str, Field] = {
            "camera": self.camera.to_array(),
            "depth_coding": coding,
            "line": int(self._line[index]),
            **self._extras(index),
        }
        if self._joints is not None:
            fields["joints_cam_mm"] = self._joints[index]
            fields["joint_valid"] = np.ones(len(self.skeleton), bool)
        return Record(self._key(index), images, fields)

    @property
    def lines(self) -> int:
        """Published number of frames; all of them are here unless a dataset says otherwise."""
        return len(self._line)

    def locate(self, index: int) -> str:
        """The frame's image."""
        return str(self._path(index))

    def columns(self, index: int) -> dict[str, Column]:
        """``line``: the published line number."""
        return {"line": int(self._line[index])}

    @abstractmethod
    def _key(self, index: int) -> str: ...

    @abstractmethod
    def _path(self, index: int) -> Path:
        """The file that holds the frame."""

    @abstractmethod
    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        """Images as published and the coding of ``depth``."""

    def _extras(self, index: int) -> dict[str, Field]:
        return {}


def read_bytes(path: Path) -> bytes:
    """Content of a published file.

    Raises:
        DataError: naming the file that is missing.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: the labels name it, the published tree does not hold it"
        ) from None


def check_joints(joints_mm: np.ndarray, where: Callable[[int], str]) -> None:
    """Refuse labels that are not finite, or evidently in metres.

    Args:
        joints_mm: ``(N, J, 3)`` z forward.
        where: names the file and line of a row.
    Raises:
        DataError: naming the first bad row.
    """
    bad = np.flatnonzero(~np.isfinite(joints_mm).all(axis=(1, 2)))
    if bad.size:
        raise DataError(f"{where(int(bad[0]))}: a joint coordinate is not a finite number")
    if len(joints_mm) and 0 < (typical := float(np.median(joints_mm[..., 2]))) < 20:
        raise DataError(
            f"{where(0)}: the median joint depth is {typical:.3g} mm, so the labels are in metres; "
            f"millimetres are expected"
        )


def tree_fingerprint(root: Path, annotations: Iterable[Path], folders: Iterable[Path]) -> str:
    """Hash of annotation files' bytes and of every image folder's file count and total size.

    Raises:
        DataError: naming an annotation file that is missing.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in annotations:
        digest.update(f"{path.relative_to(root)}\0".encode())
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        except FileNotFoundError:
            raise DataError(f"{path} is missing") from None
    for folder in folders:
        for current, subfolders, names in os.walk(folder):
            subfolders.sort()
            size = sum(entry.stat().st_size for entry in os.scandir(current) if entry.is_file())
            digest.update(f"{Path(current).relative_to(root)}\0{len(names)}\0{size}\0".encode())
    return digest.hexdigest()


def source_class(source: Callable[..., S]) -> type[S]:
    """The class behind a source, or a partial of one, or of that."""
    while isinstance(source, partial):
        source = source.func
    return cast("type[S]", source)


def source_options(source: Callable[..., Source]) -> dict[str, Any]:
    """Constructor arguments of a source class, or of a partial of one, that change its records.

    Example:
        >>> from functools import partial
        >>> from carpus.data.sources import ITOP
        >>> source_options(partial(ITOP, view="top"))["view"]
        'top'
    """
    selectors = getattr(source_class(source), "selectors", ("root", "split"))
    parameters = inspect.signature(source).parameters.values()
    return {
        p.name: list(p.default) if isinstance(p.default, tuple) else p.default
        for p in parameters
        if p.name not in selectors and p.default is not p.empty
    }
