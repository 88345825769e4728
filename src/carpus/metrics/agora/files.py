"""Score AGORA's result files against its published data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from carpus.bodies.library import GENDERS, BodyModels
from carpus.data.agora_pickles import Frame, read_frame
from carpus.data.agora_rows import image_of
from carpus.data.results.agora_check import AgoraResult, AgoraResults
from carpus.data.results.agora_format import ROTATIONS, content_faults, image_stem
from carpus.errors import DataError
from carpus.metrics.agora.people import AgoraImage, Person
from carpus.metrics.agora.scoring import AgoraReport, AgoraTally
from carpus.metrics.agora.tables import AgoraTables

_ORDER = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
"""Poses in the order of our layers; eyes are left out, which moves no more than the eyeballs."""


def score_agora_files(
    predictions: Path | str,
    frames: Sequence[Path | str],
    tables: AgoraTables,
    models: BodyModels | None = None,
) -> AgoraReport:
    """Score result files by AGORA's official evaluation.

    Args:
        predictions: folder or archive of result files.
        frames: data frames with ``gt_joints_2d``, ``gt_joints_3d`` and ``gt_verts`` (named ``…_withjv.pkl``).
        tables: parts of the body model.
        models: body models for results that hold parameters.
    Returns:
        the report; results of pictures that the frames lack are told in its notes.
    Raises:
        DataError: naming the file, row or person at fault.
    """
    results = AgoraResults(predictions)
    members, tally = results.by_image(), AgoraTally(tables)
    for stem, true in true_people(frames, tables.model):
        found = [results.read(name) for name in members.pop(stem, [])]
        tally.add(AgoraImage(stem, true, predicted_people(found, results.path, tables.model, models)))
    if not tally.images:
        raise DataError(f"{', '.join(map(str, frames)) or 'no data frame'}: there is no picture to score")
    if members and not tally.matched + tally.false_positives:
        known = next(iter(members))
        raise DataError(
            f"{results.path}: none of its pictures is in the data frames, the first is {known}; are both of "
            "the same split?"
        )
    if not members:
        return tally.report()
    more = sum(map(len, members.values()))
    return tally.report([f"{more} results of {len(members)} pictures that the frames lack were left out"])


def true_people(frames: Iterable[Path | str], model: str) -> Iterator[tuple[str, list[Person]]]:
    """Pictures of data frames, with everybody in them.

    Args:
        frames: paths.
        model: ``smplx`` or ``smpl``.
    Yields:
        the picture's name without ending, and its people.
    Raises:
        DataError: naming the file and what is wrong, or a picture that is there twice.
    """
    seen: dict[str, Path] = {}
    for path in map(Path, frames):
        frame = read_frame(path)
        for name in ("imgPath", "gt_joints_2d", "gt_joints_3d", "gt_verts", "isValid", "occlusion"):
            if name not in frame:
                raise DataError(
                    f"{path} has no column '{name}'; scoring needs the frames with true joints and vertices, "
                    "which the official project_joints program adds (…_withjv.pkl)"
                )
        for row in range(len(frame)):
            stem = image_stem(image_of(frame, row))
            if stem in seen:
                raise DataError(f"{path}: row {row}: picture {stem} was in {seen[stem]} already")
            seen[stem] = path
            yield stem, _row_people(frame, row, model)


def _row_people(frame: Frame, row: int, model: str) -> list[Person]:
    columns = {
        name: frame.people(row, name)
        for name in ("gt_joints_2d", "gt_joints_3d", "gt_verts", "isValid", "occlusion")
    }
    if len({len(values) for values in columns.values()}) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise DataError(f"{frame.path}: row {row}: columns differ in people: {counts}")
    people = []
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        where = f"{frame.path}: row {row}, person {number}"
        joints_px, joints_m, vertices_m, valid, occlusion = values
        joints = _points(joints_m, 3, where) * 1000.0
        people.append(
            Person(
                where,
                _points(joints_px, 2, where),
                joints[:24] if model == "smpl" else joints,
                _points(vertices_m, 3, where) * 1000.0,
                bool(valid),
                float(occlusion),
            )
        )
    return people


def _points(values: Any, size: int, where: str) -> np.ndarray:
    """``(N, size)`` float64; a batch of one comes without its wrapping."""
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{where}: joints or vertices are no array of numbers") from None
    points = points[0] if points.ndim == 3 and len(points) == 1 else points
    if points.ndim != 2 or points.shape[1] != size:
        raise DataError(f"{where}: points have shape {points.shape}, (N, {size}) is expected")
    return points


def predicted_people(
    results: Sequence[AgoraResult], path: Path, model: str, models: BodyModels | None
) -> list[Person]:
    """People of one picture, their meshes made of parameters where they have those.

    Args:
        results: files of people.
        path: folder or archive they are from, for messages.
        model: ``smplx`` or ``smpl``.
        models: body models; needed for parameters.
    Raises:
        DataError: naming a file whose content cannot be used.
    """
    for result in results:
        if faults := content_faults(result.content, model):
            raise DataError(f"{path}: {result.name} {'; '.join(faults)}")
    with_params = [result for result in results if "params" in result.content]
    meshes = dict(zip((r.name for r in with_params), _meshes(with_params, path, model, models), strict=True))
    people = []
    for result in results:
        content = result.content
        if result.name not in meshes:
            meshes[result.name] = (
                _points(content["allSmplJoints3d"], 3, result.name) * 1000.0,
                (_points(content["verts"], 3, result.name) * 1000.0),
            )
        joints, vertices = meshes[result.name]
        people.append(Person(f"{path}: {result.name}", content["joints"], joints, vertices))
    return people


def _meshes(
    results: Sequence[AgoraResult], path: Path, model: str, models: BodyModels | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joints and vertices in mm of people given by parameters."""
    if not results:
        return []
    if models is None:
        raise DataError(
            f"{path}: {results[0].name} holds parameters; give the folder of body models to score it"
        )
    given: dict[str, list[np.ndarray]] = {"pose": [], "shape": [], "trans_m": []}
    if model == "smplx":
        given["expr"] = []
    for result in results:
        for name, numbers in _arguments(result, path, model).items():
            given[name].append(numbers)
    genders = [_gender(result, model) for result in results]
    arguments = {name: torch.from_numpy(np.stack(rows)).float() for name, rows in given.items()}
    with torch.inference_mode():
        mesh = models.mixed(model, genders, **arguments)
    joints, vertices = (values.double().cpu().numpy() * 1000.0 for values in (mesh.joints_m, mesh.vertices_m))
    return list(zip(joints, vertices, strict=True))


