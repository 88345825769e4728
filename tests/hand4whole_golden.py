"""Weights, inputs and stand-in networks of the fixtures of hand4whole; their README states the formulas."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from carpus.nets.hand4whole import Hand4WholeNet, PersonSizes, ResNet
from formula_bodies import formula_model, pm

NETWORKS = (
    *("backbone", "body_position_net", "body_rotation_net", "box_net", "hand_roi_net"),
    *("hand_position_net", "hand_rotation_net", "face_roi_net", "face_regressor"),
)
RESNETS = ("backbone", "hand_roi_net", "face_roi_net")
LAYER_NAMES = {
    **{"root_pose": "global_orient", "lhand_pose": "left_hand_pose", "rhand_pose": "right_hand_pose"},
    **{"shape": "betas", "expr": "expression"},
}


def published_net(**options) -> Hand4WholeNet:
    """The network in its published size."""
    names = ("resnet50", "resnet50", "resnet18")
    return Hand4WholeNet(*(ResNet(name, init_std=None) for name in names), **options)


def filled_net(offset: int) -> Hand4WholeNet:
    """The same with formula weights, made without drawing random ones first."""
    with torch.device("meta"):
        net = published_net()
    fill(net.to_empty(device="cpu"), offset)
    return net.eval()


def small_net(**options) -> Hand4WholeNet:
    """The same structure with crops of 128 x 128 and little width."""
    sizes = PersonSizes(crop_hw=(256, 192), hand_px=64, face_px=32, depth_cells=4)
    backbones = (ResNet("resnet10", width=4, init_std=None) for _ in range(3))
    return Hand4WholeNet(*backbones, sizes=sizes, features=8, box_width=8, **options)


def entry(name: str, shape: tuple[int, ...], t: int, base: int, kind: str) -> np.ndarray:
    """The t-th tensor of a network, in its state dict's order without counters."""
    r = pm(base + t, shape)
    if name.endswith("running_var"):
        return np.full(shape, 2.0)
    if name.endswith("running_mean"):
        return np.zeros(shape)
    if len(shape) > 1:
        deconv = "deconv." in name
        fan = shape[0] * 4 if deconv else np.prod(shape[1:])
        return r * np.sqrt(3 / fan) * (np.sqrt(2) if deconv or kind == "resnet" else 1)
    if name.endswith("weight"):
        return 1 + 0.1 * r
    last_of_size = name.endswith("_size.2.bias")
    return np.ones(shape) if last_of_size else 0.05 * r


def fill(net: Hand4WholeNet, offset: int) -> None:
    """Formula weights in place."""
    for i, network in enumerate(NETWORKS):
        module, kind = getattr(net, network), "resnet" if network in RESNETS else "head"
        base = offset + (400 * i + 5000 if kind == "resnet" else 200 * i)
        state = module.state_dict()
        names = [name for name in state if not name.endswith("num_batches_tracked")]
        for t, name in enumerate(names):
            state[name] = torch.from_numpy(entry(name, tuple(state[name].shape), t, base, kind)).float()
        module.load_state_dict(state)


def picture(phase: float) -> torch.Tensor:
    """``(1, 3, 512, 384)``."""
    y, x = np.mgrid[:512, :384].astype(np.float64)
    waves = np.sin(x / 23 + y / 31 + phase), np.cos(x / 17 - y / 41 + phase), np.sin((x + y) / 13 + phase)
    return torch.from_numpy(0.5 + 0.5 * np.stack(waves)[None]).float()


@functools.cache
def formula_layer():
    """The neutral formula model of SMPL-X as the network's callable."""
    from carpus.bodies.smplx_layers import smplx_layer

    layer = smplx_layer(formula_model("smplx", "neutral"))

    def call(**parameters):
        named = {LAYER_NAMES.get(name, name): value.clone() for name, value in parameters.items()}
        still = torch.zeros(len(named["betas"]), 3)
        found = layer(**named, leye_pose=still, reye_pose=still)
        return found.joints, found.vertices

    return call


class Answer(nn.Module):
    """A network whose answer is known; keeps what it was asked."""

    def __init__(self, *answer: torch.Tensor) -> None:
        super().__init__()
        self.answer, self.asked = answer, []

    def forward(self, *inputs: torch.Tensor):
        self.asked = inputs
        return self.answer if len(self.answer) > 1 else self.answer[0]


def answering_net(golden) -> Hand4WholeNet:
    """The network with the sub-networks' answers of losses*.npz in place of the sub-networks."""
    with torch.device("meta"):
        net = Hand4WholeNet(*(ResNet("resnet10", width=1) for _ in range(3)), features=1, box_width=1)
    g = {key[5:]: torch.from_numpy(golden[key]) for key in golden if key.startswith("pred_")}
    count = len(g["body_joint_img"])
    boxes = [torch.stack([g[f"{part}{kind}"] for part in "lrf"], 1) for kind in "cs"]
    net.backbone = Answer(torch.zeros(count, 1, 8, 6))
    net.body_position_net = Answer(g["body_hm"], g["body_joint_img"])
    net.box_net = Answer(*boxes)
    net.hand_roi_net = Answer(g["hand_feat"])
    net.hand_position_net = Answer(torch.zeros(1), g["hand_joint_img"])
    net.hand_rotation_net = Answer(g["hand_pose6d"])
    net.face_roi_net = Answer(torch.zeros(1))
    net.face_regressor = Answer(g["expr"], g["jaw6d"])
    net.body_rotation_net = Answer(g["root6d"], g["body6d"], g["shape"], g["cam"])
    return net


def targets_of(golden) -> dict[str, torch.Tensor]:
    """Targets and validity of losses*.npz, as the codec gives them."""
    names = {key: key.split("_", 1)[1] for key in golden if key.startswith(("target_", "meta_"))}
    return {name: torch.from_numpy(golden[key]).float() for key, name in names.items()}


def layout(path: Path) -> dict:
    """params*.json."""
    return json.loads(path.read_text())


def moved_net(seed):
    """A small network away from the published start, where all joints lie in the middle, boxes have no size
    and some gradients are exactly 0."""
    torch.manual_seed(seed)
    net = small_net()
    for part in net.modules():
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            torch.nn.init.normal_(part.weight, std=0.15)
    for branch in (net.box_net.lhand_size, net.box_net.rhand_size, net.box_net.face_size):
        torch.nn.init.constant_(branch[2].bias, 2.0)
    return net
