"""Checkpoints of the PyTorch port of V2V-PoseNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.methods.v2v.net import V2VNet
from carpus.weights.imported import ImportedWeights, check_names, load_untrusted

_BLOCKS = {
    "stem": "front_layers.0",
    "front.0": "front_layers.2",
    "front.1": "front_layers.3",
    "front.2": "front_layers.4",
    "skip_fine": "encoder_decoder.skip_res1",
    "encode_mid": "encoder_decoder.encoder_res1",
    "skip_mid": "encoder_decoder.skip_res2",
    "encode_coarse": "encoder_decoder.encoder_res2",
    "middle": "encoder_decoder.mid_res",
    "decode_coarse": "encoder_decoder.decoder_res2",
    "up_mid": "encoder_decoder.decoder_upsample2",
    "decode_mid": "encoder_decoder.decoder_res1",
    "up_fine": "encoder_decoder.decoder_upsample1",
    "back.0": "back_layers.0",
    "back.1": "back_layers.1",
    "back.2": "back_layers.2",
}
_PARTS = {
    "conv": "block.0",
    "norm": "block.1",
    "conv1": "res_branch.0",
    "norm1": "res_branch.1",
    "conv2": "res_branch.3",
    "norm2": "res_branch.4",
    "skip_conv": "skip_con.0",
    "skip_norm": "skip_con.1",
}
_INDEX_BUFFERS = "spatial_softmax.pos_"
_COUNTER = "num_batches_tracked"


def port_name(name: str) -> str:
    """The port's name of an entry of our network.

    Example:
        >>> port_name("front.0.skip_conv.weight"), port_name("out.bias")
        ('front_layers.2.skip_con.0.weight', 'output_layer.bias')
    """
    if name.startswith("out."):
        return f"output_layer.{name.removeprefix('out.')}"
    block, part, entry = name.rsplit(".", 2)
    return f"{_BLOCKS[block]}.{_PARTS[part]}.{entry}"


def import_v2v_port(path: Path) -> ImportedWeights:
    """Read a checkpoint of either variant of the PyTorch port.

    The file is a dict with ``model_state_dict`` (beside the optimiser's state and the epoch) or a bare state
    dict; names may carry ``module.`` of DataParallel and ``basic_model.`` of the integral variant.

    Args:
        path: the checkpoint.
    Returns:
        Weights for :class:`~carpus.methods.v2v.module.V2V` and the switches of the port's conventions.
    Raises:
        DataError: if the file cannot be read safely or its entries are not those of the network.
    """
    path = Path(path)
    content = load_untrusted(path)
    entries, integral = _unwrap(_state_dict(content, path))
    if "output_layer.weight" not in entries:
        raise DataError(
            f"{path}: no 'output_layer.weight' among its {len(entries)} entries; a checkpoint of the PyTorch "
            "port of V2V-PoseNet is needed"
        )
    joints = len(entries["output_layer.weight"])
    with torch.device("meta"):
        ours = V2VNet(joints).state_dict()
    names = {port_name(name): name for name in ours}
    notes = _add_counters(entries, names)
    check_names(
        {name: tuple(value.shape) for name, value in entries.items()},
        {theirs: tuple(ours[name].shape) for theirs, name in names.items()},
        path,
    )
    state = {f"net.{name}": entries[theirs].to(ours[name].dtype).clone() for theirs, name in names.items()}
    return ImportedWeights(state, "v2v", joints, _overrides(integral), _notes(content, integral) + notes)


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    state = content.get("model_state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: neither a dict with 'model_state_dict' nor a state dict of tensors")
    return dict(state)


def _unwrap(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """Entries without wrappers' prefixes and index buffers, and whether this is the integral variant."""
    entries = {name.removeprefix("module."): value for name, value in state.items()}
    integral = any(name.startswith(("basic_model.", _INDEX_BUFFERS)) for name in entries)
    return {
        name.removeprefix("basic_model."): value
        for name, value in entries.items()
        if not name.startswith(_INDEX_BUFFERS)
    }, integral


def _add_counters(entries: dict[str, Tensor], names: Mapping[str, str]) -> list[str]:
    """Files from before PyTorch 0.4.1 have no batch counters; they are not used in computing."""
    absent = [name for name in names if name.endswith(_COUNTER) and name not in entries]
    entries.update({name: torch.zeros((), dtype=torch.int64) for name in absent})
    return [f"{len(absent)} batch counters were absent and set to 0"] if absent else []


def _overrides(integral: bool) -> dict[str, Any]:
    overrides: dict[str, Any] = {
        "loss": "integral" if integral else "gauss",
        "method.inputs.pixel_offset": 1,
        "method.inputs.background": "plane",
        "method.grid.lower_face": "truncate",
        "method.grid.y_up": True,
    }
    return overrides | ({"loss.codec.clip_max": 42} if integral else {})


def _notes(content: Any, integral: bool) -> list[str]:
    variant = "integral" if integral else "gauss"
    epoch = content.get("epoch") if isinstance(content, Mapping) else None
    trained = f", epoch {epoch}" if isinstance(epoch, int) else ""
    return [
        f"PyTorch port of V2V-PoseNet, variant {variant}{trained}",
        "method.grid.y_up=true is right for MSRA, NYU and ITOP; weights of ICVL and HANDS 2017 need false",
    ]
