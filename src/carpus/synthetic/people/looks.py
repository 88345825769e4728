"""What people look like: size, skin, hair and clothes, as tables a compiled loop can read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from carpus.bodies.standin_body import HEAD_AXES, HEAD_CENTRE, PARTS
from carpus.bodies.standin_smpl import smplx_body
from carpus.render import vertex_normals
from carpus.skeletons.whole_body_datasets import FINGER_TIP_VERTICES

ROLES = (
    *("trunk", "neck", "head", "collar", "upper_arm", "forearm", "thigh", "shin", "foot", "hand"),
    *("seat",),
)
"""What a face belongs to."""

(SKIN, BLOOD, SHIRT, PRINT, TROUSERS, SHOES, HAIR, IRIS) = range(0, 24, 3)
"""Where a row of colours has its three numbers of light 0..1."""
(PATTERN, PITCH, SLEEVE, WAIST, HEM, NECK, LENGTH, BEARD, MOUTH, PHASE) = range(24, 34)
"""Where it has its pattern (0 plain, 1 stripes, 2 checks, 3 dots) and pitch, how far sleeves and trousers
reach, waist and neckline (metres at rest), length of the hair, strength of the beard, how far the mouth is
open 0..1, and where folds begin."""
ROW = 34

_LIGHT_SKIN, _DARK_SKIN = np.array([0.80, 0.55, 0.42]), np.array([0.17, 0.09, 0.055])
_HAIR_COLOURS = np.array(
    [[0.012, 0.010, 0.009], [0.05, 0.028, 0.016], [0.13, 0.075, 0.035], [0.33, 0.23, 0.11], [0.3, 0.3, 0.3]]
)
_IRIS_COLOURS = np.array([[0.05, 0.03, 0.02], [0.08, 0.13, 0.2], [0.08, 0.11, 0.05]])
_SLEEVES, _HEMS = (0.24, 0.30, 0.38, 0.52, 0.64), (-0.70, -0.82, -1.19, -1.22, -1.23)
_LONG_HAIR = 2.0


@dataclass(frozen=True)
class Person:
    """One subject.

    Args:
        gender: ``male`` or ``female``: which gendered model fits it.
        shape: ``(10,)`` coefficients.
        row: ``(ROW,)`` float32 colours and clothes.
        dress_m: how thick shirt and trousers are.
    """

    gender: str
    shape: np.ndarray
    row: np.ndarray
    dress_m: float


def sample_person(rng: np.random.Generator) -> Person:
    """A random adult."""
    gender = "male" if rng.uniform() < 0.5 else "female"
    shape = np.clip(rng.normal(0, 0.7, 10), -2.4, 2.4)
    shape[1] = np.clip(rng.normal(0.3, 0.9), -1.5, 2.4)
    if rng.uniform() < 0.06:
        shape[9] = rng.choice((-1, 1)) * rng.uniform(3.05, 3.4)
    return Person(gender, shape.round(5), _sample_row(gender, rng), float(rng.uniform(0.006, 0.02)))


def _sample_row(gender: str, rng: np.random.Generator) -> np.ndarray:
    row = np.zeros(ROW, np.float32)
    tone = rng.beta(1.1, 1.7)
    row[SKIN : SKIN + 3] = _LIGHT_SKIN ** (1 - tone) * _DARK_SKIN**tone * rng.normal(1.0, 0.04, 3)
    row[BLOOD : BLOOD + 3] = np.log(np.array([1.05, 0.72, 0.70]) ** rng.uniform(0.7, 1.3))
    shirt = rng.uniform(0.04, 0.75) * rng.dirichlet((4, 4, 4)) * 3
    row[SHIRT : SHIRT + 3] = shirt
    row[PRINT : PRINT + 3] = rng.uniform(0.02, 0.8) * rng.dirichlet((4, 4, 4)) * 3
    denim = np.array([0.05, 0.075, 0.16]) * rng.uniform(0.5, 1.6)
    row[TROUSERS : TROUSERS + 3] = (
        denim if rng.uniform() < 0.45 else rng.uniform(0.015, 0.4) * np.ones(3) * rng.normal(1, 0.15, 3)
    )
    row[SHOES : SHOES + 3] = rng.choice((0.02, 0.06, 0.5, 0.7)) * rng.dirichlet((20, 20, 20)) * 3
    hair = _HAIR_COLOURS[rng.integers(len(_HAIR_COLOURS))] * rng.uniform(0.7, 1.3)
    row[HAIR : HAIR + 3] = hair
    row[IRIS : IRIS + 3] = _IRIS_COLOURS[rng.integers(3)]
    row[PATTERN] = rng.choice(4, p=(0.5, 0.25, 0.15, 0.1))
    row[PITCH] = rng.uniform(0.018, 0.07)
    row[SLEEVE], row[HEM] = rng.choice(_SLEEVES), rng.choice(_HEMS)
    row[WAIST], row[NECK] = rng.uniform(-0.42, -0.30), rng.uniform(0.10, 0.17)
    long = rng.uniform() < (0.7 if gender == "female" else 0.1)
    row[LENGTH] = _LONG_HAIR if long else rng.uniform(0.0, 1.0)
    row[BEARD] = rng.choice((0.0, 0.0, 0.25, 0.7)) if gender == "male" else 0.0
    row[PHASE] = rng.uniform(0, 2 * np.pi)
    return np.clip(row, -3, 10)


@dataclass(frozen=True)
class Surface:
    """What is the same of everybody.

    Args:
        faces: ``(F, 3)``.
        roles: ``(F,)`` int64 into :data:`ROLES`.
        rest: ``(V, 3)`` metres.
        normals: ``(V, 3)`` at rest.
        detail: ``(V, 2)`` upper side of a hand 1, palm -1; distance to the nearest finger tip in metres.
        roles_v: ``(V,)`` of the vertices.
    """

    faces: np.ndarray
    roles: np.ndarray
    rest: np.ndarray
    normals: np.ndarray
    detail: np.ndarray
    roles_v: np.ndarray


@lru_cache(maxsize=1)
def surface() -> Surface:
    """The surface all stand-ins of SMPL-X share."""
    body = smplx_body()
    real = np.unique(body.faces, axis=0, return_index=True)[1]
    faces = body.faces[np.sort(real)]
    roles = np.array([ROLES.index(name.removeprefix("left_").removeprefix("right_")) for name in PARTS])
    of_vertex = roles[body.part]
    normals = vertex_normals(body.vertices, faces)
    tips = [vertex for side in FINGER_TIP_VERTICES.values() for vertex in side.values()]
    away = KDTree(body.vertices[tips]).query(body.vertices)[0]
    detail = np.stack([normals[:, 1], away], axis=1)
    return Surface(faces, of_vertex[faces[:, 0]], body.vertices, normals, detail, of_vertex)


def offsets(person: Person) -> np.ndarray:
    """``(V, 3)`` metres that clothes, hair and features put on the stand-in's surface at rest."""
    body = surface()
    x, y, z = body.rest.T
    role, row = body.roles_v, person.row
    thick = np.zeros(len(x))
    folds = 1 + 0.35 * np.sin(38 * y + 21 * x + row[PHASE]) * np.sin(27 * z + 17 * x)
    cloth = person.dress_m * folds
    trunk = np.isin(role, [ROLES.index(name) for name in ("trunk", "collar")])
    arms = np.isin(role, [ROLES.index(name) for name in ("upper_arm", "forearm")])
    legs = np.isin(role, [ROLES.index(name) for name in ("thigh", "shin")])
    thick[trunk] = cloth[trunk]
    thick[arms] = (0.7 * cloth * _inside(row[SLEEVE] - np.abs(x), 0.015))[arms]
    thick[legs] = (cloth * _inside(y - row[HEM], 0.02))[legs]
    thick[role == ROLES.index("foot")] = 0.006
    made = thick[:, None] * body.normals
    head = role == ROLES.index("head")
    made[head] += _features(body.rest[head], body.normals[head], row)
    return made


