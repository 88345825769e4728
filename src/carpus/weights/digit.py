"""Checkpoints of the published DIGIT program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.nets.backbones.rgb import rgb_backbone
from carpus.nets.digit import DigitNet
from carpus.nets.weight_file import load_untrusted, state_dict_of
from carpus.weights.imported import ImportedWeights, add_counters, check_names, epoch_of

_WRAPPERS = ("module.", "model.")
_PUBLISHED = "pose_reg."


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
    entries = {_unwrapped(name): value for name, value in state_dict_of(content, path).items()}
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
    notes = [f"published DIGIT, HRNet-W32 and raw part logits{epoch_of(content)}"]
    notes += add_counters(entries, ours)
    check_names(_shapes(entries), _shapes(ours), path)
    state = {
        f"net.{name.removeprefix(_PUBLISHED)}": entries[name].to(value.dtype).clone()
        for name, value in ours.items()
    }
    return ImportedWeights(state, "digit", joints, {}, notes)


def _unwrapped(name: str) -> str:
    while (wrapper := next((w for w in _WRAPPERS if name.startswith(w)), None)) is not None:
        name = name.removeprefix(wrapper)
    return name


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}
