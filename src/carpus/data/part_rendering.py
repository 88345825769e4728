"""From fitted hands in the world to part masks of images, many images at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.bodies.files import load_body_model
from carpus.bodies.hand_parts import HandParts, find_hand_parts
from carpus.bodies.mano import REGRESSOR_FILE, SIDES, ManoHand, find_joint_regressor, load_mano
from carpus.data.part_journal import PartEntry
from carpus.data.sources.interhand26m.annotations import JOINTS, Annotations, read_annotations
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.interhand26m.layout import annotation_file
from carpus.data.sources.interhand26m.tables import Frames, pair_code, read_cameras, read_fits, read_joints
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.render.parts import fit_error_mm, part_mask

_LOG = logging.getLogger(__name__)

_HAND = JOINTS // 2
_POSE, _SHAPE = 48, 10


@dataclass(frozen=True)
class RenderedParts:
    """One image.

    Args:
        name: the picture's path below ``images``.
        png: the mask, None if no hand has a fit.
        entry: fit errors and size.
        empty: sides whose fitted hand covers no pixel.
    """

    name: str
    png: bytes | None
    entry: PartEntry
    empty: tuple[str, ...]


@dataclass(frozen=True)
class _Fitted:
    """A hand in the world: ``(778, 3)`` and ``(21, 3)`` mm."""

    vertices: np.ndarray
    joints: np.ndarray


class PartRenderer:
    """Renders images of a split; called with their rows.

    Args:
        root: the published tree.
        split: ``train``, ``val`` or ``test``.
        body_models: folder of the MANO files and their part labels.
        standin: use stand-in hands where there are no files.
    Raises:
        DataError: naming the annotation or body model file that is missing, and where to put it.
    """

    def __init__(self, root: Path, split: str, body_models: Path, *, standin: bool = False) -> None:
        self.split, self._folder, self._allow_standin = split, body_models, standin
        model = load_body_model(body_models, "mano", "right", standin=standin)
        self.standin = model.standin
        self.parts: HandParts = find_hand_parts(body_models, model)
        load_body_model(body_models, "mano", "left", standin=standin)
        if not self.standin and find_joint_regressor(body_models) is None:
            _LOG.warning(
                "%s: no %s, so fit errors compare the annotation with MANO's own joints, which lie some "
                "millimetres off; masks do not need it",
                body_models,
                REGRESSOR_FILE,
            )
        fits = annotation_file(root, split, "MANO_NeuralAnnot")
        if not fits.is_file():
            raise DataError(
                f"{fits} is missing: the fitted hands that masks are rendered from. Get NeuralAnnot's MANO "
                "parameters from the InterHand2.6M page"
            )
        self.images: Annotations = read_annotations(root, split)
        self._cameras = read_cameras(annotation_file(root, split, "camera"))
        self._fits = read_fits(fits)
        joints = annotation_file(root, split, "joint_3d")
        self._joints, self._valid = read_joints(joints), read_joint_valid(joints)

    def name(self, row: int | np.integer) -> str:
        """The picture's path below ``images``."""
        return f"{self.split}/{self.images.names[int(row)]}"

    def __call__(self, rows: np.ndarray) -> list[RenderedParts]:
        """Masks and fit errors of images.

        Args:
            rows: ``(n,)`` places in the annotation file.
        Raises:
            DataError: naming the image whose camera or joints are missing.
        """
        numbers = self.images.numbers
        places = self._fits.rows(numbers["capture"][rows], numbers["frame_idx"][rows])
        with _one_thread():
            hands = self._hands_of(np.unique(places[places >= 0]))
        return [self._render(int(row), int(place), hands) for row, place in zip(rows, places, strict=True)]

    @cached_property
    def _models(self) -> dict[str, ManoHand]:
        # Double precision, so that a mask does not depend on the images it is rendered with.
        return {side: load_mano(self._folder, side, standin=self._allow_standin).double() for side in SIDES}

    def _hands_of(self, places: np.ndarray) -> dict[tuple[int, str], _Fitted]:
        """Both hands of fits, where they are there."""
        found: dict[tuple[int, str], _Fitted] = {}
        for number, side in enumerate(SIDES):
            fits = self._fits.values[places, number]
            known = np.isfinite(fits[:, 0])
            if not known.any():
                continue
            values = torch.from_numpy(fits[known].astype(np.float64))
            made = self._models[side](*values.split((_POSE, _SHAPE, 3), dim=1))
            pairs = zip(made.vertices_cam_mm.numpy(), made.joints_cam_mm.numpy(), strict=True)
            for place, (vertices, joints) in zip(places[known].tolist(), pairs, strict=True):
                found[place, side] = _Fitted(vertices, joints)
        return found

    def _render(self, row: int, place: int, hands: dict[tuple[int, str], _Fitted]) -> RenderedParts:
        numbers = self.images.numbers
        camera = self._cameras.row(int(numbers["capture"][row]), int(numbers["camera"][row]))
        rotation, position = self._cameras.rotation[camera], self._cameras.position_mm[camera]
        fitted = [hands.get((place, side)) for side in SIDES]
        truth, valid = self._truth(row)
        truth = (truth - position) @ rotation.T
        errors = tuple(
            None
            if hand is None
            else _rounded(fit_error_mm((hand.joints - position) @ rotation.T, truth[own], valid[own]))
            for hand, own in zip(fitted, (slice(_HAND), slice(_HAND, None)), strict=True)
        )
        if not any(fitted):
            return RenderedParts(self.name(row), None, PartEntry((errors[0], errors[1]), None), ())
        size = int(numbers["width"][row]), int(numbers["height"][row])
        lens = np.concatenate([self._cameras.focal_px[camera], self._cameras.principal_px[camera]])
        right, left = (None if hand is None else (hand.vertices - position) @ rotation.T for hand in fitted)
        mask = part_mask(right, left, self.parts, Camera.from_array(lens), size)
        empty = [side for side, hand in zip(SIDES, fitted, strict=True) if hand and not mask.pixels(side)]
        entry = PartEntry((errors[0], errors[1]), size)
        return RenderedParts(self.name(row), encode_mask(mask.labels), entry, tuple(empty))

    def _truth(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """World joints ``(42, 3)`` and which of them count ``(42,)``."""
        numbers = self.images.numbers
        frame = numbers["capture"][[row]], numbers["frame_idx"][[row]]
        place = int(self._joints.rows(*frame)[0])
        if place < 0:
            raise DataError(
                f"{self._joints.path}: capture {frame[0][0]} has no frame {frame[1][0]}; "
                f"{self.images.locate(row)} needs it"
            )
        return self._joints.values[place].astype(np.float64), self._valid.values[place]


def _rounded(error_mm: float | None) -> float | None:
    # The same number whatever is computed in the same batch.
    return None if error_mm is None else round(error_mm, 4)


def encode_mask(labels: np.ndarray) -> bytes:
    """PNG bytes of labels ``(H, W)`` uint8 in three equal channels, as DIGIT's reader expects them."""
    return cv2.imencode(".png", cv2.merge([labels] * 3), [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].tobytes()


def read_joint_valid(path: Path) -> Frames:
    """Validity of joints in the ``joint_3d`` file, ``(F, 42)`` bool.

    Args:
        path: the file.
    Raises:
        DataError: naming capture and frame whose values are not as expected.
    """
    codes, values = list[int](), list[np.ndarray]()
    with JsonStream(path) as stream:
        for capture in stream.members():
            for frame in stream.members():
                content = stream.value()
                flags = np.asarray(content.get("joint_valid"), object).reshape(-1)
                if len(flags) != JOINTS or not set(flags.tolist()) <= {0, 1}:
                    raise DataError(
                        f"{path}: joint_valid of frame '{frame}' of capture '{capture}': {JOINTS} values "
                        f"of 0 or 1 are expected, found {len(flags)} values"
                    )
                codes.append(int(pair_code(int(capture), int(frame))))
                values.append(flags.astype(bool))
    coded = np.array(codes, np.int64)
    order = np.argsort(coded, kind="stable")
    return Frames(path, coded[order], order, np.stack(values) if values else np.zeros((0, JOINTS), bool))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several processes work at once: each of them with one thread, also after a fork."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
