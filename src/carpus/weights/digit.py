"""Checkpoints of the published DIGIT program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.nets.backbones.rgb import rgb_backbone
from carpus.nets.digit import DigitNet
from carpus.weights.imported import ImportedWeights, check_names, load_untrusted

_WRAPPERS = ("module.", "model.")
_PUBLISHED = "pose_reg."
_COUNTER = "num_batches_tracked"


def import_digit(path: Path) -> ImportedWeights:
    """Read a published checkpoint.

    The file is a bare state dict or a trainer's checkpoint with ``state_dict``; names are those of
    :class:`~carpus.nets.digit.net.DigitNet` behind ``pose_reg.``, and may carry ``model.`` and ``module.``.

    Args:
        path: the checkpoint.
    Returns:
        Weights of the network, all entries matched.
    Raises:
        DataError: if the file cannot be read safely or its entries are not those of the network.
    """
    path = Path(path)
    content = load_untrusted(path)
    entries = {_unwrapped(name): value for name, value in _state_dict(content, path).items()}
    published = {name: value for name, value in entries.items() if name.startswith(_PUBLISHED)}
    if f"{_PUBLISHED}conv_hm.weight" not in published:
        raise DataError(
            f"{path}: no '{_PUBLISHED}conv_hm.weight' among its {len(entries)} entries; a checkpoint of the "
            "published DIGIT program is needed"
        )
    joints = len(published[f"{_PUBLISHED}conv_hm.weight"])
    with torch.device("meta"):
        ours = {
            _PUBLISHED + k: v for k, v in DigitNet(rgb_backbone("hrnet_w32"), joints).state_dict().items()
        }
    notes = _notes(content) + _add_counters(entries, ours)
    check_names(_shapes(entries), _shapes(ours), path)
    state = {
        f"net.{name.removeprefix(_PUBLISHED)}": entries[name].to(value.dtype).clone()
        for name, value in ours.items()
    }
    return ImportedWeights(state, "digit", joints, {}, notes)


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: neither a dict with 'state_dict' nor a state dict of tensors")
    return dict(state)


def _unwrapped(name: str) -> str:
    while (wrapper := next((w for w in _WRAPPERS if name.startswith(w)), None)) is not None:
        name = name.removeprefix(wrapper)
    return name


def _add_counters(entries: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """Batch counters are not used in computing; files without them are complete."""
    absent = [name for name in wanted if name.endswith(_COUNTER) and name not in entries]
    entries.update({name: torch.zeros((), dtype=torch.int64) for name in absent})
    return [f"{len(absent)} batch counters were absent and set to 0"] if absent else []


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def _notes(content: Any) -> list[str]:
    epoch = content.get("epoch") if isinstance(content, Mapping) else None
    trained = f", epoch {epoch}" if isinstance(epoch, int) else ""
    return [f"published DIGIT, HRNet-W32 and raw part logits{trained}"]
