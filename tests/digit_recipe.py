"""DIGIT networks for tests: the published one with formula weights, and a small one."""

from __future__ import annotations

import numpy as np
import torch

from carpus.nets.backbones.rgb import rgb_backbone
from carpus.nets.digit import DigitNet
from formula_weights import value_of


def published_net():
    """The full network with formula weights, in the published order of names."""
    with torch.device("meta"):
        net = DigitNet(rgb_backbone())
    state = {
        name: torch.from_numpy(np.array(value_of(f"pose_reg.{name}", tuple(value.shape))))
        for name, value in net.state_dict().items()
    }
    net.load_state_dict(state, assign=True)
    return net


def small_net(**settings):
    return DigitNet(rgb_backbone("resnet18", channels=8), width=1 / 16, **settings)
