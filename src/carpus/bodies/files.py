"""Find and read body model files; what a user must put where if there is none."""

from __future__ import annotations

import logging
import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.models import BodyModel, checked, model_kind
from carpus.bodies.unpickle import read_arrays
from carpus.errors import ConfigError, DataError, unknown

_LOG = logging.getLogger(__name__)


def find_body_model(folder: Path | str, kind: str, variant: str) -> Path:
    """The file of a body model.

    Args:
        folder: ``paths.body_models``; the file lies in ``<folder>/<kind>/`` or directly in it.
        kind: ``mano``, ``smplx``, ``smpl`` or ``flame``.
        variant: ``right`` or ``left`` for MANO, else ``neutral``, ``male`` or ``female``.
    Raises:
        ConfigError: for a kind or variant nobody knows.
        DataError: saying which file to put where, and where to get it.
    """
    family = model_kind(kind)
    if variant not in family.names:
        raise ConfigError(unknown(f"{family.title} model", variant, family.names))
    root = Path(folder)
    names = [family.names[variant] + ending for ending in family.endings]
    places = [place / name for place in (root / kind, root) for name in names]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DataError(
            f"{family.title} model '{variant}' not found: put {names[0]} (or {names[1]}) into {root / kind}. "
            f"It is free for research after registration at {family.source}. To try things without it, "
            "ask for a stand-in (standin=True)."
        )
    return found


def read_body_model(path: Path, kind: str, variant: str) -> BodyModel:
    """A body model from its file; says so once if the file is a stand-in.

    Args:
        path: ``.pkl`` (chumpy is not needed) or ``.npz``.
        kind: ``mano``, ``smplx``, ``smpl`` or ``flame``.
        variant: what the file is meant to be.
    Raises:
        DataError: if it is damaged, asks for more than data, or is another kind of model.
    """
    model = checked(kind, variant, read_arrays(path), str(path))
    if model.standin:
        announce_standin(model.source)
    return model


def load_body_model(folder: Path | str, kind: str, variant: str, *, standin: bool = False) -> BodyModel:
    """The body model in a folder, or a stand-in where that is asked for and there is no file.

    Args:
        folder: ``paths.body_models``.
        kind: ``mano``, ``smplx``, ``smpl`` or ``flame``.
        variant: ``right`` or ``left`` for MANO, else ``neutral``, ``male`` or ``female``.
        standin: make a stand-in of the same schema if the file is missing.
    Raises:
        DataError: if there is no file and no stand-in is wanted, or the file is not such a model.
    """
    try:
        path = find_body_model(folder, kind, variant)
    except DataError:
        if not standin:
            raise
        from carpus.bodies.standin import standin_model

        model = standin_model(kind, variant)
        announce_standin(model.source)
        return model
    return read_body_model(path, kind, variant)


@lru_cache(maxsize=64)
def announce_standin(source: str) -> None:
    """Say once per source that it is not the published model."""
    _LOG.warning(
        "%s: a stand-in of the same schema, not the published model; mark results made with it", source
    )


def write_content(path: Path, content: Any, *, compress: bool = True) -> None:
    """Write one file of body models, complete or not at all.

    Args:
        path: ``.npz`` (content: a dictionary of arrays), ``.npy`` or anything else, which becomes a pickle.
        content: what it holds.
        compress: an ``.npz`` file; for what is mostly zeros.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        if path.suffix == ".npz":
            (np.savez_compressed if compress else np.savez)(file, **content)
        elif path.suffix == ".npy":
            np.save(file, content, allow_pickle=True)
        else:
            pickle.dump(content, file, protocol=4)
    unfinished.replace(path)
