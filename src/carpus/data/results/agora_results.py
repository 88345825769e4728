"""Write AGORA's result files: one pickle per person, and the archive its server takes."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.results.agora_format import (
    FOLDER,
    NAME,
    check_model,
    content_faults,
    image_stem,
    parameter_shapes,
)
from carpus.data.results.text import write_atomic
from carpus.errors import DataError

_PROTOCOL = 4
_NAMES = {
    **{"cam_trans": "transl", "root_pose": "global_orient", "body_pose": "body_pose", "shape": "betas"},
    **{"lhand_pose": "left_hand_pose", "rhand_pose": "right_hand_pose"},
    **{"jaw_pose": "jaw_pose", "expr": "expression"},
}
"""Names of body parameters in predictions, and in AGORA's files."""


def agora_params(body_params: Mapping[str, Any], model: str = "smplx") -> dict[str, np.ndarray]:
    """Parameters of one person by AGORA's names and in its shapes.

    Args:
        body_params: ``root_pose``, ``body_pose``, ``shape``, ``cam_trans``; of SMPL-X also ``lhand_pose``,
            ``rhand_pose``, ``jaw_pose``, ``expr``: arrays or tensors of one person. SMPL's ``body_pose`` may
            lack the two hands, whose rotations are 0 then. Eyes look ahead.
        model: ``smplx`` or ``smpl``.
    Returns:
        Float32 arrays; axis-angle.
    Raises:
        DataError: naming a parameter that is missing or of another size.
    Example:
        >>> zeros = {"root_pose": 3, "body_pose": 63, "shape": 10, "cam_trans": 3}
        >>> params = agora_params({name: np.zeros(size) for name, size in zeros.items()}, "smpl")
        >>> params["body_pose"].shape, params["transl"].shape
        ((1, 23, 3), (1, 3))
    """
    model = check_model(model)
    given = {_NAMES[name]: _array(value) for name, value in body_params.items() if name in _NAMES}
    made = {}
    for name, shape in parameter_shapes(model).items():
        size = int(np.prod(shape))
        if name in ("leye_pose", "reye_pose"):
            made[name] = np.zeros(shape, dtype=np.float32)
            continue
        if name not in given:
            own = next(ours for ours, theirs in _NAMES.items() if theirs == name)
            raise DataError(f"results of AGORA need body_params['{own}'], which the method does not predict")
        numbers = given[name].reshape(-1).astype(np.float32)
        if model == "smpl" and name == "body_pose" and numbers.size == size - 6:
            numbers = np.concatenate([numbers, np.zeros(6, dtype=np.float32)])
        if numbers.size != size:
            raise DataError(f"'{name}' of a result of AGORA has {size} numbers, {numbers.size} were given")
        made[name] = numbers.reshape(shape)
    return made


