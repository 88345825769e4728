"""Joint sets as data: names, parents, sides, colours and the permutations between them."""

from carpus.errors import unknown
from carpus.skeletons.body import ITOP
from carpus.skeletons.cube import CUBE_CENTER
from carpus.skeletons.hand import HANDS17, ICVL, MSRA, NYU
from carpus.skeletons.interhand import INTERHAND, INTERHAND_HAND, INTERHAND_PUBLISHED, HandPair
from carpus.skeletons.rgb_hands import FREIHAND_HAND, RHD_BOTH, RHD_HAND, SNAP, STB_HAND
from carpus.skeletons.skeleton import Skeleton
from carpus.skeletons.whole_body import (
    BODY_25,
    FLAME_73,
    MANO_16,
    SMPL_24,
    SMPL_33,
    SMPLX_65,
    SMPLX_137,
    SMPLX_144,
    SUPERVISION_INDEX,
)
from carpus.skeletons.whole_body_datasets import HUMAN36M, LSP_14, MPI_INF_3DHP, MPII, MSCOCO
from carpus.skeletons.whole_body_pose import convert_joints, matching

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        *(MSRA, ICVL, NYU, HANDS17, ITOP, INTERHAND, INTERHAND_HAND, CUBE_CENTER),
        *(RHD_HAND, RHD_BOTH, STB_HAND, FREIHAND_HAND, SNAP),
        *(SMPLX_144, SMPLX_137, SMPLX_65, BODY_25, SMPL_24, SMPL_33, MANO_16, FLAME_73),
        *(HUMAN36M, MPII, MPI_INF_3DHP, MSCOCO, LSP_14),
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
    "BODY_25",
    "CUBE_CENTER",
    "FLAME_73",
    "FREIHAND_HAND",
    "HANDS17",
    "HUMAN36M",
    "ICVL",
    "INTERHAND",
    "INTERHAND_HAND",
    "INTERHAND_PUBLISHED",
    "ITOP",
    "LSP_14",
    "MANO_16",
    "MPII",
    "MPI_INF_3DHP",
    "MSCOCO",
    "MSRA",
    "NYU",
    "RHD_BOTH",
    "RHD_HAND",
    "SKELETONS",
    "SMPLX_65",
    "SMPLX_137",
    "SMPLX_144",
    "SMPL_24",
    "SMPL_33",
    "SNAP",
    "STB_HAND",
    "SUPERVISION_INDEX",
    "HandPair",
    "Skeleton",
    "convert_joints",
    "get_skeleton",
    "matching",
]
