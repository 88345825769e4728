"""Importers for published checkpoints: a file in, weights of one of our methods out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from carpus.errors import ConfigError, unknown
from carpus.weights.imported import ImportedWeights


def _v2v(path: Path) -> ImportedWeights:
    # Imported late: the method brings Lightning, which takes seconds.
    from carpus.weights.v2v import import_v2v_port

    return import_v2v_port(path)


def _digit(path: Path) -> ImportedWeights:
    # Imported late: timm brings torchvision, which takes seconds.
    from carpus.weights.digit import import_digit

    return import_digit(path)


def _handflow2d(path: Path) -> ImportedWeights:
    # Imported late: timm brings torchvision, which takes seconds.
    from carpus.weights.handflow2d import import_handflow2d

    return import_handflow2d(path)


def _siknet(path: Path) -> ImportedWeights:
    from carpus.weights.handflow2d import import_siknet

    return import_siknet(path)


IMPORTERS: dict[str, Callable[[Path], ImportedWeights]] = {
    "v2v": _v2v,
    "digit": _digit,
    **dict.fromkeys(
        ["handflow2d", *(f"handflow2d/{m}" for m in ("seed", "lift", "sik", "bihand"))], _handflow2d
    ),
    **dict.fromkeys(["handflow2d/sik_pretrain", "handflow2d/sik_offline"], _siknet),
}
"""Method name to the reader of its published checkpoints."""


def import_weights(path: Path | str, method: str) -> ImportedWeights:
    """Read a published checkpoint of a method.

    Args:
        path: the file.
        method: name of the method config.
    Raises:
        ConfigError: if no importer exists for the method.
        DataError: if the file is not such a checkpoint.
    """
    if method not in IMPORTERS:
        raise ConfigError(unknown("method to import weights for", method, IMPORTERS))
    return IMPORTERS[method](Path(path))


__all__ = ["IMPORTERS", "ImportedWeights", "import_weights"]
