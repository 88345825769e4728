"""Software rendering without a graphics library: z-buffer, part labels, shaded pictures."""

from carpus.render.shade import depth_picture, interpolate, part_labels, shaded, vertex_normals
from carpus.render.zbuffer import ZBuffer, rasterize

__all__ = ["ZBuffer", "depth_picture", "interpolate", "part_labels", "rasterize", "shaded", "vertex_normals"]
