"""The light that comes to a camera from people on a floor before a backdrop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from carpus.geometry.camera import Camera
from carpus.render import rasterize, vertex_normals
from carpus.render.zbuffer import ZBuffer
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.paint import colour_at
from carpus.synthetic.two_hands.fingers import rotation_between
from carpus.synthetic.two_hands.studio import Light

_LAMP_MM, _SHADOW_MM, _SHADOW_PX, _GAP_MM = 9000.0, 3600.0, 448, 22.0
_WRAP = 0.3
_DARK = 0.35


@dataclass(frozen=True)
class Painted:
    """Surfaces of people and things with what shading needs.

    Args:
        vertices: ``(V, 3)`` mm in the world.
        faces: ``(F, 3)``.
        roles: ``(F,)`` int64 into :data:`~carpus.synthetic.people.looks.ROLES`.
        owners: ``(F,)`` int64 row of ``rows``.
        paint: ``(V, 5)`` place at rest in metres, and the details of hands.
        rows: ``(P, ROW)`` float32 looks.
    """

    vertices: np.ndarray
    faces: np.ndarray
    roles: np.ndarray
    owners: np.ndarray
    paint: np.ndarray
    rows: np.ndarray


class Floor(NamedTuple):
    """Ground the people stand on.

    Args:
        height_mm: y of the plane in the world, which is y-down.
        colours: ``(2, 3)`` float32 light 0..1 between which its texture lies.
        kind: 0 rough like grass or carpet, 1 planks, 2 tiles.
        end_mm: how far behind the people, as the camera looks, it ends at the backdrop.
        soft_mm: over which distance.
        cloud: ``(S, S)`` float32 periodic noise about -1..1.
    """

    height_mm: float
    colours: np.ndarray
    kind: int
    end_mm: float
    soft_mm: float
    cloud: np.ndarray


def light_of(
    surface: Painted,
    buffer: ZBuffer,
    view: View,
    light: Light,
    floor: Floor,
    backdrop: np.ndarray,
    middle_mm: np.ndarray,
) -> np.ndarray:
    """``(H, W, 3)`` float32 light 0..1 of a picture.

    Args:
        surface: people and things; they throw shadows within some metres of ``middle_mm``.
        buffer: what ``view`` sees of them, with barycentric weights.
        view: the camera.
        light: lamps.
        floor: ground.
        backdrop: ``(H, W, 3)`` float32 behind everything.
        middle_mm: ``(3,)`` in the world.
    """
    assert buffer.barycentric is not None
    normals = vertex_normals(surface.vertices, surface.faces)
    values = np.concatenate([surface.vertices - middle_mm, normals, surface.paint], axis=1)
    towards = light.directions[int(light.power.argmax())]
    rotation = rotation_between(towards, np.array([0.0, 0.0, -1.0]))
    shadow = _shadow(surface, rotation, middle_mm)
    lamps = np.column_stack([light.directions, light.power])
    lens = np.array([view.camera.fx, view.camera.fy, view.camera.cx, view.camera.cy])
    eye = view.position_mm - middle_mm
    made = np.ascontiguousarray(backdrop, np.float32).copy()
    shape = (buffer.face, buffer.barycentric, surface.faces, values.astype(np.float32))
    look = (surface.roles, surface.owners, surface.rows)
    lit = (lamps, int(light.power.argmax()), light.ambient, eye, shadow, rotation)
    ahead = view.rotation[2, [0, 2]] / np.linalg.norm(view.rotation[2, [0, 2]])
    ground = (floor.height_mm - middle_mm[1], floor.colours, floor.kind, floor.end_mm, floor.soft_mm, ahead)
    _shade(shape, look, lit, _openness(buffer, view), made)
    _ground(buffer.face, ground, floor.cloud, lit, lens, view.rotation, middle_mm, made)
    return made


def _shadow(surface: Painted, rotation: np.ndarray, middle_mm: np.ndarray) -> np.ndarray:
    """``(S, S)`` float32 what the strongest lamp sees, the depth of the nearest surface."""
    points = (surface.vertices - middle_mm) @ rotation.T + (0, 0, _LAMP_MM)
    focal = _SHADOW_PX * _LAMP_MM / _SHADOW_MM
    lamp = Camera(focal, focal, _SHADOW_PX / 2, _SHADOW_PX / 2)
    nearest = rasterize(points, surface.faces, lamp, (_SHADOW_PX, _SHADOW_PX)).depth
    return np.where(nearest > 0, nearest, np.inf).astype(np.float32)


def _openness(buffer: ZBuffer, view: View) -> np.ndarray:
    """``(H, W)`` float32 factor: darker where the surroundings are nearer, as between arm and trunk."""
    far = buffer.depth.max()
    depth = np.where(buffer.seen, buffer.depth, far).astype(np.float32)
    near = float(np.median(buffer.depth[buffer.seen])) if buffer.seen.any() else 1000.0
    dark = np.zeros_like(depth)
    for reach_mm in (25.0, 90.0):
        size = 2 * max(1, round(0.5 * reach_mm * view.camera.fx / near)) + 1
        behind = np.maximum(depth - cv2.blur(depth, (size, size)), 0) / np.float32(reach_mm)
        dark += 0.5 * np.minimum(behind, 1)
    return 1 - np.float32(_DARK) * np.minimum(dark, 1)


@njit(cache=True, nogil=True)
def _shade(shape, look, lit, openness, made):  # noqa: ANN001, ANN202
    """Fill ``made`` ``(H, W, 3)`` where a face is seen."""
    face, weights, faces, values = shape
    roles, owners, rows = look
    lamps, key, ambient, eye, depth, rotation = lit
    at, colour = np.empty(values.shape[1]), np.empty(3)
    for line in range(face.shape[0]):
        for col in range(face.shape[1]):
            seen = face[line, col]
            if seen < 0:
                continue
            for k in range(values.shape[1]):
                at[k] = 0.0
                for corner in range(3):
                    at[k] += weights[line, col, corner] * values[faces[seen, corner], k]
            gloss = colour_at(roles[seen], at[6], at[7], at[8], at[9], at[10], rows[owners[seen]], colour)
            tx, ty, tz = _unit(eye[0] - at[0], eye[1] - at[1], eye[2] - at[2])
            nx, ny, nz = _unit(at[3], at[4], at[5])
            if nx * tx + ny * ty + nz * tz < -0.2:
                nx, ny, nz = -nx, -ny, -nz
            diffuse, shine = ambient * (0.75 - 0.25 * ny), 0.0
            for lamp in range(len(lamps)):
                lx, ly, lz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
                strength = lamps[lamp, 3]
                facing = nx * lx + ny * ly + nz * lz
                if lamp == key and facing > -_WRAP:
                    strength *= _sunlit(at[0], at[1], at[2], depth, rotation)
                diffuse += strength / (1 + _WRAP) * max(facing + _WRAP, 0.0)
                if gloss > 0:
                    hx, hy, hz = _unit(lx + tx, ly + ty, lz + tz)
                    shine += gloss * strength * max(nx * hx + ny * hy + nz * hz, 0.0) ** 24
            for k in range(3):
                made[line, col, k] = colour[k] * diffuse * openness[line, col] + shine


@njit(cache=True, nogil=True)
def _ground(face, ground, cloud, lit, lens, turn, middle, made):  # noqa: ANN001, ANN202
    """Mix the floor over ``made`` ``(H, W, 3)`` where nothing stands before it."""
    height, colours, kind, end, soft, ahead = ground
    lamps, key, ambient, eye, depth, rotation = lit
    size = cloud.shape[0]
    for line in range(face.shape[0]):
        for col in range(face.shape[1]):
            if face[line, col] >= 0:
                continue
            a, b = (col - lens[2]) / lens[0], (line - lens[3]) / lens[1]
            down = turn[0, 1] * a + turn[1, 1] * b + turn[2, 1]
            if down <= 1e-3:
                continue
            far = (height - eye[1]) / down
            if far <= 0:
                continue
            x = eye[0] + far * (turn[0, 0] * a + turn[1, 0] * b + turn[2, 0])
            z = eye[2] + far * (turn[0, 2] * a + turn[1, 2] * b + turn[2, 2])
            share = 1 - (x * ahead[0] + z * ahead[1] - end) / soft
            if share <= 0:
                continue
            share = min(share, 1.0)
            level = _texture(x + middle[0], z + middle[2], kind, cloud, size, far / lens[0])
            light = ambient * 0.95
            for lamp in range(len(lamps)):
                strength = lamps[lamp, 3]
                if lamp == key:
                    strength *= _sunlit(x, height, z, depth, rotation)
                light += strength / (1 + _WRAP) * max(-lamps[lamp, 1] + _WRAP, 0.0)
            for k in range(3):
                value = (colours[0, k] + level * (colours[1, k] - colours[0, k])) * light
                made[line, col, k] += share * (value - made[line, col, k])


@njit(cache=True, nogil=True)
def _texture(x, z, kind, cloud, size, footprint):  # noqa: ANN001, ANN202
    """0..1 between a floor's two colours at a place in mm, each pixel ``footprint`` mm wide."""
    fine = 0.22 if footprint < 8 else 0.22 * 8 / footprint
    rough = 0.30 * _look_up(cloud, size, x / 17, z / 17) + fine * _look_up(cloud, size, x / 2.5, z / 2.5)
    level = 0.5 + rough
    if kind == 1:
        plank = int(np.floor(z / 120))
        level = 0.5 + 0.4 * _look_up(cloud, size, plank * 37.0, x / 900) + 0.3 * rough
        gap = z / 120 - plank
        if min(gap, 1 - gap) * 120 < max(2.0, 0.4 * footprint):
            level -= 0.35
    elif kind == 2:
        u, v = x / 330, z / 330
        odd = (int(np.floor(u)) + int(np.floor(v))) & 1
        level = 0.25 + 0.5 * odd + 0.25 * rough
    return min(max(level, 0.0), 1.0)


