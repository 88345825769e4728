"""What networks are given and what their maps are asked to be: shapes only, no data."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown

Part = Literal["heat", "closeness", "direction", "view", "label", "anchor"]
"""A group of map channels: one channel per joint; ``direction`` has three, joint after joint."""


@dataclass(frozen=True)
class InputSpec:
    """A network input.

    Args:
        name: how users choose it; its prepared type and side.
        dim: 2 for images, 3 for volumes.
        side: pixels or voxels per axis.
        channels: channels.
    """

    name: str
    dim: int
    side: int
    channels: int = 1

    @property
    def kind(self) -> str:
        """The prepared type without its side."""
        return self.name.rpartition("_")[0]


@dataclass(frozen=True)
class GuideSpec:
    """Dense targets of the guided stages.

    Args:
        name: how users choose it.
        dim: 2 or 3, 0 for no guide.
        side: pixels or voxels per axis.
        parts: groups of channels in their order.
        prepared: prepared types that hold the target, with their sides.
    """

    name: str
    dim: int = 0
    side: int = 0
    parts: tuple[Part, ...] = ()
    prepared: tuple[str, ...] = ()

    @property
    def channels_per_joint(self) -> int:
        """Map channels per joint."""
        return sum(3 if part == "direction" else 1 for part in self.parts)

    def span(self, part: Part, joints: int) -> slice:
        """Channels of the first group of that kind.

        Raises:
            ConfigError: if there is none.
        """
        start = 0
        for own in self.parts:
            width = joints * (3 if own == "direction" else 1)
            if own == part:
                return slice(start, start + width)
            start += width
        raise ConfigError(
            f"guide {self.name} has no {part} channels; it has {', '.join(self.parts) or 'none'}"
        )

    def channel_joints(self, joints: int) -> Tensor:
        """The joint that each channel belongs to, ``(K,)`` int64.

        Example:
            >>> GUIDES["udir2"].channel_joints(2).tolist()
            [0, 1, 0, 0, 0, 1, 1, 1]
        """
        own = torch.arange(joints)
        return torch.cat([own.repeat_interleave(3) if part == "direction" else own for part in self.parts])


_INPUTS = (
    InputSpec("crop2_128", 2, 128),
    InputSpec("clean_128", 2, 128),
    InputSpec("clean_64", 2, 64),
    InputSpec("ortho3_128", 2, 128, 3),
    InputSpec("pcnt3_64", 3, 64),
    InputSpec("pcnt3_32", 3, 32),
    InputSpec("vxhit_64", 3, 64),
    InputSpec("tsdf3_64", 3, 64, 3),
    InputSpec("truncd_64", 3, 64),
    InputSpec("frame_256", 2, 256),
    InputSpec("scene_vox_32", 3, 32),
)
_VIEWS: tuple[Part, ...] = ("view", "view", "view")
_UNITS: tuple[Part, ...] = ("closeness", "direction")
_GUIDES = (
    GuideSpec("none"),
    GuideSpec("hmap2", 2, 32, ("heat",), ("hmap2_32",)),
    GuideSpec("dist2", 2, 32, ("closeness",), ("udir2_32",)),
    GuideSpec("udir2", 2, 32, _UNITS, ("udir2_32",)),
    GuideSpec("hmap2_udir2", 2, 32, ("heat", *_UNITS), ("hmap2_32", "udir2_32")),
    GuideSpec("edt2", 2, 32, ("closeness",), ("edt2_32",)),
    GuideSpec("edt2m", 2, 32, ("closeness",), ("edt2m_32",)),
    GuideSpec("ov3dist2", 2, 32, _VIEWS, ("ov3dist2_32",)),
    GuideSpec("ov3edt2", 2, 32, _VIEWS, ("ov3edt2_32",)),
    GuideSpec("ov3edt2m", 2, 32, _VIEWS, ("ov3edt2m_32",)),
    GuideSpec("dist3_32", 3, 32, ("closeness",), ("vxudir_32",)),
    GuideSpec("vxudir_16", 3, 16, _UNITS, ("vxudir_16",)),
    GuideSpec("vxlab_32", 3, 32, ("label",), ("pose_lab_32",)),
    GuideSpec("vxedt_16", 3, 16, ("closeness",), ("vxedt_16",)),
    GuideSpec("anchor2", 2, 8, ("anchor",), ()),
    GuideSpec("anchor3", 3, 8, ("anchor",), ()),
)
INPUTS = MappingProxyType({spec.name: spec for spec in _INPUTS})
"""Network inputs by name."""
GUIDES = MappingProxyType({spec.name: spec for spec in _GUIDES})
"""Guides by name; ``none`` is one."""


def input_spec(name: str) -> InputSpec:
    """The input of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in INPUTS:
        raise ConfigError(unknown("input", name, INPUTS))
    return INPUTS[name]


def guide_spec(name: str) -> GuideSpec:
    """The guide of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in GUIDES:
        raise ConfigError(unknown("guide", name, GUIDES))
    return GUIDES[name]
