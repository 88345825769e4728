"""The light that comes from a scene to a camera: skin and cloth under lamps, shadows, dark corners."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from carpus.geometry.camera import Camera
from carpus.render import rasterize, vertex_normals
from carpus.render.zbuffer import ZBuffer
from carpus.synthetic.one_hand.looks import Look
from carpus.synthetic.one_hand.solids import HAIR
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.two_hands.fingers import rotation_between
from carpus.synthetic.two_hands.mesh import FINGER_MM, SKIN, Mesh
from carpus.synthetic.two_hands.studio import Light

_LAMP_MM, _SHADOW_MM, _SHADOW_PX, _SHADOW_GAP_MM = 4000.0, 640.0, 256, 7.0
_WEAVE_MM = 0.8
"""Pixels larger than that do not show the threads of cloth."""
_WRAP, _SKIN_GLOSS, _HAIR_GLOSS = 0.35, 0.10, 0.05


class _Shadow(NamedTuple):
    """What the strongest lamp sees: depth ``(S, S)``, and the turn ``(3, 3)`` from the world to the lamp."""

    depth: np.ndarray
    rotation: np.ndarray


def light_from(
    mesh: Mesh, buffer: ZBuffer, view: View, light: Light, look: Look, middle_mm: np.ndarray
) -> np.ndarray:
    """``(H, W, 3)`` float32 light 0..1 of every pixel that sees the surface, 0 elsewhere.

    Args:
        mesh: the surface; its casters throw shadows near ``middle_mm``.
        buffer: what ``view`` sees of it, with barycentric weights.
        view: the camera.
        light: lamps.
        look: colours.
        middle_mm: ``(3,)`` in the world.
    """
    assert buffer.barycentric is not None
    normals = vertex_normals(mesh.vertices, mesh.faces)
    values = np.concatenate([mesh.vertices - middle_mm, normals, mesh.paint], axis=1).astype(np.float32)
    shadow = _shadow(mesh, light, middle_mm)
    lamps = np.column_stack([light.directions, light.power]).astype(np.float32)
    eye = (view.position_mm - middle_mm).astype(np.float32)
    made = np.zeros((*buffer.face.shape, 3), np.float32)
    surface = (buffer.face, buffer.barycentric, mesh.faces, values, mesh.material)
    lit = (lamps, int(light.power.argmax()), light.ambient, eye, *shadow)
    footprint = float(np.linalg.norm(eye)) / view.camera.fx
    _shade(surface, (look.skin, look.waves, look.cloth), lit, footprint, _openness(buffer, view), made)
    return made


def _shadow(mesh: Mesh, light: Light, middle_mm: np.ndarray) -> _Shadow:
    """The depth map of the strongest lamp around a place."""
    rotation = rotation_between(light.directions[int(light.power.argmax())], np.array([0.0, 0.0, -1.0]))
    points = (mesh.vertices - middle_mm) @ rotation.T + (0, 0, _LAMP_MM)
    focal = _SHADOW_PX * _LAMP_MM / _SHADOW_MM
    lamp = Camera(focal, focal, _SHADOW_PX / 2, _SHADOW_PX / 2)
    nearest = rasterize(points, mesh.faces[: mesh.casters], lamp, (_SHADOW_PX, _SHADOW_PX)).depth
    return _Shadow(np.where(nearest > 0, nearest, np.inf).astype(np.float32), rotation)


def _openness(buffer: ZBuffer, view: View) -> np.ndarray:
    """``(H, W)`` float32 factor 0.45..1: darker where the surroundings are nearer, as between fingers."""
    depth = np.where(buffer.seen, buffer.depth, buffer.depth.max())
    near = float(np.median(buffer.depth[buffer.seen])) if buffer.seen.any() else 1000.0
    dark = np.zeros_like(depth)
    for reach_mm in (8.0, 22.0):
        size = 2 * max(1, round(0.5 * reach_mm * view.camera.fx / near)) + 1
        behind = np.maximum(depth - cv2.blur(depth, (size, size)), 0) / np.float32(reach_mm)
        # What is far before a surface takes no light from it.
        gap = (depth - cv2.erode(depth, np.ones((size, size)))) / np.float32(3 * reach_mm)
        dark += 0.5 * np.minimum(behind, 1) / (1 + gap**4)
    return 1 - np.float32(0.55) * np.minimum(dark, 1)


@njit(cache=True, nogil=True)
def _shade(surface, colours, lit, footprint, openness, made):  # noqa: ANN001, ANN202
    """Fill ``made`` ``(H, W, 3)`` where a face is seen."""
    face, weights, faces, values, material = surface
    skin, waves, cloth = colours
    lamps, key, ambient, eye, depth, rotation = lit
    at, colour = np.empty(values.shape[1], np.float32), np.empty(3, np.float32)
    for row in range(face.shape[0]):
        for col in range(face.shape[1]):
            seen = face[row, col]
            if seen < 0:
                continue
            for k in range(values.shape[1]):
                at[k] = 0.0
                for corner in range(3):
                    at[k] += weights[row, col, corner] * values[faces[seen, corner], k]
            kind = material[seen]
            if kind == SKIN:
                _skin_colour(at, skin, waves, footprint, colour)
            else:
                _cloth_colour(at, cloth[kind], footprint, colour)
            gloss = _SKIN_GLOSS if kind == SKIN else (_HAIR_GLOSS if kind == HAIR else 0.0)
            diffuse, shine = _lamplight(at, lamps, key, ambient, eye, depth, rotation, gloss)
            for k in range(3):
                made[row, col, k] = colour[k] * diffuse * openness[row, col] + shine


@njit(cache=True, nogil=True)
def _lamplight(at, lamps, key, ambient, eye, depth, rotation, gloss):  # noqa: ANN001, ANN202
    """Soft diffuse light of all lamps and from around, and gloss; without arrays, which would cost most."""
    tx, ty, tz = _unit(eye[0] - at[0], eye[1] - at[1], eye[2] - at[2])
    nx, ny, nz = _unit(at[3], at[4], at[5])
    if nx * tx + ny * ty + nz * tz < -0.15:
        nx, ny, nz = -nx, -ny, -nz
    diffuse, shine = ambient * (0.75 - 0.25 * ny), 0.0
    for lamp in range(len(lamps)):
        lx, ly, lz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
        strength = lamps[lamp, 3] * (_sunlit(at, depth, rotation) if lamp == key else 1.0)
        diffuse += strength / (1 + _WRAP) * max(nx * lx + ny * ly + nz * lz + _WRAP, 0.0)
        if gloss > 0:
            hx, hy, hz = _unit(lx + tx, ly + ty, lz + tz)
            mirrored = max(nx * hx + ny * hy + nz * hz, 0.0) ** 4
            shine += gloss * strength * mirrored**3 * mirrored**3
    return diffuse, shine


@njit(cache=True, nogil=True)
def _unit(x, y, z):  # noqa: ANN001, ANN202
    length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
    return x / length, y / length, z / length


@njit(cache=True, nogil=True)
def _sunlit(at, depth, rotation):  # noqa: ANN001, ANN202
    """Share 0..1 of the strongest lamp that reaches a place."""
    x = rotation[0, 0] * at[0] + rotation[0, 1] * at[1] + rotation[0, 2] * at[2]
    y = rotation[1, 0] * at[0] + rotation[1, 1] * at[1] + rotation[1, 2] * at[2]
    far = rotation[2, 0] * at[0] + rotation[2, 1] * at[1] + rotation[2, 2] * at[2] + _LAMP_MM
    scale = _SHADOW_PX * _LAMP_MM / _SHADOW_MM / far
    u, v = x * scale + _SHADOW_PX / 2, y * scale + _SHADOW_PX / 2
    col, row = int(np.floor(u)), int(np.floor(v))
    if col < 1 or row < 1 or col >= _SHADOW_PX - 2 or row >= _SHADOW_PX - 2:
        return 1.0
    far -= _SHADOW_GAP_MM
    corners = (far < depth[row - 1, col - 1]) + (far < depth[row - 1, col + 2])
    corners += (far < depth[row + 2, col - 1]) + (far < depth[row + 2, col + 2])
    if corners in (0, 4):
        return corners / 4
    # The light of the four map pixels around, each the mean of its neighbours.
    total, du, dv = 0.0, u - col, v - row
    for i in range(-1, 3):
        down = (1 - dv) if i == -1 else (dv if i == 2 else 1.0)
        for j in range(-1, 3):
            if far < depth[row + i, col + j]:
                total += down * ((1 - du) if j == -1 else (du if j == 2 else 1.0))
    return total / 9


@njit(cache=True, nogil=True)
def _skin_colour(at, skin, waves, footprint, colour):  # noqa: ANN001, ANN202
    """Blotches, blood, a paler palm, nails and creases."""
    tip, back = at[9], at[10]
    blotch = 0.0
    for k in range(len(waves)):
        blotch += _wave(waves[k, 0] * at[6] + waves[k, 1] * at[7] + waves[k, 2] * at[8] + waves[k, 3])
    blotch /= len(waves)
    palm, line = _smooth(-back, 0.0, 0.8), 0.0
    blood = 0.35 * palm + 0.5 * blotch
    if tip < FINGER_MM:
        # Creases are 24, 48 and 80 mm from the tip; thinner than a pixel they fade.
        gap, width = min(abs(tip - 24.0), abs(tip - 48.0), abs(tip - 80.0)), 0.9 + 0.5 * footprint
        line = 0.9 / width * np.exp(-((gap / width) ** 2)) * abs(back)
        line = max(line, 0.5 * np.exp(-(((tip - 27.5) / width) ** 2)) * palm)
        blood += 0.7 * np.exp(-((tip / 16) ** 2)) + 0.35 * np.exp(-((gap / 5.0) ** 2))
    level = (1 + palm * (0.22 + 0.5 * (0.4 - skin[1]))) * (1 + 0.10 * blotch) * (1 - skin[6] * line)
    nail = 0.75 * _smooth(back, 0.62, 0.75) * _smooth(tip, 1.5, 3.0) * (1 - _smooth(tip, 11.5, 12.5))
    blood = min(max(blood, 0.0), 1.3)
    for k in range(3):
        value = skin[k] * np.exp(blood * skin[3 + k]) * level
        pale = 0.5 * skin[k] + (0.36 if k == 0 else (0.25 if k == 1 else 0.22))
        colour[k] = value + nail * (pale - value)


@njit(cache=True, nogil=True)
def _cloth_colour(at, cloth, footprint, colour):  # noqa: ANN001, ANN202
    """Cloth with its pattern, weave and folds."""
    across, down = at[6], at[7]
    folds = _wave(0.031 * across + 0.017 * down + 1.7 * _wave(0.013 * down))
    folds += 0.6 * _wave(0.043 * down - 0.027 * across)
    level = 1 + 0.14 * folds
    if footprint < _WEAVE_MM:
        level += 0.05 * _wave(2.1 * across) * _wave(2.3 * down)
    u, v = across / cloth[7], down / cloth[7]
    odd_u, odd_v = float(int(np.floor(u)) & 1), float(int(np.floor(v)) & 1)
    share = 0.0
    if cloth[6] == 1:
        share = odd_v
    elif cloth[6] == 2:
        share = 0.5 * (odd_u + odd_v)
    elif cloth[6] == 3:
        share = 1.0 if (u - np.floor(u) - 0.5) ** 2 + (v - np.floor(v) - 0.5) ** 2 < 0.0625 else 0.0
    for k in range(3):
        colour[k] = (cloth[k] + share * (cloth[3 + k] - cloth[k])) * level


@njit(cache=True, nogil=True)
def _wave(angle):  # noqa: ANN001, ANN202
    """The sine within a thousandth, in a tenth of its time."""
    turns = angle * 0.15915494309189535
    turns -= np.floor(turns + 0.5)
    rough = 8 * turns - 16 * turns * abs(turns)
    return rough * (0.775 + 0.225 * abs(rough))


@njit(cache=True, nogil=True)
def _smooth(value, low, high):  # noqa: ANN001, ANN202
    """0 below, 1 above, without a corner between."""
    part = min(max((value - low) / (high - low), 0.0), 1.0)
    return part * part * (3 - 2 * part)
