"""What does not fit together, said before any data is read."""

from __future__ import annotations

from collections.abc import Mapping

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.errors import ConfigError
from carpus.losses.handflow2d import DepthSmoothL1, FlowNLL, JointMSE
from carpus.losses.handflow2d_sik import BoneLengthMSE, QuatNorm, ShapeReg, SikJointMSE
from carpus.methods.base import LossTerm
from carpus.nets.handflow2d import HandFlowNet, SeedNet

_PX_PER_CELL = 4
"""Of an hourglass: side of its images over that of its heat maps."""
_STAGE_OF = {
    JointMSE: "lift",
    DepthSmoothL1: "lift",
    QuatNorm: "sik",
    SikJointMSE: "sik",
    ShapeReg: "sik",
    BoneLengthMSE: "sik",
}


def check_terms(net: HandFlowNet, losses: Mapping[str, LossTerm]) -> None:
    """Refuse terms of what the network does not find.

    Raises:
        ConfigError: naming the term and what to choose.
    """
    for name, term in losses.items():
        stage = _STAGE_OF.get(type(term.fn), "seed")
        if stage not in net.stages:
            raise ConfigError(
                f"loss.terms.{name} is of the stage {stage}, method.stages are {', '.join(net.stages)}: "
                f"choose loss=handflow2d_{net.stages[-1]}, or add the stage"
            )
        if isinstance(term.fn, FlowNLL) and term.weight and isinstance(net.seednet, SeedNet):
            raise ConfigError(
                f"loss.terms.{name} is a flow's likelihood, this seed has no flow: choose "
                "loss=handflow2d_seed, or another seednet"
            )


def check_sizes(net: HandFlowNet, codec: Heatmap2D, input_px: int) -> None:
    """Refuse a network whose heat maps are not as large as their targets.

    Raises:
        ConfigError: naming both sizes.
    """
    if not isinstance(net.seednet, SeedNet):
        return
    side, step = input_px // _PX_PER_CELL, net.seednet.side_step
    if input_px % step or side != codec.cells:
        raise ConfigError(
            f"seednet.image_px={input_px} with method.inputs.map_px={codec.cells}: hourglasses take images "
            f"whose side is a multiple of {step} and give heat maps of a quarter of it, {side}"
        )
