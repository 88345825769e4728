"""ResNets in torchvision's layout, up to their last feature map."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from carpus.errors import ConfigError, unknown

_LAYOUTS: dict[str, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    "resnet10": (BasicBlock, (1, 1, 1, 1)),
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}
_TAGS = {"resnet10": "", "resnet18": ".tv_in1k", "resnet34": ".tv_in1k"}
_FULL_WIDTH = 64


class ResNet(nn.Module):
    """Image to a map at 1/32 of its sides, without average pool and classifier.

    :func:`carpus.nets.backbones.pretrained.load_imagenet` fills it: torchvision's files and timm's have the
    same names.

    Args:
        name: ``resnet18``, ``resnet50``, …; a tag of timm's behind a dot says whose ImageNet weights, by
            default torchvision's, of ResNet-50 and larger the second version, as published.
        width: channels of the first stage; 64 is published, less is for quick looks.
        init_std: standard deviation of random convolution weights; None keeps PyTorch's own.

    Attributes:
        name: of the timm model with its tag.
        channels: width of the map.
        stride: image pixels per cell.
    Raises:
        ConfigError: for another name, or a width that is not positive.
    """

    stride = 32

    def __init__(
        self, name: str = "resnet50", width: int = _FULL_WIDTH, init_std: float | None = 0.001
    ) -> None:
        super().__init__()
        kind, dot, tag = name.partition(".")
        if kind not in _LAYOUTS:
            raise ConfigError(unknown("backbone", kind, _LAYOUTS))
        if width < 1:
            raise ConfigError(f"backbone {name}: width={width} must be at least 1")
        block, counts = _LAYOUTS[kind]
        self.name = f"{kind}{dot}{tag}" if dot else kind + _TAGS.get(kind, ".tv2_in1k")
        self.channels = 8 * width * block.expansion
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = width
        for level, count in enumerate(counts):
            stage = _stage(block, channels, width * 2**level, count, stride=1 if level == 0 else 2)
            self.add_module(f"layer{level + 1}", stage)
            channels = width * 2**level * block.expansion
        if init_std is not None:
            _start(self, init_std)

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to ``(B, C, H/32, W/32)``."""
        for layer in self.children():
            image = layer(image)
        return image


def _stage(
    block: type[BasicBlock | Bottleneck], channels: int, planes: int, count: int, stride: int
) -> nn.Sequential:
    """Residual blocks, the first of which changes the sides and the width."""
    out, skip = planes * block.expansion, None
    if stride != 1 or channels != out:
        skip = nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
    blocks = [block(channels, planes, stride, skip), *(block(out, planes) for _ in range(count - 1))]
    return nn.Sequential(*blocks)


def _start(net: nn.Module, std: float) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=std)


def resnet_name(entries: set[str], bottleneck: str = "layer1.0.conv3.weight") -> str | None:
    """Which of the networks a state dict is of, or None.

    Args:
        entries: names of a backbone's state dict.
        bottleneck: an entry that only networks of bottlenecks have.
    Example:
        >>> resnet_name(set(ResNet("resnet18", width=1).state_dict()))
        'resnet18'
    """
    block = Bottleneck if bottleneck in entries else BasicBlock
    stages = [{name.split(".")[1] for name in entries if name.startswith(f"layer{n}.")} for n in range(1, 5)]
    counts = tuple(len(blocks) for blocks in stages)
    return next((name for name, layout in _LAYOUTS.items() if layout == (block, counts)), None)
