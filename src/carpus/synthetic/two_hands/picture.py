"""What a studio camera makes of a scene: skin and cloth under lamps, then lens, sensor and JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from carpus.geometry.camera import Camera
from carpus.render import rasterize, vertex_normals
from carpus.render.zbuffer import ZBuffer
from carpus.synthetic.two_hands.fingers import rotation_between
from carpus.synthetic.two_hands.mesh import FINGER_MM, SHIRT, SKIN, Mesh
from carpus.synthetic.two_hands.people import Cloth, Person
from carpus.synthetic.two_hands.studio import MIDDLE_MM, Light, StudioCamera

JPEG_QUALITY = 95
_NEAR_MM = 100.0
_LAMP_MM, _SHADOW_MM, _SHADOW_PX, _SHADOW_GAP_MM = 4000.0, 620.0, 256, 7.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_JOINTS_MM = np.array([24.0, 48.0, 80.0], np.float32)
"""How far a finger's creases are from its tip."""


def photograph(
    mesh: Mesh,
    camera: StudioCamera,
    light: Light,
    person: Person,
    background: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A picture as the camera gives it.

    Args:
        mesh: everything but the background.
        camera: place, lens, sensor.
        light: lamps.
        person: whose skin and clothes.
        background: ``(H, W, 3)`` float32 light 0..1.
        rng: of the sensor's noise.
    Returns:
        ``(H, W, 3)`` uint8 RGB; three equal channels from a grey camera.
    """
    buffer = draw(mesh, camera)
    image = background.copy()
    seen = np.flatnonzero(buffer.seen)
    if len(seen):
        image.reshape(-1, 3)[seen] = _light_from(mesh, buffer, seen, light, person, camera)
    return _developed(image, camera, rng)


def draw(mesh: Mesh, camera: StudioCamera) -> ZBuffer:
    """The mesh in the camera's z-buffer; the centre of the first pixel is (0, 0)."""
    points = camera.to_camera(mesh.vertices)
    return rasterize(points, mesh.faces, camera.camera, camera.size_wh, near=_NEAR_MM, barycentric=True)


def encode_jpeg(image: np.ndarray) -> bytes:
    """JPEG bytes of ``(H, W, 3)`` uint8 RGB."""
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"encode_jpeg: cannot encode {image.dtype} {image.shape}")
    return data.tobytes()


def _light_from(
    mesh: Mesh, buffer: ZBuffer, seen: np.ndarray, light: Light, person: Person, camera: StudioCamera
) -> np.ndarray:
    """``(N, 3)`` light that comes from the seen pixels."""
    face = buffer.face.ravel()[seen]
    assert buffer.barycentric is not None
    normals = vertex_normals(mesh.vertices, mesh.faces)
    values = np.concatenate([mesh.vertices, normals, mesh.paint], axis=1).astype(np.float32)
    at = _interpolated(face, buffer.barycentric.reshape(-1, 3)[seen], mesh.faces, values)
    sunlit = _sunlit(at[:, :3], seen, buffer, mesh, light)
    towards = np.float32(camera.position_mm - mesh.vertices.mean(0))
    towards /= np.linalg.norm(towards)
    material, made = mesh.material[face], np.empty((len(seen), 3), np.float32)
    for which in (SKIN, SHIRT):
        own = np.flatnonzero(material == which)
        paint = np.ascontiguousarray(at[own, 6:].T)
        if which == SKIN:
            colour = _skin(paint, person) * _openness(buffer).ravel()[seen[own], None]
        else:
            colour = _cloth(paint, person.cloth)
        gloss = 0.10 if which == SKIN else 0.0
        made[own] = _shade(at[own, 3:6], colour, gloss, light, towards, sunlit[own])
    return made


@njit(cache=True, nogil=True)
def _interpolated(face, weights, faces, values):  # noqa: ANN001, ANN202
    """``(N, C)`` values of vertices ``(V, C)`` at places on faces."""
    made = np.empty((len(face), values.shape[1]), np.float32)
    for n in range(len(face)):
        a, b, c = faces[face[n], 0], faces[face[n], 1], faces[face[n], 2]
        u, v, w = weights[n, 0], weights[n, 1], weights[n, 2]
        for k in range(values.shape[1]):
            made[n, k] = u * values[a, k] + v * values[b, k] + w * values[c, k]
    return made


