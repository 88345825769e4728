"""Checkpoints between the stages of Hand4Whole: what one stage learnt, put where the next looks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from carpus.errors import DataError
from carpus.weights.hand4whole_files import Snapshot, read_snapshot

_RESNET = re.compile(r"(conv1|bn1|layer[1-4])\.")
_PLACE = "hand_roi_net.backbone."
_HAND_BACKBONES = ("hand_backbone.", "backbone.")
_DROPPED = ("hand_position_net", "hand_rotation_net")
_BODY_JOINTS = 25 * 8


@dataclass(frozen=True)
class Surgery:
    """A new checkpoint, and how it came about.

    Args:
        content: of the file.
        copied: tensors that were put in a new place.
        dropped: tensors left out.
        kept: tensors that stayed as they were.
        notes: sentences for the user.
    """

    content: dict[str, Any]
    copied: int
    dropped: int
    kept: int
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """The counts and notes, for the user."""
        counts = f"{self.copied} tensors copied, {self.dropped} dropped, {self.kept} kept"
        return "\n".join([counts, *self.notes])


def first_epoch(content: Mapping[str, Any]) -> int:
    """The epoch in which the published program goes on from a checkpoint, counted from 0.

    A checkpoint of surgery says that epoch 0 is done: stages that start from one train an epoch less.

    Args:
        content: of the file, with ``epoch``.
    Example:
        >>> first_epoch({"epoch": 0})
        1
    """
    return int(content["epoch"]) + 1


def convert_simple(path: Path) -> Surgery:
    """A 2D pose network's weights as the body's backbone, before stage 1.

    Args:
        path: of a ResNet with whatever lies behind it, which the next stage ignores.
    Raises:
        DataError: if the file cannot be read safely or no tensor is a ResNet's.
    """
    simple = read_snapshot(path)
    copied = [name for name in simple.entries if _RESNET.match(name)]
    if not copied:
        raise DataError(
            f"{path}: none of its {len(simple.entries)} tensors is a ResNet's (conv1.*, layer1.*, …), the "
            f"first is {next(iter(simple.entries))}; a 2D pose network such as "
            "body_pose_resnet_50_256x192.pth.tar is needed"
        )
    entries = {f"backbone.{name}": value for name, value in simple.entries.items()}
    content = simple.content(entries, epoch=0)
    return Surgery(content, len(copied), 0, len(entries) - len(copied), _continued(content))


def merge_hand(whole: Path, hand: Path) -> Surgery:
    """What a hand network learnt as the backbone of both hands, before stage 3.

    Position and rotation networks of the hands are left out: they start anew.

    Args:
        whole: checkpoint of the whole-body network.
        hand: checkpoint of Pose2Pose's hand; its backbone may be called ``hand_backbone`` or ``backbone``.
    Returns:
        A checkpoint of the kind of ``whole``.
    Raises:
        DataError: if a file cannot be read safely, is of another network, or does not fit the other.
    """
    body, single = read_snapshot(whole), read_snapshot(hand)
    before = {name: value for name, value in body.entries.items() if name.startswith(_PLACE)}
    if not before:
        raise DataError(
            f"{whole}: none of its {len(body.entries)} tensors begins with {_PLACE}; a snapshot of the "
            "whole-body network is needed"
        )
    new = {_PLACE + name: value for name, value in _hand_backbone(single, hand).items()}
    _check_fits(before, new, whole, hand)
    old = {n: v for n, v in body.entries.items() if not any(part in n for part in _DROPPED)}
    dropped = len(body.entries) - len(old)
    content = body.content({**old, **new}, epoch=0)
    return Surgery(content, len(new), dropped, len({*old} - {*new}), _continued(content))


def reset_epoch(path: Path) -> Surgery:
    """A checkpoint as the start of another training.

    Of a published file everything but the epoch stays; of one of our runs the tensors stay, and what belongs
    to the training that made them is left out.

    Args:
        path: the checkpoint.
    Raises:
        DataError: if the file cannot be read safely or knows no epoch.
    """
    found = read_snapshot(path)
    if "epoch" not in found.rest:
        raise DataError(f"{path}: no epoch beside its tensors; a trainer's checkpoint is needed")
    was, rest = found.rest["epoch"], {} if found.ours else found.rest
    content = found.content(found.entries, **{**rest, "epoch": 0})
    left = sorted({*found.rest} - {*content})
    notes = [f"epoch {was} becomes 0", *([f"left out: {', '.join(left)}"] if left else [])]
    return Surgery(content, 0, 0, len(found.entries), (*notes, *_continued(content)))


def _hand_backbone(hand: Snapshot, path: Path) -> dict[str, Tensor]:
    """Tensors of a hand network's backbone, by their names inside it."""
    alien = next((name for name in hand.entries if name.startswith(("hand_roi_net.", "box_net."))), None)
    first = hand.entries.get("position_net.conv.0.weight")
    if alien is not None or (first is not None and len(first) == _BODY_JOINTS):
        what = "the whole-body network" if alien else "Pose2Pose's body"
        raise DataError(f"{path} is a snapshot of {what}; one of Pose2Pose's hand is needed")
    for prefix in _HAND_BACKBONES:
        found = {n.removeprefix(prefix): v for n, v in hand.entries.items() if n.startswith(prefix)}
        if found:
            return found
    raise DataError(
        f"{path}: none of its {len(hand.entries)} tensors begins with {' or '.join(_HAND_BACKBONES)}; a "
        "snapshot of Pose2Pose's hand is needed"
    )


def _check_fits(before: Mapping[str, Tensor], new: Mapping[str, Tensor], whole: Path, hand: Path) -> None:
    """A hand backbone of another kind would be mixed with the old one."""
    wrong = [f"{name} is missing" for name in before if name not in new]
    wrong += [
        f"{name} has shape {tuple(new[name].shape)} instead of {tuple(value.shape)}"
        for name, value in before.items()
        if name in new and new[name].shape != value.shape
    ]
    if wrong:
        raise DataError(
            f"the backbone in {hand} is not that of the hands in {whole}: {'; '.join(wrong[:4])}"
            + ("; …" if len(wrong) > 4 else "")
        )


def _continued(content: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"the published program would go on in epoch {first_epoch(content)}, counted from 0",)
