"""The prepared types: what each is made from, by which function, its shape, range and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from carpus.codecs import dense
from carpus.data.prepared.frame import Frame

Arrays = Mapping[str, np.ndarray]
Make = Callable[[Frame, Arrays, int, int], np.ndarray]
"""``make(frame, inputs by type, map side S, crop side C)``."""
_LATTICES = {"anchors2": 2, "anchors3": 3}
"""Lengths that are a number per cell of a lattice: one, a coordinate per axis and a scale."""
Scale = Literal["", "crop", "map"]


@dataclass(frozen=True)
class Node:
    """A prepared type.

    Args:
        name: published name.
        inputs: types it is made from; the roots ``index`` (the image), ``poses`` and ``resce`` come with the
            frame.
        make: the pure function.
        shape: of one row in terms of J joints, C cells or pixels of a crop, S of a map.
        values: range.
        cost_ms: measured on one core for 21 joints at the usual sides, without the inputs.
        meaning: one line.
        scale: whether its own side is that of the crop, of the map, or it has none.
        source: the crop type it is drawn from, part of its full name; empty where no crop is involved.
        dtype: as stored.
    """

    name: str
    inputs: tuple[str, ...]
    make: Make
    shape: tuple[str, ...]
    values: tuple[float, float]
    cost_ms: float
    meaning: str
    scale: Scale = ""
    source: str = ""
    dtype: str = "float32"

    def row_shape(self, joints: int, map_side: int, crop_side: int) -> tuple[int, ...]:
        """The shape in numbers."""
        sizes = {"J": joints, "S": map_side, "C": crop_side}
        return tuple(_length(term, sizes) for term in self.shape)


def _length(term: str, sizes: Mapping[str, int]) -> int:
    """``3J`` as a number."""
    if term in _LATTICES:
        axes = _LATTICES[term]
        return (axes + 2) * sizes["S"] ** axes
    return int(term[:-1] or 1) * sizes[term[-1]] if term[-1] in sizes else int(term)


def _pose_c(frame: Frame) -> np.ndarray:
    """Joints relative to the cube's centre, x y z per joint."""
    return (frame.joints_cam_mm - frame.cube.center).reshape(-1)


def _node(
    name: str, inputs: str, shape: str, values: tuple[float, float], cost_ms: float, **rest: Any
) -> Node:
    """A node whose inputs and shape are written as words."""
    return Node(
        name, tuple(inputs.split()), shape=tuple(shape.split()), values=values, cost_ms=cost_ms, **rest
    )


