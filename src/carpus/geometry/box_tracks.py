"""Which box of one frame is which of the frames before: by how much they overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of every box with every other.

    Args:
        boxes: ``(N, 4)`` x, y, width, height.
        others: ``(M, 4)``.
    Returns:
        ``(N, M)`` between 0 and 1.
    Example:
        >>> overlaps(np.array([[0, 0, 10, 10]]), np.array([[5, 0, 10, 10], [20, 0, 5, 5]])).round(3)
        array([[0.333, 0.   ]])
    """
    boxes, others = np.asarray(boxes, float)[:, None], np.asarray(others, float)[None]
    first = np.maximum(boxes[..., :2], others[..., :2])
    last = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    shared = np.clip(last - first, 0, None).prod(-1)
    return shared / (boxes[..., 2:].prod(-1) + others[..., 2:].prod(-1) - shared)


class BoxTracks:
    """Numbers boxes so that one that moves little from frame to frame keeps its number.

    Args:
        least: overlap below which two boxes are different ones.
        memory_s: how long a number waits for its box to come back.
    Example:
        >>> tracks = BoxTracks()
        >>> tracks.number([np.array([0, 0, 10, 10]), np.array([50, 0, 10, 10])], 0.0)
        [1, 2]
        >>> tracks.number([np.array([51, 0, 10, 10]), np.array([90, 0, 9, 9])], 0.1)
        [2, 3]
    """

    def __init__(self, least: float = 0.3, memory_s: float = 0.5) -> None:
        self.least, self.memory_s = least, memory_s
        self._seen: dict[int, tuple[np.ndarray, float]] = {}
        self._next = 1

    def number(self, boxes: Sequence[np.ndarray], time_s: float) -> list[int]:
        """The numbers of a frame's boxes ``(4,)``, the best overlaps first.

        Args:
            boxes: x, y, width, height each.
            time_s: of the frame, in order.
        """
        self._seen = {n: seen for n, seen in self._seen.items() if time_s - seen[1] <= self.memory_s}
        found = self._known(boxes) if len(boxes) and self._seen else {}
        for row, box in enumerate(boxes):
            if row not in found:
                found[row], self._next = self._next, self._next + 1
            self._seen[found[row]] = (np.asarray(box, float), time_s)
        return [found[row] for row in range(len(boxes))]

    def _known(self, boxes: Sequence[np.ndarray]) -> dict[int, int]:
        """Number by row, of boxes that were seen before."""
        numbers = list(self._seen)
        shares = overlaps(np.stack(boxes), np.stack([self._seen[number][0] for number in numbers]))
        found: dict[int, int] = {}
        for place in np.argsort(-shares, axis=None, kind="stable"):
            row, column = (int(v) for v in np.unravel_index(place, shares.shape))
            if shares[row, column] < self.least:
                break
            if row not in found and numbers[column] not in found.values():
                found[row] = numbers[column]
        return found
