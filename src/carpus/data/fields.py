"""What every method takes from a depth record in the same way."""

from __future__ import annotations

import numpy as np

from carpus.errors import DataError
from carpus.types import Inputs, Record

PASSED_ON = ("subject",)
"""Scalars of a record that protocols group by."""


def center_of(record: Record) -> np.ndarray:
    """``(3,)`` float64 mm, the centre that was joined to the record.

    Raises:
        DataError: if it has none.
    """
    if "center_mm" not in record.fields:
        raise DataError(
            f"{record.key}: the record has no center_mm; choose a centre source (file, com, box or gt)"
        )
    return np.asarray(record.fields["center_mm"], dtype=np.float64)


def truth_of(record: Record) -> Inputs:
    """``joints_cam_mm`` ``(J, 3)`` and ``joint_valid`` ``(J,)`` where the split has labels, and subjects."""
    fields = record.fields
    passed: Inputs = {name: np.asarray(fields[name], np.int64) for name in PASSED_ON if name in fields}
    if "joints_cam_mm" not in fields:
        return passed
    joints = np.asarray(fields["joints_cam_mm"], dtype=np.float32)
    valid = np.asarray(fields.get("joint_valid", np.ones(len(joints), bool)), dtype=bool)
    return {"joints_cam_mm": joints, "joint_valid": valid, **passed}