class AgoraResultWriter:
    """Writes one file per person into an empty folder, and the archive that the server takes.

    Args:
        folder: where the files go; it is made.
        model: ``smplx`` or ``smpl``.
        overwrite: empty the folder of result files first.
    Raises:
        DataError: if the folder holds files that would be taken for results, or anything else.
    """

    def __init__(self, folder: Path | str, model: str = "smplx", overwrite: bool = False) -> None:
        self.folder, self.model = Path(folder), check_model(model)
        self._written: set[str] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            old = sorted(self.folder.iterdir())
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be used for results: {error.strerror or error}") from None
        if overwrite:
            for file in [file for file in old if NAME.fullmatch(file.name)]:
                file.unlink()
            old = sorted(self.folder.iterdir())
        if old:
            raise DataError(
                f"{self.folder} holds {old[0].name}{f' and {len(old) - 1} more' if len(old) > 1 else ''}: "
                "results of AGORA go into an empty folder, or people of another run would be scored with them"
            )

    def write(
        self, image: str, person_id: int, joints_px: Any, params: Mapping[str, Any], **options: Any
    ) -> Path:
        """Write a person.

        Args:
            image: file name of the picture; its ending and the mark of the small picture are left out.
            person_id: number of the person in the picture, from the annotation or the detections.
            joints_px: ``(N, 2)`` joints of the layer in pixels of the picture of 3840 x 2160: 144 of SMPL-X.
            params: by AGORA's names and in its shapes, see :func:`agora_params`.
            options: ``gender``, ``age``, ``kid_flag``, ``num_betas``, ``pose2rot``.
        Returns:
            the file.
        Raises:
            DataError: listing what the server would refuse, or for a person that was written before.
        """
        name = self._name(image, person_id)
        joints = np.ascontiguousarray(_array(joints_px), dtype=np.float32)
        content = {
            "params": {key: np.ascontiguousarray(_array(value)) for key, value in params.items()},
            "joints": joints,
            **options,
        }
        self._store(name, content)
        return self.folder / name

    def write_people(
        self,
        images: Sequence[str],
        person_ids: Sequence[int] | Any,
        joints_px: Any,
        body_params: Mapping[str, Any],
    ) -> list[Path]:
        """Write a batch of predictions.

        Args:
            images: B file names of pictures.
            person_ids: ``(B,)`` numbers of the people in them.
            joints_px: ``(B, N, 2)``, see :meth:`write`.
            body_params: as predictions have them, ``(B, *)`` each, see :func:`agora_params`.
        Returns:
            the files.
        """
        joints = _array(joints_px)
        arrays = {name: _array(value) for name, value in body_params.items()}
        return [
            self.write(
                image,
                int(person),
                joints[row],
                agora_params({name: value[row] for name, value in arrays.items()}, self.model),
            )
            for row, (image, person) in enumerate(zip(images, person_ids, strict=True))
        ]

    def write_mesh(
        self, image: str, person_id: int, joints_px: Any, vertices_cam_mm: Any, joints_cam_mm: Any
    ) -> Path:
        """Write a person as vertices ``(V, 3)`` and joints ``(J, 3)`` in mm; see :meth:`write`."""
        name = self._name(image, person_id)
        content = {
            "joints": np.ascontiguousarray(_array(joints_px), dtype=np.float32),
            "verts": (_array(vertices_cam_mm) / 1000.0).astype(np.float32),
            "allSmplJoints3d": (_array(joints_cam_mm) / 1000.0).astype(np.float32),
        }
        self._store(name, content)
        return self.folder / name

    def zip(self, path: Path | str) -> Path:
        """The archive for the server: all files in a folder ``predictions``.

        Args:
            path: of the archive; it appears when it is complete.
        Raises:
            DataError: if nothing was written.
        """
        return zip_results(self.folder, path)

    def _name(self, image: str, person_id: int) -> str:
        name = f"{image_stem(image)}_personId_{_number(person_id)}.pkl"
        if name in self._written:
            raise DataError(
                f"{self.folder / name}: this person was written before; people of a picture have numbers of "
                "their own"
            )
        return name

    def _store(self, name: str, content: Mapping[str, Any]) -> None:
        faults = content_faults(content, self.model)
        if faults:
            raise DataError(f"{self.folder / name}: not written, {'; '.join(faults)}")
        write_atomic(self.folder / name, pickle.dumps(dict(content), protocol=_PROTOCOL))
        self._written.add(name)


def zip_results(folder: Path | str, path: Path | str) -> Path:
    """Pack result files as the server takes them.

    Args:
        folder: with files ``<image>_personId_<k>.pkl``.
        path: of the archive; it appears when it is complete.
    Raises:
        DataError: if the folder has no result file.
    """
    folder, path = Path(folder), Path(path)
    files = sorted(file for file in folder.glob("*.pkl") if NAME.fullmatch(file.name))
    if not files:
        raise DataError(f"{folder} holds no file <image>_personId_<k>.pkl")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, f"{FOLDER}/{file.name}")
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _number(person_id: int) -> int:
    number = int(person_id)
    if number != person_id or number < 0:
        raise DataError(f"person {person_id}: people are numbered from 0 within their picture")
    return number


def _array(value: Any) -> np.ndarray:
    """An array of one person; tensors come from any device."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value)
