"""People of AGORA's pictures, predicted and true, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carpus.errors import DataError
from carpus.metrics.agora.matching import MATCHED_JOINTS
from carpus.metrics.agora.tables import AgoraTables

MAX_OCCLUSION = 90.0
"""People hidden to a larger share, in percent, do not count."""


@dataclass(frozen=True)
class Person:
    """One person, predicted or true.

    Args:
        name: what errors call it.
        joints_px: ``(N, 2)`` joints in the picture of 3840 x 2160 px, N >= 24, in the order of the layer.
        joints_cam_mm: ``(J, 3)`` joints of the layer, 127 or more of SMPL-X, 24 of SMPL.
        vertices_cam_mm: ``(V, 3)``.
        valid: whether a true person counts, apart from its occlusion.
        occlusion: percent of a true person that is hidden.
    """

    name: str
    joints_px: np.ndarray
    joints_cam_mm: np.ndarray
    vertices_cam_mm: np.ndarray
    valid: bool = True
    occlusion: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether a true person is to be found: annotated as valid and hidden to 90 % at most."""
        return bool(self.valid) and 0 <= self.occlusion <= MAX_OCCLUSION


@dataclass(frozen=True)
class AgoraImage:
    """The people of one picture.

    Args:
        name: of the picture.
        true: everybody annotated.
        predicted: everybody found.
    """

    name: str
    true: Sequence[Person]
    predicted: Sequence[Person]


def check_person(person: Person, tables: AgoraTables) -> None:
    """Refuse a person that cannot be scored; one that does not count needs only its joints in the picture.

    Raises:
        DataError: naming the person, and what is wrong with it.
    """
    _check(person, "joints_px", person.joints_px, (MATCHED_JOINTS, 2), at_least=True)
    if not person.counts:
        return
    _check(person, "joints_cam_mm", person.joints_cam_mm, (tables.joints, 3), at_least=True)
    _check(person, "vertices_cam_mm", person.vertices_cam_mm, (tables.vertices, 3), at_least=False)


def _check(person: Person, name: str, value: np.ndarray, shape: tuple[int, int], at_least: bool) -> None:
    fits = value.ndim == 2 and value.shape[1] == shape[1]
    fits = fits and (len(value) >= shape[0] if at_least else len(value) == shape[0])
    if not fits:
        more = " or more" if at_least else ""
        wanted = f"({shape[0]}{more}, {shape[1]})"
        raise DataError(f"{person.name}: {name} has shape {value.shape}, {wanted} is needed")
    if not np.isfinite(value).all():
        raise DataError(f"{person.name}: {name} holds NaN or infinite numbers")
