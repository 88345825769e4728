"""Distance maps of masks and grids, built on fast marching."""

from __future__ import annotations

import numpy as np
from numba import njit

from carpus.geometry.marching import march_from_seeds, march_level_set

CELL = 0.1
"""Length of a pixel or cell in the published distance maps; their bands and limits count in it."""


def surface_closeness(occupied: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """How near, along the silhouette, every occupied pixel is to each of several pixels.

    With d the distance inside the silhouette and M its largest value, a pixel has (M - d) / M. As in the
    published maps an occupied pixel no path reaches has M if M <= 1 (10 px) and 0 otherwise, and a seed two
    or more pixels outside the silhouette gives an empty map. A seed outside the image does too.

    Args:
        occupied: ``(S, S)`` bool.
        seeds: ``(J, 2)`` int (row, col).
    Returns:
        ``(J, S, S)`` float64 in [0, 1].
    Example:
        >>> surface_closeness(np.array([[True, True, True], [False] * 3, [False] * 3]), np.array([[0, 0]]))[0]
        array([[1. , 0.5, 0. ],
               [0. , 0. , 0. ],
               [0. , 0. , 0. ]])
    """
    distance = march_from_seeds(occupied, seeds, CELL)
    reached = np.isfinite(distance)
    largest = np.where(reached, distance, 0.0).max(axis=(1, 2))[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        closeness = np.where(reached, (largest - distance) / largest, np.where(largest <= 1, largest, 0.0))
    return np.where(occupied & (largest > 0), closeness, 0.0)


def volume_closeness(occupied: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """How near, through the occupied cells, every one of them is to each of several cells.

    Like :func:`surface_closeness`, but a cell no path reaches has M whatever its size, and a seed outside the
    occupied cells is always joined to those beside it.

    Args:
        occupied: ``(S, S, S)`` bool.
        seeds: ``(J, 3)`` int cells.
    Returns:
        ``(J, S, S, S)`` float64, at least 0, above 1 only in unreached cells.
    """
    distance = march_from_seeds(occupied, seeds, CELL)
    reached = np.isfinite(distance)
    largest = np.where(reached, distance, 0.0).max(axis=(1, 2, 3))[:, None, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        closeness = np.where(reached, (largest - distance) / largest, largest)
    return np.where(occupied & (largest > 0), closeness, 0.0)


def truncated_distance(occupied: np.ndarray, band: float = 2 * CELL) -> np.ndarray:
    """Distance to the occupied cells, 0 beyond a band.

    Args:
        occupied: ``(S, S, S)`` bool.
        band: largest distance kept, in units of which a cell is 0.1.
    Returns:
        ``(S, S, S)`` float64 in [0, band].
    """
    if not occupied.any():
        return np.zeros(occupied.shape)
    distance = march_level_set(np.where(occupied, 0.0, 1.0), step=CELL, band=band)
    return np.where(np.isfinite(distance), distance, 0.0)


def directional_distance(occupied: np.ndarray, axes: tuple[int, ...], band: float = 3 * CELL) -> np.ndarray:
    """Signed distance to the surface seen along an axis: positive in front, negative behind.

    On every line of cells along the axis the first occupied cell is the surface; lines without one are in
    front throughout.

    Args:
        occupied: ``(S, S, S)`` bool.
        axes: directions of view, towards larger indices.
        band: largest absolute distance kept; farther cells are 0.
    Returns:
        ``(S, S, S, len(axes))`` float32 in [-band, band].
    """
    distance = np.zeros((*occupied.shape, len(axes)), np.float32)
    if not occupied.any():
        return distance
    for channel, axis in enumerate(axes):
        box = _reachable(occupied, axis, margin=int(np.ceil(band / CELL)) + 2)
        moved = np.moveaxis(occupied[box], axis, 0)
        phi = np.moveaxis(_side_of_surface(np.ascontiguousarray(moved)), 0, axis)
        found = march_level_set(phi, step=CELL, band=band)
        np.copyto(distance[(*box, channel)], found, where=np.isfinite(found), casting="same_kind")
    return distance


def _reachable(occupied: np.ndarray, axis: int, margin: int) -> tuple[slice, ...]:
    """The part of a grid that can be within the band: around the occupied cells, and all behind them."""
    box = []
    for a in range(3):
        used = np.flatnonzero(occupied.any(axis=tuple(b for b in range(3) if b != a)))
        end = occupied.shape[a] if a == axis else used[-1] + 1 + margin
        box.append(slice(max(used[0] - margin, 0), end))
    return tuple(box)


@njit(cache=True)
def _side_of_surface(occupied):  # noqa: ANN001, ANN202
    """1 in front of the first occupied cell along the first axis, 0 in it, -1 behind."""
    phi = np.ones(occupied.shape)
    hidden = np.zeros(occupied.shape[1:], np.bool_)
    for k in range(occupied.shape[0]):
        for i in range(occupied.shape[1]):
            for j in range(occupied.shape[2]):
                if hidden[i, j]:
                    phi[k, i, j] = -1.0
                elif occupied[k, i, j]:
                    phi[k, i, j] = 0.0
                    hidden[i, j] = True
    return phi
