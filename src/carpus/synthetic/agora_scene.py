"""Scenes of AGORA's seven kinds: cameras, people on the ground, and how Unreal's world writes them down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from carpus.data.agora_layout import LARGE, SMALL
from carpus.geometry.agora_camera import (
    PUBLISHED_WH,
    SCENE_KINDS,
    SceneCamera,
    camera_frame_root,
    scene_camera,
)
from carpus.geometry.camera import Camera
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.figure import Figure, Fit, painted, place
from carpus.synthetic.people.group import Cast
from carpus.synthetic.people.looks import Person
from carpus.synthetic.people.pose import sample_pose
from carpus.synthetic.people.stage import Stage, photograph, sample_behind, sample_stage
from carpus.synthetic.tree import generator

PEOPLE = (3, 6)
"""How many are in a picture."""
SETS = {"train": "trainset", "val": "validationset", "test": "testset"}
"""What names of pictures say."""

_FIRST = {"train": 0, "val": 2, "test": 5}
_NAMES = {
    "hdri": "ag_{}_renderpeople_hdri_50mm_5_10_{:05d}.png",
    **{f"cam0{k}": "ag_{}_3dpeople_bfh_archviz_5_10_cam0" + f"{k}" + "_{:05d}.png" for k in range(4)},
    "ag2": "ag2_{}_humanalloy_5_10_{:05d}.png",
    "": "ag_{}_axyz_brushifygrasslands_5_15_{:05d}.png",
}
# How far away people are, metres along the ground: by the lens, and nearer where the camera looks down.
_DISTANCE_M = {50.0: (7.5, 11.0), 18.0: (2.2, 4.6), 28.0: (5.6, 9.5)}
_NEAR_PITCHED_M = (3.0, 6.0)
_PLACES = {"hdri": "landscape", "ag2": "town", "": "landscape"}
_REDUCED, _COARSE, _SOFT_PX = 2, 4, 0.8
_GAP_M, _TRIES, _BEHIND, _KID = 0.55, 40, 0.08, 0.12
_KID_SIZE = -2.2
_HALF_WIDTH_MM = 18.0


@dataclass(frozen=True)
class Standing:
    """One person as published.

    Args:
        figure: in the world's axes right, down, forward.
        position_cm: ``(3,)`` in Unreal's world.
        yaw_deg: there.
        kid: whether it counts as a child.
    """

    figure: Figure
    position_cm: np.ndarray
    yaw_deg: float
    kid: bool

    def fit(self, camera: SceneCamera) -> Fit:
        """Its numbers in the person's own frame."""
        fit = self.figure.fit
        pelvis = fit.body().joints_m[0] - fit.trans_m
        stand = camera.stand(self.position_cm, self.yaw_deg).inverse()
        root, trans = camera_frame_root(stand, fit.turns[0], fit.trans_m, pelvis)
        return replace(fit, turns=np.concatenate([root[None], fit.turns[1:]]), trans_m=trans)


