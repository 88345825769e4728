"""Viewing angles of frames, as the MSRA evaluators publish them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.results import read_table
from carpus.errors import DataError


def read_view_angles(
    file: Path, index: np.ndarray, split_frames: int, positions: np.ndarray, stored_frames: int
) -> dict[str, np.ndarray]:
    """Yaw and pitch of the frames of a report.

    Args:
        file: ``yaw pitch`` in degrees per line, for every packed frame or for every frame of the split.
        index: ``(N,)`` place of each reported frame in the split.
        split_frames: number of frames in the split.
        positions: ``(N,)`` place of each reported frame among the packed ones.
        stored_frames: number of packed frames.

    Returns:
        ``yaw`` and ``pitch``, each ``(N,)`` degrees.

    Raises:
        DataError: if the file has another number of lines.
    """
    values = read_table(file, 2).values
    if len(values) == stored_frames:
        chosen = values[positions]
    elif len(values) == split_frames:
        chosen = values[index]
    else:
        raise DataError(
            f"{file} has {len(values):,} lines; expected {stored_frames:,} (every packed frame) or "
            f"{split_frames:,} (the split). The public file belongs to MSRA's release of 76,375 frames"
        )
    return {"yaw": chosen[:, 0], "pitch": chosen[:, 1]}
