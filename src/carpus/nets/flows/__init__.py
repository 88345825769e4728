"""Normalising flows over feature maps: steps, chains, cross-scale couplings, likelihoods."""

from carpus.nets.flows.all_in_one import AllInOneStep
from carpus.nets.flows.checks import NonFiniteFlowError, locate_non_finite, require_finite
from carpus.nets.flows.cross_scale import (
    CrossScaleCoupling,
    CrossScaleFlow,
    CrossScalePermutation,
    CrossScaleSubnet,
)
from carpus.nets.flows.glow import ActNorm, GlowStep
from carpus.nets.flows.likelihood import (
    DiagonalNormal,
    StandardNormal,
    dimensions,
    flow_nll,
    normalise_nll,
)
from carpus.nets.flows.permutation import ChannelPermutation, index_from_matrix, permutation_stream
from carpus.nets.flows.sequence import FlowSequence

__all__ = [
    "ActNorm",
    "AllInOneStep",
    "ChannelPermutation",
    "CrossScaleCoupling",
    "CrossScaleFlow",
    "CrossScalePermutation",
    "CrossScaleSubnet",
    "DiagonalNormal",
    "FlowSequence",
    "GlowStep",
    "NonFiniteFlowError",
    "StandardNormal",
    "dimensions",
    "flow_nll",
    "index_from_matrix",
    "locate_non_finite",
    "normalise_nll",
    "permutation_stream",
    "require_finite",
]
