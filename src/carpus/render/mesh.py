"""Meshes of people drawn over pictures, without a graphics library or a display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numba import njit

from carpus.geometry.camera import Camera
from carpus.render.shade import vertex_normals
from carpus.render.zbuffer import ZBuffer, rasterize

Colour = tuple[int, int, int]
SKIN: Colour = (222, 190, 165)
PEOPLE: tuple[Colour, ...] = (SKIN, (150, 190, 230), (180, 215, 160), (235, 175, 150), (200, 175, 225))
"""Colours of the first, second … person of a picture; they repeat."""

_LIGHT = np.array([-0.35, -0.55, -1.0]) / np.linalg.norm([-0.35, -0.55, -1.0])
_AMBIENT = 0.3
Window = tuple[int, int, int, int]


def draw_meshes(
    image: np.ndarray,
    meshes: Sequence[np.ndarray],
    faces: np.ndarray,
    camera: Camera,
    *,
    colours: Sequence[Colour] = PEOPLE,
    opacity: float = 1.0,
    samples: int = 1,
) -> np.ndarray:
    """A picture with meshes over it; nearer surfaces hide farther ones, also of other meshes.

    Work is done only where the meshes are. A mesh behind the camera or outside the picture changes nothing.

    Args:
        image: ``(H, W, 3)`` uint8 RGB; stays as it is.
        meshes: of every person ``(V, 3)``: x right, y down, z forward, in any unit of length.
        faces: ``(F, 3)`` vertex indices, the same for everybody.
        camera: intrinsics of the picture.
        colours: RGB of the people; they repeat.
        opacity: 1 hides the picture, 0 shows it alone.
        samples: rays per pixel and direction; 2 smooths outlines.
    Returns:
        ``(H, W, 3)`` uint8 RGB.
    Raises:
        ValueError: if the image or a mesh has another form.
    """
    _check(image, meshes, opacity, samples)
    drawn = image.copy()
    window = _window(meshes, camera, (image.shape[1], image.shape[0]))
    if window is None:
        return drawn
    left, top, right, bottom = window
    vertices = np.concatenate([np.asarray(mesh, np.float64) for mesh in meshes])
    everybody = np.concatenate([np.asarray(faces) + k * len(mesh) for k, mesh in enumerate(meshes)])
    buffer = _rays(vertices, everybody, camera, window, samples)
    people = np.arange(len(meshes)) % len(colours)
    paint = np.asarray(colours, np.float32)[np.repeat(people, len(faces))]
    surface = _lit(buffer, vertices, everybody, paint)
    cover = buffer.seen.astype(np.float32)
    if samples > 1:
        grid = (bottom - top, samples, right - left, samples)
        surface = surface.reshape(*grid, 3).mean((1, 3))
        cover = cover.reshape(grid).mean((1, 3))
    under, covered = drawn[top:bottom, left:right], cover > 0
    part = opacity * surface[covered] + (1 - opacity * cover[covered, None]) * under[covered]
    under[covered] = np.rint(part).clip(0, 255).astype(np.uint8)
    return drawn


def _check(image: np.ndarray, meshes: Sequence[np.ndarray], opacity: float, samples: int) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"draw_meshes: the image is {image.shape} {image.dtype}, (H, W, 3) of uint8 was expected"
        )
    if any(np.ndim(mesh) != 2 or np.shape(mesh)[1] != 3 for mesh in meshes):
        raise ValueError(f"draw_meshes: meshes of {[np.shape(m) for m in meshes]}, (V, 3) each expected")
    if not 0 <= opacity <= 1 or samples < 1:
        raise ValueError(f"draw_meshes: opacity {opacity} must be in 0..1, samples {samples} at least 1")


def _window(meshes: Sequence[np.ndarray], camera: Camera, size_wh: tuple[int, int]) -> Window | None:
    """Columns and rows (left, top, right, bottom) of the pixels that meshes can touch."""
    if not len(meshes):
        return None
    points = camera.project(np.concatenate([np.asarray(mesh, np.float64) for mesh in meshes]))
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return None
    width, height = size_wh
    (left, top), (right, bottom) = np.floor(points.min(0)), np.ceil(points.max(0)) + 1
    box = int(max(left, 0)), int(max(top, 0)), int(min(right, width)), int(min(bottom, height))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _rays(vertices: np.ndarray, faces: np.ndarray, camera: Camera, window: Window, samples: int) -> ZBuffer:
    """The z-buffer of a window, with ``samples`` rays per pixel and direction, centred on the pixel."""
    left, top, right, bottom = window
    shift = (samples - 1) / 2
    finer = replace(
        camera,
        fx=camera.fx * samples,
        fy=camera.fy * samples,
        cx=(camera.cx - left) * samples + shift,
        cy=(camera.cy - top) * samples + shift,
    )
    size = ((right - left) * samples, (bottom - top) * samples)
    return rasterize(vertices, faces, finer, size, barycentric=True)


def _lit(buffer: ZBuffer, vertices: np.ndarray, faces: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """``(H, W, 3)`` matt surface lit from above the camera; 0 where nothing is seen."""
    assert buffer.barycentric is not None
    surface = np.zeros((*buffer.face.shape, 3), np.float32)
    normals = vertex_normals(vertices, faces).astype(np.float32)
    _shade(buffer.face, buffer.barycentric, faces, normals, paint, _LIGHT, _AMBIENT, surface)
    return surface


@njit(cache=True, nogil=True)
def _shade(face, weights, faces, normals, paint, light, ambient, surface):  # noqa: ANN001, ANN202
    """Fill ``surface`` where a face is seen; both sides of a face are lit alike."""
    for row in range(face.shape[0]):
        for col in range(face.shape[1]):
            f = face[row, col]
            if f < 0:
                continue
            x = y = z = np.float32(0.0)
            for k in range(3):
                normal, weight = normals[faces[f, k]], weights[row, col, k]
                x += weight * normal[0]
                y += weight * normal[1]
                z += weight * normal[2]
            length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
            lit = abs(x * light[0] + y * light[1] + z * light[2]) / length
            for channel in range(3):
                surface[row, col, channel] = paint[f, channel] * (ambient + (1.0 - ambient) * lit)


def draw_box(image: np.ndarray, box_xywh_px: np.ndarray, colour: Colour = (255, 64, 64)) -> np.ndarray:
    """A picture with the outline of a box.

    Args:
        image: ``(H, W, 3)`` uint8 RGB; stays as it is.
        box_xywh_px: left, top, width, height; may leave the picture.
        colour: RGB.
    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    drawn, thick = image.copy(), max(1, round(max(image.shape[:2]) / 400))
    left, top, width, height = (round(float(v)) for v in box_xywh_px)
    right, bottom = left + width, top + height
    edges = (
        (left, top, right + thick, top + thick),
        (left, bottom, right + thick, bottom + thick),
        (left, top, left + thick, bottom + thick),
        (right, top, right + thick, bottom + thick),
    )
    for x0, y0, x1, y1 in edges:
        drawn[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = colour
    return drawn


def write_obj(path: Path | str, vertices: np.ndarray, faces: np.ndarray) -> Path:
    """A mesh as a Wavefront file: ``v x y z`` lines, then ``f a/a b/b c/c`` with numbers from 1.

    Args:
        path: the file.
        vertices: ``(V, 3)`` in any unit of length.
        faces: ``(F, 3)`` vertex indices from 0.
    Returns:
        The path.
    Raises:
        ValueError: for faces of vertices that do not exist.
    """
    faces = np.asarray(faces)
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise ValueError(f"write_obj: faces name vertices {faces.min()}..{faces.max()} of {len(vertices)}")
    path = Path(path)
    lines = [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in np.asarray(vertices, np.float64).tolist()]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (faces + 1).tolist()]
    path.write_text("\n".join(lines) + "\n")
    return path


def read_obj(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of a Wavefront file; texture and normal numbers are left out.

    Args:
        path: the file.
    Returns:
        ``(V, 3)`` float64, ``(F, 3)`` int64 from 0.
    """
    vertices, faces = [], []
    for line in Path(path).read_text().splitlines():
        what, *words = line.split() or [""]
        if what == "v":
            vertices.append([float(word) for word in words[:3]])
        elif what == "f":
            faces.append([int(word.split("/")[0]) - 1 for word in words[:3]])
    return np.array(vertices).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)
