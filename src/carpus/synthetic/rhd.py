"""A synthetic tree in RHD's published format (Rendered Handpose Dataset, version 2)."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from carpus.data.rgb_depth import encode_coded_depth
from carpus.geometry.camera import Camera
from carpus.skeletons import INTERHAND_HAND
from carpus.skeletons.rgb_hands import RHD_HAND
from carpus.synthetic.one_hand.arm import ArmPose, reachable, sample_fingers, sample_turns
from carpus.synthetic.one_hand.backdrops import backdrop
from carpus.synthetic.one_hand.figure import Figure, make_hand, shoulder, whole_person
from carpus.synthetic.one_hand.light import light_from
from carpus.synthetic.one_hand.looks import Look, sample_look
from carpus.synthetic.one_hand.sensor import developed, encode_png, sample_tone
from carpus.synthetic.one_hand.view import View, look_at, sample_direction
from carpus.synthetic.one_hand.visible import related_values, visible_joints
from carpus.synthetic.poses import GESTURES
from carpus.synthetic.tree import Progress, check_frames, counted, generator, split_subjects
from carpus.synthetic.two_hands.moment import Hands
from carpus.synthetic.two_hands.people import Person, sample_person
from carpus.synthetic.two_hands.studio import sample_light

FRAMES, SUBJECTS = 400, 20
FOLDER = "RHD_published_v2"
SIDES = ("left", "right")
"""The order of hands in the published files."""

_SIZE, _FAR_M = 320, 5.0
_ORDER = INTERHAND_HAND.permutation(to=RHD_HAND).tolist()
_TRIES, _LEAST_PX, _NEAREST_MM, _COARSE = 12, 700, 140.0, 4
_GESTURE_SHARE, _TOGETHER, _HANGING = 0.55, 0.35, 0.1


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Colour, mask and depth pictures and a pickle for training and evaluation.

    Args:
        root: folder to fill.
        frames: of the training split; evaluation has a quarter of it.
        subjects: people; the last quarter of them is only in the evaluation split.
        seed: of everything drawn.
        progress: called with frames done and in all.
    """
    seen, unseen = split_subjects(subjects, "rhd")
    sizes = {"training": check_frames(frames, "rhd"), "evaluation": max(1, frames // 4)}
    world = World(seed)
    steps = counted(range(sum(sizes.values())), progress)
    for split, people in (("training", seen), ("evaluation", unseen)):
        folder = root / FOLDER / split
        for kind in ("color", "mask", "depth"):
            (folder / kind).mkdir(parents=True)
        labels = {}
        for frame in range(sizes[split]):
            next(steps)
            rng = generator(seed, "rhd", split, frame)
            shot = world.shot(people[int(rng.integers(len(people)))], rng)
            for kind, data in shot.files().items():
                (folder / kind / f"{frame:05d}.png").write_bytes(data)
            labels[frame] = shot.labels()
        with (folder / f"anno_{split}.pickle").open("wb") as file:
            pickle.dump(labels, file, protocol=2)
    next(steps, None)


@dataclass(frozen=True)
class Shot:
    """One picture and what is known of it.

    Args:
        image: ``(320, 320, 3)`` uint8 RGB.
        mask: ``(320, 320)`` uint8 of 34 values.
        depth_m: ``(320, 320)``.
        joints_mm: ``(42, 3)`` in the camera's frame, left hand first, each from wrist to tips.
        visible: ``(42,)`` bool.
        camera: intrinsics.
    """

    image: np.ndarray
    mask: np.ndarray
    depth_m: np.ndarray
    joints_mm: np.ndarray
    visible: np.ndarray
    camera: Camera

    def files(self) -> dict[str, bytes]:
        """Folder to the PNG file in it."""
        return {
            "color": encode_png(self.image),
            "mask": encode_png(self.mask),
            "depth": encode_coded_depth(self.depth_m, "rhd_png"),
        }

    def pixels(self) -> np.ndarray:
        """``(42, 2)`` of the joints; finite also where a hand is behind the camera."""
        lens, depth = self.camera, self.joints_mm[:, 2:]
        depth = np.where(np.abs(depth) < 1, 1.0, depth)
        return self.joints_mm[:, :2] / depth * lens.fx + (lens.cx, lens.cy)

    def labels(self) -> dict[str, np.ndarray]:
        """The pickle's entry: pixels and visibility, metres, intrinsics, in single precision."""
        lens = self.camera
        return {
            "uv_vis": np.column_stack([self.pixels(), self.visible]).astype(np.float32),
            "xyz": (self.joints_mm / 1000).astype(np.float32),
            "K": np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]], np.float32),
        }


