"""Networks as data: token lists of stem, guided stages, tail and head, checked against the input's shape."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from carpus.errors import ConfigError, unknown
from carpus.nets.depth_cr.tokens import Shape, parse, shape_after

Head = Literal["pullout", "fc2592", "maps", "anchors"]
"""What a network ends in: coordinates by convolutions, by a wide dense layer, its maps, or anchors."""


@dataclass(frozen=True)
class NetSpec:
    """One network, not yet sized for a skeleton.

    Args:
        name: how users choose it.
        dim: 2 for images, 3 for volumes.
        in_channels: channels of the usual input.
        side: pixels or voxels per axis of the usual input.
        stem: tokens before the guided stages, or all tokens of a network without them.
        core: tokens of a guided stage; empty for none.
        heads: channels per joint of each map head.
        width: channels the guided stages work on.
        tail: tokens between the last stage and the head.
        head: what comes last; ``maps`` ends with the maps of the last stage.
        stages: number of guided stages.
    """

    name: str
    dim: int
    in_channels: int
    side: int
    stem: str
    core: str = ""
    heads: tuple[int, ...] = ()
    width: int = 0
    tail: str = ""
    head: Head = "pullout"
    stages: int = 2

    def __post_init__(self) -> None:
        if self.dim not in (2, 3):
            raise ConfigError(f"net {self.name}: dim must be 2 or 3, not {self.dim}")
        if self.head not in get_args(Head):
            raise ConfigError(f"net {self.name}: {unknown('head', self.head, get_args(Head))}")
        if bool(self.core) != bool(self.heads) or (self.heads and self.stages < 1):
            raise ConfigError(f"net {self.name}: guided stages need a core and heads, or neither")
        if self.head == "maps" and (self.tail or not self.heads):
            raise ConfigError(f"net {self.name}: head maps needs guided stages and no tail")

    @property
    def guided(self) -> bool:
        """Whether the network predicts maps."""
        return bool(self.heads)

    @property
    def channels_per_joint(self) -> int:
        """Map channels per joint, 0 without maps."""
        return sum(self.heads)

    def map_side(self, side: int) -> int:
        """Side of the predicted maps for an input of ``side``."""
        return self.stem_shape(self.in_channels, side).side

    def stem_shape(self, in_channels: int, side: int) -> Shape:
        """Shape behind the stem.

        Raises:
            ConfigError: if the stem cannot take the input, or does not end with the width of the stages.
        """
        shape = _shape(self, self.stem, Shape(in_channels, side))
        if self.guided and shape.channels != self.width:
            raise ConfigError(
                f"net {self.name}: the stem ends with {shape.channels} channels, the guided stages "
                f"work on {self.width}; end the stem with P{self.width}"
            )
        return shape

    def features(self, in_channels: int, side: int) -> Shape:
        """Shape that reaches the head."""
        return _shape(self, self.tail, self.stem_shape(in_channels, side))


def _shape(spec: NetSpec, text: str, shape: Shape) -> Shape:
    try:
        return shape_after(parse(text), shape)
    except ConfigError as error:
        raise ConfigError(f"net {spec.name}: {error}") from None


_SPECS = (
    NetSpec("B", 2, 1, 128, "C8 CP CP CP CP"),
    NetSpec("BR", 2, 1, 128, "C8 R R b32*4 R b16*4 R b8*4"),
    NetSpec("BH", 2, 1, 128, "C8 CP R (hg4 res)*4 b32 R b16 R b8"),
    NetSpec("O3", 2, 3, 128, "C8 CP CP CP CP", head="fc2592"),
    NetSpec("S32", 2, 1, 128, "C8 CP CP res P32", "res", (1,), 32, "CP CP"),
    NetSpec("S128", 2, 1, 128, "C8 CP CP res P128", "res", (1,), 128, "MP MP"),
    NetSpec("U64", 2, 1, 64, "C16 CP res P128", "res", (1, 3), 128, "MP MP"),
    NetSpec("DR", 2, 1, 128, "C8 CP CP res P128", "res", (1, 1, 3), 128, head="maps"),
    NetSpec("OV", 2, 3, 128, "C8 CP CP res P64", "hg2 res", (3,), 64, "MP CP"),
    NetSpec("C3", 3, 1, 64, "C16 CP CP CP"),
    NetSpec("C3R", 3, 1, 64, "C16 CP res*4 R res*4 R res*4"),
    NetSpec("E3", 3, 1, 32, "C16 CP P64", "res", (1,), 64, "CP"),
    NetSpec("D3", 3, 1, 64, "C8 CP P32", "res", (1,), 32, "CP CP"),
    NetSpec("VH", 3, 1, 64, "C8 CP res P32", "res", (1,), 32, "CP CP"),
    NetSpec("VD", 3, 1, 64, "C8 CP res P32", "res", (1,), 32, head="maps"),
    NetSpec("VR", 3, 1, 64, "C8 CP CP P128", "res", (1, 3), 128, "MP"),
    NetSpec("VO", 3, 1, 64, "C8 CP CP P128", "res", (1, 3), 128, head="maps"),
    # The published checkpoint of super_edt2m is older than the final network; this is its probable form.
    NetSpec("super_edt2_v0222", 2, 1, 128, "C8 CP CP res", "hg2 res", (1,), 32, "CP CP"),
    # The locators branch and have no token form: networks of their own, entered for their shapes.
    NetSpec("L2", 2, 1, 256, "", head="anchors"),
    NetSpec("L3", 3, 1, 32, "", head="anchors"),
)
NETS = MappingProxyType({spec.name: spec for spec in _SPECS})
"""The published networks by name, L2 and L3 repaired, and one older form."""


def net_spec(name: str) -> NetSpec:
    """The network of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in NETS:
        raise ConfigError(unknown("net", name, NETS))
    return NETS[name]
