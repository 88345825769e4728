"""Where people are: light, floor, what lies behind, and cameras that look at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from carpus.geometry.camera import Camera
from carpus.render import rasterize
from carpus.synthetic.one_hand.backdrops import backdrop
from carpus.synthetic.one_hand.sensor import developed, sample_tone
from carpus.synthetic.one_hand.view import View, look_at
from carpus.synthetic.people.figure import Figure, painted
from carpus.synthetic.people.light import Floor, light_of
from carpus.synthetic.people.shot import Shot
from carpus.synthetic.skinning import turn_about
from carpus.synthetic.two_hands.studio import Light, sample_light

_NEAR_MM = 60.0
_DOWN = np.array([0.0, 1.0, 0.0])
_GROUNDS = {
    # floor's two colours; kinds of texture; how far it reaches, over what distance it ends
    "landscape": (((0.05, 0.09, 0.02), (0.16, 0.20, 0.06)), (0,), 9000.0, 14000.0),
    "town": (((0.16, 0.15, 0.14), (0.34, 0.33, 0.31)), (0, 2), 7000.0, 6000.0),
    "room": (((0.12, 0.07, 0.04), (0.38, 0.26, 0.15)), (1, 2, 0), 2400.0, 30.0),
    "studio": (((0.16, 0.05, 0.04), (0.26, 0.09, 0.07)), (0,), 2600.0, 30.0),
    "green": (((0.03, 0.20, 0.03), (0.05, 0.28, 0.05)), (0,), 3400.0, 400.0),
}
PLACES = tuple(_GROUNDS)


@dataclass(frozen=True)
class Stage:
    """A place.

    Args:
        kind: one of :data:`PLACES`.
        floor: ground.
        light: lamps, if the camera looks along z.
    """

    kind: str
    floor: Floor
    light: Light

    def lit_from(self, view: View) -> Light:
        """The lamps as they stand for a camera: most of them on its side of the people."""
        ahead = view.rotation[2]
        around = turn_about(_DOWN, np.array(np.arctan2(ahead[0], ahead[2])))
        return Light(self.light.directions @ around.T, self.light.power, self.light.ambient)


def sample_stage(rng: np.random.Generator, kind: str | None = None) -> Stage:
    """A place and its light.

    Args:
        rng: source of randomness.
        kind: one of :data:`PLACES`; any of the first three by default.
    """
    name = kind or str(rng.choice(("landscape", "town", "room"), p=(0.3, 0.3, 0.4)))
    colours, textures, end, soft = _GROUNDS[name]
    tint = rng.normal(1, 0.1, 3) * rng.uniform(0.6, 1.5)
    ground = np.clip(np.array(colours) * tint, 0.01, 0.9).astype(np.float32)
    floor = Floor(0.0, ground, int(rng.choice(textures)), end * rng.uniform(0.85, 1.2), soft, _cloud())
    return Stage(name, floor, _sun(rng) if name in ("landscape", "town") else sample_light(rng))


def stand_camera(
    target_mm: np.ndarray,
    span_mm: float,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    *,
    azimuth_deg: float,
    height_deg: float,
    share: float,
    roll_deg: float = 0.0,
    focal: tuple[float, float] = (0.9, 1.7),
) -> View:
    """A camera that sees something as large as wanted.

    Args:
        target_mm: ``(3,)`` in the world, seen in the middle of the picture.
        span_mm: size of what shall be seen.
        size_wh: width and height in pixels.
        rng: of the lens.
        azimuth_deg: 0 looks along z, 90 along x.
        height_deg: how far the camera looks down.
        share: of the picture's height that ``span_mm`` takes.
        roll_deg: turn about the line of sight.
        focal: its range as a part of the picture's longer side.
    """
    width, height = size_wh
    length = rng.uniform(*focal) * max(size_wh)
    distance = length * span_mm / (share * height)
    azimuth, up = np.radians((azimuth_deg, height_deg))
    ahead = np.array([np.sin(azimuth) * np.cos(up), np.sin(up), np.cos(azimuth) * np.cos(up)])
    position = (target_mm - distance * ahead).round(3)
    centre = (np.array(size_wh) - 1) / 2 + rng.normal(0, 0.006, 2) * (width, height)
    lens = Camera(*np.round([length, length * rng.normal(1, 0.001), *centre], 4).tolist())
    return View(lens, size_wh, look_at(position, target_mm, roll_deg), position)


def sample_behind(view: View, stage: Stage, rng: np.random.Generator) -> np.ndarray:
    """``(H, W, 3)`` float32 light of what a camera sees behind people and floor."""
    return backdrop(view.size_wh, rng, {"studio": "room"}.get(stage.kind, stage.kind))


def photograph(
    figures: list[Figure],
    view: View,
    stage: Stage,
    rng: np.random.Generator,
    behind: np.ndarray | None = None,
) -> Shot:
    """What a camera makes of people in a place.

    Args:
        figures: who is there.
        view: the camera.
        stage: the place.
        rng: of what lies behind, of the sensor's settings and noise.
        behind: of :func:`sample_behind`; drawn anew by default.
    """
    surface = painted(figures, stage.floor.height_mm)
    points = view.to_camera(surface.vertices)
    buffer = rasterize(points, surface.faces, view.camera, view.size_wh, near=_NEAR_MM, barycentric=True)
    behind = sample_behind(view, stage, rng) if behind is None else behind
    middle = np.mean([1000.0 * figure.fit.body().joints_m[0] for figure in figures], axis=0)
    light = light_of(surface, buffer, view, stage.lit_from(view), stage.floor, behind, middle)
    image = developed(light, sample_tone(rng), rng)
    return Shot(image, view, tuple(figures), buffer, surface.owners, surface.roles)


def _sun(rng: np.random.Generator) -> Light:
    """One strong lamp above, a weak one from the other side."""
    azimuth, height = rng.uniform(-1.6, 1.6), rng.uniform(0.5, 1.2)
    angles = ((azimuth, height), (azimuth + np.pi, 0.4))
    towards = [(np.sin(a) * np.cos(h), -np.sin(h), -np.cos(a) * np.cos(h)) for a, h in angles]
    strong = rng.uniform(0.55, 0.9)
    return Light(np.array(towards), np.array([strong, 0.12]), float(rng.uniform(0.28, 0.45)))


@lru_cache(maxsize=1)
def _cloud() -> np.ndarray:
    """``(256, 256)`` float32 periodic noise, about -1..1."""
    rng, size = np.random.default_rng(31), 256
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size) * size] * 2))
    spectrum = np.fft.fft2(rng.standard_normal((size, size))) / np.maximum(frequency, 1) ** 0.7
    noise = np.real(np.fft.ifft2(spectrum))
    return (noise / (2.2 * noise.std())).astype(np.float32)
