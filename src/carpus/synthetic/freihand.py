"""A synthetic tree in FreiHAND's published format (version 2, evaluation labels included)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from carpus.data.sources.freihand import layout
from carpus.geometry.camera import Camera
from carpus.skeletons import FREIHAND_HAND, INTERHAND_HAND
from carpus.synthetic.one_hand.arm import ArmPose, sample_fingers, sample_turns
from carpus.synthetic.one_hand.backdrops import backdrop
from carpus.synthetic.one_hand.figure import Figure, arm_only, make_hand, shoulder
from carpus.synthetic.one_hand.light import light_from
from carpus.synthetic.one_hand.looks import Look, sample_look
from carpus.synthetic.one_hand.sensor import developed, encode_jpeg, sample_tone
from carpus.synthetic.one_hand.things import HOLDING, held_thing
from carpus.synthetic.one_hand.view import View, look_at, sample_direction
from carpus.synthetic.poses import GESTURES
from carpus.synthetic.tree import Progress, check_frames, counted, generator, split_subjects
from carpus.synthetic.two_hands.moment import Hands
from carpus.synthetic.two_hands.people import Person, sample_person
from carpus.synthetic.two_hands.studio import MIDDLE_MM, sample_light

FRAMES, SUBJECTS = 1600, 32
SIDE = "right"
"""All published hands are right ones."""

_SIZE = layout.SIZE_WH[0]
_ORDER = INTERHAND_HAND.permutation(to=FREIHAND_HAND).tolist()
_ROOT, _NEXT = (FREIHAND_HAND.index(f"middle_{part}") for part in ("mcp", "pip"))
_TRIES, _LEAST_SHARE, _NEAREST_MM, _COARSE, _BORDER_PX = 16, 0.035, 180.0, 4, 4
_GESTURE_SHARE, _HOLDING = 0.55, 0.3
_HAND_MM = 185.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, silhouettes and label files of training and evaluation.

    Args:
        root: folder to fill.
        frames: training pictures, rounded up to four of every pose; evaluation has a quarter of it.
        subjects: people; the last quarter of them is only in the evaluation split.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    poses = -(-check_frames(frames, "freihand") // layout.VERSIONS["train"])
    seen, unseen = split_subjects(subjects, "freihand")
    people = {"train": seen, "test": unseen}
    world = World(seed)
    steps = counted(range(poses * sum(layout.VERSIONS.values())), progress)
    for split, name in layout.PUBLISHED.items():
        (root / name / "rgb").mkdir(parents=True)
        tables: dict[str, list] = {kind: [] for kind in layout.KINDS}
        for number in range(poses):
            shot = world.shot(split, number, people[split])
            for kind, value in shot.labels().items():
                tables[kind].append(value)
            for version in range(layout.VERSIONS[split]):
                next(steps)
                picture = root / layout.picture(split, number + version * poses)
                picture.write_bytes(encode_jpeg(world.picture(shot, split, number, version)))
            if split == "train":
                _write_mask(root / layout.picture(split, number, "mask"), shot.seen)
        for kind, values in tables.items():
            layout.labels(root, split, kind).write_text(json.dumps(values))
    next(steps, None)


@dataclass(frozen=True)
class Shot:
    """One pose and what is known of it.

    Args:
        light: ``(224, 224, 3)`` float32 that comes from arm and thing, 0 elsewhere.
        seen: ``(224, 224)`` bool where they are.
        joints_mm: ``(21, 3)`` in the camera's frame, in the published order.
        vertices_mm: ``(778, 3)`` in the camera's frame.
        pose, shape: ``(48,)`` and ``(10,)`` of the hand model in the camera's frame.
        camera: intrinsics.
    """

    light: np.ndarray
    seen: np.ndarray
    joints_mm: np.ndarray
    vertices_mm: np.ndarray
    pose: np.ndarray
    shape: np.ndarray
    camera: Camera

    def labels(self) -> dict[str, list | float]:
        """The entries of the label files, places in metres.

        ``mano`` holds pose, shape, and the middle finger's knuckle: its pixel, and focal length over depth.
        """
        lens, root = self.camera, self.joints_mm[_ROOT]
        # The publisher goes back from the pixel with one focal length for both axes.
        focal = 0.5 * (lens.fx + lens.fy)
        place = [*(focal * root[:2] / root[2] + (lens.cx, lens.cy)), 1000.0 * focal / root[2]]
        bone = np.linalg.norm(root - self.joints_mm[_NEXT]) / 1000
        return {
            "K": [[lens.fx, 0.0, lens.cx], [0.0, lens.fy, lens.cy], [0.0, 0.0, 1.0]],
            "xyz": (self.joints_mm / 1000).round(8).tolist(),
            "scale": float(bone.round(8)),
            "mano": [[*self.pose.round(6).tolist(), *self.shape.tolist(), *map(float, place)]],
            "verts": (self.vertices_mm / 1000).round(8).tolist(),
        }


class World:
    """People, each made once, and pictures of their hands."""

    def __init__(self, seed: int) -> None:
        self._seed, self._hands = seed, Hands()
        self._person = lru_cache(maxsize=None)(lambda number: _person(seed, number))

    def shot(self, split: str, number: int, people: range) -> Shot:
        """A pose of one of some people."""
        rng = generator(self._seed, "freihand", split, number)
        person, look = self._person(people[int(rng.integers(len(people)))])
        figure, view = _sample_scene(self._hands, person, rng)
        buffer, hand = view.draw(figure.mesh), figure.hands[SIDE]
        light = light_from(figure.mesh, buffer, view, sample_light(rng), look, hand.joints_mm.mean(0))
        turn = Rotation.from_matrix(view.rotation) * Rotation.from_rotvec(hand.fit.pose[:3])
        return Shot(
            light,
            buffer.seen,
            view.to_camera(hand.joints_mm)[_ORDER],
            view.to_camera(hand.vertices_mm),
            np.concatenate([turn.as_rotvec(), hand.fit.pose[3:]]),
            hand.fit.shape,
            view.camera,
        )

    def picture(self, shot: Shot, split: str, number: int, version: int) -> np.ndarray:
        """``(224, 224, 3)`` uint8 RGB of a pose, before the green studio or put before something else.

        Args:
            shot: the pose.
            split: of it.
            number: of it.
            version: 0 as recorded; 1 harmonised with the background; 2 and 3 coloured anew.
        """
        rng = generator(self._seed, "freihand version", split, number, version)
        recorded = version == 0 and (split == "train" or rng.uniform() < 0.3)
        behind = backdrop(layout.SIZE_WH, rng, "green" if recorded else None)
        soft = 0.5 if recorded else rng.uniform(0.5, 0.9)
        light = _recoloured(shot.light, behind, version, rng) if version else shot.light
        share = cv2.GaussianBlur(shot.seen.astype(np.float32), (0, 0), soft)[..., None]
        image = behind * (1 - share) + cv2.GaussianBlur(light, (0, 0), soft)
        return developed(image, sample_tone(rng), rng)


def _person(seed: int, number: int) -> tuple[Person, Look]:
    rng = generator(seed, "freihand person", number)
    person = sample_person(rng)
    return person, sample_look(person, rng)


def _sample_scene(hands: Hands, person: Person, rng: np.random.Generator) -> tuple[Figure, View]:
    """An arm that reaches into the room, perhaps with something in its hand, and a camera anywhere around."""
    start = shoulder(person, SIDE, 330.0)
    holds = rng.uniform() < _HOLDING
    gesture = str(rng.choice(HOLDING if holds else GESTURES))
    name = gesture if holds or rng.uniform() < _GESTURE_SHARE else None
    angles = sample_fingers(person, (name, None), rng)[0]
    wrist = MIDDLE_MM + rng.uniform((-160, -120, -60), (20, 120, 60))
    hand = make_hand(
        hands, person, ArmPose(SIDE, angles, wrist, sample_turns(rng), rng.uniform(5, 80)), start
    )
    things = (held_thing(hand, SIDE, gesture, rng),) if holds else ()
    figure, view = arm_only(person, hand, SIDE, start, things), None
    for _ in range(_TRIES):
        view = _sample_view(hand.joints_mm, rng)
        if _shows(figure, view):
            break
    assert view is not None
    return figure, view


def _sample_view(joints_mm: np.ndarray, rng: np.random.Generator) -> View:
    """A camera that sees the hand as large as in the published crops, about in the middle."""
    middle = 0.5 * (joints_mm.min(0) + joints_mm.max(0))
    focal, share = rng.uniform(380, 600), rng.uniform(0.45, 0.78)
    distance = _HAND_MM * focal / (share * _SIZE)
    position = middle + distance * sample_direction(0.0, rng)
    target = middle + rng.uniform(-12, 12, 3)
    lens = Camera(round(focal, 6), round(focal * rng.normal(1, 0.0005), 6), _SIZE / 2, _SIZE / 2)
    return View(lens, layout.SIZE_WH, look_at(position, target, rng.uniform(-180, 180)), position)


def _shows(figure: Figure, view: View) -> bool:
    """Whether the hand is in the picture, the arm not before it."""
    pixels = view.camera.project(view.to_camera(figure.hands[SIDE].joints_mm))
    if not ((pixels > _BORDER_PX) & (pixels < _SIZE - _BORDER_PX)).all():
        return False
    buffer = view.smaller(_COARSE).draw(figure.mesh, barycentric=False)
    if not buffer.seen.any() or buffer.depth[buffer.seen].min() < _NEAREST_MM:
        return False
    return bool((figure.values[buffer.face[buffer.seen]] > 1).sum() >= _LEAST_SHARE * buffer.face.size)


def _recoloured(light: np.ndarray, behind: np.ndarray, version: int, rng: np.random.Generator) -> np.ndarray:
    """The foreground's light after the publisher's kinds of post-processing."""
    if version == 1:
        around = behind.mean((0, 1))
        cast = (around / max(float(around @ _LUMA), 1e-3)) ** np.float32(rng.uniform(0.1, 0.35))
        return light * cast * np.float32(rng.uniform(0.8, 1.2))
    tint = (np.array([1.32, 0.93, 0.72]) * rng.normal(1, 0.08, 3)).astype(np.float32)
    part = np.float32(rng.uniform(0.5, 0.85) if version == 2 else rng.uniform(0.8, 1.0))
    grey = (light @ _LUMA)[..., None] * tint
    return (light + part * (grey - light)) * np.float32(rng.uniform(0.75, 1.25))


def _write_mask(path: Path, seen: np.ndarray) -> None:
    """White where arm and thing are, as published: a JPEG picture of three equal channels."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_jpeg(np.repeat(255 * seen[..., None].astype(np.uint8), 3, axis=2), 95))
