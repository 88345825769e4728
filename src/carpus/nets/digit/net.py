"""The network of DIGIT: two interacting hands from one image, helped by their part segmentation."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.backbones.rgb import RgbBackbone
from carpus.nets.digit.blocks import UNet
from carpus.nets.digit.segmentation import PART_FEATURES, HandSegmenter, part_volume

_PART_WIDTHS = (64, 512)
STARTS = ("torch", "he")
_HEAD_WIDTHS = ((64, 128), (256, 512), (512, 512))


class DigitNet(nn.Module):
    """A heat map and a depth map per joint, the depth between the wrists, the presence of both hands.

    The entries of its state dict have the names of the published weights, without their ``pose_reg.``.

    Args:
        backbone: of :func:`~carpus.nets.backbones.rgb.rgb_backbone`.
        joints: of both hands together, J.
        classes: background and parts.
        root_bins: bins of the depth between the wrists.
        part_feature: what of the part logits the pose sees, ``logits``, ``softmax`` or ``argmax``.
        width: factor on the channel counts behind the backbone; 1.0 is published, less is for quick looks.
        start: ``torch`` as published: layers start as torch makes them; ``he``: those that end in ReLU
            without normalisation keep the variance of their input (He et al., ICCV 2015). Otherwise six of
            them in a row leave little of the image, and the presence of hands is learnt after a long wait.
    Raises:
        ConfigError: if a size or ``part_feature`` is not allowed.
    """

    def __init__(
        self,
        backbone: RgbBackbone,
        joints: int = 42,
        classes: int = 33,
        root_bins: int = 64,
        part_feature: str = "logits",
        width: float = 1.0,
        start: str = "torch",
    ) -> None:
        super().__init__()
        if min(joints, classes, root_bins) < 1 or not width > 0:
            raise ConfigError(
                f"DigitNet: joints {joints}, classes {classes} and root_bins {root_bins} must be >= 1, "
                f"width {width} > 0"
            )
        if part_feature not in PART_FEATURES:
            raise ConfigError(unknown("part_feature", part_feature, PART_FEATURES))
        if start not in STARTS:
            raise ConfigError(unknown("start", start, STARTS))
        self.part_feature = part_feature
        first, part = (_scaled(w, width) for w in _PART_WIDTHS)
        mixed, top = backbone.channels + part, _scaled(_HEAD_WIDTHS[-1][-1], width)
        self.backbone = backbone
        self.conv_hm = nn.Conv2d(mixed, joints, 1)
        self.conv_depth = nn.Conv2d(mixed, joints, 1)
        self.hand_segm = HandSegmenter(backbone.channels, classes, first)
        self.conv_segm_feat = nn.Sequential(*_convolutions(classes, (first, part)), nn.MaxPool2d(2))
        self.conv_head = _pooling_head(mixed, width)
        self.merge_layer = UNet(mixed, first)
        self.root_fc = _dense(top, root_bins)
        self.hand_fc = _dense(top, 2)
        if start == "he":
            for part in (self.conv_segm_feat, self.conv_head, self.root_fc, self.hand_fc):
                keep_variance(part)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Network outputs of images alone.

        Args:
            image: ``(B, 3, H, W)`` RGB in [0, 1], sides multiples of 32; 256 is published.
        Returns:
            ``heatmap`` and ``depth_map`` ``(B, J, H/4, W/4)``; ``root_logits`` ``(B, bins)``;
            ``hand_type_logits`` ``(B, 2)`` right, left; ``segm_logits`` ``(B, classes, H/2, W/2)``.
        Raises:
            ValueError: if the input is not of that shape.
        """
        if image.ndim != 4 or image.shape[1] != 3 or any(side % 32 for side in image.shape[2:]):
            raise ValueError(
                f"DigitNet: input of shape {tuple(image.shape)}; (B, 3, H, W) with sides that are multiples "
                "of 32 is needed"
            )
        features = self.backbone(image)
        segm_logits = self.hand_segm(features)
        parts = self.conv_segm_feat(part_volume(segm_logits, self.part_feature))
        mixed = self.merge_layer(torch.cat((features, parts), 1))
        heatmap, depth_map = self.conv_hm(mixed), self.conv_depth(mixed)
        top = self.conv_head(mixed).mean((2, 3))
        return {
            "heatmap": heatmap,
            "depth_map": depth_map,
            "root_logits": self.root_fc(top),
            "hand_type_logits": self.hand_fc(top),
            "segm_logits": segm_logits,
        }


def _pooling_head(channels: int, width: float) -> nn.Sequential:
    """Three times two convolutions and pooling."""
    layers: list[nn.Module] = []
    for pair in _HEAD_WIDTHS:
        wide = tuple(_scaled(w, width) for w in pair)
        layers += [*_convolutions(channels, wide), nn.MaxPool2d(2)]
        channels = wide[-1]
    return nn.Sequential(*layers)


def _convolutions(channels: int, widths: tuple[int, ...]) -> list[nn.Module]:
    """3×3 convolutions, each with ReLU."""
    layers: list[nn.Module] = []
    for out in widths:
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(inplace=True)]
        channels = out
    return layers


def _dense(features: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(inplace=True), nn.Linear(features, out))


def keep_variance(layers: nn.Sequential) -> None:
    """He's random weights for every layer that is followed by ReLU.

    Args:
        layers: changed in place.
    """
    for layer, after in itertools.pairwise(layers):
        if isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(after, nn.ReLU):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def _scaled(channels: int, width: float) -> int:
    # A multiple of 4: the segmentation head has a layer of a quarter of the width.
    return max(4, 4 * round(channels * width / 4))
