"""2DHandFlow's first stage: backbone features through one flow per scale, heat maps from the latent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from carpus.nets.backbones.features import FeatureMaps
from carpus.nets.flows import FlowSequence, locate_non_finite, permutation_stream
from carpus.nets.handflow2d.latent_seed import LatentSeed, check_image
from carpus.nets.handflow2d.seed import Outputs


class FlowSeed(LatentSeed):
    """Image to heat maps, mask, features and the likelihood of the backbone's maps.

    Convolutional features get a trainable layer normalisation over channels and places, so the image has one
    size; a transformer's are normalised already. Entries of the state dict have the names of the published
    program; its fixed permutation matrices are indices here and are read as such.

    Args:
        backbone: of :func:`~carpus.nets.backbones.features.feature_maps`.
        image_px: side of the images.
        joints: heat maps J.
        steps: of each flow; 0: none, what is left is a network of the same backbone and head.
        kernels: ``3x3``, or ``alternate`` 3×3 and 1×1.
        hidden_ratio: hidden width of a step's subnet over its input's.
        clamp: bound of the log scales; None is the block's own.
        block: ``allinone`` (what the published program runs) or ``glow2`` (what its figure shows).
        perm_seed: of the channel permutations of all steps.
        head, scales, map_px, enc_channels, freeze, bn_eval: see
            :class:`~carpus.nets.handflow2d.latent_seed.LatentSeed` and its ``add_head``.
    Raises:
        ConfigError: if a name or size is not allowed.
    """

    def __init__(
        self,
        backbone: FeatureMaps,
        image_px: int = 256,
        joints: int = 21,
        steps: int = 8,
        kernels: Literal["3x3", "alternate"] = "3x3",
        hidden_ratio: float = 1.0,
        clamp: float | None = None,
        block: Literal["allinone", "glow2"] = "allinone",
        perm_seed: int = 0,
        head: Literal["linear", "deconv"] = "linear",
        scales: Literal["last", "all"] = "last",
        map_px: int = 64,
        enc_channels: int = 256,
        freeze: bool = False,
        bn_eval: bool = True,
    ) -> None:
        widths, sides = backbone.channels, backbone.sides(image_px)
        super().__init__(backbone, joints, freeze, bn_eval)
        self.image_px = image_px
        self.norms = nn.ModuleList(
            nn.Identity() if backbone.normed else nn.LayerNorm([width, side, side])
            for width, side in zip(widths, sides, strict=True)
        )
        stream = permutation_stream(perm_seed)
        self.nf_flows = nn.ModuleList(
            FlowSequence(
                width,
                steps,
                kernels=kernels,
                hidden_ratio=hidden_ratio,
                clamp=clamp,
                block=block,
                perm_seed=stream,
            )
            for width in widths
        )
        self.add_head(widths, head, scales, map_px, enc_channels)

    def forward(self, image: Tensor, infos: Mapping[str, Tensor] | None = None, nll: bool = True) -> Outputs:
        """Outputs of images.

        Args:
            image: ``(B, 3, S, S)`` normalised RGB with S = ``image_px``.
            infos: not used; every seed network takes it.
            nll: False leaves out the likelihood, and with it flows that nothing else reads.
        Returns:
            ``l_hm`` of one ``(B, J, 64, 64)`` raw values, ``l_mask`` of one ``(B, 1, 64, 64)`` logits,
            ``enc`` ``(B, 256, 64, 64)``; with ``nll`` those of :meth:`likelihood`.
        Raises:
            ValueError: if the input is not of that shape.
        """
        maps = self.normed_features(image)
        if not nll:
            used = slice(None if self.scales == "all" else -1, None)
            pairs = zip(self.nf_flows[used], maps[used], strict=True)
            return self.read([flow(x)[0] for flow, x in pairs])
        latents, log_dets = zip(*(flow(x) for flow, x in zip(self.nf_flows, maps, strict=True)), strict=True)
        return self.read(latents) | self.likelihood(latents, log_dets)

    def normed_features(self, image: Tensor) -> list[Tensor]:
        """What the flows are given, from images ``(B, 3, S, S)``."""
        check_image(image, self.image_px)
        return [norm(x) for norm, x in zip(self.norms, self.features(image), strict=True)]

    @torch.no_grad()
    def explain(self, image: Tensor) -> str | None:
        """Which step of which scale is not finite for images ``(B, 3, S, S)``; None if all are."""
        for i, (flow, x) in enumerate(zip(self.nf_flows, self.normed_features(image), strict=True)):
            found = locate_non_finite(flow, x, f"scale {i}")  # type: ignore[arg-type]
            if found is not None:
                return found
        return None
