"""BiHand's hand-model stage without the stages before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.geometry.rotations import normalise_quaternion, quaternion_to_axis_angle
from carpus.methods.base import Outputs
from carpus.nets.handflow2d.sik import SIKNet

INITS = ("kaiming", "torch")


class SikAlone(nn.Module):
    """The stage ``sik`` on joints that are given; its weights have the names of the whole network's.

    Args:
        siknet: the stage, or what makes it.
        learns_shape: False leaves the layers that find the shape as they are, and the hand's shape at the
            mean: where only rotations are taught, they get no gradient, for which data-parallel training
            would wait.
        init: how the layers that find rotations begin: ``kaiming`` lets signals through all seven of them;
            ``torch``, as published, damps them, so that for thousands of steps the answer hardly depends on
            the hand.
    Raises:
        ConfigError: for another beginning.
    Example:
        >>> net = SikAlone(SIKNet(), learns_shape=False)
        >>> sorted({name.rsplit(".", 2)[0] for name in net.state_dict()})
        ['siknet.invk_layers', 'siknet.shapereg_layers']
        >>> {name.split(".")[1] for name, p in net.named_parameters() if p.requires_grad}
        {'invk_layers'}
    """

    def __init__(
        self, siknet: SIKNet | Callable[[], SIKNet], learns_shape: bool = True, init: str = "kaiming"
    ) -> None:
        super().__init__()
        if init not in INITS:
            raise ConfigError(unknown("method.module.net.init", init, INITS))
        self.siknet = siknet if isinstance(siknet, SIKNet) else siknet()
        self.learns_shape = learns_shape
        self.siknet.shapereg_layers.requires_grad_(learns_shape)
        if init == "kaiming":
            self.siknet.invk_layers.apply(_kaiming)

    @property
    def standin(self) -> bool:
        """Whether the hand model is not the published one."""
        return self.siknet.hand is not None and self.siknet.hand.standin

    def forward(self, joints_rs: Tensor, chain: Tensor, pose: bool = True) -> Outputs:
        """Rotations and shape, and the hand model posed by them.

        Args:
            joints_rs: ``(B, 21, 3)`` about the root in reference bones.
            chain: ``(B, 20, 3)`` unit vectors of the bones, see
                :func:`~carpus.nets.handflow2d.kinematics.shape_of`.
            pose: False leaves the hand model out.
        Returns:
            ``quat`` ``(B, 16, 4)`` as found, ``beta`` ``(B, 10)``; posed also ``so3``, ``jointRS`` and
            ``vertsRS``, as :class:`~carpus.nets.handflow2d.sik.SIKNet` gives them.
        """
        quat, beta = self.siknet.regress(joints_rs, chain)
        if not self.learns_shape:
            beta = torch.zeros_like(beta)
        outputs = {"quat": quat, "beta": beta}
        if not pose:
            return outputs
        # Rotations in half precision would move a finger by millimetres.
        with torch.autocast(device_type=quat.device.type, enabled=False):
            so3 = quaternion_to_axis_angle(normalise_quaternion(quat.float())).flatten(1)
            joints, vertices = self.siknet.pose(so3, beta.float())
        return {**outputs, "so3": so3, "jointRS": joints, "vertsRS": vertices}


def _kaiming(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
