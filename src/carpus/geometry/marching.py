# ruff: noqa: ANN001, ANN202 (compiled functions take their types from the caller)
"""Second-order fast marching on 2D and 3D grids: distances to sources or to a zero level set.

Cells are frozen in order of distance, taken from a binary heap. The distance of a cell is the larger root of
sum over axes of (derivative)^2 = 1, where each axis uses its nearer frozen neighbour: the second-order
difference (3u - 4u1 + u2) / (2 step) when the next cell in that direction is frozen and not farther, the
first-order one otherwise. Cells at exactly the same distance leave the heap together, before any of them is
used, so the result does not depend on the heap's inner order and is reproducible to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FAR, NARROW, FROZEN, CLOSED = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
_inner_loop = njit(**_OPTIONS)
"""For code that only works on arrays it is given: counting references to them takes half the time."""
_THIRD = 1.0 / 3.0
_PAD = 2
"""Closed cells around the grid, so that a neighbour two steps away always exists."""


def march_from_seeds(active: np.ndarray, seeds: np.ndarray, step: float = 1.0) -> np.ndarray:
    """Distance inside a region from each of several seed cells.

    Args:
        active: ``(S1, S2)`` or ``(S1, S2, S3)`` bool, the cells a path may cross.
        seeds: ``(J, 2 or 3)`` int cells; a seed belongs to its own region even where ``active`` is False.
        step: length of a cell.
    Returns:
        ``(J, S1, S2[, S3])`` float64; inf where no path leads, and everywhere for a seed outside the grid.
    Example:
        >>> march_from_seeds(np.ones((2, 3), bool), np.array([[0, 0]])).round(3)
        array([[[0.   , 1.   , 2.   ],
                [1.   , 1.707, 2.514]]])
    """
    state, strides = _padded_state(active, active.shape)
    inside = ((seeds >= 0) & (seeds < np.array(active.shape))).all(axis=-1)
    starts = np.where(inside, (np.asarray(seeds, np.int64) + _PAD) @ strides, -1)
    return _unpadded(_march_seeds(state, starts, strides, float(step)), active.shape)


def march_level_set(
    phi: np.ndarray, active: np.ndarray | None = None, step: float = 1.0, band: float = np.inf
) -> np.ndarray:
    """Signed distance to the zero level set of a function on a grid.

    Cells where ``phi`` is 0 are on the set; next to a change of sign the distance follows from linear
    interpolation. The result has the sign of ``phi``.

    Args:
        phi: ``(S1, S2)`` or ``(S1, S2, S3)`` values.
        active: same shape, bool; other cells are walls. None: all.
        step: length of a cell.
        band: largest absolute distance of interest; marching stops there.
    Returns:
        float64 of the same shape; inf where the set cannot be reached or lies outside the band.
    Example:
        >>> march_level_set(np.array([[-1.0, -1.0, 0.0, 1.0]]), band=1.5)
        array([[inf, -1.,  0.,  1.]])
    """
    state, strides = _padded_state(active, phi.shape)
    values = np.zeros(tuple(side + 2 * _PAD for side in phi.shape))
    values[_inner(phi.ndim)] = phi
    distance = _march_signed(values.reshape(-1), state, strides, float(step), float(band))
    return _unpadded(distance[None], phi.shape)[0]


def _padded_state(active: np.ndarray | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Flat states of the padded grid, and the distance in it of neighbours along every axis."""
    state = np.full(tuple(side + 2 * _PAD for side in shape), CLOSED)
    state[_inner(len(shape))] = FAR if active is None else np.where(active, FAR, CLOSED)
    return state.reshape(-1), np.array(state.strides, np.int64)


def _inner(dimensions: int) -> tuple[slice, ...]:
    """The part of a padded grid that is the grid."""
    return (slice(_PAD, -_PAD),) * dimensions


