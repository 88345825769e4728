"""The generic depth network: stem, guided stages, tail, head, all from a :class:`NetSpec`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.depth_cr.layers import conv, dense, flatten_channels_last
from carpus.nets.depth_cr.localizers import Localizer2, Localizer3
from carpus.nets.depth_cr.spec import NetSpec, net_spec
from carpus.nets.depth_cr.tokens import Shape, build, parse


class GuidedStage(nn.Module):
    """Predicts maps and feeds them back: x + b + link(maps), b being the core's answer.

    Args:
        dim: 2 or 3.
        core: token list that keeps the shape.
        shape: of the features.
        heads: output channels of each linear map head.
        link: whether the maps are fed back; the last stage of a network without tail ends with its maps.
    """

    def __init__(self, dim: int, core: str, shape: Shape, heads: list[int], link: bool) -> None:
        super().__init__()
        self.core, after = build(parse(core), dim, shape)
        if after != shape:
            raise ConfigError(f"core '{core}' of a guided stage must keep {shape}, it gives {after}")
        self.heads = nn.ModuleList(conv(dim, shape.channels, width, 1, linear=True) for width in heads)
        self.link = conv(dim, sum(heads), shape.channels, 1) if link else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, c, *)`` to features of the same shape and maps ``(B, K, *)``."""
        answer = self.core(x)
        maps = torch.cat([head(answer) for head in self.heads], 1)
        return (x if self.link is None else x + answer + self.link(maps)), maps


class Pullout(nn.Module):
    """Two :class:`ConvPool`, one convolution over what remains, drop-out, linear dense layer.

    Args:
        dim: 2 or 3.
        shape: of the features; the side must be a multiple of 4.
        outputs: numbers to predict.
        dropout: share of features dropped in training.
    """

    def __init__(self, dim: int, shape: Shape, outputs: int, dropout: float) -> None:
        super().__init__()
        self.pools, rest = build(parse("CP CP"), dim, shape)
        self.full = conv(dim, rest.channels, 2 * rest.channels, rest.side, valid=True)
        self.dropout = nn.Dropout(dropout)
        self.out = dense(2 * rest.channels, outputs, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, c, *)`` to ``(B, outputs)``."""
        return self.out(self.dropout(flatten_channels_last(self.full(self.pools(x)))))


class WideDense(nn.Module):
    """A dense layer of 2592 features over the flattened map, drop-out, linear dense layer.

    Args:
        dim: 2 or 3.
        shape: of the features.
        outputs: numbers to predict.
        dropout: share of features dropped in training.
        features: width of the hidden layer.
    """

    def __init__(self, dim: int, shape: Shape, outputs: int, dropout: float, features: int = 2592) -> None:
        super().__init__()
        self.hidden = dense(shape.channels * shape.side**dim, features)
        self.dropout = nn.Dropout(dropout)
        self.out = dense(features, outputs, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, c, *)`` to ``(B, outputs)``."""
        return self.out(self.dropout(self.hidden(flatten_channels_last(x))))


class DepthNet(nn.Module):
    """A depth network of tokens.

    Args:
        spec: the network.
        joints: number of joints J.
        in_channels: channels of the input; None is the spec's.
        side: side of the input; None is the spec's.
        dropout: share of features dropped before the last layer, in training.
    """

    def __init__(
        self,
        spec: NetSpec,
        joints: int,
        in_channels: int | None = None,
        side: int | None = None,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        channels, side = in_channels or spec.in_channels, side or spec.side
        self.spec = replace(spec, in_channels=channels, side=side)
        self.joints = joints
        before, after = spec.stem_shape(channels, side), spec.features(channels, side)
        self.stem, _ = build(parse(spec.stem), spec.dim, Shape(channels, side))
        widths = [joints * width for width in spec.heads]
        linked = [spec.head != "maps" or r < spec.stages - 1 for r in range(spec.stages if widths else 0)]
        self.stages = nn.ModuleList(GuidedStage(spec.dim, spec.core, before, widths, link) for link in linked)
        self.tail, _ = build(parse(spec.tail), spec.dim, before)
        self.head: nn.Module | None = None
        if spec.head != "maps":
            head = Pullout if spec.head == "pullout" else WideDense
            self.head = head(spec.dim, after, 3 * joints, dropout)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Network outputs.

        Args:
            x: ``(B, Cin, H, W)`` or ``(B, Cin, X, Y, Z)``.
        Returns:
            ``joints_centered_mm`` ``(B, J, 3)`` relative to the cube's centre, unless the head is ``maps``;
            ``maps_<r>`` ``(B, K, *)`` of each guided stage r.
        """
        x, outputs = self.stem(x), {}
        for r, stage in enumerate(self.stages):
            x, outputs[f"maps_{r}"] = stage(x)
        if self.head is not None:
            outputs["joints_centered_mm"] = self.head(self.tail(x)).unflatten(1, (self.joints, 3))
        return outputs

    def last_stem_weight(self) -> nn.Parameter:
        """The weights where gradients of pose and maps are compared: the stem's last layer."""
        return [p for p in self.stem.parameters() if p.ndim > 1][-1]


def depth_net(
    net: str | NetSpec,
    joints: int,
    in_channels: int | None = None,
    side: int | None = None,
    dropout: float = 0.5,
) -> nn.Module:
    """A network by name or specification, sized for a skeleton and an input.

    Args:
        net: name from :data:`~carpus.nets.depth_cr.spec.NETS`, or a specification.
        joints: number of joints J; the locators ``L2`` and ``L3`` do not use it.
        in_channels: channels of the input; None is the usual one.
        side: side of the input; None is the usual one.
        dropout: share of features dropped before last layers, in training.
    Raises:
        ConfigError: for an unknown name or shapes that do not fit.
    Example:
        >>> net = depth_net("VD", joints=14)
        >>> sum(p.numel() for p in net.parameters())
        17632
    """
    spec = net_spec(net) if isinstance(net, str) else net
    if spec.head != "anchors":
        return DepthNet(spec, joints, in_channels, side, dropout)
    given = Shape(in_channels or spec.in_channels, side or spec.side)
    if given != Shape(spec.in_channels, spec.side):
        need = Shape(spec.in_channels, spec.side)
        raise ConfigError(f"locator {spec.name} needs an input of {need}, it is given {given}")
    return (Localizer2 if spec.dim == 2 else Localizer3)(dropout)
