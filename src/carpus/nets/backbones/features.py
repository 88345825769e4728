"""timm networks as lists of feature maps, without the layers behind the last map.

Entries of the state dicts have timm's names, those of its weight files and of published programs built on it.
"""

from __future__ import annotations

import math
from typing import Any

import timm
import torch
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.backbones.rgb import check_known

_BLOCKS = {"deit_base_distilled_patch16_384": 8, "cait_m48_448": 41}
_STAGES = 6
_STRIDES = (4, 8, 16)


class FeatureMaps(nn.Module):
    """Images to feature maps, from the finest to the coarsest.

    Attributes:
        name: of the timm model.
        channels: width of each map.
        strides: image pixels per cell of each map.
        image_px: side of the images it takes, or None if any multiple of the coarsest stride will do.
        normed: whether the maps are normalised already.
    """

    name: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    image_px: int | None = None
    normed: bool = False

    def sides(self, image_px: int) -> tuple[int, ...]:
        """Sides of the maps of a square image.

        Raises:
            ConfigError: if the network does not take such an image.
        """
        if self.image_px not in (None, image_px) or image_px % self.strides[-1]:
            allowed = f"multiples of {self.strides[-1]}" if self.image_px is None else f"{self.image_px}"
            raise ConfigError(f"backbone {self.name} takes images of {allowed} px, not {image_px}")
        return tuple(image_px // stride for stride in self.strides)


class StageFeatures(FeatureMaps):
    """The stages of a convolutional network up to stride 16.

    Args:
        name: a timm model that is a row of stages, such as ``resnet18`` or ``wide_resnet50_2``.
    Raises:
        ConfigError: if the model is no such row, or has no features of strides 4, 8 and 16.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        net = _row_of_stages(name)
        strides = net.feature_info.reduction()
        # The last of several features of one stride has seen most of the network.
        levels = [len(strides) - 1 - strides[::-1].index(level) for level in _STRIDES]
        widths, parts = net.feature_info.channels(), list(net.return_layers)
        self.name, self.strides, self.channels = name, _STRIDES, tuple(widths[level] for level in levels)
        self._taken = tuple(parts[level] for level in levels)
        for part, module in net.items():
            self.add_module(part, module)
            if part == self._taken[-1]:
                break

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to one ``(B, C, H / stride, W / stride)`` per stride."""
        maps, x = [], image
        for name, module in self.named_children():
            x = module(x)
            if name in self._taken:
                maps.append(x)
        return maps


class TrunkFeatures(FeatureMaps):
    """The map of an EfficientNet before its last stage, as CS-Flow takes it.

    Args:
        name: a timm model, ``efficientnet_b5``.
    Raises:
        ConfigError: if the model is no EfficientNet of seven stages.
    """

    def __init__(self, name: str = "efficientnet_b5") -> None:
        super().__init__()
        net: Any = timm.create_model(name, pretrained=False)
        if not hasattr(net, "conv_stem") or len(getattr(net, "blocks", ())) != 1 + _STAGES:
            raise ConfigError(
                f"backbone {name} is no EfficientNet: choose efficientnet_b5, efficientnet_b0, …"
            )
        self.conv_stem, self.bn1, self.blocks = net.conv_stem, net.bn1, net.blocks[:_STAGES]
        widths = [m.out_channels for m in self.blocks.modules() if isinstance(m, nn.Conv2d)]
        self.name, self.channels, self.strides = name, (widths[-1],), (32,)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to one ``(B, C, H / 32, W / 32)``."""
        return [self.blocks(self.bn1(self.conv_stem(image)))]


class TokenFeatures(FeatureMaps):
    """Patch tokens of a transformer's first blocks, normalised, as one map.

    Args:
        name: a timm vision transformer or CaiT.
        blocks: how many; None is 8 for DeiT-B distilled and 41 for CaiT-M48, as FastFlow has them.
        image_px: side of the images; None is the model's own.
    Raises:
        ConfigError: if the model is neither, or ``blocks`` is needed.
    """

    normed = True

    def __init__(self, name: str, blocks: int | None = None, image_px: int | None = None) -> None:
        super().__init__()
        blocks = _BLOCKS.get(name.split(".")[0]) if blocks is None else blocks
        if blocks is None or blocks < 1:
            raise ConfigError(f"backbone {name}: say how many of its blocks are used, blocks={blocks}")
        # What lies behind those blocks is not made at all: CaiT-M48 has a billion bytes of weights.
        cait = name.startswith("cait")
        options: dict[str, Any] = {"depth": blocks, "num_classes": 0}
        options |= {"depth_token_only": 0} if cait else {}
        options |= {} if image_px is None else {"img_size": image_px}
        try:
            net: Any = timm.create_model(name, pretrained=False, **options)
        except (TypeError, AssertionError) as error:
            raise ConfigError(f"backbone {name} cannot be cut to {blocks} blocks: {error}") from error
        tokens = () if cait else ("cls_token", "dist_token")
        self._prefix = tuple(token for token in tokens if getattr(net, token, None) is not None)
        self.patch_embed, self.blocks, self.norm = net.patch_embed, net.blocks, net.norm
        self.pos_embed, self.grid = net.pos_embed, net.patch_embed.grid_size
        for token in self._prefix:
            self.register_parameter(token, getattr(net, token))
        plain = isinstance(getattr(net, "norm_pre", nn.Identity()), nn.Identity)
        if not plain or self.pos_embed.shape[1] != math.prod(self.grid) + len(self._prefix):
            raise ConfigError(f"backbone {name} is no plain transformer: choose {', '.join(_BLOCKS)}, …")
        self.name, self.channels = name, (net.num_features,)
        self.image_px = self.patch_embed.img_size[0]
        self.strides = (self.patch_embed.patch_size[0],)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to one ``(B, C, S / patch, S / patch)``."""
        x = self.patch_embed(image)
        if self._prefix:
            tokens = [getattr(self, name).expand(len(x), -1, -1) for name in self._prefix]
            x = torch.cat((*tokens, x), 1)
        x = self.norm(self.blocks(x + self.pos_embed))[:, len(self._prefix) :]
        return [x.transpose(1, 2).unflatten(2, self.grid).contiguous()]


def feature_maps(
    name: str = "resnet18.tv_in1k", image_px: int | None = None, blocks: int | None = None
) -> FeatureMaps:
    """The feature maps a flow works on, with random weights.

    :func:`carpus.nets.backbones.pretrained.load_imagenet` fills them in.

    Args:
        name: ``resnet18`` or ``wide_resnet50_2`` and the like give strides 4, 8 and 16,
            ``deit_base_distilled_patch16_384`` and ``cait_m48_448`` one normalised map, ``efficientnet_b5``
            one map at stride 32.
        image_px: side of a transformer's images; None is its own.
        blocks: of a transformer; None is what FastFlow takes of the two above.
    Raises:
        ConfigError: for a name timm does not know, or a network of another kind.
    Example:
        >>> with torch.device("meta"):
        ...     net = feature_maps("resnet18")
        >>> [tuple(found.shape[1:]) for found in net(torch.zeros(1, 3, 256, 256, device="meta"))]
        [(64, 64, 64), (128, 32, 32), (256, 16, 16)]
    """
    check_known(name)
    if name.startswith(("deit", "vit", "cait")):
        return TokenFeatures(name, blocks, image_px)
    if name.startswith("efficientnet"):
        return TrunkFeatures(name)
    return StageFeatures(name)


def _row_of_stages(name: str) -> Any:
    """A timm model as modules that run one after another, with the features on the way."""
    try:
        net: Any = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"backbone {name} gives no feature maps: {error}") from error
    order = str(getattr(net, "output_fmt", "NCHW")).removeprefix("Format.")
    plain = isinstance(net, nn.ModuleDict) and hasattr(net, "return_layers") and order == "NCHW"
    if not plain or not set(_STRIDES) <= set(net.feature_info.reduction()):
        raise ConfigError(
            f"backbone {name} is no plain row of stages with maps at strides "
            f"{', '.join(map(str, _STRIDES))}: choose resnet18, wide_resnet50_2, {', '.join(_BLOCKS)}, …"
        )
    return net
