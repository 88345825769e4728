"""Networks of the depth coordinate-regression family, composed of tokens."""

from carpus.nets.depth_cr.compositions import COMPOSITIONS, Composition, composition, ending
from carpus.nets.depth_cr.guides import GUIDES, INPUTS, GuideSpec, InputSpec, guide_spec, input_spec
from carpus.nets.depth_cr.layers import (
    penalised_parameters,
    reestimate_statistics,
    set_norm_decay,
    weight_layers,
)
from carpus.nets.depth_cr.net import DepthNet, depth_net
from carpus.nets.depth_cr.optim import EpsHatAdam, Staircase
from carpus.nets.depth_cr.spec import NETS, NetSpec, net_spec
from carpus.nets.depth_cr.training import (
    StopState,
    learning_rate,
    norm_decay,
    stop_after,
)

__all__ = [
    "COMPOSITIONS",
    "GUIDES",
    "INPUTS",
    "NETS",
    "Composition",
    "DepthNet",
    "EpsHatAdam",
    "GuideSpec",
    "InputSpec",
    "NetSpec",
    "Staircase",
    "StopState",
    "composition",
    "depth_net",
    "ending",
    "guide_spec",
    "input_spec",
    "learning_rate",
    "net_spec",
    "norm_decay",
    "penalised_parameters",
    "reestimate_statistics",
    "set_norm_decay",
    "stop_after",
    "weight_layers",
]
