"""Which body model files a folder holds, what they are, and copies of them that need no chumpy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from carpus.bodies.companions import COMPANIONS, find_companion, read_companion
from carpus.bodies.files import find_body_model, write_content
from carpus.bodies.models import KINDS, checked
from carpus.bodies.stubs import Unread
from carpus.bodies.unpickle import read_arrays
from carpus.errors import ConfigError, DataError

_LOG = logging.getLogger(__name__)
CONVERTED = "converted_from"
"""The key that a converted file carries."""
STATES = ("published", "converted", "stand-in", "missing", "unusable")

_USES = {
    "mano": "hands: FreiHAND, InterHand2.6M, Pose2Pose's hand, DIGIT's part masks",
    "smplx": "whole bodies: Hand4Whole, EHF, AGORA",
    "smpl": "bodies: Pose2Pose's body, 3DPW",
    "flame": "heads: Pose2Pose's face, FFHQ",
}
_COMPANION_USES = {
    "mano_vertices": "scores of hands (EHF, AGORA)",
    "flame_vertices": "scores of faces (EHF, AGORA)",
    "smplx_to_j14": "PA MPJPE of bodies (EHF)",
    "flame_static": "Pose2Pose's face",
    "flame_dynamic": "Pose2Pose's face",
    "h36m_smplx": "scores on Human3.6M",
    "h36m_smpl": "scores on 3DPW and Human3.6M",
}


@dataclass(frozen=True)
class Entry:
    """One file of the tree.

    Args:
        place: folder and name below ``paths.body_models``.
        state: one of :data:`STATES`.
        use: what it is needed for.
        source: where the published file comes from.
        path: the file found, or None.
        note: what is wrong with it, or what else there is to say.
    """

    place: str
    state: str
    use: str
    source: str
    path: Path | None = None
    note: str = ""


def inventory(folder: Path | str) -> Iterator[Entry]:
    """Every file that some method needs, looked at and checked one after the other.

    Args:
        folder: ``paths.body_models``.
    """
    for kind, family in KINDS.items():
        for variant, name in family.names.items():
            yield _model_entry(Path(folder), kind, variant, f"{kind}/{name}{family.endings[0]}")
    for name in COMPANIONS:
        yield _companion_entry(Path(folder), name)


def _model_entry(folder: Path, kind: str, variant: str, place: str) -> Entry:
    use, source = _USES[kind], KINDS[kind].source
    if variant in ("male", "female"):
        use = f"{use.partition(':')[0]} of known gender: parameters of datasets that tell it"
    try:
        path = find_body_model(folder, kind, variant)
    except DataError:
        return Entry(place, "missing", use, source)
    try:
        model = checked(kind, variant, read_arrays(path), str(path))
    except DataError as error:
        return Entry(place, "unusable", use, source, path, str(error))
    if model.standin:
        return Entry(place, "stand-in", use, source, path)
    if CONVERTED in model.arrays:
        return Entry(place, "converted", use, source, path, f"from {model.arrays[CONVERTED]}")
    return Entry(place, "published", use, source, path, _chumpy_note(path))


def _chumpy_note(path: Path) -> str:
    return "holds chumpy arrays; other programs may want a converted copy" if holds_chumpy(path) else ""


def holds_chumpy(path: Path) -> bool:
    """Whether a pickle names chumpy, so that programs other than this one may fail to read it."""
    return path.suffix == ".pkl" and b"chumpy" in path.read_bytes()


def _companion_entry(folder: Path, name: str) -> Entry:
    companion = COMPANIONS[name]
    about = (_COMPANION_USES[name], companion.source)
    try:
        path = find_companion(folder, name)
    except DataError:
        return Entry(companion.place, "missing", *about)
    try:
        content = read_companion(path, name)
    except DataError as error:
        return Entry(companion.place, "unusable", *about, path, str(error))
    return Entry(companion.place, "stand-in" if _is_standin(content, name) else "published", *about, path)


def _is_standin(content: Any, name: str) -> bool:
    """Most of these files are bare arrays and cannot say what they are: compare."""
    from carpus.bodies.standin import same_content, standin_companions

    companion = COMPANIONS[name]
    return same_content(content, companion.check(standin_companions()[companion.place], "stand-in"))


def convert_models(folder: Path | str, out: Path | str) -> Iterator[tuple[Path, Path]]:
    """Copies of the models of a folder without chumpy, in the form that smplx reads.

    Stand-ins and files that hold no chumpy and have the right ending are left out. The keys are the
    file's own, and :data:`CONVERTED`; expressions whose value the file does not hold are left out.

    Args:
        folder: ``paths.body_models``.
        out: another folder; gets the same tree.
    Returns:
        Every file read and the file written, one after the other.
    Raises:
        ConfigError: if both folders are the same, or a file to be written exists.
        DataError: if a file is not what its name says.
    """
    folder, out = Path(folder), Path(out)
    if folder.resolve() == out.resolve():
        raise ConfigError(f"the copies cannot go where the originals are ({out}); name another folder")
    for kind, family in KINDS.items():
        for variant, name in family.names.items():
            try:
                path = find_body_model(folder, kind, variant)
            except DataError:
                continue
            if not holds_chumpy(path) and path.suffix == family.endings[0]:
                continue
            target = out / kind / (name + family.endings[0])
            if target.exists():
                raise ConfigError(f"{target} exists; remove it or name another folder")
            content = read_arrays(path)
            if checked(kind, variant, content, str(path)).standin:
                continue
            plain = _plain(content, path, dense=target.suffix == ".npz")
            write_content(target, plain, compress=False)
            yield path, target


def _plain(content: dict[str, Any], path: Path, *, dense: bool) -> dict[str, Any]:
    """The keys of a file that are data, an own one that says where they come from."""
    lost = sorted(key for key, value in content.items() if isinstance(value, Unread))
    if lost:
        _LOG.warning("%s: left out, their values are not stored: %s", path, ", ".join(lost))
    kept = {
        key: value.toarray() if dense and scipy.sparse.issparse(value) else value
        for key, value in content.items()
        if key not in lost
    }
    return kept | {CONVERTED: np.array(path.name) if dense else path.name}