def _sunlit(place: np.ndarray, seen: np.ndarray, buffer: ZBuffer, mesh: Mesh, light: Light) -> np.ndarray:
    """``(N,)`` share of the strongest lamp that reaches places ``(N, 3)``, by a depth map seen from it."""
    towards = light.directions[int(light.power.argmax())]
    rotation = rotation_between(towards, np.array([0.0, 0.0, -1.0]))
    casters = mesh.faces[: mesh.casters]
    points = (mesh.vertices - MIDDLE_MM) @ rotation.T + (0, 0, _LAMP_MM)
    lamp = Camera(
        _SHADOW_PX * _LAMP_MM / _SHADOW_MM, _SHADOW_PX * _LAMP_MM / _SHADOW_MM, _SHADOW_PX / 2, _SHADOW_PX / 2
    )
    nearest = rasterize(points, casters, lamp, (_SHADOW_PX, _SHADOW_PX)).depth
    nearest = np.where(nearest > 0, nearest, np.inf).astype(np.float32)
    here = (place - np.float32(MIDDLE_MM)) @ np.float32(rotation.T)
    depth = here[:, 2] + np.float32(_LAMP_MM)
    pixel = np.rint(here[:, :2] * np.float32(lamp.fx) / depth[:, None] + np.float32(_SHADOW_PX / 2))
    u, v = np.clip(pixel, 0, _SHADOW_PX - 1).astype(np.int32).T
    image = np.ones(buffer.face.shape, np.float32)
    image.ravel()[seen] = depth < nearest[v, u] + np.float32(_SHADOW_GAP_MM)
    return cv2.GaussianBlur(image, (0, 0), 2.5).ravel()[seen]


def _shade(
    normal: np.ndarray,
    colour: np.ndarray,
    shine: float,
    light: Light,
    towards: np.ndarray,
    sunlit: np.ndarray,
) -> np.ndarray:
    """Soft diffuse light of all lamps, light from around, a little gloss.

    Args:
        normal: ``(N, 3)``, of any length.
        colour: ``(N, 3)``.
        shine: how strong the gloss is.
        light: lamps.
        towards: ``(3,)`` unit vector to the camera.
        sunlit: ``(N,)`` share of the strongest lamp.
    """
    normal = normal / np.maximum(np.sqrt(np.einsum("nc,nc->n", normal, normal)), 1e-6)[:, None]
    away = normal @ towards < -0.15
    normal[away] *= -1
    wrap, key = np.float32(0.35), int(light.power.argmax())
    diffuse = np.float32(light.ambient) * (0.75 - 0.25 * normal[:, 1])
    gloss = np.zeros(len(normal), np.float32)
    facing = normal @ np.float32(light.directions).T
    for lamp, (direction, power) in enumerate(zip(np.float32(light.directions), light.power, strict=True)):
        strength = np.float32(power) * (sunlit if lamp == key else 1)
        diffuse += strength / (1 + wrap) * np.maximum(facing[:, lamp] + wrap, 0)
        if shine:
            half = direction + towards
            mirrored = np.maximum(normal @ (half / np.linalg.norm(half)), 0)
            gloss += strength * ((mirrored**4) ** 3) ** 2
    made = colour * diffuse[:, None]
    return made + (np.float32(shine) * gloss)[:, None] if shine else made


def _skin(paint: np.ndarray, person: Person) -> np.ndarray:
    """``(N, 3)`` colour of skin painted as ``(5, N)``: blotches, blood, a paler palm, nails and creases."""
    tip, back = paint[3], paint[4]
    directions, phases = (np.float32(v) for v in person.waves)
    blotch = np.cos(directions @ paint[:3] + phases[:, None]).mean(0)
    palm = _smooth(-back, 0.0, 0.8)
    blood, line = 0.35 * palm + 0.5 * blotch, np.zeros_like(tip)
    finger = np.flatnonzero(tip < FINGER_MM)
    blood[finger], line[finger] = _on_finger(tip[finger], back[finger], palm[finger], blood[finger])
    blush = np.float32(np.log(person.blush))
    pale = 1 + palm * np.float32(0.22 + 0.5 * (0.4 - float(person.skin[1])))
    level = pale * (1 + np.float32(0.10) * blotch) * (1 - np.float32(person.crease) * line)
    colour = np.float32(person.skin) * np.exp(np.clip(blood, 0, 1.3)[:, None] * blush) * level[:, None]
    nail = _smooth(back, 0.62, 0.75) * _smooth(tip, 1.5, 3.0) * (1 - _smooth(tip, 11.5, 12.5))
    nail_colour = np.float32(0.5 * person.skin + (0.36, 0.25, 0.22))
    on_nail = np.flatnonzero(nail > 0)
    colour[on_nail] += (0.75 * nail[on_nail])[:, None] * (nail_colour - colour[on_nail])
    return colour


