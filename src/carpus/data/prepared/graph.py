"""From wanted prepared types to arrays: order of work, computation of one frame, printed dependencies."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

import numpy as np

from carpus.data.prepared.frame import Frame
from carpus.data.prepared.keys import Key, parse_key
from carpus.data.prepared.nodes import NODES
from carpus.data.prepared.published import DATASETS, PREREQUISITES
from carpus.errors import ConfigError, DataError, unknown

ROOTS = ("index", "poses", "resce")


def order_of_work(wanted: Iterable[Key], known: Container[Key] = ()) -> list[Key]:
    """The wanted keys and all they are made from, each once, inputs first; nothing for known ones."""
    done: dict[Key, None] = {}

    def visit(key: Key) -> None:
        if key not in known:
            for other in key.inputs:
                visit(other)
            done.setdefault(key)

    for key in wanted:
        visit(key)
    return list(done)


def prepare(
    frame: Frame, wanted: Sequence[Key | str], known: Mapping[Key, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Compute prepared types of one frame; what several of them share is computed once.

    Args:
        frame: image, cube and joints.
        wanted: keys or names, ``edt2m_32``.
        known: arrays that exist already, for example from a store.
    Returns:
        One array per wanted name as given (the full name for a key).
    Raises:
        DataError: if a type needs joints and the frame has none.
    """
    keys = {key.name if isinstance(key, Key) else key: _key(key) for key in wanted}
    made: dict[Key, np.ndarray] = dict(known or {})
    for key in order_of_work(keys.values(), made):
        if key.type not in ROOTS or key in keys.values():
            made[key] = _make(frame, key, made)
    return {name: made[key] for name, key in keys.items()}


def _key(key: Key | str) -> Key:
    """A key or the key of a name."""
    return key if isinstance(key, Key) else parse_key(key)


def _make(frame: Frame, key: Key, made: Mapping[Key, np.ndarray]) -> np.ndarray:
    """One array from its inputs."""
    if "poses" in key.node.inputs and not frame.joints:
        raise DataError(
            f"frame {frame.index}: '{key.published}' is made from joints, and this frame has none"
        )
    inputs = {other.type: made[other] for other in key.inputs if other.type not in ROOTS}
    value = key.node.make(frame, inputs, key.map_side, key.crop_side)
    return np.asarray(value, dtype=key.node.dtype)


def deps_text(dataset: str) -> str:
    """The published list of prepared types and what each is made from.

    Args:
        dataset: its name, printed as given; NYU has an order of its own.
    Example:
        >>> print(deps_text("hands17").splitlines()[4])
        pose_c  -->  ['poses', 'resce']
    """
    order = DATASETS["nyu" if dataset.startswith("nyu") else "hands17"]
    lines = [f"{name}  -->  {list(NODES[name].inputs)}" for name in order]
    return "\n".join([f"Data dependency hierarchy for {dataset}:", *lines])


def prereq_text(model: str, stores: Iterable[str] | None = None) -> str:
    """The published line of prepared types a model needs.

    Args:
        model: its name.
        stores: names of what it needs besides the annotation; None: as published for that model.
    Raises:
        ConfigError: for a model nobody knows, when no stores are given.
    Example:
        >>> prereq_text("super_edt2")
        "Prepared dependency for super_edt2: {'annotation', 'clean_128', 'edt2_32', 'pose_c'}"
    """
    if stores is None:
        if model not in PREREQUISITES:
            raise ConfigError(unknown("model", model, PREREQUISITES))
        stores = PREREQUISITES[model]
    names = ", ".join(repr(name) for name in sorted({"annotation", *stores}))
    return f"Prepared dependency for {model}: {{{names}}}"