@njit(cache=True, nogil=True)
def _look_up(cloud, size, u, v):  # noqa: ANN001, ANN202
    """The periodic noise between its samples."""
    left, top = int(np.floor(u)), int(np.floor(v))
    a, b = u - left, v - top
    left, top = left % size, top % size
    right, low = (left + 1) % size, (top + 1) % size
    upper = cloud[top, left] * (1 - a) + cloud[top, right] * a
    return upper * (1 - b) + (cloud[low, left] * (1 - a) + cloud[low, right] * a) * b


@njit(cache=True, nogil=True)
def _unit(x, y, z):  # noqa: ANN001, ANN202
    length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
    return x / length, y / length, z / length


@njit(cache=True, nogil=True)
def _sunlit(x, y, z, depth, rotation):  # noqa: ANN001, ANN202
    """Share 0..1 of the strongest lamp that reaches a place."""
    across = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
    down = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
    far = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + _LAMP_MM
    scale = _SHADOW_PX * _LAMP_MM / _SHADOW_MM / far
    u, v = across * scale + _SHADOW_PX / 2, down * scale + _SHADOW_PX / 2
    col, row = int(np.floor(u)), int(np.floor(v))
    if col < 1 or row < 1 or col >= _SHADOW_PX - 2 or row >= _SHADOW_PX - 2:
        return 1.0
    far -= _GAP_MM
    total, du, dv = 0.0, u - col, v - row
    for i in range(-1, 3):
        lower = (1 - dv) if i == -1 else (dv if i == 2 else 1.0)
        for j in range(-1, 3):
            if far < depth[row + i, col + j]:
                total += lower * ((1 - du) if j == -1 else (du if j == 2 else 1.0))
    return total / 9
