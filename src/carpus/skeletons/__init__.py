"""Joint sets as data: names, parents, sides, colours and the permutations between them."""

from carpus.errors import unknown
from carpus.skeletons.body import ITOP
from carpus.skeletons.hand import HANDS17, ICVL, MSRA, NYU
from carpus.skeletons.skeleton import Skeleton

SKELETONS = {skeleton.name: skeleton for skeleton in (MSRA, ICVL, NYU, HANDS17, ITOP)}


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        KeyError: naming the nearest one that exists.
    """
    if name not in SKELETONS:
        raise KeyError(unknown("skeleton", name, SKELETONS))
    return SKELETONS[name]


__all__ = ["HANDS17", "ICVL", "ITOP", "MSRA", "NYU", "SKELETONS", "Skeleton", "get_skeleton"]
