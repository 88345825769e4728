"""Importers for published checkpoints: a file in, weights of one of our methods out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.errors import ConfigError, unknown
from carpus.weights.imported import ImportedWeights

if TYPE_CHECKING:
    from carpus.weights.hand4whole_surgery import Surgery


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


def _hand4whole(path: Path) -> ImportedWeights:
    # Imported late: torchvision takes seconds.
    from carpus.weights.hand4whole import import_hand4whole

    return import_hand4whole(path)


def _pose2pose(part: str) -> Callable[[Path], ImportedWeights]:
    def read(path: Path) -> ImportedWeights:
        from carpus.weights.hand4whole import import_pose2pose

        return import_pose2pose(path, part)

    return read


IMPORTERS: dict[str, Callable[[Path], ImportedWeights]] = {
    "v2v": _v2v,
    "digit": _digit,
    **dict.fromkeys(
        ["handflow2d", *(f"handflow2d/{m}" for m in ("seed", "lift", "sik", "bihand"))], _handflow2d
    ),
    **dict.fromkeys(["handflow2d/sik_pretrain", "handflow2d/sik_offline"], _siknet),
    "hand4whole": _hand4whole,
    **{f"pose2pose{mark}{part}": _pose2pose(part) for part in ("body", "hand", "face") for mark in "/_"},
}
"""Method name, as chosen and as its configuration says it, to the reader of its published checkpoints."""


def _hand_into_whole(paths: Sequence[Path]) -> Surgery:
    from carpus.weights.hand4whole_surgery import merge_hand

    if len(paths) != 2:
        raise ConfigError(
            f"init_from names {len(paths)} runs; Hand4Whole starts from one, or from the whole body's and "
            "the hand's: [KEY,KEY]"
        )
    return merge_hand(*paths)


MERGERS: dict[str, Callable[[Sequence[Path]], Surgery]] = {"hand4whole": _hand_into_whole}
"""Method name to what makes one checkpoint of several of its stages."""


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


__all__ = ["IMPORTERS", "MERGERS", "ImportedWeights", "import_weights"]
