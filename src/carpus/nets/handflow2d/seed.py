"""BiHand's first stage: heat maps and a hand mask by stacked bisected hourglasses."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from carpus.nets.blocks.preact import PreactBottleneck
from carpus.nets.handflow2d.stacks import Answer, Answers, BisectedStacks, kaiming

Outputs = dict[str, Tensor | list[Tensor]]
"""What the networks of this package return; ``l_hm`` and the like are lists, one entry per stack."""

_STRIDE = 4


class SeedNet(BisectedStacks):
    """Image to heat maps, mask and the features that later stages build on.

    Entries of the state dict have the names of the published weights.

    Args:
        joints: heat maps J.
        stacks: hourglasses one after another, each with an answer of its own.
        blocks: residual blocks per step of an hourglass.
        depth: times an hourglass halves its sides.
        channels: width C behind the stem, a multiple of 4; less than 256 is for quick looks.
    Raises:
        ConfigError: if a size is not allowed.
    """

    def __init__(
        self, joints: int = 21, stacks: int = 2, blocks: int = 1, depth: int = 4, channels: int = 256
    ) -> None:
        super().__init__()
        self.joints, self.channels, self.side_step = joints, channels, _STRIDE * 2**depth
        self.conv1 = nn.Conv2d(3, channels // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.layer1 = nn.Sequential(PreactBottleneck(channels // 4, channels // 2))
        self.maxpool = nn.MaxPool2d(2)
        self.layer2 = nn.Sequential(PreactBottleneck(channels // 2, channels))
        self.layer3 = nn.Sequential(PreactBottleneck(channels, channels))
        maps, mask = Answer("hm", [joints] * stacks), Answer("mask", [1] * stacks)
        self.add_stacks("hg2b", maps, mask, channels=channels, depth=depth, blocks=blocks)
        kaiming(self)

    def forward(self, image: Tensor, infos: Mapping[str, Tensor] | None = None) -> Outputs:
        """Outputs of images.

        Args:
            image: ``(B, 3, S, S)`` normalised RGB; 256 is published.
            infos: not used; every seed network takes it.
        Returns:
            ``l_hm`` of ``(B, J, S/4, S/4)`` raw values and ``l_mask`` of ``(B, 1, S/4, S/4)`` logits, one per
            stack; ``enc`` ``(B, C, S/4, S/4)``.
        Raises:
            ValueError: if the input is not of that shape.
        """
        found = self.answers(image)
        return {"l_hm": found.first, "l_mask": found.second, "enc": found.encodings[-1]}

    def answers(self, image: Tensor) -> Answers:
        """What every stack finds in images ``(B, 3, S, S)``."""
        if image.ndim != 4 or image.shape[1] != 3 or any(side % self.side_step for side in image.shape[2:]):
            raise ValueError(
                f"SeedNet: input of shape {tuple(image.shape)}; (B, 3, H, W) with sides that are multiples "
                f"of {self.side_step} is needed"
            )
        x = self.layer1(self.relu(self.bn1(self.conv1(image))))
        return self.run_stacks(self.layer3(self.layer2(self.maxpool(x))))
