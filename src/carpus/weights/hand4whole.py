"""Checkpoints of the published programs Hand4Whole and Pose2Pose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from carpus.errors import DataError, unknown
from carpus.nets.hand4whole import Hand4WholeNet, Pose2PoseBody, Pose2PoseFace, Pose2PoseHand, ResNet
from carpus.nets.hand4whole.resnet import resnet_name
from carpus.skeletons.whole_body import FLAME_73, SMPL_33, SMPLX_137
from carpus.weights.hand4whole_files import BODY_MODELS, read_snapshot
from carpus.weights.imported import ImportedWeights, add_counters, check_names, epoch_of

NETWORKS = (
    *("backbone", "body_position_net", "body_rotation_net", "box_net", "hand_roi_net"),
    *("hand_position_net", "hand_rotation_net", "face_roi_net", "face_regressor"),
)
"""Parts of the whole-body network; a start made by surgery lacks some."""
_BACKBONES = {
    "backbone": ("backbone.", "resnet50"),
    "hand_backbone": ("hand_roi_net.backbone.", "resnet50"),
    "face_backbone": ("face_roi_net.backbone.", "resnet18"),
}
_SETTING = "method.module.net.{}.name"
_SIMPLE = ("backbone.deconv_layers.", "backbone.final_layer.")
PARTS: dict[str, tuple[type[nn.Module], int]] = {
    "body": (Pose2PoseBody, len(SMPL_33)),
    "hand": (Pose2PoseHand, 21),
    "face": (Pose2PoseFace, len(FLAME_73)),
}
_POSITIONS = {25 * 8: "body", 21 * 8: "hand"}


def import_hand4whole(path: Path) -> ImportedWeights:
    """Read a snapshot of the whole-body network.

    A snapshot of a training has every part. One that surgery made to start a training lacks whole parts,
    which then start from random or ImageNet weights; the notes say so.

    Args:
        path: ``snapshot_6.pth.tar``: names behind ``module.``.
    Raises:
        DataError: if the file cannot be read safely or its entries are not those of the network, each named.
    """
    path = Path(path)
    found = read_snapshot(path)
    entries, notes = _without(found.entries, BODY_MODELS, "the body model are read from its own file")
    entries, more = _without(entries, _SIMPLE, "a 2D pose network's head have no place here")
    parts = [part for part in NETWORKS if any(name.startswith(f"{part}.") for name in entries)]
    if "backbone" not in parts:
        raise DataError(
            f"{path}: no 'backbone.conv1.weight' among its {len(entries)} entries; a snapshot of Hand4Whole "
            "is needed"
        )
    names = {
        which: _resnet(entries, prefix, path) if any(n.startswith(prefix) for n in entries) else usual
        for which, (prefix, usual) in _BACKBONES.items()
    }
    with torch.device("meta"):
        body, hand, face = (ResNet(names[which]) for which in _BACKBONES)
        net = Hand4WholeNet(body, hand, face)
    ours = {name: value for name, value in net.state_dict().items() if name.split(".")[0] in parts}
    title = [f"published Hand4Whole{epoch_of(found.rest)}", *notes, *more]
    absent = [part for part in NETWORKS if part not in parts]
    if absent:
        title.append(f"a start, not a whole network: {', '.join(absent)} are not in it")
    others = {_SETTING.format(k): v for k, v in names.items() if v != _BACKBONES[k][1]}
    return _imported(entries, ours, path, "hand4whole", len(SMPLX_137), others, title)


def import_pose2pose(path: Path, part: str | None = None) -> ImportedWeights:
    """Read a snapshot of Pose2Pose's body, hand or face.

    Args:
        path: the file; networks may be called ``hand_backbone`` and the like, as in older ones.
        part: what it must be of; None takes what it is.
    Raises:
        DataError: if the file cannot be read safely, its entries are not those of the network, or it is of
            another part.
    """
    path = Path(path)
    if part is not None and part not in PARTS:
        raise DataError(unknown("part", part, PARTS))
    found = read_snapshot(path)
    entries, notes = _without(found.entries, BODY_MODELS, "the body model are read from its own file")
    entries = {_short(name): value for name, value in entries.items()}
    kind = _part_of(entries, path)
    if part not in (None, kind):
        raise DataError(f"{path} is a snapshot of Pose2Pose's {kind}, not of its {part}")
    backbone = _resnet(entries, "backbone.", path)
    make, joints = PARTS[kind]
    with torch.device("meta"):
        ours = make(ResNet(backbone)).state_dict()
    others = {_SETTING.format("backbone"): backbone} if backbone != "resnet50" else {}
    title = [f"published Pose2Pose, {kind}{epoch_of(found.rest)}", *notes]
    return _imported(entries, ours, path, f"pose2pose/{kind}", joints, others, title)


def _imported(
    entries: dict[str, Tensor],
    ours: Mapping[str, Tensor],
    path: Path,
    method: str,
    joints: int,
    overrides: dict[str, Any],
    notes: list[str],
) -> ImportedWeights:
    notes = notes + add_counters(entries, ours)
    found, wanted = ({n: tuple(v.shape) for n, v in state.items()} for state in (entries, ours))
    check_names(found, wanted, path)
    state = {f"net.{name}": entries[name].to(value.dtype).clone() for name, value in ours.items()}
    return ImportedWeights(state, method, joints, overrides, notes)


def _without(
    entries: Mapping[str, Tensor], prefixes: tuple[str, ...], why: str
) -> tuple[dict[str, Tensor], list[str]]:
    kept = {name: value for name, value in entries.items() if not name.startswith(prefixes)}
    left = len(entries) - len(kept)
    return kept, [f"{left} entries of {why}"] if left else []


def _resnet(entries: Mapping[str, Tensor], prefix: str, path: Path) -> str:
    inside = {name.removeprefix(prefix) for name in entries if name.startswith(prefix)}
    name = resnet_name(inside)
    if name is None:
        raise DataError(f"{path}: {prefix}* is no ResNet of 18, 34, 50, 101 or 152 layers")
    return name


def _short(name: str) -> str:
    """``hand_backbone.conv1.weight`` as ``backbone.conv1.weight``."""
    head, dot, rest = name.partition(".")
    bare = head.removeprefix("body_").removeprefix("hand_").removeprefix("face_")
    return f"{bare if bare in ('backbone', 'position_net', 'rotation_net', 'regressor') else head}{dot}{rest}"


def _part_of(entries: Mapping[str, Tensor], path: Path) -> str:
    if "regressor.pose_out.0.weight" in entries:
        return "face"
    found = entries.get("position_net.conv.0.weight")
    if found is None or len(found) not in _POSITIONS:
        what = "no such entry" if found is None else f"shape {tuple(found.shape)}"
        raise DataError(
            f"{path}: 'position_net.conv.0.weight' with 200 (body) or 168 (hand) rows, or a face's "
            f"'regressor.*', is needed; {what} among its {len(entries)} entries: no snapshot of Pose2Pose"
        )
    return _POSITIONS[len(found)]
