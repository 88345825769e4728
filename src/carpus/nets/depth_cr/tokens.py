"""Networks written as words: ``C8 CP R (hg4 res)*4 b32`` becomes a chain of blocks with known shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from carpus.errors import ConfigError, unknown
from carpus.nets.depth_cr.blocks import ConvPool, Hourglass, Inception32, InceptionCross, Reduce, Residual
from carpus.nets.depth_cr.layers import conv, halving_pool

WORDS = {
    "C<n>": "3ᵈ convolution to n channels",
    "P<n>": "1ᵈ convolution to n channels",
    "CP": "3ᵈ convolution to twice the channels, then pooling",
    "MP": "pooling",
    "R": "reduction to half the sides and twice the channels",
    "res": "residual block",
    "b32": "inception-residual block of 3ᵈ kernels",
    "b16": "inception-residual block of 1×7 and 7×1 kernels (images)",
    "b8": "inception-residual block of 1×3 and 3×1 kernels (images)",
    "hg<n>": "hourglass of n levels",
}
_GROUP = re.compile(r"\(([^()]*)\)(?:[*×](\d+))?")


@dataclass(frozen=True)
class Shape:
    """Width and side of a square or cubic feature map.

    Args:
        channels: feature maps.
        side: pixels or voxels per axis.
    """

    channels: int
    side: int

    def __str__(self) -> str:
        return f"{self.channels} channels at side {self.side}"


def parse(text: str) -> list[str]:
    """Words of a token list with groups and repetitions written out.

    Args:
        text: words separated by blanks; ``word*4`` repeats one, ``(word word)*4`` repeats several.
    Raises:
        ConfigError: for a word that is none.
    Example:
        >>> parse("C8 (hg4 res)*2 b32*2")
        ['C8', 'hg4', 'res', 'hg4', 'res', 'b32', 'b32']
    """
    flat = text
    while _GROUP.search(flat):
        flat = _GROUP.sub(lambda group: " ".join([group[1]] * int(group[2] or 1)), flat)
    words = []
    for item in flat.split():
        word, _, times = item.replace("×", "*").partition("*")
        if not _known(word) or (times and not times.isdigit()) or item.endswith(("*", "×")):
            raise ConfigError(f"token list '{text}': {unknown('token', item, WORDS)}")
        words += [word] * int(times or 1)
    return words


def shape_after(words: list[str], shape: Shape) -> Shape:
    """Shape behind a chain of blocks.

    Raises:
        ConfigError: where a block cannot take what it is given.
    Example:
        >>> shape_after(parse("C8 CP CP res P32"), Shape(1, 128))
        Shape(channels=32, side=32)
    """
    for word in words:
        _check(word, shape)
        if word[0] in "CP" and word[1:].isdigit():
            shape = Shape(int(word[1:]), shape.side)
        elif word in ("CP", "R"):
            shape = Shape(2 * shape.channels, shape.side // 2)
        elif word == "MP":
            shape = Shape(shape.channels, shape.side // 2)
    return shape


def build(words: list[str], dim: int, shape: Shape) -> tuple[nn.Sequential, Shape]:
    """The chain of blocks and the shape behind it.

    Args:
        words: from :func:`parse`.
        dim: 2 or 3.
        shape: of the input.
    """
    blocks = []
    for word in words:
        after = shape_after([word], shape)
        blocks.append(_block(word, dim, shape.channels))
        shape = after
    return nn.Sequential(*blocks), shape


def _known(word: str) -> bool:
    return word in WORDS or re.fullmatch(r"(C|P|hg)[1-9]\d*", word) is not None


def _check(word: str, shape: Shape) -> None:
    levels = int(word[2:]) if word.startswith("hg") else 1 if word in ("CP", "MP", "R") else 0
    if shape.side % 2**levels:
        need = f"a side that is a multiple of {2**levels}"
        raise ConfigError(f"token {word} needs {need}; it is given {shape}")
    if word in ("res", "R", "b32", "b16", "b8") and shape.channels % 4:
        raise ConfigError(f"token {word} needs a multiple of 4 channels; it is given {shape}")


def _block(word: str, dim: int, channels: int) -> nn.Module:
    if word in ("b16", "b8"):
        if dim != 2:
            raise ConfigError(f"token {word} exists for images only, this network has dim {dim}; use res")
        return InceptionCross(channels, 7 if word == "b16" else 3)
    if word.startswith("hg"):
        return Hourglass(dim, channels, int(word[2:]))
    if word == "MP":
        return halving_pool(dim)
    named = {"CP": ConvPool, "R": Reduce, "res": Residual, "b32": Inception32}
    if word in named:
        return named[word](dim, channels)
    return conv(dim, channels, int(word[1:]), 3 if word[0] == "C" else 1)
