"""InterHand2.6M: one hand of 21 joints, and both hands of one person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from carpus.skeletons.hand import FINGER_SHADES, WRIST_COLOUR
from carpus.skeletons.skeleton import Skeleton, from_chains

_PARTS = ("mcp", "pip", "dip", "tip")
_FINGERS = ("thumb", "index", "middle", "ring", "little")
_PUBLISHED_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@dataclass(frozen=True)
class HandPair(Skeleton):
    """Two hands of the same joints, right before left, each with a root of its own.

    ``root`` is the first hand's.
    """

    def __post_init__(self) -> None:
        if self.parents.count(-1) != 2 or len(self.joints) % 2:
            raise ValueError(
                f"skeleton {self.name}: two hands of equal size with a root each expected, got "
                f"{len(self.joints)} joints and {self.parents.count(-1)} roots"
            )

    __hash__ = Skeleton.__hash__

    @cached_property
    def roots(self) -> tuple[int, int]:
        """Indices of the right and the left root."""
        right, left = (j for j, parent in enumerate(self.parents) if parent < 0)
        return right, left

    @property
    def joints_per_hand(self) -> int:
        """Number of joints of one hand."""
        return len(self.joints) // 2

    @cached_property
    def hand_of(self) -> tuple[int, ...]:
        """For every joint 0 if it belongs to the right hand and 1 if to the left."""
        return tuple(j // self.joints_per_hand for j in range(len(self)))

    @cached_property
    def root_of(self) -> tuple[int, ...]:
        """For every joint the root of its hand."""
        return tuple(self.roots[hand] for hand in self.hand_of)


def pair_of(name: str, hand: Skeleton) -> HandPair:
    """Both hands made of one.

    Args:
        name: of the pair.
        hand: joints without a side.
    Example:
        >>> pair = pair_of("two", INTERHAND_HAND)
        >>> pair.joints[20], pair.joints[21], pair.parents[24], pair.mirror[0]
        ('right_wrist', 'left_thumb_tip', 41, 21)
    """
    count = len(hand)
    return HandPair(
        name=name,
        joints=tuple(f"{side}_{joint}" for side in ("right", "left") for joint in hand.joints),
        parents=(*hand.parents, *(p + count if p >= 0 else p for p in hand.parents)),
        colours=hand.colours * 2,
        sides=("right",) * count + ("left",) * count,
    )


INTERHAND_HAND = from_chains(
    "interhand26m_hand",
    [*(f"{finger}_{part}" for finger in _FINGERS for part in reversed(_PARTS)), "wrist"],
    [" ".join(["wrist", *(f"{finger}_{part}" for part in _PARTS)]) for finger in _FINGERS],
    {finger: (*FINGER_SHADES[finger][:3], WRIST_COLOUR) for finger in _FINGERS},
    WRIST_COLOUR,
)
"""Either hand in the published order: each finger from its tip to its knuckle, the wrist last."""

INTERHAND = pair_of("interhand26m", INTERHAND_HAND)
"""Right hand, then left hand."""

INTERHAND_PUBLISHED = tuple(
    f"{side}_{joint}"
    for side in ("r", "l")
    for joint in [*(f"{finger}{number}" for finger in _PUBLISHED_FINGERS for number in (4, 3, 2, 1)), "wrist"]
)
"""The publisher's names in the order of :data:`INTERHAND`; 4 is the tip, 1 the knuckle."""
