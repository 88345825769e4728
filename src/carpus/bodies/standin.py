"""Stand-in body models: the schema, counts and joint trees of the published files with content of our own.

The published models may not be passed on. A stand-in lets every command, test and picture run without them;
it carries the key ``standin`` and is announced when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.files import write_content
from carpus.bodies.models import BodyModel, checked, model_kind
from carpus.bodies.standin_mano import mano_content
from carpus.errors import ConfigError, unknown

STANDIN_KINDS = ("mano", "smplx", "smpl", "flame")
"""The families stand-ins exist for."""
_WITH_COMPANIONS = {"smplx", "smpl", "flame"}


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
        The model files, one per variant. SMPL-X, SMPL and FLAME come with the files that belong to them:
        vertex numbers, landmarks, joint regressors.
    Raises:
        ConfigError: for a family nobody knows, or where a published model would be overwritten.
    """
    written, kinds = [], tuple(kinds)
    for kind in kinds:
        family = model_kind(kind)
        paths = {v: Path(folder) / kind / (name + family.endings[0]) for v, name in family.names.items()}
        for variant, path in paths.items():
            _refuse_published(path, kind, variant)
        for variant, path in paths.items():
            write_content(path, _content(kind, variant, seed))
            written.append(path)
    for place, content in standin_companions().items() if set(kinds) & _WITH_COMPANIONS else ():
        if _family_of(place) in kinds:
            _refuse_other(Path(folder) / place, content)
            write_content(Path(folder) / place, content)
    return written


def _family_of(place: str) -> str:
    """The family that a companion's file belongs to: by its folder, or in the end of its name."""
    family, _, name = place.partition("/")
    return family if family in STANDIN_KINDS else Path(name).stem.rpartition("_")[2]


def _refuse_published(path: Path, kind: str, variant: str) -> None:
    """Stop before a file that is not a stand-in."""
    from carpus.bodies.files import read_body_model

    if path.exists() and not read_body_model(path, kind, variant).standin:
        raise ConfigError(f"{path} is a published model; write the stand-ins into another folder")


def _refuse_other(path: Path, content: Any) -> None:
    """Stop before a companion that is not the stand-in's: most of these files cannot say what they are."""
    from carpus.bodies.companions import COMPANIONS, read_companion

    if not path.exists():
        return
    name = next(name for name, companion in COMPANIONS.items() if companion.name == path.name)
    own = COMPANIONS[name].check(content, "stand-in")
    if not same_content(read_companion(path, name), own):
        raise ConfigError(f"{path} is not this stand-in's; write the stand-ins into another folder")


def same_content(one: Any, other: Any) -> bool:
    """Whether two companions hold the same numbers."""
    if isinstance(one, dict):
        return all(np.array_equal(one[key], other[key]) for key in one)
    pairs = zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]
    return all(np.array_equal(a, b) for a, b in pairs)


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


@lru_cache(maxsize=1)
def standin_companions() -> dict[str, Any]:
    """What the stand-ins of the files beside the models hold, by their place below ``paths.body_models``."""
    from carpus.bodies import standin_smpl

    return standin_smpl.companions()
