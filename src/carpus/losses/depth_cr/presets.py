"""How much each term counts: the final published code, the published code of a day earlier, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from carpus.errors import ConfigError, unknown
from carpus.losses.depth_cr.functions import Reduction

PRESETS = ("ref", "ref_20180222", "balanced")

TERMS = MappingProxyType(
    {
        "pose": ("pose",),
        "pose_map": ("pose", "map"),
        "pose_map_unit": ("pose", "map", "unit"),
        "map_unit": ("map", "unit"),
        "pose_ce": ("pose", "detection"),
        "ce": ("detection",),
        "anchor2": ("anchor",),
        "anchor3": ("anchor",),
    }
)
"""Terms of each loss beside the L2 penalty."""

VALIDATION_TERMS = MappingProxyType({**TERMS, "pose_ce": ("pose", "detection", "l2")})
"""Terms whose sum the published code watches on the validation part."""


@dataclass(frozen=True)
class TermSpec:
    """Weight and reduction of one term."""

    weight: float = 1.0
    reduction: Reduction = "sum"


@dataclass(frozen=True)
class LossPreset:
    """A loss with its numbers.

    Args:
        terms: name to weight and reduction; ``l2`` is always among them.
        l2_scale: factor inside the L2 penalty.
        unit_mask: whether the unit term leaves out void positions.
    """

    terms: Mapping[str, TermSpec]
    l2_scale: float = 0.01
    unit_mask: bool = False


def loss_preset(preset: str, loss: str, guide: str = "none", batch_size: int = 50) -> LossPreset:
    """The numbers of a loss.

    Args:
        preset: ``ref``, the final published code, in which maps hardly matter beside the pose's sum of
            squares; ``ref_20180222``, the weights before the published code was changed for the last time;
            ``balanced``, ours: every term per sample, maps at a visible share of the gradient.
        loss: name of the loss.
        guide: name of the guide; its maps decide the weights of the last two presets.
        batch_size: samples per step; ``balanced`` divides the L2 penalty by it, so that a sample's share
            of the penalty stays that of the published sum.
    Raises:
        ConfigError: for an unknown preset or loss.
    Example:
        >>> loss_preset("ref", "pose_ce").terms["l2"].weight
        2.0
    """
    if loss not in TERMS:
        raise ConfigError(unknown("loss", loss, TERMS))
    if preset == "ref":
        return _published(loss)
    if preset == "ref_20180222":
        return _day_before(loss, guide)
    if preset == "balanced":
        return _balanced(loss, guide, batch_size)
    raise ConfigError(unknown("loss preset", preset, PRESETS))


_PUBLISHED: Mapping[str, Reduction] = MappingProxyType(
    {"pose": "sum", "map": "mean", "unit": "mean", "detection": "batch_mean"}
)


def _published(loss: str) -> LossPreset:
    anchor: Reduction = "mean" if loss == "anchor2" else "sum"
    terms = {name: TermSpec(1.0, _PUBLISHED.get(name, anchor)) for name in TERMS[loss]}
    # The published pose_ce adds the penalty twice.
    return LossPreset({**terms, "l2": TermSpec(2.0 if loss == "pose_ce" else 1.0)})


# Published for that day: edt2, ov3edt2, dist2, dist3_32, udir2, vxudir_16, and without a pose term
# hmap2_udir2, vxudir_16, vxlab_32. The rest did not exist or is not handed down; it follows its nearest kin.
_SURFACE, _DISTANCE = 1e-5, 1e-7
_MAP_WEIGHTS = MappingProxyType(
    {
        **dict.fromkeys(("edt2", "ov3edt2", "edt2m", "ov3edt2m", "hmap2", "vxedt_16"), _SURFACE),
        **dict.fromkeys(("dist2", "dist3_32", "ov3dist2", "udir2", "vxudir_16", "hmap2_udir2"), _DISTANCE),
    }
)


def _day_before(loss: str, guide: str) -> LossPreset:
    if loss == "anchor2":
        return LossPreset({"anchor": TermSpec(1.0, "sum"), "l2": TermSpec(1.0)}, l2_scale=4e-5)
    if loss == "anchor3":
        return _published(loss)
    weights = {"pose": 1e-4, "detection": 1e-2, "unit": _DISTANCE, "map": _MAP_WEIGHTS.get(guide, _SURFACE)}
    if loss == "map_unit":
        weights |= {"map": 1e-4, "unit": 1e-5} if "hmap2" in guide else {"map": 1e-5, "unit": 1e-6}
    terms = {name: TermSpec(weights[name], "sum") for name in TERMS[loss]}
    return LossPreset({**terms, "l2": TermSpec(0.1)}, l2_scale=1e-4)


# Measured on the published networks at initialisation with poses of 40 mm spread: at the last layer of the
# stem each term's gradient is about 0.3 of the pose's. Other nets differ; compare with gradient_norms.
_BALANCED = MappingProxyType(
    {
        **{guide: {"map": 0.15} for guide in ("edt2", "edt2m", "hmap2")},
        **{guide: {"map": 0.3} for guide in ("ov3dist2", "ov3edt2", "ov3edt2m")},
        "dist2": {"map": 0.1},
        "dist3_32": {"map": 0.0125},
        "vxedt_16": {"map": 0.1},
        "udir2": {"map": 0.05, "unit": 0.01},
        "vxudir_16": {"map": 0.03, "unit": 0.006},
        "vxlab_32": {"detection": 30.0},
    }
)


def _balanced(loss: str, guide: str, batch_size: int) -> LossPreset:
    if batch_size < 1:
        raise ConfigError(f"batch_size {batch_size}: must be at least 1")
    # Without a pose there is nothing to balance against.
    weights = _BALANCED.get(guide, {}) if "pose" in TERMS[loss] else {}
    terms = {name: TermSpec(weights.get(name, 1.0), "batch_mean") for name in TERMS[loss]}
    return LossPreset({**terms, "l2": TermSpec(1.0 / batch_size)}, unit_mask=True)