@dataclass(frozen=True)
class Scene:
    """What a picture shows.

    Args:
        name: file name of the large picture.
        camera: its camera.
        people: who is there.
        stage: where.
    """

    name: str
    camera: SceneCamera
    people: list[Standing]
    stage: Stage

    @property
    def view(self) -> View:
        """The camera of the world, with half as many pixels to each side as the large picture has."""
        lens, size = self.camera.lens, (PUBLISHED_WH[0] // _REDUCED, PUBLISHED_WH[1] // _REDUCED)
        centre = ((c + 0.5) / _REDUCED - 0.5 for c in (lens.cx, lens.cy))
        small = Camera(lens.fx / _REDUCED, lens.fy / _REDUCED, *centre)
        return View(small, size, self.camera.rotation, 1000 * self.camera.position_m)

    def occlusion(self) -> list[float]:
        """Per cent of everybody that is hidden by others; 100 for who is not in the picture."""
        view, floor = self.view.smaller(_COARSE), self.stage.floor.height_mm
        figures = [person.figure for person in self.people]
        together = painted(figures, floor)
        face = view.draw(together).face
        owners = np.append(together.owners, -1)[face]
        hidden = []
        for number, figure in enumerate(figures):
            alone = int(view.draw(painted([figure], floor)).seen.sum())
            seen = int((owners == number).sum())
            hidden.append(100.0 * (1 - seen / alone) if alone else 100.0)
        return hidden

    def pictures(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The large and the small picture, RGB."""
        view = self.view
        behind = sample_behind(view.smaller(2), self.stage, rng)
        behind = cv2.resize(behind, view.size_wh, interpolation=cv2.INTER_LINEAR)
        figures = [person.figure for person in self.people]
        image = photograph(figures, view, self.stage, rng, behind).image
        # Noise of single pixels would be most of the file.
        smooth = cv2.GaussianBlur(image, (0, 0), _SOFT_PX)
        large = cv2.resize(smooth, PUBLISHED_WH, interpolation=cv2.INTER_LINEAR)
        small = cv2.resize(large, (1280, 720), interpolation=cv2.INTER_AREA)
        return {LARGE: large, SMALL: small}


def sample_scene(cast: Cast, people: range, seed: int, split: str, number: int) -> Scene:
    """The scene of one picture; its kind goes round with the number.

    Args:
        cast: the people of the tree.
        people: who may be there.
        seed: of the tree.
        split: ``train``, ``val`` or ``test``.
        number: of the picture in it.
    """
    rng = generator(seed, "agora", split, number)
    kind = SCENE_KINDS[(number + _FIRST[split]) % len(SCENE_KINDS)]
    name = _NAMES[kind.name].format(SETS[split], number)
    where = np.array([*rng.uniform(-300, 300, 2), rng.uniform(-30, 60)]).round(2)
    camera = scene_camera(name, where, round(float(rng.uniform(-180, 180)), 2))
    stage = sample_stage(rng, _PLACES.get(kind.name, "room"))
    stage = replace(stage, floor=stage.floor._replace(height_mm=1000 * kind.ground_m[1]))
    chosen = cast.some(people, int(rng.integers(PEOPLE[0], PEOPLE[1] + 1)), rng)
    places = _places(camera, len(chosen), rng)
    standing = [_stand(camera, person, at, rng) for person, at in zip(chosen, places, strict=True)]
    return Scene(name, camera, standing, stage)


def _places(camera: SceneCamera, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Places ``(3,)`` metres on the ground, in the camera's sight, not within each other."""
    kind, turn = camera.kind, np.radians(camera.yaw_deg)
    forward, right = np.array([np.sin(turn), 0, np.cos(turn)]), np.array([np.cos(turn), 0, -np.sin(turn)])
    low, high = _NEAR_PITCHED_M if kind.name == "ag2" else _DISTANCE_M[kind.focal_mm]
    places: list[np.ndarray] = []
    for _ in range(_TRIES * count):
        far, aside = rng.uniform(low, high), rng.uniform(-0.85, 0.85) * _HALF_WIDTH_MM / kind.focal_mm
        at = camera.position_m + far * (forward + aside * right)
        if places and rng.uniform() < _BEHIND:
            way = (places[-1] - camera.position_m) * (1, 0, 1)
            at = places[-1] + 1.1 * _GAP_M * way / np.linalg.norm(way)
        at[1] = kind.ground_m[1]
        if all(np.linalg.norm(at - other) > _GAP_M for other in places):
            places.append(at)
        if len(places) == count:
            break
    return places or [camera.position_m * (1, 0, 1) + low * forward + np.array(kind.ground_m)]


def _stand(camera: SceneCamera, person: Person, at_m: np.ndarray, rng: np.random.Generator) -> Standing:
    """A person at a place, more often than not seen from before, placed as Unreal has it."""
    kid = bool(rng.uniform() < _KID)
    if kid:
        person = replace(person, shape=np.concatenate([[_KID_SIZE], person.shape[1:]]))
    to_camera = (camera.position_m - at_m)[[0, 2]]
    heading = np.degrees(np.arctan2(-to_camera[0], -to_camera[1])) + rng.normal(0, 60)
    figure = place(person, sample_pose(rng), float(heading), 1000 * at_m, person.gender)
    x, y, z = at_m - camera.kind.ground_m
    yaw = round(float(heading + 90 + rng.normal(0, 20)), 3)
    return Standing(figure, (100 * np.array([z, x, -y])).round(3), yaw, kid)
