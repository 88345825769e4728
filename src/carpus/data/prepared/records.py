"""From packed records to prepared arrays: taken from a store where they are stored, else computed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from carpus.data.depth_images import decode_depth
from carpus.data.prepared.frame import Frame
from carpus.data.prepared.graph import order_of_work, prepare
from carpus.data.prepared.keys import Key, parse_key
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from carpus.types import Record

FIELD = "prepared/"
"""Record fields that hold arrays from a store have this before their full name."""
WHOLE_MM_CODINGS = ("png16_mm",)
"""Codings whose files hold 16-bit integers: the published program resizes ``crop2`` in the number type it
reads, which for them rounds to whole millimetres. Every other coding is decoded to floating point (NYU's two
bytes are joined in float64), and its crops are resized exactly."""
_NUMBER = re.compile(r"(\d+)\D*$")


def frame_number(key: str) -> int:
    """The published number of a frame: the last digits of its key, 0 without any.

    Example:
        >>> frame_number("train/image_D00000017"), frame_number("train/depth_1_0000002")
        (17, 2)
    """
    found = _NUMBER.search(key)
    return int(found[1]) if found else 0


def frame_of(
    record: Record,
    half_mm: float,
    depth_range_mm: tuple[float, float],
    order: np.ndarray | None = None,
) -> Frame:
    """A depth record as prepared types read it.

    Joints that are not valid lie in the cube's middle, where every type is defined; what is drawn of them
    means nothing, and losses mask it by ``joint_valid``.

    Args:
        record: with ``center_mm``, and joints where the split has labels.
        half_mm: half the side of the cube around that centre.
        depth_range_mm: valid depth, both ends excluded.
        order: ``(J,)`` permutation of the joints; the dataset's own order by default.
    Raises:
        DataError: if the record has no finite centre, or its image is damaged.
    """
    center = np.asarray(record.fields.get("center_mm", np.full(3, np.nan)), np.float64)
    if not np.isfinite(center).all():
        raise DataError(f"{record.key}: the frame has no centre, so there is no cube to prepare")
    coding = str(record.fields["depth_coding"])
    return Frame(
        depth_mm=decode_depth(record.images["depth"], coding),
        camera=Camera.from_array(np.asarray(record.fields["camera"], np.float64)),
        cube=Cube.from_array(np.array([half_mm, *center])),
        depth_range_mm=depth_range_mm,
        joints_cam_mm=_joints(record, center, order),
        index=frame_number(record.key),
        whole_mm=coding in WHOLE_MM_CODINGS,
    )


def prepared_of(
    record: Record, wanted: Sequence[Key | str], half_mm: float, depth_range_mm: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Prepared arrays of a record; what it brings from a store is neither computed nor decoded for.

    Args:
        record: from a split opened with stored types, or without.
        wanted: keys or names.
        half_mm: half the side of the cube.
        depth_range_mm: valid depth, both ends excluded.
    Returns:
        One array per wanted name as given (the full name for a key).
    """
    keys = {key.name if isinstance(key, Key) else key: _key(key) for key in wanted}
    known = stored_of(record.fields, order_of_work(keys.values()))
    if all(key in known for key in keys.values()):
        return {name: known[key] for name, key in keys.items()}
    return prepare(frame_of(record, half_mm, depth_range_mm), wanted, known)


def stored_of(fields: Mapping[str, object], keys: Sequence[Key]) -> dict[Key, np.ndarray]:
    """What a record's fields hold of the given keys."""
    return {key: np.asarray(fields[FIELD + key.name]) for key in keys if FIELD + key.name in fields}


def _key(key: Key | str) -> Key:
    return key if isinstance(key, Key) else parse_key(key)


def _joints(record: Record, center: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    """``(J, 3)`` float64 mm, or no rows where the split has no labels."""
    if "joints_cam_mm" not in record.fields:
        return np.zeros((0, 3))
    joints = np.asarray(record.fields["joints_cam_mm"], np.float64)
    valid = np.asarray(record.fields.get("joint_valid", np.ones(len(joints), bool)), bool)
    joints = np.where(valid[:, None], joints, center)
    return joints if order is None else joints[order]
