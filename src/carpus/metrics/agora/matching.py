"""Which detection is which person: nearest joints in the image first, boxes that overlap, one to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MATCHED_JOINTS = 24
"""How many joints, the first ones, measure the distance of two people."""
MIN_IOU = 0.1


@dataclass(frozen=True)
class Matching:
    """Who was matched in one image.

    Args:
        pairs: (prediction, person), in the order they were found.
        false_positives: predictions without a person, ascending.
        misses: people that count without a prediction, ascending.
        excluded: people that do not count, once for every step that met them and once more at the end.
    """

    pairs: tuple[tuple[int, int], ...]
    false_positives: tuple[int, ...]
    misses: tuple[int, ...]
    excluded: tuple[int, ...]


def match_people(
    predicted: Sequence[np.ndarray],
    true: Sequence[np.ndarray],
    valid: Sequence[bool],
    min_iou: float = MIN_IOU,
) -> Matching:
    """Match predicted to true people of one image as AGORA's evaluation does.

    All pairs are taken by the distance of their first 24 joints. A pair whose boxes overlap enough is matched
    if both are free. One whose boxes do not counts as a false positive towards the end of the search, which
    comes when every person is taken or as many predictions are used up as there are. A person that does not
    count takes no prediction away: it is only removed.

    Args:
        predicted: ``(N, 2)`` joints of each prediction, N >= 24, pixels.
        true: ``(M, 2)`` joints of each person, M >= 24, in the same picture.
        valid: which people count.
        min_iou: least overlap of the boxes of all their joints.
    Returns:
        who was matched.
    Example:
        >>> person = np.stack([np.arange(24.0), np.arange(24.0) ** 2], 1)
        >>> match_people([person + 900, person + 1], [person], [True]).pairs
        ((1, 0),)
    """
    counts = np.asarray(valid, dtype=bool)
    pairs: list[tuple[int, int]] = []
    excluded: list[int] = []
    if len(predicted) and len(true):
        distance, overlap = joint_distances(predicted, true), box_overlaps(predicted, true)
        pairs, excluded = _search(distance, overlap >= min_iou, counts)
    used, taken = {p for p, _ in pairs}, {t for _, t in pairs}
    left = [t for t in range(len(true)) if t not in taken]
    return Matching(
        tuple(pairs),
        tuple(p for p in range(len(predicted)) if p not in used),
        tuple(t for t in left if counts[t]),
        (*excluded, *(t for t in left if not counts[t])),
    )


def joint_distances(predicted: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> np.ndarray:
    """``(P, T)`` size of the ``(24, 2)`` differences of the first joints, pixels.

    Their size is the matrix norm of order 2, the largest singular value, as in the official evaluation: a
    shift counts fully, disagreement within the person only along its main direction. The sum of all squares
    would prefer another person in close calls.

    Example:
        >>> person = np.zeros((24, 2))
        >>> float(joint_distances([person + [3.0, 4.0]], [person])[0, 0].round(3))
        24.495
    """
    found, exact = (
        np.stack([np.asarray(joints, dtype=np.float64)[:MATCHED_JOINTS] for joints in people])
        for people in (predicted, true)
    )
    return np.linalg.norm(found[:, None] - exact[None], ord=2, axis=(-2, -1))


def box_overlaps(predicted: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> np.ndarray:
    """``(P, T)`` intersection over union of the boxes of all joints; a box includes its last pixel.

    Example:
        >>> corners = np.array([[0.0, 0.0], [9.0, 9.0]])
        >>> box_overlaps([corners], [corners, corners + 5, corners + 10])[0].round(3).tolist()
        [1.0, 0.143, 0.0]
    """
    low, high = _corners(predicted)
    true_low, true_high = _corners(true)
    first, last = np.maximum(low[:, None], true_low[None]), np.minimum(high[:, None], true_high[None])
    shared = np.prod(np.maximum(last - first + 1, 0), axis=-1)
    areas, true_areas = np.prod(high - low + 1, axis=-1), np.prod(true_high - true_low + 1, axis=-1)
    return shared / (areas[:, None] + true_areas[None] - shared)


def _corners(people: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """``(N, 2)`` first and last pixel of the joints of N people."""
    joints = [np.asarray(person, dtype=np.float64) for person in people]
    return np.stack([j.min(axis=0) for j in joints]), np.stack([j.max(axis=0) for j in joints])


def _search(
    distance: np.ndarray, near: np.ndarray, counts: np.ndarray
) -> tuple[list[tuple[int, int]], list[int]]:
    """Pairs in the order found, and people met that do not count."""
    predictions, people = distance.shape
    free_prediction, free_person = np.ones(predictions, dtype=bool), np.ones(people, dtype=bool)
    pairs: list[tuple[int, int]] = []
    excluded: list[int] = []
    rejected = 0
    for place in np.argsort(distance, axis=None, kind="stable"):
        if not free_person.any() or len(pairs) + rejected >= predictions:
            break
        prediction, person = divmod(int(place), people)
        if not near[prediction, person]:
            rejected += 1
        elif not (free_prediction[prediction] and free_person[person]):
            continue
        elif counts[person]:
            pairs.append((prediction, person))
            free_prediction[prediction] = False
            free_person[person] = False
        if not counts[person]:
            free_person[person] = False
            excluded.append(person)
    return pairs, excluded
