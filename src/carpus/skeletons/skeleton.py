"""What a joint set is: immutable data and the few questions asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from carpus.errors import unknown

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Skeleton:
    """A named joint set in its dataset's published order.

    Args:
        name: short name, ``msra``.
        joints: joint names in order; the same anatomical point has the same name in every skeleton.
        parents: index of each joint's parent, -1 for the root.
        colours: RGB 0..255 per joint.
        sides: ``left``, ``right`` or ``none`` per joint.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    colours: tuple[Colour, ...]
    sides: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.joints), len(self.parents), len(self.colours), len(self.sides)}
        if len(lengths) != 1:
            raise ValueError(
                f"skeleton {self.name}: joints, parents, colours and sides differ in length: {lengths}"
            )
        if self.parents.count(-1) != 1:
            raise ValueError(f"skeleton {self.name}: exactly one root expected, got {self.parents.count(-1)}")

    def __len__(self) -> int:
        return len(self.joints)

    def __hash__(self) -> int:
        return hash((self.name, self.joints))

    @property
    def root(self) -> int:
        """Index of the joint without a parent."""
        return self.parents.index(-1)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs in joint order."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @cached_property
    def tips(self) -> tuple[int, ...]:
        """Joints that are nobody's parent."""
        return tuple(j for j in range(len(self)) if j not in self.parents)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For every joint the index of its left/right partner, or itself."""
        swap = {"left": "right", "right": "left"}
        partner = []
        for index, (joint, side) in enumerate(zip(self.joints, self.sides, strict=True)):
            other = joint.replace(f"{side}_", f"{swap[side]}_", 1) if side in swap else joint
            partner.append(self.joints.index(other) if other in self.joints else index)
        return tuple(partner)

    def index(self, joint: str) -> int:
        """Position of a joint.

        Raises:
            KeyError: naming the nearest joint that exists.
        """
        if joint not in self.joints:
            raise KeyError(f"skeleton {self.name}: {unknown('joint', joint, self.joints)}")
        return self.joints.index(joint)

    def permutation(self, to: Skeleton) -> np.ndarray:
        """Indices that reorder joints of this skeleton into another's order.

        Args:
            to: a skeleton all of whose joints exist here.
        Returns:
            ``(len(to),)`` int64 so that ``joints[..., permutation, :]`` is in ``to``'s order.
        Raises:
            ValueError: listing the joints that are missing here.
        Example:
            >>> from carpus.skeletons import HANDS17, MSRA
            >>> MSRA.permutation(to=HANDS17)[:6]
            array([ 0, 17,  1,  5,  9, 13])
        """
        missing = [joint for joint in to.joints if joint not in self.joints]
        if missing:
            raise ValueError(f"skeleton {self.name} lacks joints of {to.name}: {', '.join(missing)}")
        return np.array([self.joints.index(joint) for joint in to.joints])


def from_chains(
    name: str,
    joints: Sequence[str],
    chains: Sequence[str],
    shades: dict[str, tuple[Colour, ...]],
    default: Colour,
) -> Skeleton:
    """A skeleton from lines of joint names, each running outwards from a joint named earlier.

    Args:
        name: short name.
        joints: names in the published order.
        chains: ``"wrist index_mcp index_pip"``: every joint's parent is the one before it.
        shades: joint-name prefix to colours from root to tip; the last ones are used where a chain is short.
        default: colour of joints without a prefix in ``shades``.
    """
    parent = {}
    for chain in chains:
        line = chain.split()
        parent.update(dict(zip(line[1:], line, strict=False)))
    colours: dict[str, Colour] = {}
    for prefix, row in shades.items():
        members = sorted((j for j in joints if j.startswith(prefix)), key=lambda j: _depth(j, parent))
        colours.update(dict(zip(reversed(members), reversed(row), strict=False)))
    return Skeleton(
        name=name,
        joints=tuple(joints),
        parents=tuple(joints.index(parent[j]) if j in parent else -1 for j in joints),
        colours=tuple(colours.get(j, default) for j in joints),
        sides=tuple(next((s for s in ("left", "right") if j.startswith(f"{s}_")), "none") for j in joints),
    )


def _depth(joint: str, parent: dict[str, str]) -> int:
    """Number of bones between a joint and the root."""
    depth = 0
    while joint in parent:
        joint, depth = parent[joint], depth + 1
    return depth
