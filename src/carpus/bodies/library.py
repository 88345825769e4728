"""The body models of one folder, read when they are first needed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from carpus.bodies.companions import load_companion
from carpus.bodies.files import load_body_model
from carpus.bodies.layers import BodyLayer, BodyMesh, FlameHead, HandBody, SmplBody, SmplxBody
from carpus.bodies.mano import repair_left_shape
from carpus.bodies.models import BodyModel, model_kind
from carpus.errors import DataError
from carpus.skeletons.whole_body_datasets import hand_regressor_rows

GENDERS = ("neutral", "male", "female")
"""What 0, 1 and 2 mean in the field ``gender`` of records."""

_LAYERS: dict[str, Callable[[BodyModel], BodyLayer]] = {
    "smplx": SmplxBody,
    "smpl": SmplBody,
    "mano": HandBody,
    "flame": FlameHead,
}


class BodyModels:
    """Layers and regressors of a folder of body models, by device.

    Nothing is read before it is asked for, so that a method that needs the neutral body does not need the
    gendered ones. No module owns the layers: they are neither saved nor sent between processes.

    Args:
        folder: ``paths.body_models``.
        standin: use stand-ins for files that are missing.
    Example:
        >>> models = BodyModels("nowhere", standin=True)
        >>> body = models.smplx("neutral")
        >>> body(torch.zeros(2, 159), torch.zeros(2, 10)).joints_m.shape
        torch.Size([2, 144, 3])
    """

    def __init__(self, folder: Path | str, *, standin: bool = False) -> None:
        self.folder, self._standin = Path(folder), standin
        self._layers: dict[tuple[str, str, str], BodyLayer] = {}
        self._tables: dict[tuple[str, str], Tensor] = {}

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_standin": self._standin, "_layers": {}, "_tables": {}}

    @property
    def standins(self) -> list[str]:
        """What of the layers read so far is not the published model: ``smplx neutral``."""
        return sorted({f"{k} {v}" for (k, v, _), layer in self._layers.items() if layer.standin})

    def layer(self, kind: str, variant: str, device: torch.device | str = "cpu") -> BodyLayer:
        """A model as a layer on a device, read once.

        Args:
            kind: ``smplx``, ``smpl``, ``mano`` or ``flame``.
            variant: ``right`` or ``left`` for MANO, else ``neutral``, ``male`` or ``female``.
            device: where its arguments lie.
        Raises:
            ConfigError: for a kind or variant nobody knows.
            DataError: saying which file to put where, or what is wrong with it.
        """
        model_kind(kind)
        place = _place(device)
        if (kind, variant, place) not in self._layers:
            if place == "cpu":
                made = _LAYERS[kind](self.model(kind, variant))
            else:
                made = copy.deepcopy(self.layer(kind, variant)).to(device)
            self._layers[kind, variant, place] = made.eval()
        return self._layers[kind, variant, place]

    def model(self, kind: str, variant: str) -> BodyModel:
        """The checked content of a model; a left MANO hand repaired, FLAME with its landmarks.

        Raises:
            DataError: saying which file to put where, or what is wrong with it.
        """
        model = load_body_model(self.folder, kind, variant, standin=self._standin)
        if kind == "flame":
            return flame_with_landmarks(model, self.folder, standin=self._standin)
        if kind == "mano" and variant == "left":
            right = load_body_model(self.folder, "mano", "right", standin=self._standin)
            if model.standin != right.standin:
                raise DataError(f"one hand is published, the other is not: {right.source} and {model.source}")
            return repair_left_shape(model, right)
        return model

    def smplx(self, gender: str = "neutral", device: torch.device | str = "cpu") -> SmplxBody:
        """SMPL-X of a gender."""
        return self.layer("smplx", gender, device)  # pyright: ignore[reportReturnType]

    def smpl(self, gender: str = "neutral", device: torch.device | str = "cpu") -> SmplBody:
        """SMPL of a gender."""
        return self.layer("smpl", gender, device)  # pyright: ignore[reportReturnType]

    def mano(self, side: str, device: torch.device | str = "cpu") -> HandBody:
        """MANO's ``right`` or ``left`` hand."""
        return self.layer("mano", side, device)  # pyright: ignore[reportReturnType]

    def flame(self, gender: str = "neutral", device: torch.device | str = "cpu") -> FlameHead:
        """FLAME of a gender."""
        return self.layer("flame", gender, device)  # pyright: ignore[reportReturnType]

    def mixed(self, kind: str, variants: list[str], **arguments: Tensor | None) -> BodyMesh:
        """A batch whose rows are of different genders or sides.

        Args:
            kind: ``smplx``, ``smpl``, ``mano`` or ``flame``.
            variants: of every row.
            arguments: as the layer's ``forward`` takes them.
        Returns:
            The rows in their order.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        device = next(iter(given.values())).device
        if len(set(variants)) == 1:
            return self.layer(kind, variants[0], device)(**given)
        order, parts = [], []
        for variant in sorted(set(variants)):
            rows = [row for row, name in enumerate(variants) if name == variant]
            chosen = torch.tensor(rows, device=device)
            parts.append(self.layer(kind, variant, device)(**{k: v[chosen] for k, v in given.items()}))
            order += rows
        back = torch.tensor(np.argsort(order), device=device)
        return BodyMesh(
            torch.cat([part.vertices_m for part in parts])[back],
            torch.cat([part.joints_m for part in parts])[back],
        )

    def hand_vertices(self, side: str, device: torch.device | str = "cpu") -> Tensor:
        """``(778,)`` int64 vertices of SMPL-X that are MANO's ``left`` or ``right`` hand."""
        return self._table("hand_vertices " + side, device)

    def face_vertices(self, device: torch.device | str = "cpu") -> Tensor:
        """``(5023,)`` int64 vertices of SMPL-X that are FLAME's."""
        return self._table("face_vertices", device)

    def j14_regressor(self, device: torch.device | str = "cpu") -> Tensor:
        """``(14, 10475)`` the joints of :data:`~carpus.skeletons.LSP_14` from SMPL-X."""
        return self._table("j14", device)

    def human36m_regressor(self, kind: str, device: torch.device | str = "cpu") -> Tensor:
        """``(17, V)`` the joints of :data:`~carpus.skeletons.HUMAN36M` from ``smplx`` or ``smpl``."""
        return self._table("h36m " + kind, device)

    def joint_regressor(self, device: torch.device | str = "cpu") -> Tensor:
        """``(55, 10475)`` the centres of rotation of the neutral SMPL-X body."""
        return self.smplx("neutral", device).joint_regressor

    def hand_regressor(self, side: str, device: torch.device | str = "cpu") -> Tensor:
        """``(21, 10475)`` joints of a ``left`` or ``right`` hand from SMPL-X, in the order of ``SNAP``."""
        return self._table("hand_joints " + side, device)

    def _table(self, name: str, device: torch.device | str) -> Tensor:
        place = _place(device)
        if (name, place) not in self._tables:
            with torch.inference_mode(False):
                self._tables[name, place] = torch.as_tensor(self._read_table(name), device=device)
        return self._tables[name, place]

    def _read_table(self, name: str) -> np.ndarray:
        what, _, which = name.partition(" ")
        if what == "hand_vertices":
            return self._companion("mano_vertices")[which]
        if what == "face_vertices":
            return self._companion("flame_vertices")
        if what == "hand_joints":
            return self._hand_rows(which)
        return self._companion("smplx_to_j14" if what == "j14" else f"h36m_{which}").astype(np.float32)

    def _companion(self, name: str) -> np.ndarray:
        return load_companion(self.folder, name, standin=self._standin)

    def _hand_rows(self, side: str) -> np.ndarray:
        regressor = self.joint_regressor().numpy()
        rows = np.zeros((21, regressor.shape[1]), np.float32)
        for row, (what, number) in zip(rows, hand_regressor_rows(side), strict=True):
            if what == "joint":
                row[:] = regressor[number]
            else:
                row[number] = 1
        return rows