class World:
    """Characters, each made once, and pictures of them."""

    def __init__(self, seed: int) -> None:
        self._hands = Hands()
        self._character = lru_cache(maxsize=None)(lambda number: _character(seed, number))
        self._related = {side: related_values(RHD_HAND, side) for side in SIDES}

    def shot(self, number: int, rng: np.random.Generator) -> Shot:
        """A picture of a character."""
        person, look = self._character(number)
        figure, view = _sample_scene(self._hands, person, look, rng)
        buffer = view.draw(figure.mesh)
        mask = np.where(buffer.seen, np.append(figure.values, np.uint8(0))[buffer.face], np.uint8(0))
        joints = {side: view.to_camera(figure.hands[side].joints_mm)[_ORDER] for side in SIDES}
        seen = np.concatenate([self._seen(mask, view, side, joints[side]) for side in SIDES])
        middle = np.mean([hand.joints_mm.mean(0) for hand in figure.hands.values()], axis=0)
        image = backdrop(view.size_wh, rng)
        lit = light_from(figure.mesh, buffer, view, sample_light(rng), look, middle)
        image[buffer.seen] = lit[buffer.seen]
        picture = developed(image, sample_tone(rng), rng)
        depth = np.where(buffer.seen, np.minimum(buffer.depth / 1000, _FAR_M), _FAR_M)
        return Shot(picture, mask, depth, np.concatenate(list(joints.values())), seen, view.camera)

    def _seen(self, mask: np.ndarray, view: View, side: str, joints: np.ndarray) -> np.ndarray:
        before = joints[:, 2] > 0
        depth = np.where(before, joints[:, 2], 1.0)
        pixels = np.where(before[:, None], view.camera.project(joints), -1.0)
        return visible_joints(mask, pixels, depth, view.camera.fx, self._related[side]) & before


def _character(seed: int, number: int) -> tuple[Person, Look]:
    rng = generator(seed, "rhd character", number)
    person = sample_person(rng)
    return person, sample_look(person, rng)


def _sample_scene(hands: Hands, person: Person, look: Look, rng: np.random.Generator) -> tuple[Figure, View]:
    """A person doing something, and a camera near one of the hands that sees it."""
    behind = rng.uniform(270, 330)
    shoulders = {side: shoulder(person, side, behind) for side in SIDES}
    poses = _sample_poses(person, shoulders, rng)
    made = {side: make_hand(hands, person, poses[side], shoulders[side]) for side in SIDES}
    figure = whole_person(person, made, behind, look.hair_mm)
    wanted, view = SIDES[int(rng.integers(2))], None
    for _ in range(_TRIES):
        view = _sample_view(figure.hands[wanted].joints_mm, rng)
        if _shows(figure, view, wanted):
            break
    assert view is not None
    return figure, view


def _sample_poses(
    person: Person, shoulders: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, ArmPose]:
    """Both arms in front of the trunk, at times close together, or hanging."""
    poses, beside = {}, None
    names = [str(rng.choice(GESTURES)) if rng.uniform() < _GESTURE_SHARE else None for _ in SIDES]
    angles = dict(zip(SIDES, sample_fingers(person, (names[0], names[1]), rng), strict=True))
    for side in SIDES if rng.uniform() < 0.5 else SIDES[::-1]:
        mirror = np.array([-1.0 if side == "right" else 1.0, 1.0, 1.0])
        if beside is not None and rng.uniform() < _TOGETHER:
            wrist = beside + mirror * (rng.uniform(110, 240), *rng.normal(0, 60, 2))
        elif rng.uniform() < _HANGING:
            wrist = shoulders[side] + person.size * mirror * (rng.normal((95, 480, -60), (20, 25, 40)))
        else:
            place = rng.uniform((-190.0, -170.0, -470.0), (190.0, 420.0, -200.0))
            wrist = shoulders[side] + person.size * mirror * place
        wrist = reachable(shoulders[side], wrist, person.size)
        poses[side] = ArmPose(side, angles[side], wrist, sample_turns(rng), rng.uniform(5, 65))
        beside = wrist
    return poses


def _sample_view(joints_mm: np.ndarray, rng: np.random.Generator) -> View:
    """A camera on a sphere around a hand."""
    middle, distance = joints_mm.mean(0), rng.uniform(300, 760)
    position = middle + distance * sample_direction(0.8, rng)
    target = middle + np.clip(rng.normal(0, 0.13, 3), -0.3, 0.3) * distance
    focal = round(float(rng.uniform(262, 300)), 1)
    lens = Camera(focal, focal, _SIZE / 2, _SIZE / 2)
    return View(lens, (_SIZE, _SIZE), look_at(position, target, rng.normal(0, 12)), position)


def _shows(figure: Figure, view: View, side: str) -> bool:
    """Whether enough of a hand is to be seen and nothing is right before the lens."""
    buffer = view.smaller(_COARSE).draw(figure.mesh, barycentric=False)
    if not buffer.seen.any() or buffer.depth[buffer.seen].min() < _NEAREST_MM:
        return False
    values = figure.values[buffer.face[buffer.seen]]
    low = 2 if side == "left" else 18
    return bool(((values >= low) & (values < low + 16)).sum() * _COARSE**2 >= _LEAST_PX)
