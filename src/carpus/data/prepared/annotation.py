"""The cleaned rows of a store as the published program keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from carpus.data.prepared.records import frame_number
from carpus.data.prepared.rows import RowMaker
from carpus.data.store import Store


@dataclass(frozen=True)
class Annotation:
    """The cleaned rows of a store.

    Args:
        positions: ``(n,)`` of the records.
        index: ``(n,)`` int32 published frame numbers.
        poses: ``(n, J, 3)`` float32 mm in the published joint order.
        resce: ``(n, 4)`` float32 half side and centre of the cubes, mm.
        frames: rows before cleaning.
    """

    positions: np.ndarray
    index: np.ndarray
    poses: np.ndarray
    resce: np.ndarray
    frames: int

    def __len__(self) -> int:
        return len(self.index)

    @property
    def digest(self) -> str:
        """Hash of the content."""
        data = b"".join(values.tobytes() for values in (self.index, self.poses, self.resce))
        return hashlib.blake2b(data, digest_size=8).hexdigest()


def read_annotation(maker: RowMaker, kept: np.ndarray) -> Annotation:
    """The labels of rows that are left after cleaning; those without a centre are left out too.

    Args:
        maker: records, cubes and joint order.
        kept: ``(n,)`` positions in the order of the rows.
    """
    kept = kept[np.isfinite(maker.centers_mm[kept]).all(axis=1)]
    index, poses = np.zeros(len(kept), np.int32), []
    for row, position in enumerate(kept):
        record = maker.store[int(position)]
        index[row] = frame_number(record.key)
        poses.append(np.asarray(record.fields["joints_cam_mm"], np.float32)[maker.order])
    half = np.full((len(kept), 1), maker.half_mm, np.float32)
    resce = np.hstack([half, maker.centers_mm[kept]]).astype(np.float32)
    return Annotation(kept, index, np.stack(poses), resce, len(maker.store))


def annotation_text(store: Store, annotation: Annotation) -> str:
    """A line per row: image name and coordinates with four decimals, separated by tabs."""
    lines = []
    for position, pose in zip(annotation.positions, annotation.poses, strict=True):
        name = store.key(int(position)).rpartition("/")[2]
        lines.append("\t".join([f"{name}.png", *(f"{value:.4f}" for value in pose.ravel())]))
    return "".join(f"{line}\n" for line in lines)