_ANY = (-np.inf, np.inf)
_ALL = (
    _node("index", "", "", (0, 2**31 - 1), 0.0, make=lambda f, a, S, C: np.int32(f.index), dtype="int32",
          meaning="frame number"),
    _node("poses", "", "J 3", _ANY, 0.0, make=lambda f, a, S, C: f.joints_cam_mm,
          meaning="joints in the camera frame, mm"),
    _node("resce", "", "4", _ANY, 0.0, make=lambda f, a, S, C: f.cube.to_array(),
          meaning="half side and centre of the hand cube, mm"),
    _node("pose_c", "poses resce", "3J", _ANY, 0.01, make=lambda f, a, S, C: _pose_c(f),
          meaning="joints minus the cube's centre, mm"),
    _node("pose_c1", "poses resce", "3J", _ANY, 0.01, make=lambda f, a, S, C: _pose_c(f) / f.cube.half_mm,
          meaning="pose_c in half sides of the cube"),
    _node("pose_hit", "poses resce", "S S S J", (0, 1), 0.05, scale="map",
          make=lambda f, a, S, C: dense.pose_hit(f.joints_cam_mm, f.cube, S),
          meaning="1 in the cell of each joint"),
    _node("pose_lab", "poses resce", "J", (0, np.inf), 0.02, scale="map",
          make=lambda f, a, S, C: dense.pose_lab(f.joints_cam_mm, f.cube, S),
          meaning="flat number of the cell of each joint"),
    _node("crop2", "index resce", "C C", (0, 1), 0.1, scale="crop",
          make=lambda f, a, S, C: dense.crop2(f.depth_mm, f.camera, f.cube, f.depth_range_mm, C, f.whole_mm),
          meaning="square of the image around the cube, background kept"),
    _node("clean", "index resce", "C C", (0, 1), 0.2, scale="crop",
          make=lambda f, a, S, C: dense.clean(f.points_mm, f.cube, C),
          meaning="orthographic front view of the cube, background removed"),
    _node("ortho3", "index resce", "C C 3", (0, 1), 0.4, scale="crop",
          make=lambda f, a, S, C: dense.ortho3(f.points_mm, f.cube, C),
          meaning="three orthographic views of the cube"),
    _node("pcnt3", "index resce", "C C C", (0, 1), 0.5, scale="crop",
          make=lambda f, a, S, C: dense.pcnt3(f.points_mm, f.cube, C),
          meaning="point density per cell"),
    _node("tsdf3", "pcnt3", "C C C 3", (-0.3, 0.3), 27.0, scale="crop",
          make=lambda f, a, S, C: dense.tsdf3(a["pcnt3"]),
          meaning="truncated signed distance along y, x and z"),
    _node("truncd", "pcnt3", "C C C", (0, 0.2), 6.0, scale="crop",
          make=lambda f, a, S, C: dense.truncd(a["pcnt3"]),
          meaning="truncated distance to the occupied cells"),
    _node("vxhit", "index resce", "C C C", (0, 1), 0.3, scale="crop",
          make=lambda f, a, S, C: dense.vxhit(f.points_mm, f.cube, C),
          meaning="1 in the occupied cells"),
    _node("vxudir", "pcnt3 poses resce", "S S S 4J", (-1.8, 1.8), 1.5, scale="map", source="pcnt3",
          make=lambda f, a, S, C: dense.vxudir(a["pcnt3"], f.joints_cam_mm, f.cube, S),
          meaning="closeness and direction from occupied cells to joints"),
    _node("vxoff", "pcnt3 poses resce", "S S S 3J", _ANY, 0.2, scale="map", source="pcnt3",
          make=lambda f, a, S, C: dense.vxoff(a["pcnt3"], f.joints_cam_mm, f.cube, S),
          meaning="vectors from occupied cells to joints, mm"),
    _node("vxedt", "vxhit poses resce", "S S S J", (0, np.inf), 1.5, scale="map", source="vxhit",
          make=lambda f, a, S, C: dense.vxedt(a["vxhit"], f.joints_cam_mm, f.cube, S),
          meaning="closeness to joints through the occupied cells"),
    _node("edt2", "clean poses resce", "S S J", (0, 1), 1.5, scale="map", source="clean",
          make=lambda f, a, S, C: dense.edt2(a["clean"], f.joints_cam_mm, f.cube, S),
          meaning="closeness to joints along the silhouette"),
    _node("hmap2", "poses resce", "S S J", (0, 1), 0.1, scale="map",
          make=lambda f, a, S, C: dense.hmap2(f.joints_cam_mm, f.cube, S, f.unit_peak),
          meaning="blurred spot per joint, as high as its depth"),
    _node("udir2", "clean poses resce", "S S 4J", (-1.8, 1.8), 0.1, scale="map", source="clean",
          make=lambda f, a, S, C: dense.udir2(a["clean"], f.joints_cam_mm, f.cube, S, f.corrected_z),
          meaning="closeness and direction from pixels to joints"),
    _node("edt2m", "edt2 udir2", "S S J", (0, 1), 0.02, scale="map", source="clean",
          make=lambda f, a, S, C: dense.edt2m(a["edt2"], a["udir2"]),
          meaning="edt2 times the closeness of udir2"),
    _node("ov3dist2", "vxudir", "S S 3J", (0, 1), 0.3, scale="map", source="pcnt3",
          make=lambda f, a, S, C: dense.ov3dist2(a["vxudir"]),
          meaning="largest closeness of vxudir in three views"),
    _node("ov3edt2", "ortho3 poses resce", "S S 3J", (0, 1), 3.5, scale="map", source="ortho3",
          make=lambda f, a, S, C: dense.ov3edt2(a["ortho3"], f.joints_cam_mm, f.cube, S),
          meaning="edt2 in three views"),
    _node("ov3edt2m", "ov3edt2 ov3dist2", "S S 3J", (0, 1), 0.05, scale="map", source="ortho3",
          make=lambda f, a, S, C: dense.ov3edt2m(a["ov3edt2"], a["ov3dist2"]),
          meaning="ov3edt2 times ov3dist2"),
    _node("frame2", "index", "C C", (0, 1), 0.5, scale="crop",
          make=lambda f, a, S, C: dense.frame2(f.depth_mm, f.depth_range_mm, C),
          meaning="the whole frame, for the 2D localiser"),
    _node("scene3", "index", "C C C", (0, 1), 10.0, scale="crop",
          make=lambda f, a, S, C: dense.scene_density(f.scene_points_mm, f.depth_range_mm, C),
          meaning="density of the whole scene, for the 3D localiser"),
    _node("anchor2", "index resce", "anchors2", (-10, 1), 0.05, scale="map",
          make=lambda f, a, S, C: dense.anchors2(f.cube, f.camera, f.image_size, S),
          meaning="cell and place of the cube on the image"),
    _node("anchor3", "resce", "anchors3", (-10, 1), 0.05, scale="map",
          make=lambda f, a, S, C: dense.anchors3(f.cube, f.depth_range_mm, S),
          meaning="cell and place of the cube in the scene"),
)  # fmt: skip
NODES = {node.name: node for node in _ALL}
"""Every prepared type by name, inputs before what is made from them."""
