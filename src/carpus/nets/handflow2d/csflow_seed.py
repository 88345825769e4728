"""The first stage with a cross-scale flow: one backbone at three image sizes, one flow over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from carpus.errors import ConfigError
from carpus.nets.backbones.features import FeatureMaps
from carpus.nets.flows import CrossScaleFlow, locate_non_finite
from carpus.nets.handflow2d.latent_seed import LatentSeed, check_image
from carpus.nets.handflow2d.seed import Outputs

_SIZES = 3


class CsFlowSeed(LatentSeed):
    """Image to heat maps, mask, features and the likelihood of the backbone's maps of three image sizes.

    The flow is that of CS-Flow (Rudolph et al., WACV 2022); the head reads all three latent maps.

    Args:
        backbone: of one map, :func:`~carpus.nets.backbones.features.feature_maps` of ``efficientnet_b5``.
        image_px: side of the images; they are also seen at a half and a quarter of it.
        joints: heat maps J.
        kernels: side of the kernels per block of the flow.
        hidden: width of the flow's subnets.
        clamp: about the largest log scale of a coupling.
        perm_seed: of the channel permutations.
        head, map_px, enc_channels, freeze, bn_eval: see
            :class:`~carpus.nets.handflow2d.latent_seed.LatentSeed` and its ``add_head``; CS-Flow freezes its
            backbone.
    Raises:
        ConfigError: if the backbone gives several maps, or the sides of the three do not halve.
    """

    def __init__(
        self,
        backbone: FeatureMaps,
        image_px: int = 768,
        joints: int = 21,
        kernels: Sequence[int] = (3, 3, 3, 5),
        hidden: int = 1024,
        clamp: float = 3.0,
        perm_seed: int = 0,
        head: Literal["linear", "deconv"] = "linear",
        map_px: int = 64,
        enc_channels: int = 256,
        freeze: bool = True,
        bn_eval: bool = True,
    ) -> None:
        if len(backbone.channels) != 1 or backbone.image_px is not None:
            raise ConfigError(
                f"a cross-scale flow needs one map of images of any size; backbone {backbone.name} gives "
                f"{len(backbone.channels)}: choose efficientnet_b5"
            )
        step = backbone.strides[0] * 2 ** (_SIZES - 1)
        if image_px % step:
            raise ConfigError(f"image_px={image_px} of a cross-scale flow: a multiple of {step} is needed")
        widths = backbone.channels * _SIZES
        super().__init__(backbone, joints, freeze, bn_eval)
        self.image_px = image_px
        self.flow = CrossScaleFlow(widths[0], kernels, hidden, clamp, perm_seed)
        self.add_head(widths, head, "all", map_px, enc_channels)

    def forward(self, image: Tensor, infos: Mapping[str, Tensor] | None = None, nll: bool = True) -> Outputs:
        """Outputs of images; see :meth:`carpus.nets.handflow2d.flow_seed.FlowSeed.forward`."""
        latents, log_dets = self.flow(self.scaled_features(image))
        outputs = self.read(latents)
        return outputs | self.likelihood(latents, log_dets) if nll else outputs

    def scaled_features(self, image: Tensor) -> list[Tensor]:
        """What the flow is given, from images ``(B, 3, S, S)``: the map of each size, the largest first."""
        check_image(image, self.image_px)
        return [self.features(image if i == 0 else F.avg_pool2d(image, 2**i))[0] for i in range(_SIZES)]

    @torch.no_grad()
    def explain(self, image: Tensor) -> str | None:
        """Which step of the flow is not finite for images ``(B, 3, S, S)``; None if all are."""
        return locate_non_finite(self.flow, self.scaled_features(image))
