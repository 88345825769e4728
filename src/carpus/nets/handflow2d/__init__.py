"""The networks of BiHand and 2DHandFlow."""

from carpus.nets.handflow2d.csflow_seed import CsFlowSeed
from carpus.nets.handflow2d.flow_seed import FlowSeed
from carpus.nets.handflow2d.lift import LiftNet
from carpus.nets.handflow2d.net import STAGES, HandFlowNet
from carpus.nets.handflow2d.seed import Outputs, SeedNet
from carpus.nets.handflow2d.sik import SIKNet, sik_hand, sik_net

__all__ = [
    "STAGES",
    "CsFlowSeed",
    "FlowSeed",
    "HandFlowNet",
    "LiftNet",
    "Outputs",
    "SIKNet",
    "SeedNet",
    "sik_hand",
    "sik_net",
]