def hair_share(places: np.ndarray, length: float) -> np.ndarray:
    """``(n,)`` 0..1 where hair grows on a head, from places ``(n, 3)`` at rest.

    Args:
        places: metres.
        length: of the hair.
    """
    _, up, front = ((places - HEAD_CENTRE) / HEAD_AXES).T
    low = -0.95 if length >= _LONG_HAIR else -0.42
    ahead = _inside(front - 0.12, 0.5)
    return _inside(up - (low + (0.60 - low) * ahead), 0.10)


def _features(places: np.ndarray, normals: np.ndarray, row: np.ndarray) -> np.ndarray:
    """``(n, 3)`` nose, brows, sockets, chin, ears and hair of a head's vertices."""
    x, y, z = places.T
    front = (z > HEAD_CENTRE[2]).astype(float)
    below = np.where(y < 0.309, 0.008, 0.026)
    nose = 0.015 * np.exp(-((x / 0.0115) ** 2) - ((y - 0.309) / below) ** 2) * front
    ridge = 0.003 * np.exp(-((y - 0.362) ** 2) / 0.008**2 - (x / 0.05) ** 4) * front
    socket = -0.006 * np.exp(-((np.abs(x) - 0.031) ** 2) / 0.013**2 - ((y - 0.344) / 0.010) ** 2) * front
    chin = 0.006 * np.exp(-((x / 0.025) ** 2) - ((y - 0.228) / 0.016) ** 2) * front
    lips = 0.004 * np.exp(-((x / 0.022) ** 2) - ((y - 0.272) / 0.010) ** 2) * front
    cheeks = -0.008 * np.exp(-((np.abs(x) - 0.062) ** 2) / 0.02**2 - ((y - 0.262) / 0.03) ** 2) * front
    ears = 0.016 * np.exp(-(((y - 0.312) / 0.030) ** 4) - ((z + 0.004) / 0.014) ** 4)
    thick = ridge + socket + chin + lips + cheeks + ears * (np.abs(x) > 0.06)
    long = row[LENGTH] >= _LONG_HAIR
    wave = 1 + 0.25 * np.sin(120 * x + row[PHASE]) * np.sin(90 * z + 60 * y)
    thick += (0.022 if long else 0.006 + 0.014 * row[LENGTH]) * hair_share(places, row[LENGTH]) * wave
    made = thick[:, None] * normals
    made[:, 2] += nose
    return made


def _inside(distance: np.ndarray | float, width: float) -> np.ndarray:
    """0 far outside, 1 far inside, a soft step of a width between."""
    part = np.clip(np.asarray(distance) / width + 0.5, 0, 1)
    return part * part * (3 - 2 * part)
