"""What the hourglass networks of BiHand share: stacked bisected hourglasses that answer at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.blocks.hourglass import Hourglass
from carpus.nets.blocks.preact import preact_blocks


class Answer(NamedTuple):
    """What is read from one end of every stack.

    ``name`` of the published layer; ``channels`` of the answer per stack; ``positive`` ends it with ReLU.
    """

    name: str
    channels: Sequence[int]
    positive: bool = False


class Answers(NamedTuple):
    """What a row of stacks finds.

    ``first`` and ``second`` are the answers of both ends per stack, ``encodings`` what goes on behind each
    stack, all ``(B, C, H, W)``; ``latent`` is the bottom of the last hourglass.
    """

    first: list[Tensor]
    second: list[Tensor]
    encodings: list[Tensor]
    latent: Tensor


class BisectedStacks(nn.Module):
    """The stacks under the names of the published weights; a subclass adds what comes before them."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self._names = ("", "", "")

    def add_stacks(
        self, name: str, first: Answer, second: Answer, *, channels: int, depth: int, blocks: int
    ) -> None:
        """Register hourglasses, the layers of both ends and the layers between stacks.

        Args:
            name: of the hourglasses.
            first, second: what is read from the ends.
            channels: width C.
            depth: times an hourglass halves its sides.
            blocks: residual blocks per step.
        Raises:
            ConfigError: if a size is not allowed.
        """
        stacks, sizes = len(first.channels), (*first.channels, *second.channels, depth, blocks)
        if not stacks or min(sizes) < 1 or channels < 8 or channels % 4:
            raise ConfigError(
                f"{type(self).__name__}: {stacks} stacks of depth {depth} and {blocks} blocks, answers of "
                f"{list(first.channels)} and {list(second.channels)} channels: all must be >= 1, and "
                f"channels={channels} a multiple of 4 from 8 on"
            )
        self._names = (name, first.name, second.name)
        self.add_module(name, _row(Hourglass(channels, 2, depth, blocks) for _ in range(stacks)))
        for end in ("1", "2"):
            self.add_module(f"res{end}", _row(preact_blocks(channels, blocks) for _ in range(stacks)))
            self.add_module(f"fc{end}", _row(self._dense(channels) for _ in range(stacks)))
            self.add_module(f"_fc{end}", _row(_link(channels, channels) for _ in range(stacks - 1)))
        for answer in (first, second):
            self.add_module(answer.name, _row(self._head(channels, n, answer) for n in answer.channels))
            self.add_module(f"_{answer.name}", _row(_link(n, channels) for n in answer.channels[:-1]))

    def run_stacks(self, x: Tensor) -> Answers:
        """Answers of all stacks on a map ``(B, C, H, W)``."""
        name, *heads = self._names
        answers: tuple[list[Tensor], list[Tensor]] = ([], [])
        encodings, latent = [], x
        stacks = len(getattr(self, name))
        for i in range(stacks):
            ways, latent = self._part(name, i)(x)
            ends = []
            for end, (way, head) in enumerate(zip(ways, heads, strict=True)):
                ends.append(self._part(f"fc{end + 1}", i)(self._part(f"res{end + 1}", i)(way)))
                answers[end].append(self._part(head, i)(ends[end]))
            for end, head in enumerate(heads):
                if i == stacks - 1:
                    x = x + ends[end]
                else:
                    x = (
                        x
                        + self._part(f"_fc{end + 1}", i)(ends[end])
                        + self._part(f"_{head}", i)(answers[end][i])
                    )
            encodings.append(x)
        return Answers(*answers, encodings, latent)

    def _part(self, name: str, stack: int) -> nn.Module:
        return getattr(self, name)[stack]

    def _dense(self, channels: int) -> nn.Sequential:
        conv = nn.Conv2d(channels, channels, 1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(channels), self.relu)

    def _head(self, channels: int, out: int, answer: Answer) -> nn.Module:
        conv = nn.Conv2d(channels, out, 1)
        return nn.Sequential(conv, self.relu) if answer.positive else conv


def kaiming(net: nn.Module) -> None:
    """The published start of the hourglass networks: He's normal rule by fan-in for every convolution.

    Biases and normalisations keep PyTorch's start. Never for a network with a pretrained backbone.

    Args:
        net: changed in place.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)


def _row(modules: object) -> nn.ModuleList:
    return nn.ModuleList(modules)  # type: ignore[arg-type]


def _link(channels_in: int, channels_out: int) -> nn.Conv2d:
    """What leads from a stack's answer to the next stack's input."""
    return nn.Conv2d(channels_in, channels_out, 1, bias=False)
