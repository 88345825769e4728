"""Stand-in body models: the schema, counts and joint trees of the published files with content of our own.

The published models may not be passed on. A stand-in lets every command, test and picture run without them;
it carries the key ``standin`` and is announced when it is read.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.models import BodyModel, checked, model_kind
from carpus.bodies.standin_mano import mano_content
from carpus.errors import ConfigError, unknown

STANDIN_KINDS = ("mano", "smplx", "smpl", "flame")
"""The families stand-ins exist for."""


@lru_cache(maxsize=4)
def standin_model(kind: str, variant: str, seed: int = 0) -> BodyModel:
    """A body model of a published schema with content of our own.

    Args:
        kind: one of :data:`STANDIN_KINDS`.
        variant: ``right`` or ``left`` for MANO, else ``neutral``, ``male`` or ``female``.
        seed: of the waves in its shape and pose bases.
    Raises:
        ConfigError: for a family or variant nobody knows.
    Example:
        >>> standin_model("mano", "right").arrays["v_template"].shape
        (778, 3)
    """
    return checked(
        kind, variant, _content(kind, variant, seed), f"stand-in {model_kind(kind).title} {variant}"
    )


def write_standins(folder: Path | str, kinds: Iterable[str] = STANDIN_KINDS, seed: int = 0) -> list[Path]:
    """Stand-in files where the published ones belong; smplx reads them as it reads those.

    Args:
        folder: ``paths.body_models``; every family gets a folder of its own.
        kinds: families.
        seed: of the waves in their shape and pose bases.
    Returns:
        The model files, one per variant; SMPL-X and FLAME come with their index and landmark files.
    Raises:
        ConfigError: for a family nobody knows, or where a published model would be overwritten.
    """
    written = []
    for kind in kinds:
        family = model_kind(kind)
        paths = {v: Path(folder) / kind / (name + family.endings[0]) for v, name in family.names.items()}
        for variant, path in paths.items():
            _refuse_published(path, kind, variant)
        for variant, path in paths.items():
            _write(path, _content(kind, variant, seed))
            written.append(path)
        for name, content in _companions(kind).items():
            _write(Path(folder) / kind / name, content)
    return written


def _write(path: Path, content: Any) -> None:
    """One file, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        if path.suffix == ".npz":
            np.savez_compressed(file, **content)
        elif path.suffix == ".npy":
            np.save(file, content, allow_pickle=True)
        else:
            pickle.dump(content, file, protocol=4)
    unfinished.replace(path)


def _refuse_published(path: Path, kind: str, variant: str) -> None:
    """Stop before a file that is not a stand-in."""
    from carpus.bodies.files import read_body_model

    if path.exists() and not read_body_model(path, kind, variant).standin:
        raise ConfigError(f"{path} is a published model; write the stand-ins into another folder")


def _content(kind: str, variant: str, seed: int) -> dict[str, Any]:
    """The keys of a family's file."""
    family = model_kind(kind)
    if variant not in family.names:
        raise ConfigError(unknown(f"{family.title} model", variant, family.names))
    makers: dict[str, Callable[[str, int], dict[str, Any]]] = {"mano": mano_content}
    if kind != "mano":
        from carpus.bodies.standin_smpl import flame_content, smpl_content, smplx_content

        makers |= {"smplx": smplx_content, "smpl": smpl_content, "flame": flame_content}
    return makers[kind](variant, seed)


def _companions(kind: str) -> dict[str, Any]:
    """The files that belong to a family beside its models."""
    if kind not in ("smplx", "flame"):
        return {}
    from carpus.bodies import standin_smpl

    return standin_smpl.smplx_companions() if kind == "smplx" else standin_smpl.flame_companions()
