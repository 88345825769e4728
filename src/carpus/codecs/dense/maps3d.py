"""Grids over the cube and per-cell guidance maps; axes (x, y, z), then channels; float32."""

from __future__ import annotations

import numpy as np
from numba import njit

from carpus.codecs.dense.offsets import write_directions, write_offsets
from carpus.errors import ConfigError, DataError
from carpus.geometry.cube import VOID, Cube
from carpus.geometry.distance import directional_distance, truncated_distance, volume_closeness

TSDF_AXES = (1, 0, 2)
"""Direction of view of each channel of ``tsdf3``: y, x, z."""
_LEAST_DENSITY = 0.01
"""Blocks of cells with a smaller sum of densities are void."""


def pcnt3(points_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """Number of points per cell, divided by the largest.

    Args:
        points_mm: ``(N, 3)`` points of the cube.
        cube: the cube.
        side: cells C per axis.
    Returns:
        ``(C, C, C)`` in [0, 1]. About 0.2 ms at 64, 1.5 ms at 128.
    """
    grid = np.zeros((side,) * 3, np.float32)
    _density(cube.cells(points_mm, side) @ np.array([side * side, side, 1]), grid.reshape(-1))
    return grid


def vxhit(points_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """1 in the cells ``(C, C, C)`` that hold a point, else 0. About 0.2 ms at 64.

    Args:
        points_mm: ``(N, 3)`` points of the cube.
        cube: the cube.
        side: cells C per axis.
    """
    grid = np.zeros((side,) * 3, np.float32)
    grid[tuple(cube.cells(points_mm, side).T)] = 1
    return grid


def tsdf3(pcnt3: np.ndarray) -> np.ndarray:
    """Truncated signed distance to the surface seen along y, x and z.

    Args:
        pcnt3: ``(C, C, C)`` density.
    Returns:
        ``(C, C, C, 3)`` in [-0.3, 0.3], 0.1 per cell, positive in front of the surface, 0 farther away
        than three cells. About 27 ms at 64.
    """
    return directional_distance(pcnt3 > VOID, TSDF_AXES)


def truncd(pcnt3: np.ndarray) -> np.ndarray:
    """Distance to the occupied cells, 0.1 per cell, 0 farther away than two cells.

    Args:
        pcnt3: ``(C, C, C)`` density.
    Returns:
        ``(C, C, C)`` in [0, 0.2]. About 6 ms at 64.
    """
    return truncated_distance(pcnt3 > VOID).astype(np.float32)


def pose_lab(joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """Flat number (ix S + iy) S + iz of the cell of each joint ``(J, 3)``: ``(J,)`` float32, as stored.

    Raises:
        DataError: naming the joints outside the cube.
    """
    return _flat(_joint_cells(joints_cam_mm, cube, side), side).astype(np.float32)


def pose_hit(joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """1 in the cell of each joint ``(J, 3)``: ``(S, S, S, J)``. About 0.3 ms at 32.

    Raises:
        DataError: naming the joints outside the cube.
    """
    label = _flat(_joint_cells(joints_cam_mm, cube, side), side)
    hit = np.zeros((side**3, len(label)), np.float32)
    hit[label, np.arange(len(label))] = 1
    return hit.reshape(side, side, side, -1)


def vxudir(pcnt3: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """Closeness and unit direction to every joint from the centre of each occupied cell.

    A cell is void where the densities of its (C/S)^3 block add up to less than 0.01.

    Args:
        pcnt3: ``(C, C, C)`` density.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: cells S per axis.
    Returns:
        ``(S, S, S, 4J)``: J closeness in [0, 1], then 3J directions in [-1, 1], joint by joint; void cells 0.
        About 2 ms for 16 from 64, 4 ms for 32 from 128.
    """
    cells, centers = _occupied_cells(pcnt3, cube, side, _LEAST_DENSITY)
    out = np.zeros((side**3, 4 * len(joints_cam_mm)), np.float32)
    write_directions(centers, cells, joints_cam_mm, 2 * cube.half_mm, out)
    return out.reshape(side, side, side, -1)


def vxoff(pcnt3: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """Vectors in mm from the centre of each occupied cell to every joint.

    Args:
        pcnt3: ``(C, C, C)`` density.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: cells S per axis.
    Returns:
        ``(S, S, S, 3J)`` mm, joint by joint; void cells 0. About 1 ms for 16 from 64.
    """
    cells, centers = _occupied_cells(pcnt3, cube, side, _LEAST_DENSITY)
    out = np.zeros((side**3, 3 * len(joints_cam_mm)), np.float32)
    write_offsets(centers, cells, joints_cam_mm, out)
    return out.reshape(side, side, side, -1)


def vxedt(vxhit: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """Closeness along the occupied cells: 1 at the joint, 0 at the farthest cell a path reaches.

    Args:
        vxhit: ``(C, C, C)`` occupancy.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: cells S per axis.
    Returns:
        ``(S, S, S, J)`` in [0, about 1.1]; cells no path reaches hold the largest distance in units of ten
        cells. About 3 ms for 21 joints at 16.
    """
    occupied = block_sums(vxhit, side) > 0
    closeness = volume_closeness(occupied, cube.cells(joints_cam_mm, side))
    return np.ascontiguousarray(np.moveaxis(closeness, 0, -1), np.float32)


def ov3dist2(vxudir: np.ndarray) -> np.ndarray:
    """The largest closeness along each line of sight, in the three views of ``ortho3``.

    Args:
        vxudir: ``(S, S, S, 4J)``.
    Returns:
        ``(S, S, 3J)`` in [0, 1]: view 0 (row y, col x), view 1 (row x, col z), view 2 (row z, col y).
        About 3 ms at 32.
    """
    side, J = vxudir.shape[0], vxudir.shape[-1] // 4
    views = np.zeros((side, side, 3 * J), np.float32)
    _project_largest(vxudir, J, views)
    return views


def block_sums(grid: np.ndarray, side: int) -> np.ndarray:
    """``(S, S, S)`` float64 sums over the (C/S)^3 blocks of a grid ``(C, C, C)``.

    Raises:
        ConfigError: if C is not a multiple of S.
    """
    if grid.shape[0] % side:
        raise ConfigError(
            f"a grid of {grid.shape[0]} cells cannot give a map of {side}: choose a divisor of "
            f"{grid.shape[0]} as the map's side"
        )
    sums = np.zeros((side,) * 3)
    _block_sums(grid, grid.shape[0] // side, sums)
    return sums


def _occupied_cells(grid: np.ndarray, cube: Cube, side: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Flat numbers ``(n,)`` and centres ``(n, 3)`` mm of the cells whose block sum is not below a limit."""
    place = np.argwhere(block_sums(grid, side) >= least)
    return _flat(place, side), cube.cell_centers(side)[place, np.arange(3)]


def _joint_cells(joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """``(J, 3)`` cells of joints, all of which must be inside."""
    cells = cube.cells(joints_cam_mm, side)
    outside = np.flatnonzero(((cells < 0) | (cells >= side)).any(axis=-1))
    if outside.size:
        where = np.round(np.asarray(joints_cam_mm)[outside[0]], 1).tolist()
        raise DataError(
            f"joints {outside.tolist()} are outside the cube of half side {cube.half_mm:g} mm at "
            f"{cube.center_mm} (joint {outside[0]} at {where}): they have no cell; choose a larger cube"
        )
    return cells


def _flat(cells: np.ndarray, side: int) -> np.ndarray:
    """Flat numbers ``(n,)`` of cells ``(n, 3)``."""
    return cells @ np.array([side * side, side, 1])


@njit(cache=True)
def _density(cells, grid):  # noqa: ANN001, ANN202
    """Count points per cell and divide by the largest count, touching occupied cells only."""
    largest = np.float32(1)
    for cell in cells:
        grid[cell] += np.float32(1)
        largest = max(largest, grid[cell])
    for cell in cells:
        if grid[cell] > 0:
            grid[cell] = -(grid[cell] / largest)
    for cell in cells:
        grid[cell] = abs(grid[cell])


@njit(cache=True)
def _block_sums(grid, step, sums):  # noqa: ANN001, ANN202
    """Add every cell to its block."""
    side = grid.shape[0]
    for x in range(side):
        for y in range(side):
            row = sums[x // step, y // step]
            line = grid[x, y]
            for z in range(side):
                if line[z] != 0:
                    row[z // step] += line[z]


@njit(cache=True)
def _project_largest(volume, J, views):  # noqa: ANN001, ANN202
    """Largest of the first J channels along z, y and x."""
    side = volume.shape[0]
    for x in range(side):
        for y in range(side):
            for z in range(side):
                cell = volume[x, y, z]
                for j in range(J):
                    value = cell[j]
                    if value > 0:
                        views[y, x, j] = max(views[y, x, j], value)
                        views[x, z, J + j] = max(views[x, z, J + j], value)
                        views[z, y, 2 * J + j] = max(views[z, y, 2 * J + j], value)
