"""Joints and vertices of the parts that AGORA scores, of SMPL-X and of SMPL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, unknown
from carpus.metrics.mesh_tables import (
    HEAD_VERTICES,
    MANO_VERTICES,
    SMPL_VERTICES,
    SMPLX_VERTICES,
    Array,
    vertex_ids,
)

OFFICIAL_BODY_VERTICES = 4010
"""Length of the list of body vertices that the official evaluation of SMPL-X comes with."""


@dataclass(frozen=True)
class AgoraPart:
    """One part of a person.

    Args:
        joints: places in the joints of the layer; the root of hands and face among them.
        roots: joints whose mean is the point of alignment: both hips, a wrist, the neck.
        vertices: ``(N,)`` int64; None for all.
        misses_are_zero: whether the official mean counts people nobody found as an error of 0.
    """

    joints: tuple[int, ...]
    roots: tuple[int, ...]
    vertices: Tensor | None
    misses_are_zero: bool


@dataclass(frozen=True)
class AgoraTables:
    """The parts of a body model by name.

    Args:
        model: ``smplx`` or ``smpl``.
        parts: name to part.
        vertices: of a mesh.
        joints: the least number of joints a person must have.
        official_body: whether the vertices of the body are the official evaluation's.
    """

    model: str
    parts: Mapping[str, AgoraPart]
    vertices: int
    joints: int
    official_body: bool

    @classmethod
    def smplx(
        cls, left_hand: Array, right_hand: Array, face: Array, body: Array | None = None
    ) -> AgoraTables:
        """Body, hands and face of SMPL-X.

        Args:
            left_hand: ``(778,)`` vertices (``MANO_SMPLX_vertex_ids.pkl``).
            right_hand: ``(778,)``.
            face: ``(5023,)`` vertices of the head (``SMPL-X__FLAME_vertex_ids.npy``).
            body: ``(4010,)`` vertices of the body, the list that comes with the official evaluation, or a
                file of it. Without it every vertex outside hands and head is the body, 3896 of them: close,
                but not the official figure, and the report says so.
        Raises:
            DataError: for lists of another length.
        """
        count = SMPLX_VERTICES
        hands = [
            vertex_ids(ids, name, MANO_VERTICES, count)
            for name, ids in (("left_hand", left_hand), ("right_hand", right_hand))
        ]
        head = vertex_ids(face, "face", HEAD_VERTICES, count)
        trunk = None if body is None else vertex_ids(body, "body", None, count)
        if trunk is None:
            rest = torch.ones(count, dtype=torch.bool)
            rest[torch.cat((*hands, head))] = False
            trunk = rest.nonzero().flatten()
        parts = {
            "body": AgoraPart(tuple(range(22)), (1, 2), trunk, misses_are_zero=False),
            "left_hand": AgoraPart((20, *range(25, 40)), (20,), hands[0], misses_are_zero=True),
            "right_hand": AgoraPart((21, *range(40, 55)), (21,), hands[1], misses_are_zero=True),
            "face": AgoraPart((12, *range(76, 127)), (12,), head, misses_are_zero=True),
        }
        official = body is not None and len(trunk) == OFFICIAL_BODY_VERTICES
        return cls("smplx", parts, count, 127, official)

    @classmethod
    def smpl(cls, body: Array | None = None) -> AgoraTables:
        """The body of SMPL: 24 joints.

        Args:
            body: vertices that count, the list that comes with the official evaluation; None for all.
        """
        ids = None if body is None else vertex_ids(body, "body", None, SMPL_VERTICES)
        part = AgoraPart(tuple(range(24)), (1, 2), ids, misses_are_zero=False)
        return cls("smpl", {"body": part}, SMPL_VERTICES, 24, body is not None)

    @classmethod
    def of_models(cls, models: BodyModels, model: str, body: Array | None = None) -> AgoraTables:
        """Tables from a folder of body models.

        Args:
            models: with the files of SMPL-X's hands and head.
            model: ``smplx`` or ``smpl``.
            body: vertices of the body, see :meth:`smplx`.
        Raises:
            ConfigError: for another model.
            DataError: saying which file to put where.
        """
        if model != "smplx":
            return cls.of(model, body=body)
        hands = models.hand_vertices("left"), models.hand_vertices("right")
        return cls.smplx(*hands, models.face_vertices(), body)

    @classmethod
    def of(cls, model: str, **arrays: Any) -> AgoraTables:
        """Tables by the name of the model, with the arguments of :meth:`smplx` or :meth:`smpl`.

        Raises:
            ConfigError: for another model.
        """
        makers = {"smplx": cls.smplx, "smpl": cls.smpl}
        if model not in makers:
            raise ConfigError(unknown("body model", model, makers))
        return makers[model](**arrays)
