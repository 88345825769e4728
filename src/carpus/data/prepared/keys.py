"""Names of prepared arrays that tell apart what the published names confuse.

A published name is type and own side, ``vxudir_32``; there it may stand for a map drawn from a grid of 128 or
of 64 cells. The full name adds the crop it is drawn from: ``vxudir_32_from_pcnt3_128``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from carpus.data.prepared.nodes import NODES, Node
from carpus.errors import ConfigError, unknown

_USUAL_CROP = {"vxudir_16": 64, "vxoff_16": 64, "vxedt_16": 32, "frame2": 256, "scene3": 32}
"""Crop side behind a short name; 128 for every other map."""
_NAME = re.compile(r"([a-z][a-z0-9_]*?)(?:_(\d+))?(?:_from_([a-z0-9]+)_(\d+))?")


@dataclass(frozen=True, order=True)
class Key:
    """A prepared type at given sides.

    Args:
        type: name of its node.
        map_side: S; 0 where the type has no map.
        crop_side: C; 0 where no crop is involved.
    """

    type: str
    map_side: int = 0
    crop_side: int = 0

    @property
    def node(self) -> Node:
        """Its type."""
        return NODES[self.type]

    @property
    def published(self) -> str:
        """``vxudir_32``."""
        side = {"crop": self.crop_side, "map": self.map_side}.get(self.node.scale)
        return f"{self.type}_{side}" if side else self.type

    @property
    def name(self) -> str:
        """``vxudir_32_from_pcnt3_128``."""
        source = f"_from_{self.node.source}_{self.crop_side}" if self.node.source else ""
        return self.published + source

    @property
    def inputs(self) -> tuple[Key, ...]:
        """What it is made from, at the sides that fit."""
        return tuple(key_of(name, self.map_side, self.crop_side) for name in self.node.inputs)

    def row_shape(self, joints: int) -> tuple[int, ...]:
        """Shape of one row for J joints."""
        return self.node.row_shape(joints, self.map_side, self.crop_side)

    def row_bytes(self, joints: int) -> int:
        """Uncompressed bytes of one row."""
        total = 4
        for length in self.row_shape(joints):
            total *= length
        return total


def key_of(name: str, map_side: int, crop_side: int) -> Key:
    """The key of a type at given sides; sides that do not concern it are dropped.

    Raises:
        ConfigError: for an unknown type, a missing side, or a map side that does not divide the crop side.
    """
    if name not in NODES:
        raise ConfigError(unknown("prepared type", name, NODES))
    node = NODES[name]
    needs_map, needs_crop = node.scale == "map", node.scale == "crop" or bool(node.source)
    if (needs_map and map_side < 1) or (needs_crop and crop_side < 1):
        raise ConfigError(
            f"prepared type '{name}' needs a side, as in {name}_32; got {map_side} and {crop_side}"
        )
    if node.source and crop_side % map_side:
        raise ConfigError(
            f"'{name}' of side {map_side} cannot be drawn from {node.source}_{crop_side}: choose a side that "
            f"divides {crop_side}"
        )
    return Key(name, map_side if needs_map else 0, crop_side if needs_crop else 0)


def parse_key(text: str) -> Key:
    """The key of a full or published name.

    Args:
        text: ``vxudir_32_from_pcnt3_128``, or ``edt2_32``, whose crop then has its usual side.
    Raises:
        ConfigError: saying what is wrong with the name.
    Example:
        >>> parse_key("edt2_32").name
        'edt2_32_from_clean_128'
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise ConfigError(f"'{text}' is not the name of a prepared type, such as edt2_32 or clean_128")
    name, side, source, crop = match.groups()
    if name not in NODES:
        raise ConfigError(unknown("prepared type", name, NODES))
    node = NODES[name]
    if source is not None and source != node.source:
        raise ConfigError(f"'{text}': {name} is drawn from {node.source or 'no crop'}, not from {source}")
    if side is not None and not node.scale:
        raise ConfigError(f"'{text}': {name} has no side")
    own = int(side or 0)
    if node.scale == "crop":
        return key_of(name, 0, own)
    return key_of(name, own, int(crop or _USUAL_CROP.get(f"{name}_{own}", 128)))
