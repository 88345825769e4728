"""Joint sets as data: names, parents, sides, colours and the permutations between them."""

from carpus.errors import unknown
from carpus.skeletons.body import ITOP
from carpus.skeletons.cube import CUBE_CENTER
from carpus.skeletons.hand import HANDS17, ICVL, MSRA, NYU
from carpus.skeletons.interhand import INTERHAND, INTERHAND_HAND, INTERHAND_PUBLISHED, HandPair
from carpus.skeletons.rgb_hands import FREIHAND_HAND, RHD_BOTH, RHD_HAND, SNAP, STB_HAND
from carpus.skeletons.skeleton import Skeleton

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        *(MSRA, ICVL, NYU, HANDS17, ITOP, INTERHAND, INTERHAND_HAND, CUBE_CENTER),
        *(RHD_HAND, RHD_BOTH, STB_HAND, FREIHAND_HAND, SNAP),
    )
}


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        KeyError: naming the nearest one that exists.
    """
    if name not in SKELETONS:
        raise KeyError(unknown("skeleton", name, SKELETONS))
    return SKELETONS[name]


__all__ = [
    "CUBE_CENTER",
    "FREIHAND_HAND",
    "HANDS17",
    "ICVL",
    "INTERHAND",
    "INTERHAND_HAND",
    "INTERHAND_PUBLISHED",
    "ITOP",
    "MSRA",
    "NYU",
    "RHD_BOTH",
    "RHD_HAND",
    "SKELETONS",
    "SNAP",
    "STB_HAND",
    "HandPair",
    "Skeleton",
    "get_skeleton",
]
