"""Lists of the published program: order in which types are printed, stores each of its models reads."""

from __future__ import annotations

from carpus.errors import ConfigError, unknown

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

PUBLISHED_KIB = {
    "clean_128": 7,
    "crop2_128": 7,
    "ortho3_128": 19,
    "edt2_32_from_clean_128": 18,
    "udir2_32_from_clean_128": 78,
    "edt2m_32_from_clean_128": 19,
    "hmap2_32": 5,
    "ov3edt2_32_from_ortho3_128": 36,
    "ov3dist2_32_from_pcnt3_128": 55,
    "ov3edt2m_32_from_ortho3_128": 41,
    "pcnt3_64": 17,
    "pcnt3_128": 103,
    "vxhit_64": 14,
    "pose_hit_32": 31,
    "tsdf3_64": 336,
    "vxudir_16_from_pcnt3_64": 78,
    "vxudir_32_from_pcnt3_128": 329,
}
"""KiB per row of the published files (HDF5, lzf), measured on HANDS 2017, by full name."""

_OTHER_GRIDS = {
    "super_ov3dist2": {"pcnt3_32": "pcnt3_128"},
    "super_ov3edt2m": {"pcnt3_32": "pcnt3_128"},
    "super_dist3": {"vxudir_32": "vxudir_32_from_pcnt3_64"},
    "super_udir2": {"udir2_32": "udir2_32_from_clean_64"},
    "localizer2": {"pose_c": "frame2_256", "clean_256": "anchor2_8"},
    "localizer3": {"pose_c": "scene3_32", "clean_32": "anchor3_8"},
}
"""What a published store name means to a model, where that is not its usual meaning. The published program
prepares crops for its localisers and never their targets; both are named by what they need."""


def model_stores(model: str) -> dict[str, str]:
    """Prepared types of a model by the published name of their file.

    Raises:
        ConfigError: for a model nobody knows.
    Example:
        >>> model_stores("super_udir2")["udir2_32"]
        'udir2_32_from_clean_64'
    """
    if model not in PREREQUISITES:
        raise ConfigError(unknown("model", model, PREREQUISITES))
    meaning = _OTHER_GRIDS.get(model, {})
    names = {name: meaning.get(name, name) for name in PREREQUISITES[model]}
    return {full if model.startswith("localizer") else name: full for name, full in names.items()}
