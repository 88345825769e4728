"""Lists of the published program: order in which types are printed, stores each of its models reads."""

from __future__ import annotations

_HANDS17 = (
    "index poses resce pose_c pose_hit pose_lab crop2 clean ortho3 pcnt3 tsdf3 vxhit vxudir edt2 hmap2 udir2 "
    "edt2m ov3dist2 ov3edt2 ov3edt2m"
)
_NYU = (
    "index poses resce pose_c pose_hit pose_lab crop2 clean ortho3 ov3edt2 pcnt3 tsdf3 vxhit vxudir edt2 "
    "hmap2 udir2 edt2m ov3dist2 ov3edt2m"
)
DATASETS = {"hands17": tuple(_HANDS17.split()), "nyu": tuple(_NYU.split())}
"""Types of the printed graph, in the order in which they are printed."""

_CLEAN = "pose_c clean_128"
_CROP = "pose_c crop2_128"
_CONV3 = "pose_c clean_64 pcnt3_64"
_DIST3 = f"{_CLEAN} ortho3_128 pcnt3_32 vxudir_32 ov3dist2_32"
_MODELS = {
    "super_edt3": "pose_c clean_32 pcnt3_32 vxedt_16",
    "super_ov3edt2m": f"{_DIST3} ov3edt2_32 ov3edt2m_32",
    "super_ov3dist2": _DIST3,
    "super_ov3edt2": f"{_CLEAN} ortho3_128 ov3edt2_32",
    "super_edt2m": f"{_CLEAN} edt2_32 udir2_32 edt2m_32",
    "super_edt2": f"{_CLEAN} edt2_32",
    "super_dist3": f"{_CONV3} vxudir_32",
    "voxel_regre": f"{_CONV3} vxudir_16",
    "voxel_offset": "clean_64 pcnt3_64 vxudir_16",
    "super_vxhit": "pose_c clean_64 pose_lab_32 vxhit_64",
    "voxel_detect": "clean_64 pose_lab_32 vxhit_64",
    "super_dist2": f"{_CLEAN} udir2_32",
    "super_udir2": "pose_c clean_64 udir2_32",
    "super_hmap2": f"{_CLEAN} hmap2_32",
    "dense_regre": "clean_128 hmap2_32 udir2_32",
    "direc_tsdf": f"{_CONV3} tsdf3_64",
    "trunc_dist": f"{_CONV3} truncd_64",
    "base_conv3": _CONV3,
    "base_conv3_inres": _CONV3,
    "ortho3view": f"{_CLEAN} ortho3_128",
    "base_clean": _CLEAN,
    "base_regre": _CROP,
    "base_clean_inres": _CLEAN,
    "base_regre_inres": _CROP,
    "base_clean_hg": _CLEAN,
    "base_regre_hg": _CROP,
    "localizer3": "pose_c clean_32",
    "localizer2": "pose_c clean_256",
}
PREREQUISITES = {name: tuple(stores.split()) for name, stores in _MODELS.items()}
"""Published store names per model. There ``pcnt3_32`` of the ``super_ov3`` models is a grid of 128 cells."""