def _on_finger(
    tip: np.ndarray, back: np.ndarray, palm: np.ndarray, blood: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Blood and creases ``(N,)`` of fingers: red tips and knuckles, lines at the joints."""
    gap = np.abs(tip[:, None] - _JOINTS_MM).min(1)
    line = np.exp(-((gap / 0.9) ** 2)) * np.abs(back)
    line = np.maximum(line, 0.5 * np.exp(-(((tip - 27.5) / 0.7) ** 2)) * palm)
    return blood + 0.7 * np.exp(-((tip / 16) ** 2)) + 0.35 * np.exp(-((gap / 5.0) ** 2)), line


def _cloth(paint: np.ndarray, cloth: Cloth) -> np.ndarray:
    """``(N, 3)`` colour of cloth painted as ``(5, N)``, with its pattern, weave and folds."""
    across, down = paint[0], paint[1]
    ground, other = np.float32(cloth.colours)
    folds = np.sin(0.031 * across + 0.017 * down + 1.7 * np.sin(0.013 * down))
    folds += 0.6 * np.sin(0.043 * down - 0.027 * across)
    weave = np.sin(2.1 * across) * np.sin(2.3 * down)
    level = (1 + 0.14 * folds + 0.05 * weave)[:, None]
    if cloth.pattern == "plain":
        return ground * level
    u, v = across / np.float32(cloth.pitch_mm), down / np.float32(cloth.pitch_mm)
    share = {
        "stripes": lambda: np.float32((v % 2) < 1),
        "plaid": lambda: np.float32(0.5) * ((u % 2) < 1) + np.float32(0.5) * ((v % 2) < 1),
        "dots": lambda: np.float32(np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.25),
    }[cloth.pattern]()
    return (ground + share[:, None] * (other - ground)) * level


def _openness(buffer: ZBuffer) -> np.ndarray:
    """``(H, W)`` factor 0.45..1: darker where the surroundings are nearer, as between fingers."""
    depth = np.where(buffer.seen, buffer.depth, buffer.depth.max())
    dark = np.zeros_like(depth)
    for size, reach in ((9, 8.0), (27, 22.0)):
        behind = np.clip(depth - cv2.blur(depth, (size, size)), 0, None) / reach
        dark += 0.5 * np.minimum(behind, 1.0) * np.exp(-((behind / 4) ** 2))
    return (1 - 0.55 * np.clip(dark, 0, 1)).astype(np.float32)


def _developed(image: np.ndarray, camera: StudioCamera, rng: np.random.Generator) -> np.ndarray:
    """Lens and sensor: vignette, blur, colour, tone and noise."""
    height, width = image.shape[:2]
    image = cv2.GaussianBlur(image, (0, 0), camera.blur_px)
    rows, cols = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    fall = 1 - 0.12 * (rows[:, None] ** 2 + cols[None] ** 2)
    image = image * (fall * np.float32(camera.exposure))[..., None]
    image = (image @ _LUMA)[..., None] if camera.grey else image * np.float32(camera.gains)
    image = 255 * np.clip(image, 0, 1) ** np.float32(camera.gamma)
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(camera.noise)
    image = image + noise * (0.4 + 0.6 * np.sqrt(image / 128))
    return np.broadcast_to(np.clip(np.rint(image), 0, 255).astype(np.uint8), (height, width, 3))


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below, 1 above, without a corner between."""
    part = np.clip((values - low) / (high - low), 0, 1)
    return part * part * (3 - 2 * part)
