"""The publisher's files of FreiHAND as hands with MANO fits; what the fits lack is solved for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carpus.bodies.files import load_body_model
from carpus.data.sources.freihand import layout
from carpus.data.sources.freihand.labels import Labels, read_labels
from carpus.data.sources.interhand26m.annotations import Texts
from carpus.data.whole_body_fits import Fits
from carpus.data.whole_body_people import People
from carpus.errors import DataError
from carpus.geometry.person_boxes import box_of_points

_POSE, _SHAPE = 48, 10
_ENLARGE = 1.2


@dataclass(frozen=True)
class OwnHands:
    """Hands of a split.

    Args:
        people: pictures and boxes.
        camera: ``(N, 4)``.
        fits: numbered by ``pose``; None where no fits are published.
        pose: ``(N,)``.
        truth: ``joints_px``, ``joints_cam_mm``, ``vertices_cam_mm`` ``(P, …)`` of test hands, as far as they
            are published.
    """

    people: People
    camera: np.ndarray
    fits: Fits | None
    pose: np.ndarray
    truth: Mapping[str, np.ndarray]


def read_own(root: Path, split: str, body_models: Path, standin: bool) -> OwnHands:
    """Hands of ``training_K.json``, ``training_xyz.json``, ``training_mano.json`` … of a split.

    Args:
        root: the tree.
        split: ``train`` or ``test``.
        body_models: folder of MANO's files.
        standin: take a stand-in hand if there is none.
    Raises:
        DataError: naming the file that is missing or damaged.
    """
    labels = read_labels(root, split, vertices=split == "test")
    if labels.camera is None:
        raise DataError(
            f"{layout.labels(root, split, 'K')} is missing: hands with MANO fits need the publisher's files "
            "(training_K.json, training_xyz.json, training_mano.json), mmpose's key points have no fits"
        )
    truth = {}
    if split == "test" and labels.joints_px is not None:
        truth = {"joints_px": labels.joints_px, "joints_cam_mm": labels.values["xyz"]}
    if "verts" in labels.values:
        truth["vertices_cam_mm"] = labels.values["verts"]
    fits = None
    if "mano" in labels.values and "xyz" in labels.values:
        fits = _solved(labels, layout.labels(root, split, "mano"), body_models, standin)
    elif split == "train":
        raise DataError(f"{layout.labels(root, split, 'mano')} is missing; training needs MANO fits")
    return OwnHands(_people(root, labels), labels.camera[labels.pose], fits, labels.pose, truth)


def solve_translation_m(
    wrist_m: np.ndarray,
    shape: np.ndarray,
    joint_regressor: np.ndarray,
    template: np.ndarray,
    basis: np.ndarray,
) -> np.ndarray:
    """Where a hand of given shape must be moved so that its wrist lies where it was measured.

    MANO turns the hand about its wrist, so the wrist of a model that is not moved depends on the shape alone.

    Args:
        wrist_m: ``(N, 3)`` measured.
        shape: ``(N, S)`` coefficients, as many of the basis' columns are used.
        joint_regressor: ``(16, 778)``, the wrist first.
        template: ``(778, 3)``.
        basis: ``(778, 3, S or more)``.
    Returns:
        ``(N, 3)`` metres.
    Example:
        >>> regressor, template = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0, 0.1], [1.0, 1.0, 1.0]])
        >>> wrist, flat, basis = np.array([[0.0, 0.0, 0.6]]), np.zeros((1, 1)), np.zeros((2, 3, 1))
        >>> solve_translation_m(wrist, flat, regressor, template, basis)
        array([[0. , 0. , 0.5]])
    """
    row = np.asarray(joint_regressor[0], np.float64)
    directions = np.einsum("v,vcs->cs", row, np.asarray(basis[..., : shape.shape[1]], np.float64))
    return wrist_m - (row @ np.asarray(template, np.float64) + shape.astype(np.float64) @ directions.T)


def _solved(labels: Labels, path: Path, body_models: Path, standin: bool) -> Fits:
    numbers = labels.values["mano"]
    shape = numbers[:, _POSE : _POSE + _SHAPE]
    model = load_body_model(body_models, "mano", "right", standin=standin)
    regressor = model.arrays["J_regressor"]
    dense = regressor.toarray() if hasattr(regressor, "toarray") else np.asarray(regressor)
    trans = solve_translation_m(
        labels.values["xyz"][:, 0].astype(np.float64) / 1000,
        shape,
        dense,
        np.asarray(model.arrays["v_template"]),
        np.asarray(model.arrays["shapedirs"]),
    )
    count = len(numbers)
    values = np.concatenate([numbers[:, : _POSE + _SHAPE], trans], 1).astype(np.float32)
    order = np.arange(count)
    return Fits(
        path,
        "mano",
        order,
        order,
        values,
        np.full((count, 4), np.nan),
        np.zeros((count, 3), np.int8),
        np.zeros(count, np.int8),
    )


def _people(root: Path, labels: Labels) -> People:
    """One hand per picture; its box is that of its joints, or the whole picture where they are not public."""
    names = Texts()
    for image in labels.images:
        names.append(image)
    rows = np.arange(len(labels.images))
    if labels.joints_px is None:
        boxes = np.tile(np.array([0, 0, *layout.SIZE_WH], np.float32), (len(rows), 1))
    else:
        boxes = box_of_points(labels.joints_px, enlarge=_ENLARGE)[labels.pose]
    images = {"id": rows, "image_wh": np.tile(np.array(layout.SIZE_WH), (len(rows), 1))}
    return People(root / labels.path.name, names, images, {"id": rows, "image": rows, "bbox_xywh_px": boxes})
