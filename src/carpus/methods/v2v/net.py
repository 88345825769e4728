"""The voxel-to-voxel network: a 3D encoder-decoder with two skips."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.blocks.conv3d import ConvNormAct3d, Residual3d, UpConv3d

GAMMA_INITS = ("ones", "uniform")


class V2VNet(nn.Module):
    """From an occupancy volume to one linear map per joint at half its edge.

    Modules are registered in execution order.

    Args:
        joints: maps J at the output.
        width: factor on all channel counts; 1.0 is published, less is for tests and quick looks.
        init_std: standard deviation of all convolution weights; biases start at 0.
        bn_gamma_init: ``ones``, or ``uniform`` in [0, 1) as torch7 and PyTorch up to 1.1 do.
    Raises:
        ConfigError: if ``joints``, ``width`` or ``bn_gamma_init`` is not allowed.
    """

    def __init__(
        self, joints: int, width: float = 1.0, init_std: float = 0.001, bn_gamma_init: str = "ones"
    ) -> None:
        super().__init__()
        if joints < 1 or not width > 0:
            raise ConfigError(f"V2VNet: joints {joints} must be >= 1 and width {width} > 0")
        if bn_gamma_init not in GAMMA_INITS:
            raise ConfigError(unknown("bn_gamma_init", bn_gamma_init, GAMMA_INITS))
        first, fine, mid, coarse = (max(1, round(c * width)) for c in (16, 32, 64, 128))
        self.stem = ConvNormAct3d(1, first, 7)
        self.front = nn.Sequential(Residual3d(first, fine), Residual3d(fine, fine), Residual3d(fine, fine))
        self.skip_fine = Residual3d(fine, fine)
        self.encode_mid = Residual3d(fine, mid)
        self.skip_mid = Residual3d(mid, mid)
        self.encode_coarse = Residual3d(mid, coarse)
        self.middle = Residual3d(coarse, coarse)
        self.decode_coarse = Residual3d(coarse, coarse)
        self.up_mid = UpConv3d(coarse, mid)
        self.decode_mid = Residual3d(mid, mid)
        self.up_fine = UpConv3d(mid, fine)
        self.back = nn.Sequential(
            Residual3d(fine, fine), ConvNormAct3d(fine, fine, 1), ConvNormAct3d(fine, fine, 1)
        )
        self.out = nn.Conv3d(fine, joints, 1)
        self._initialise(init_std, bn_gamma_init)

    def forward(self, occupancy: Tensor) -> Tensor:
        """Maps of a batch.

        Args:
            occupancy: ``(B, 1, D, H, W)``; every edge a multiple of 8.
        Returns:
            ``(B, J, D/2, H/2, W/2)`` float32, unbounded.
        Raises:
            ValueError: if the input is not of that shape.
        """
        if occupancy.ndim != 5 or occupancy.shape[1] != 1 or any(edge % 8 for edge in occupancy.shape[2:]):
            raise ValueError(
                f"V2VNet: input of shape {tuple(occupancy.shape)}; (B, 1, D, H, W) with edges that are "
                "multiples of 8 is needed"
            )
        fine = self.front(F.max_pool3d(self.stem(occupancy), 2))
        mid = self.encode_mid(F.max_pool3d(fine, 2))
        coarse = self.middle(self.encode_coarse(F.max_pool3d(mid, 2)))
        x = self.up_mid(self.decode_coarse(coarse)) + self.skip_mid(mid)
        x = self.up_fine(self.decode_mid(x)) + self.skip_fine(fine)
        x = self.back(x)
        # Targets are of the order 1e-4 in mean square and the arg-max compares neighbours: half precision is
        # too coarse for the last layer, which costs next to nothing.
        with torch.autocast(device_type=x.device.type, enabled=False):
            return self.out(x.to(self.out.weight.dtype))

    def _initialise(self, init_std: float, bn_gamma_init: str) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.normal_(module.weight, std=init_std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm3d) and bn_gamma_init == "uniform":
                nn.init.uniform_(module.weight)
