"""What the flow networks of the first stage share: the backbone's state and the answers of a latent map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from carpus.nets.backbones.features import FeatureMaps
from carpus.nets.flows import dimensions, flow_nll
from carpus.nets.handflow2d.necks import make_neck
from carpus.nets.handflow2d.seed import Outputs


class LatentSeed(nn.Module):
    """Backbone, and the head that reads heat maps, mask and features from latent maps.

    Args:
        backbone: of :func:`~carpus.nets.backbones.features.feature_maps`.
        joints: heat maps J.
        freeze: whether the backbone's weights stay as they are.
        bn_eval: whether its normalisations keep the statistics they have, as published.
    """

    hm: nn.Conv2d
    mask: nn.Conv2d
    enc: nn.Conv2d | None
    """Leads to the width of ``enc`` where the head's map has another."""

    def __init__(self, backbone: FeatureMaps, joints: int, freeze: bool, bn_eval: bool) -> None:
        super().__init__()
        self.joints, self.freeze, self.bn_eval = joints, freeze, bn_eval
        self.feature_extractor = backbone.requires_grad_(not freeze)

    def add_head(
        self, channels: Sequence[int], head: str, scales: str, map_px: int, enc_channels: int
    ) -> None:
        """Register what answers, behind everything else.

        Args:
            channels: width of every latent map.
            head: ``linear`` (published: resize, then a 1×1 convolution) or ``deconv`` (two learnt doublings).
            scales: ``last`` (published) or ``all`` latent maps go to the head.
            map_px: side of the heat maps.
            enc_channels: width of ``enc``.
        Raises:
            ConfigError: for a head or scales nobody knows.
        """
        self.scales, self.channels = scales, enc_channels
        self.neck = make_neck(head, scales, channels, map_px)
        width = self.neck.channels
        self.hm, self.mask = nn.Conv2d(width, self.joints, 1), nn.Conv2d(width, 1, 1)
        self.enc = None if width == enc_channels else nn.Conv2d(width, enc_channels, 1)
        self.train(self.training)

    def train(self, mode: bool = True) -> LatentSeed:
        """Training mode of all but what ``freeze`` and ``bn_eval`` keep still."""
        super().train(mode)
        if self.freeze or self.bn_eval:
            self.feature_extractor.eval()
        return self

    def features(self, image: Tensor) -> list[Tensor]:
        """The backbone's maps of images ``(B, 3, S, S)``; without gradient if it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze):
            return self.feature_extractor(image)

    def read(self, latents: Sequence[Tensor]) -> Outputs:
        """Heat maps, mask and features of latent maps, as lists of one answer."""
        used = self.neck(latents if self.scales == "all" else latents[-1:])
        enc = used if self.enc is None else self.enc(used)
        return {"l_hm": [self.hm(used)], "l_mask": [self.mask(used)], "enc": enc}

    def likelihood(self, latents: Sequence[Tensor], log_dets: Sequence[Tensor]) -> Outputs:
        """The outputs that say how likely the backbone's maps are.

        Args:
            latents: one map ``(B, C, H, W)`` per scale.
            log_dets: ``(B,)`` per scale.
        Returns:
            ``l_ff`` the negative log-likelihood without its constant, averaged over the batch and summed over
            scales; ``l_ff_scales`` ``(scales,)`` its parts; ``l_ff_dims`` the dimensions it sums over.
        """
        parts = torch.stack([flow_nll(z, log_det) for z, log_det in zip(latents, log_dets, strict=True)])
        dims = torch.full((), dimensions(latents), dtype=parts.dtype, device=parts.device)
        return {"l_ff": parts.sum(), "l_ff_scales": parts, "l_ff_dims": dims}


def check_image(image: Tensor, side: int) -> None:
    """Refuse what is not ``(B, 3, side, side)``.

    Raises:
        ValueError: naming both shapes.
    """
    if image.shape[1:] != (3, side, side):
        raise ValueError(
            f"input of shape {tuple(image.shape)}; this network was built for (B, 3, {side}, {side}): "
            "image_px and the crop of the inputs must agree"
        )
