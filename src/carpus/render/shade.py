"""Pictures from a z-buffer: part labels, interpolated values, simple shading."""

from __future__ import annotations

import numpy as np

from carpus.render.zbuffer import ZBuffer


def part_labels(buffer: ZBuffer, face_labels: np.ndarray, background: int = 0) -> np.ndarray:
    """The label of the face each pixel sees.

    Args:
        buffer: z-buffer ``(H, W)``.
        face_labels: ``(F,)`` integer label per face.
        background: label of pixels that see nothing.
    Returns:
        ``(H, W)`` in the dtype of ``face_labels``.
    Raises:
        ValueError: if the buffer names a face without a label.
    """
    face_labels = np.asarray(face_labels)
    last = int(buffer.face.max(initial=-1))
    if face_labels.ndim != 1 or last >= len(face_labels):
        raise ValueError(f"part_labels: labels {face_labels.shape} given, face {last} is seen")
    padded = np.append(face_labels, np.array([background], face_labels.dtype))
    return padded[buffer.face]


def interpolate(buffer: ZBuffer, faces: np.ndarray, vertex_values: np.ndarray) -> np.ndarray:
    """Values given at vertices, interpolated at what each pixel sees.

    Args:
        buffer: z-buffer ``(H, W)`` with barycentric weights.
        faces: ``(F, 3)`` the faces that were drawn.
        vertex_values: ``(V, C)``.
    Returns:
        ``(H, W, C)`` float32, 0 where nothing is seen.
    Raises:
        ValueError: if the buffer was drawn without barycentric weights.
    """
    if buffer.barycentric is None:
        raise ValueError("interpolate: draw with rasterize(..., barycentric=True) first")
    image = np.zeros((*buffer.face.shape, vertex_values.shape[1]), np.float32)
    seen = buffer.seen
    corners = vertex_values[np.asarray(faces)[buffer.face[seen]]]
    image[seen] = np.einsum("nk,nkc->nc", buffer.barycentric[seen], corners)
    return image


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals ``(V, 3)``, the area-weighted mean of the faces around each vertex.

    Args:
        vertices: ``(V, 3)``.
        faces: ``(F, 3)``.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normals[:, c], 3), len(vertices)) for c in range(3)], axis=1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def shaded(
    buffer: ZBuffer,
    vertices: np.ndarray,
    faces: np.ndarray,
    colour: tuple[int, int, int] | np.ndarray = (222, 190, 165),
    background: tuple[int, int, int] = (255, 255, 255),
    light: tuple[float, float, float] = (-0.35, -0.55, -1.0),
) -> np.ndarray:
    """A matt picture lit by one lamp near the camera.

    Args:
        buffer: z-buffer ``(H, W)`` with barycentric weights.
        vertices: ``(V, 3)`` as drawn.
        faces: ``(F, 3)`` as drawn.
        colour: RGB 0..255 of the whole surface, or ``(F, 3)`` per face.
        background: RGB where nothing is seen.
        light: direction towards the lamp in camera space.
    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    normals = interpolate(buffer, faces, vertex_normals(vertices, faces))
    direction = np.asarray(light) / np.linalg.norm(light)
    lit = np.abs(normals @ direction) / np.maximum(np.linalg.norm(normals, axis=-1), 1e-6)
    base = np.asarray(colour, np.float32)
    base = base[buffer.face] if base.ndim == 2 else base
    image = base * (0.3 + 0.7 * lit)[..., None]
    image[~buffer.seen] = background
    return np.clip(image, 0, 255).astype(np.uint8)


def depth_picture(depth_mm: np.ndarray, near_mm: float, far_mm: float) -> np.ndarray:
    """Depth as a warm grey picture, near is dark; depth 0 counts as far.

    Args:
        depth_mm: ``(H, W)`` millimetres.
        near_mm, far_mm: depths drawn black and brightest.
    Returns:
        ``(H, W, 3)`` uint8 RGB.
    Raises:
        ValueError: if the range is empty.
    """
    if not near_mm < far_mm:
        raise ValueError(f"depth_picture: near {near_mm} mm is not smaller than far {far_mm} mm")
    depth = np.where(depth_mm > 0, depth_mm, far_mm)
    level = (np.clip(depth, near_mm, far_mm) - near_mm) / (far_mm - near_mm)
    return (level[..., None] * np.array([255, 240, 204])).astype(np.uint8)