def _place(device: torch.device | str) -> str:
    """One name per device: ``cuda`` is the current one of them."""
    given = torch.device(device)
    if given.type == "cuda" and given.index is None:
        return f"cuda:{torch.cuda.current_device()}"
    return str(given)


@lru_cache(maxsize=8)
def body_models(folder: Path | str, standin: bool = False) -> BodyModels:
    """The library of a folder, shared by everybody in the process who asks for it.

    Args:
        folder: ``paths.body_models``.
        standin: use stand-ins for files that are missing.
    """
    return BodyModels(folder, standin=standin)


def flame_with_landmarks(model: BodyModel, folder: Path | str, *, standin: bool = False) -> BodyModel:
    """FLAME's content with the landmarks that its publishers keep in files of their own.

    Args:
        model: FLAME's content.
        folder: ``paths.body_models``.
        standin: use stand-ins for files that are missing.
    Raises:
        DataError: saying which file to put where, or what is wrong with it.
    """
    arrays = dict(model.arrays)
    for name, prefix in (("flame_static", "lmk"), ("flame_dynamic", "dynamic_lmk")):
        faces, weights = load_companion(folder, name, standin=standin or model.standin)
        arrays |= {f"{prefix}_faces_idx": faces, f"{prefix}_bary_coords": weights}
    return replace(model, arrays=arrays)
