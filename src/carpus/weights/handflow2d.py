"""Checkpoints of the published BiHand and 2DHandFlow programs, which save each stage by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from carpus.errors import DataError, unknown
from carpus.nets.handflow2d import STAGES, LiftNet, SeedNet, SIKNet
from carpus.nets.weight_file import load_untrusted, state_dict_of
from carpus.weights.handflow2d_flow import published_flow
from carpus.weights.imported import ImportedWeights, add_counters, check_names, epoch_of

_MARKS = {"hg2b.": "seed", "nf_flows.": "seed", "hg3d2b.": "lift", "invk_layers.": "sik"}
_COMPANIONS = {"seed": "ckp_seednet*.pth*", "lift": "ckp_liftnet*.pth*"}
_HAND_MODEL = "th_"
_SEEDNETS = {
    "hourglass": "hourglass",
    "resnet18": "flow",
    "wide_resnet50_2": "flow_wide_resnet50",
    "deit_base_distilled_patch16_384": "flow_deit",
    "cait_m48_448": "flow_cait",
}
_LOSSES = {1: "handflow2d_seed", 2: "handflow2d_lift", 3: "handflow2d_bihand"}
_PLACES = {"image_px": "seednet.image_px", "enc_channels": "seednet.channels"}
JOINTS = 21


@dataclass(frozen=True)
class Part:
    """One stage of a published file.

    Args:
        state: of the stage's network, complete, under our names.
        seed: ``hourglass`` or the backbone of a flow, if the stage is a seed; else nothing.
        settings: arguments of the stage's network that its weights need.
        notes: sentences for the user.
    """

    state: dict[str, Tensor]
    seed: str
    settings: dict[str, Any]
    notes: list[str]


def import_handflow2d(path: Path) -> ImportedWeights:
    """Read a published checkpoint, and beside it those of the earlier stages it works on.

    A file holds the seed, the lifting or the hand model's stage, or all of them: a bare state dict or a dict
    with ``epoch`` and ``state_dict``, names with or without ``module.``. For a later stage alone, the earlier
    ones are looked for beside it and in the folder above, by the published names ``ckp_seednet*`` and
    ``ckp_liftnet*``.

    Args:
        path: the checkpoint.
    Returns:
        Weights of :class:`~carpus.nets.handflow2d.net.HandFlowNet` with the stages found.
    Raises:
        DataError: if a file cannot be read safely, its entries are not those of the network, or the file of
            an earlier stage is missing.
    """
    path = Path(path)
    parts = read_parts(path)
    notes = [note for part in parts.values() for note in part.notes]
    last = max(list(STAGES).index(stage) for stage in parts)
    for stage in list(STAGES)[:last]:
        if stage not in parts:
            beside = _companion(path, stage)
            parts[stage] = read_part(beside, stage)
            notes += [f"stage {stage} from {beside}", *parts[stage].notes]
    stages = [stage for stage in STAGES if stage in parts]
    state = {
        f"net.{STAGES[stage]}.{name}": value for stage in stages for name, value in parts[stage].state.items()
    }
    return ImportedWeights(state, "handflow2d", JOINTS, _overrides(parts["seed"], stages), notes)


def import_siknet(path: Path) -> ImportedWeights:
    """The hand model's stage of a published file alone, to go on training it without pictures.

    Args:
        path: the checkpoint, of this stage or of all.
    Raises:
        DataError: if the file does not hold that stage, or is no such checkpoint.
    """
    part = read_part(Path(path), "sik")
    state = {f"net.{STAGES['sik']}.{name}": value for name, value in part.state.items()}
    return ImportedWeights(state, "handflow2d/sik_pretrain", JOINTS, {}, part.notes)


def read_part(path: Path, stage: str) -> Part:
    """One stage of a published file, to train the next one on it.

    Args:
        path: the file.
        stage: ``seed``, ``lift`` or ``sik``.
    Raises:
        DataError: if the file does not hold that stage, or is no such checkpoint.
    """
    if stage not in STAGES:
        raise DataError(unknown("stage", stage, STAGES))
    parts = read_parts(path)
    if stage not in parts:
        raise DataError(f"{path} holds {' and '.join(parts)}, not the stage {stage} that is asked for")
    return parts[stage]


def read_parts(path: Path) -> dict[str, Part]:
    """All stages of a published file.

    Args:
        path: the file.
    Returns:
        Stage to part; the weights of each are complete.
    Raises:
        DataError: if the file cannot be read safely or its entries are not those of the networks; every
            entry that does not fit is named.
    """
    path = Path(path)
    content = load_untrusted(path)
    entries = {_unwrapped(name): value for name, value in state_dict_of(content, path).items()}
    groups = _stages(entries)
    if not groups:
        raise DataError(
            f"{path}: none of its {len(entries)} entries starts with {', '.join(_MARKS)}, with or without "
            f"{', '.join(STAGES.values())}; a checkpoint of BiHand or 2DHandFlow is needed"
        )
    return {stage: _part(stage, group, path, epoch_of(content)) for stage, group in groups.items()}


def _stages(entries: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Entries by stage, of a file of all of them or of one."""
    groups: dict[str, dict[str, Tensor]] = {}
    if any(name.startswith(f"{net}.") for name in entries for net in STAGES.values()):
        nets = {net: stage for stage, net in STAGES.items()}
        for name, value in entries.items():
            net, _, rest = name.partition(".")
            # What belongs to no stage is left to the first one to complain about.
            stage, rest = (nets[net], rest) if net in nets else (next(iter(groups), "seed"), name)
            groups.setdefault(stage, {})[rest] = value
        return groups
    found = {stage for mark, stage in _MARKS.items() for name in entries if name.startswith(mark)}
    return {found.pop(): dict(entries)} if len(found) == 1 else {}


