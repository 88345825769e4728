"""The flow network of published 2DHandFlow files: its sizes, read off the entries, and these as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor

from carpus.errors import DataError
from carpus.nets.backbones.features import feature_maps
from carpus.nets.flows import index_from_matrix
from carpus.nets.handflow2d import FlowSeed

_BACKBONES = {
    "dist_token": "deit_base_distilled_patch16_384",
    "blocks_token_only.0.norm1.weight": "cait_m48_448",
    "layer1.0.conv3.weight": "wide_resnet50_2",
    "layer1.0.conv2.weight": "resnet18",
}
_EXTRACTOR = "feature_extractor."
_FIRST = "nf_flows.0.module_list.0.subnet.0.weight"
_RATIOS = (1.0, 0.16)
_STRIDE = 4


class FlowLayout(NamedTuple):
    """``net`` on the meta device, the file's ``entries`` under its names, what it is and was made with."""

    net: FlowSeed
    entries: dict[str, Tensor]
    backbone: str
    settings: dict[str, Any]
    notes: list[str]


def published_flow(entries: Mapping[str, Tensor], path: Path) -> FlowLayout:
    """The network a file of the published flow program was saved from.

    The program always makes two pairs of heads and keeps the backbone's last blocks, of which it uses
    neither; its permutation matrices become indices.

    Args:
        entries: of the file.
        path: for messages.
    Raises:
        DataError: if the backbone or the flow cannot be told from the entries.
    """
    backbone = _backbone(entries, path)
    settings = _sizes(entries, path)
    own = {name: value for name, value in settings.items() if name != "image_px"}
    with torch.device("meta"):
        maps = feature_maps(backbone)
        image_px = maps.image_px or settings.get("image_px", 0)
        own["enc_channels"] = maps.channels[-1]
        net = FlowSeed(maps, image_px, **own)
    used, notes = _used_heads(entries, transformer=maps.normed)
    used, behind = _without_tail(used, net.feature_extractor.state_dict(), backbone)
    if behind:
        notes.append(f"{behind} entries of the backbone lie behind the blocks that are used")
    return FlowLayout(net, _indices(used, path), backbone, {"image_px": image_px, **own}, notes)


def _backbone(entries: Mapping[str, Tensor], path: Path) -> str:
    for mark, name in _BACKBONES.items():
        if f"{_EXTRACTOR}{mark}" in entries:
            return name
    raise DataError(f"{path}: its backbone is none of {', '.join(_BACKBONES.values())}")


def _sizes(entries: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """Arguments of the network, of the shapes of the first chain."""
    if _FIRST not in entries:
        raise DataError(f"{path}: no {_FIRST} among its {len(entries)} entries; the flow is not complete")
    chain = re.compile(r"nf_flows\.0\.module_list\.(\d+)\.")
    steps = 1 + max(int(found[1]) for name in entries if (found := chain.match(name)))
    second = entries.get(_FIRST.replace("module_list.0", "module_list.1"))
    hidden, width = entries[_FIRST].shape[:2]
    # A ratio that floors to the hidden width, should it be none of the published ones.
    ratio = next((r for r in _RATIOS if int(width * r) == hidden), (hidden + 0.5) / width)
    sizes: dict[str, Any] = {
        "steps": steps,
        "kernels": "alternate" if second is not None and second.shape[-1] == 1 else "3x3",
        "hidden_ratio": ratio,
    }
    norm = entries.get("norms.0.weight")
    return sizes if norm is None else sizes | {"image_px": norm.shape[-1] * _STRIDE}


def _used_heads(entries: Mapping[str, Tensor], transformer: bool) -> tuple[dict[str, Tensor], list[str]]:
    """Entries with the pair of heads that is used, as ``hm`` and ``mask``."""
    pairs = {head: f"{head}_cait" for head in ("hm", "mask")}
    both = all(f"{head}.weight" in entries for pair in pairs.items() for head in pair)
    if not both and not transformer:
        return dict(entries), []
    unused = set(pairs) if transformer else set(pairs.values())
    used = {name: value for name, value in entries.items() if name.partition(".")[0] not in unused}
    renamed = {f"{theirs}.": f"{ours}." for ours, theirs in pairs.items()}
    for old, new in renamed.items():
        used = {re.sub(f"^{re.escape(old)}", new, name): value for name, value in used.items()}
    return used, ["of its two pairs of heads the one that is used was taken"] if both else []


def _without_tail(
    entries: dict[str, Tensor], own: Mapping[str, Tensor], backbone: str
) -> tuple[dict[str, Tensor], int]:
    """Entries without those of the backbone's layers behind the used ones, and how many these are."""
    with torch.device("meta"):
        whole = timm.create_model(backbone, pretrained=False).state_dict()
    behind = {f"{_EXTRACTOR}{name}" for name in whole if name not in own}
    left = {name: value for name, value in entries.items() if name not in behind}
    return left, len(entries) - len(left)


def _indices(entries: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Entries with permutation matrices as the indices we keep."""
    made = {}
    for name, value in entries.items():
        step, _, last = name.rpartition(".")
        if last == "w_perm":
            made[f"{step}.permutation.index"] = index_from_matrix(value, f"{path}: {name}")
        elif last != "w_perm_inv":
            made[name] = value
    return made