def _unpadded(distance: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``(J, cells)`` of the padded grid as ``(J, *shape)``."""
    grid = distance.reshape(-1, *(side + 2 * _PAD for side in shape))
    return grid[(slice(None), *_inner(len(shape)))]


@njit(cache=True)
def _march_seeds(blank, starts, strides, step):
    """One march per start (-1: none) from the same initial states."""
    size = blank.size
    distance = np.full((starts.size, size), np.inf)
    state, sign = np.empty_like(blank), np.ones(size, np.int8)
    tied = np.empty(size, np.int32)
    queue, metric = _empty_heap(size, strides), (strides, 1.0 / step / step, step, np.inf)
    for j in range(starts.size):
        if starts[j] < 0:
            continue
        state[:] = blank
        state[starts[j]] = FROZEN
        distance[j, starts[j]] = 0.0
        tied[0] = starts[j]
        _run(tied, 1, (sign, state, distance[j]), metric, queue)
    return distance


@njit(cache=True)
def _march_signed(phi, state, strides, step, band):
    """March both sides of the zero level set of ``phi``; inf outside the band."""
    size = phi.size
    distance = np.full(size, np.inf)
    sign = np.empty(size, np.int8)
    for i in range(size):
        sign[i] = 0 if state[i] == CLOSED or phi[i] == 0 else (1 if phi[i] > 0 else -1)
    tied = np.empty(size, np.int32)
    frozen = _freeze_level_set(phi, sign, state, distance, strides, step, tied)
    metric = (strides, 1.0 / step / step, step, band)
    _run(tied, frozen, (sign, state, distance), metric, _empty_heap(size, strides))
    for i in range(size):
        if state[i] == NARROW:
            distance[i] = np.inf
    return distance


@njit(cache=True)
def _empty_heap(cells, strides):
    """Room for every entry a march can make: each frozen cell renews at most four others per axis."""
    room = 4 * strides.size * cells
    return np.empty(room), np.empty(room, np.int32)


@njit(cache=True)
def _freeze_level_set(phi, sign, state, distance, strides, step, tied):
    """Freeze the cells on the zero level set and beside it; lists them in ``tied``, returns their number."""
    count = 0
    for i in range(phi.size):
        if sign[i] == 0:
            if state[i] == CLOSED:
                continue
            distance[i] = 0.0
        else:
            inverse_square = 0.0
            for axis in range(strides.size):
                stride = strides[axis]
                low, high = sign[i - stride] * sign[i] < 0, sign[i + stride] * sign[i] < 0
                if low or high:
                    nearest = np.inf
                    if low:
                        nearest = step * phi[i] / (phi[i] - phi[i - stride])
                    if high:
                        nearest = min(nearest, step * phi[i] / (phi[i] - phi[i + stride]))
                    inverse_square += 1.0 / nearest / nearest
            if inverse_square == 0.0:
                continue
            distance[i] = np.sqrt(1.0 / inverse_square) * sign[i]
        state[i] = FROZEN
        tied[count] = i
        count += 1
    return count


@_inner_loop
def _run(tied, ties, cells, metric, queue):
    """Update around the frozen cells in ``tied``, freeze the nearest open ones, repeat inside the band.

    Args:
        tied: cells frozen last; overwritten.
        ties: how many they are.
        cells: per cell: sign of phi; state; distance, final where frozen.
        metric: strides, 1 / step^2, step, band.
        queue: keys and cells of the heap. An entry counts as long as its key agrees with the cell's
            distance; a renewed cell gets another entry.
    """
    _, state, distance = cells
    keys, heap = queue
    count, first = 0, True
    while ties > 0:
        for k in range(ties):
            count = _update_around(tied[k], first, cells, metric, queue, count)
        ties, level, first = 0, metric[3], False
        while count > 0 and keys[0] <= level:
            i, key = heap[0], keys[0]
            count = _drop_top(keys, heap, count)
            if state[i] == NARROW and abs(distance[i]) == key:
                level = key
                state[i] = FROZEN
                tied[ties] = i
                ties += 1


@_inner_loop
def _update_around(i, first, cells, metric, queue, count):
    """Recompute the cells whose differences can use a newly frozen one; returns the heap's new size.

    In the first turn nothing is frozen between two updates, so each cell is computed once.
    """
    sign, state, distance = cells
    strides, weight, step, band = metric
    for axis in range(strides.size):
        for side in range(-1, 2, 2):
            offset = side * strides[axis]
            near = i + offset
            if state[near] == FROZEN:
                # Behind a frozen cell: its second-order difference may use the new one.
                if state[near + offset] != NARROW or not _is_upwind(distance[i], distance[near]):
                    continue
                near += offset
            if state[near] == CLOSED or (first and state[near] == NARROW):
                continue
            found = _solve(near, sign, state, distance, strides, weight, step)
            if state[near] == NARROW and found == distance[near]:
                continue
            state[near] = NARROW
            distance[near] = found
            if abs(found) <= band:
                _insert(queue[0], queue[1], count, abs(found), near)
                count += 1
    return count


@_inner_loop
def _is_upwind(beyond, first):
    """Whether a cell lies on the source's side of its neighbour; on the level set either side counts."""
    return (beyond <= first and first >= 0) or (beyond >= first and first <= 0)


@_inner_loop
def _solve(i, sign, state, distance, strides, weight, step):
    """The distance of a cell from its frozen neighbours.

    Where the second-order differences of two axes contradict each other (no real root) the first-order ones
    are used, and where these do too, the nearest neighbour alone.
    """
    a, b, c = 0.0, 0.0, 0.0
    for axis in range(strides.size):
        stride = strides[axis]
        first, second = np.inf, np.inf
        for side in range(-1, 2, 2):
            near = i + side * stride
            if state[near] == FROZEN and abs(distance[near]) < abs(first):
                first = distance[near]
                beyond = near + side * stride
                if state[beyond] == FROZEN and _is_upwind(distance[beyond], first):
                    second = distance[beyond]
        if second < np.inf:
            place = _THIRD * (4.0 * first - second)
            a, b, c = a + weight * 2.25, b - weight * 2.0 * 2.25 * place, c + weight * 2.25 * (place * place)
        elif first < np.inf:
            a, b, c = a + weight, b - weight * 2.0 * first, c + weight * (first * first)
    root = b * b - 4.0 * a * (c - 1.0)
    if root >= 0:
        return (-b + sign[i] * np.sqrt(root)) / 2.0 / a
    return _solve_first_order(i, sign, state, distance, strides, weight, step)


@_inner_loop
def _solve_first_order(i, sign, state, distance, strides, weight, step):
    """:func:`_solve` with first-order differences only."""
    a, b, c = 0.0, 0.0, 0.0
    nearest = np.inf
    for axis in range(strides.size):
        stride = strides[axis]
        low = distance[i - stride] if state[i - stride] == FROZEN else np.inf
        high = distance[i + stride] if state[i + stride] == FROZEN else np.inf
        first = high if abs(high) < abs(low) else low
        if first == np.inf:
            continue
        if abs(first) < abs(nearest):
            nearest = first
        a, b, c = a + weight, b - weight * 2.0 * first, c + weight * (first * first)
    root = b * b - 4.0 * a * (c - 1.0)
    return (-b + sign[i] * np.sqrt(root)) / 2.0 / a if root >= 0 else nearest + sign[i] * step


@_inner_loop
def _insert(keys, heap, place, key, cell):
    """Put an entry at a leaf and move it up past every larger parent."""
    while place > 0:
        parent = (place - 1) >> 1
        if key >= keys[parent]:
            break
        keys[place], heap[place] = keys[parent], heap[parent]
        place = parent
    keys[place], heap[place] = key, cell


@_inner_loop
def _drop_top(keys, heap, count):
    """Remove the smallest entry: smaller children move up to a leaf, where the last entry rises again."""
    count -= 1
    key, cell = keys[count], heap[count]
    place, child = 0, 1
    while child < count:
        if child + 1 < count and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[place], heap[place] = keys[child], heap[child]
        place, child = child, 2 * child + 1
    keys[place], heap[place] = key, cell
    return count
