"""Dense guidance of the depth CR family: what is drawn over the cube's views and grids, and read back.

Functions carry the published names of what they make.
"""

from carpus.codecs.dense.anchors import anchors2, anchors2_decode, anchors3, anchors3_decode, scene_density
from carpus.codecs.dense.images import clean, crop2, frame2, ortho3
from carpus.codecs.dense.maps2d import edt2, edt2m, hmap2, ov3edt2, ov3edt2m, udir2
from carpus.codecs.dense.maps3d import (
    ov3dist2,
    pcnt3,
    pose_hit,
    pose_lab,
    truncd,
    tsdf3,
    vxedt,
    vxhit,
    vxoff,
    vxudir,
)

__all__ = [
    "anchors2",
    "anchors2_decode",
    "anchors3",
    "anchors3_decode",
    "clean",
    "crop2",
    "edt2",
    "edt2m",
    "frame2",
    "hmap2",
    "ortho3",
    "ov3dist2",
    "ov3edt2",
    "ov3edt2m",
    "pcnt3",
    "pose_hit",
    "pose_lab",
    "scene_density",
    "truncd",
    "tsdf3",
    "udir2",
    "vxedt",
    "vxhit",
    "vxoff",
    "vxudir",
]