def _part(stage: str, entries: dict[str, Tensor], path: Path, epoch: str) -> Part:
    if any(name.startswith("nf_flows.") for name in entries):
        net, entries, seed, settings, notes = published_flow(entries, path)
        title = f"2DHandFlow's seed on {seed}"
    else:
        with torch.device("meta"):
            net: nn.Module = {"seed": SeedNet, "lift": LiftNet, "sik": SIKNet}[stage]()
        seed, settings, notes = "hourglass" if stage == "seed" else "", {}, []
        title = f"BiHand's stage {stage}"
        if stage == "sik":
            entries, notes = _without_hand_model(entries)
    wanted = net.state_dict()
    notes += add_counters(entries, wanted)
    check_names(_shapes(entries), _shapes(wanted), path)
    state = {name: entries[name].to(value.dtype).clone() for name, value in wanted.items()}
    return Part(state, seed, settings, [f"{title}{epoch}", *notes])


def _without_hand_model(entries: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The published network saved the content of MANO's file with its own weights."""
    own = {k: v for k, v in entries.items() if not k.rpartition(".")[2].startswith(_HAND_MODEL)}
    left = len(entries) - len(own)
    return own, [f"{left} entries of the hand model are read from MANO's own file instead"] if left else []


def _companion(path: Path, stage: str) -> Path:
    """The file of an earlier stage."""
    pattern = _COMPANIONS[stage]
    folders = (path.resolve().parent, path.resolve().parent.parent)
    for folder in folders:
        found = sorted(file for file in folder.glob(pattern) if file.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise DataError(f"{path} needs the stage {stage}, and {folder} has several files of it: {names}")
    raise DataError(
        f"{path} needs the stage {stage} as well: put its file {pattern} beside it or into {folders[1]}"
    )


def _overrides(seed: Part, stages: list[str]) -> dict[str, Any]:
    """Settings that make our program compute what the publisher's did."""
    bihand = seed.seed == "hourglass"
    return {
        "seednet": _SEEDNETS[seed.seed],
        "loss": _LOSSES[len(stages)] if bihand else "handflow2d_faithful",
        **{_PLACES.get(name, f"seednet.net.{name}"): value for name, value in seed.settings.items()},
        "method.stages": stages,
        "method.inputs.rules": "faithful",
        "method.module.normalize": "half" if bihand else "imagenet",
        "method.module.codec.subpixel": False,
    }


def _unwrapped(name: str) -> str:
    while name.startswith("module."):
        name = name.removeprefix("module.")
    return name


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}
