"""Read AGORA's result files from a folder or an archive, and say what its server would refuse."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from carpus.bodies.unpickle import read_pickle
from carpus.data.results.agora_format import (
    FOLDER,
    NAME,
    SMALL_WH,
    check_model,
    content_faults,
    image_stem,
)
from carpus.errors import DataError

_LARGEST = 64 * 1024 * 1024
"""Bytes of a person's file at most: 200 times a mesh in double precision."""
_ENOUGH, _MARGIN = 10, 1.1
"""How many people tell in which picture's pixels they are, and how far small ones reach out of theirs."""


@dataclass(frozen=True)
class AgoraResult:
    """One file of a person.

    Args:
        name: path in folder or archive, for messages.
        image: the picture's name without ending and without the mark of the small picture.
        person_id: number in the picture.
        content: of the pickle, unchecked.
    """

    name: str
    image: str
    person_id: int
    content: Any


class AgoraResults:
    """Result files of a folder or an archive, read one by one and never executed.

    Args:
        path: a folder with result files, or with a folder ``predictions`` of them; or a ``.zip``.
    Raises:
        DataError: if there is no such folder or archive.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            self.members = sorted(
                file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.is_file()
            )
            return
        try:
            with zipfile.ZipFile(self.path) as archive:
                self.members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
        except FileNotFoundError:
            raise DataError(f"{self.path}: no such folder or archive") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(f"{self.path}: neither a folder nor a whole .zip file ({error})") from None

    @property
    def packed(self) -> bool:
        """Whether it is an archive."""
        return not self.path.is_dir()

    def people(self) -> list[str]:
        """Members that are files of people, in the order of their names."""
        return [name for name in self.members if NAME.fullmatch(PurePosixPath(name).name)]

    def by_image(self) -> dict[str, list[str]]:
        """Members by the picture they are of, in the order of their people's numbers."""
        found: dict[str, list[tuple[int, str]]] = {}
        for name in self.people():
            match = NAME.fullmatch(PurePosixPath(name).name)
            assert match is not None
            found.setdefault(image_stem(match["image"]), []).append((int(match["person"]), name))
        return {image: [name for _, name in sorted(members)] for image, members in found.items()}

    def read(self, name: str) -> AgoraResult:
        """One person.

        Raises:
            DataError: if the file is no person's, too large, damaged, or asks for more than data.
        """
        match = NAME.fullmatch(PurePosixPath(name).name)
        if match is None:
            raise DataError(f"{self.path}: {name} is not named <image>_personId_<k>.pkl")
        content = read_pickle(io.BytesIO(self._bytes(name)), f"{self.path}: {name}")
        return AgoraResult(name, image_stem(match["image"]), int(match["person"]), content)

    def __iter__(self) -> Iterator[AgoraResult]:
        return (self.read(name) for name in self.people())

    def _bytes(self, name: str) -> bytes:
        try:
            if self.path.is_dir():
                file = self.path / name
                size = file.stat().st_size
                return file.read_bytes() if size <= _LARGEST else self._too_large(name, size)
            with zipfile.ZipFile(self.path) as archive:
                size = archive.getinfo(name).file_size
                return archive.read(name) if size <= _LARGEST else self._too_large(name, size)
        except (OSError, zipfile.BadZipFile, EOFError) as error:
            raise DataError(f"{self.path}: {name} cannot be read ({error})") from None

    def _too_large(self, name: str, size: int) -> bytes:
        raise DataError(f"{self.path}: {name} has {size:,} bytes; a person's file has at most {_LARGEST:,}")


def check_agora_results(path: Path | str, model: str = "smplx") -> list[str]:
    """Everything AGORA's server would refuse or misread; empty if nothing is wrong.

    Args:
        path: an archive, or a folder of result files.
        model: ``smplx`` or ``smpl``.
    Returns:
        one line per fault, beginning with the file it is in.
    Raises:
        DataError: if there is no such folder or archive.
        ConfigError: for an unknown model.
    """
    model = check_model(model)
    results = AgoraResults(path)
    faults = [f"{name}: {fault}" for name in results.members if (fault := _name_fault(name, results.packed))]
    if not results.people():
        faults.append(f"{results.path}: holds no file <image>_personId_<k>.pkl")
    seen: dict[tuple[str, int], str] = {}
    reach = np.zeros(2)
    for name in results.people():
        try:
            result = results.read(name)
        except DataError as error:
            faults.append(str(error))
            continue
        first = seen.setdefault((result.image, result.person_id), name)
        if first != name:
            faults.append(f"{name}: is the same person of the same picture as {first}")
        wrong = content_faults(result.content, model)
        faults += [f"{name}: {fault}" for fault in wrong]
        if not wrong:
            reach = np.maximum(reach, np.max(result.content["joints"], axis=0))
    if len(seen) >= _ENOUGH and (reach < _MARGIN * np.array(SMALL_WH)).all():
        faults.append(
            f"{results.path}: all joints lie within {SMALL_WH[0]} x {SMALL_WH[1]}; those of the small "
            "pictures must be multiplied by 3"
        )
    return faults


def _name_fault(name: str, packed: bool) -> str | None:
    path = PurePosixPath(name)
    if not NAME.fullmatch(path.name):
        return "is not named <image>_personId_<k>.pkl; nothing else belongs into the results"
    inside = path.parent.as_posix()
    if packed and inside != FOLDER:
        return f"lies in '{inside}', the archive needs all files in a folder '{FOLDER}'"
    if not packed and inside not in (".", FOLDER):
        return f"lies in '{inside}', results belong side by side"
    return None
