"""Software z-buffer: which triangle does each pixel see, how far away and where on the triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from carpus.geometry.camera import Camera

_EDGE = 1e-9
"""Barycentric slack, so that rounding leaves no hole between two triangles that share an edge."""

_TIE = 1e-9
"""Relative difference of depth below which two surfaces count as equally far."""


@dataclass(frozen=True)
class ZBuffer:
    """What every pixel of an image sees.

    Args:
        face: ``(H, W)`` int32 index of the nearest face, -1 where nothing is seen.
        depth: ``(H, W)`` float32 z of the seen point in the unit of the vertices, 0 where nothing is seen.
        barycentric: ``(H, W, 3)`` float32 perspective-correct weights of the face's vertices, 0 where
            nothing is seen; None when they were not asked for.
    """

    face: np.ndarray
    depth: np.ndarray
    barycentric: np.ndarray | None = None

    @property
    def seen(self) -> np.ndarray:
        """``(H, W)`` bool: pixels that see a face."""
        return self.face >= 0


def rasterize(
    vertices_cam: np.ndarray,
    faces: np.ndarray,
    camera: Camera,
    size_wh: tuple[int, int],
    *,
    pixel_center: float = 0.0,
    near: float = 1e-6,
    far: float = np.inf,
    barycentric: bool = False,
) -> ZBuffer:
    """Draw triangles of both orientations; the nearest one wins each pixel.

    Depth is perspective-correct (1/z is linear on the screen). Points on an edge belong to the face; at
    equal depth the lower face index wins. Faces with a vertex at z <= 0 are left out.

    Args:
        vertices_cam: ``(V, 3)`` camera space: x right, y down, z forward; any unit of length.
        faces: ``(F, 3)`` vertex indices.
        camera: intrinsics of the image.
        size_wh: width W and height H in pixels.
        pixel_center: pixel (column, row) samples the image at (column + p, row + p): 0 where the centre of
            the first pixel is (0, 0), 0.5 where it is (0.5, 0.5).
        near, far: only surface points with near < z < far are drawn, in the unit of the vertices.
        barycentric: also return barycentric weights.
    Returns:
        :class:`ZBuffer` of shape ``(H, W)``.
    Raises:
        ValueError: if shapes, indices or limits make no sense.
    Example:
        >>> triangle = np.array([[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]])
        >>> seen = rasterize(triangle, np.array([[0, 1, 2]]), Camera(4.0, 4.0, 2.0, 2.0), (5, 5))
        >>> seen.depth[2]
        array([0., 2., 2., 2., 0.], dtype=float32)
    """
    vertices, triangles = _checked_mesh(vertices_cam, faces)
    width, height = _checked_size(size_wh)
    if not 0 <= near < far:
        raise ValueError(f"rasterize: near {near} and far {far} must satisfy 0 <= near < far")
    screen = np.empty_like(vertices)
    screen[:, :2] = camera.project(vertices) - pixel_center
    depth = vertices[:, 2]
    screen[:, 2] = np.where(depth > 0, 1.0 / np.where(depth > 0, depth, 1.0), np.nan)
    face = np.full((height, width), -1, np.int32)
    inverse = np.zeros((height, width))
    weights = np.zeros((height, width, 3) if barycentric else (1, 1, 3), np.float32)
    lowest, highest = 1.0 / far, np.inf if near == 0 else 1.0 / near
    _draw(screen, triangles, lowest, highest, barycentric, face, inverse, weights)
    with np.errstate(divide="ignore"):
        depth_map = np.where(face >= 0, 1.0 / inverse, 0.0).astype(np.float32)
    return ZBuffer(face, depth_map, weights if barycentric else None)


def _checked_mesh(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices = np.ascontiguousarray(vertices, np.float64)
    triangles = np.ascontiguousarray(faces, np.int64)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"rasterize: vertices must have shape (V, 3), got {vertices.shape}")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"rasterize: faces must have shape (F, 3), got {triangles.shape}")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise ValueError(
            f"rasterize: faces name vertices {triangles.min()}..{triangles.max()}, "
            f"there are {len(vertices)} (0..{len(vertices) - 1})"
        )
    return vertices, triangles


def _checked_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    width, height = (int(side) for side in size_wh)
    if width < 1 or height < 1:
        raise ValueError(f"rasterize: image size must be at least 1x1, got {width}x{height}")
    return width, height


@njit(cache=True, nogil=True)
def _draw(screen, faces, lowest, highest, want_weights, face, inverse, weights):  # noqa: ANN001, ANN202
    """Fill ``face``, ``inverse`` (1/z) and ``weights`` in place; ``screen`` holds (u, v, 1/z)."""
    height, width = face.shape
    for f in range(faces.shape[0]):
        u0, v0, i0 = screen[faces[f, 0], 0], screen[faces[f, 0], 1], screen[faces[f, 0], 2]
        u1, v1, i1 = screen[faces[f, 1], 0], screen[faces[f, 1], 1], screen[faces[f, 1], 2]
        u2, v2, i2 = screen[faces[f, 2], 0], screen[faces[f, 2], 1], screen[faces[f, 2], 2]
        area = (u1 - u0) * (v2 - v0) - (v1 - v0) * (u2 - u0)
        if not (area != 0.0 and i0 > 0.0 and i1 > 0.0 and i2 > 0.0):  # also refuses NaN
            continue
        first_row = int(max(0.0, np.ceil(min(v0, v1, v2) - _EDGE)))
        last_row = int(min(height - 1.0, np.floor(max(v0, v1, v2) + _EDGE)))
        first_col = int(max(0.0, np.ceil(min(u0, u1, u2) - _EDGE)))
        last_col = int(min(width - 1.0, np.floor(max(u0, u1, u2) + _EDGE)))
        for row in range(first_row, last_row + 1):
            for col in range(first_col, last_col + 1):
                w0 = ((u1 - col) * (v2 - row) - (v1 - row) * (u2 - col)) / area
                w1 = ((u2 - col) * (v0 - row) - (v2 - row) * (u0 - col)) / area
                w2 = 1.0 - w0 - w1
                if w0 < -_EDGE or w1 < -_EDGE or w2 < -_EDGE:
                    continue
                value = w0 * i0 + w1 * i1 + w2 * i2
                if value <= lowest or value >= highest or value <= inverse[row, col] * (1.0 + _TIE):
                    continue
                face[row, col] = f
                inverse[row, col] = value
                if want_weights:
                    weights[row, col, 0] = w0 * i0 / value
                    weights[row, col, 1] = w1 * i1 / value
                    weights[row, col, 2] = w2 * i2 / value
