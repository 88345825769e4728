"""Annotation files as text: an image name, then x, y, z of every joint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carpus.data.prepared.frame import published_order
from carpus.data.results.text import image_name, read_table, write_table
from carpus.errors import DataError
from carpus.skeletons import Skeleton


def write_annotation(
    path: Path | str, names: Sequence[str], joints_cam_mm: np.ndarray, skeleton: Skeleton
) -> None:
    """Write joints as HANDS 2017 annotates its frames and as depth CR dumps its test frames.

    Lines of image name and 3J numbers with four decimals, separated by tabs: camera frame, mm, y down, in the
    order of the depth CR program (NYU palm first).

    Args:
        path: the file; ``.gz`` compresses.
        names: N record keys or image names; the last part is written, ``.png`` added where there is none.
        joints_cam_mm: ``(N, J, 3)`` in the skeleton's order.
        skeleton: the joints.
    Raises:
        DataError: if shapes do not fit or a number is not finite.
    """
    joints = np.asarray(joints_cam_mm)
    if joints.shape != (len(names), len(skeleton), 3):
        raise DataError(
            f"{path}: not written, joints {joints.shape} and {len(names)} names do not make "
            f"(N, {len(skeleton)}, 3) for {skeleton.name}"
        )
    values = joints[:, published_order(skeleton)].reshape(len(joints), -1)
    write_table(path, values, 4, [image_name(name) for name in names], "\t")


def read_annotation(path: Path | str, skeleton: Skeleton) -> tuple[list[str], np.ndarray]:
    """Read what :func:`write_annotation` or the published program wrote; any white space separates.

    Args:
        path: the file, plain or ``.gz``.
        skeleton: the joints.
    Returns:
        image names; ``(N, J, 3)`` float64 in the skeleton's order.
    Raises:
        DataError: naming file and line of what does not fit.
    """
    table = read_table(path, 3 * len(skeleton))
    if table.names is None:
        raise DataError(f"{path}:1: starts with a number, lines of an annotation start with an image name")
    joints = table.values.reshape(len(table.values), -1, 3)
    return table.names, joints[:, np.argsort(published_order(skeleton))]