def _arguments(result: AgoraResult, path: Path, model: str) -> dict[str, np.ndarray]:
    """What our layers take of one person."""
    content, params = result.content, result.content["params"]
    if params["betas"].size != 10 or str(_item(content.get("age", "adult"))) == "kid":
        what = "a child" if params["betas"].size == 10 else "of more than 10 betas"
        raise DataError(
            f"{path}: {result.name} is {what}; bodies of adults with 10 coefficients of shape can be made, "
            "others must come as verts and allSmplJoints3d"
        )
    poses = [_axis_angle(params[name]) for name in _ORDER if name in ROTATIONS[model]]
    found = {
        "pose": np.concatenate(poses),
        "shape": params["betas"].reshape(-1).astype(np.float64),
        "trans_m": params["transl"].reshape(-1).astype(np.float64),
    }
    return found | ({"expr": params["expression"].reshape(-1).astype(np.float64)} if model == "smplx" else {})


def _axis_angle(pose: np.ndarray) -> np.ndarray:
    if pose.shape[-2:] == (3, 3) and pose.ndim == 4:
        return Rotation.from_matrix(pose.reshape(-1, 3, 3)).as_rotvec().reshape(-1)
    return pose.reshape(-1).astype(np.float64)


def _gender(result: AgoraResult, model: str) -> str:
    """AGORA scores SMPL by the neutral body whatever a result says."""
    gender = str(_item(result.content.get("gender", GENDERS[0])))
    return GENDERS[0] if model == "smpl" else gender


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value
