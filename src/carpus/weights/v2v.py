"""Checkpoints of the PyTorch port of V2V-PoseNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.methods.v2v.net import V2VNet
from carpus.nets.weight_file import load_untrusted, state_dict_of
from carpus.weights.imported import ImportedWeights, add_counters, check_names, epoch_of

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
    entries, integral = _unwrap(state_dict_of(content, path, "model_state_dict"))
    if "output_layer.weight" not in entries:
        raise DataError(
            f"{path}: no 'output_layer.weight' among its {len(entries)} entries; a checkpoint of the PyTorch "
            "port of V2V-PoseNet is needed"
        )
    joints = len(entries["output_layer.weight"])
    with torch.device("meta"):
        ours = V2VNet(joints).state_dict()
    names = {port_name(name): name for name in ours}
    notes = add_counters(entries, names)
    check_names(
        {name: tuple(value.shape) for name, value in entries.items()},
        {theirs: tuple(ours[name].shape) for theirs, name in names.items()},
        path,
    )
    state = {f"net.{name}": entries[theirs].to(ours[name].dtype).clone() for theirs, name in names.items()}
    return ImportedWeights(state, "v2v", joints, _overrides(integral), _notes(content, integral) + notes)


def _unwrap(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """Entries without wrappers' prefixes and index buffers, and whether this is the integral variant."""
    entries = {name.removeprefix("module."): value for name, value in state.items()}
    integral = any(name.startswith(("basic_model.", _INDEX_BUFFERS)) for name in entries)
    return {
        name.removeprefix("basic_model."): value
        for name, value in entries.items()
        if not name.startswith(_INDEX_BUFFERS)
    }, integral


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
    return [
        f"PyTorch port of V2V-PoseNet, variant {variant}{epoch_of(content)}",
        "method.grid.y_up=true is right for MSRA, NYU and ITOP; weights of ICVL and HANDS 2017 need false",
    ]
