"""A synthetic tree in STB's published format (Stereo Hand Pose Tracking Benchmark)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import savemat

from carpus.data.rgb_depth import encode_coded_depth
from carpus.data.sources.stb import layout
from carpus.data.sources.stb.labels import sk_rotation, to_depth_camera, to_right_camera
from carpus.geometry.camera import Camera
from carpus.render.zbuffer import ZBuffer
from carpus.skeletons import INTERHAND_HAND, STB_HAND
from carpus.synthetic.noise import SensorNoise
from carpus.synthetic.one_hand.arm import ArmPose, reachable, sample_fingers, sample_turns
from carpus.synthetic.one_hand.backdrops import backdrop
from carpus.synthetic.one_hand.figure import Figure, make_hand, shoulder, whole_person
from carpus.synthetic.one_hand.light import light_from
from carpus.synthetic.one_hand.looks import Look, sample_look
from carpus.synthetic.one_hand.sensor import Tone, developed, encode_png, sample_tone
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.tree import Progress, check_frames, counted, generator
from carpus.synthetic.two_hands.moment import Hands
from carpus.synthetic.two_hands.people import Person, sample_person
from carpus.synthetic.two_hands.studio import Light, sample_light

FRAMES, SUBJECTS = 400, 1
OPTIONS = {"stereo": False}
SIDE = "left"
"""All published hands are left ones."""

SK_DEPTH = Camera(475.62768, 474.77709, 336.41179, 238.77962)
"""Depth camera of the RealSense F200."""

_SIZE_WH = (640, 480)
_TRAINING = 10
_STEP = 7
"""Frames from one pose to the next; between them the hand moves."""
_COUNTING = ("1", "2", "3", "4", "5", "fist")
_BEHIND_MM, _FARTHEST_MM, _HAND_MM = 300.0, 1200.0, 2
_CAMERA_MM = np.array([55.0, 20.0, -830.0])
"""The colour camera, seen from the left shoulder; it looks straight at the person."""
_BB_MM = np.array([-10.0, 10.0, 8.0])
"""The stereo rig's left camera, seen from the colour camera."""
_NOISE = SensorNoise(sigma_mm_at_1m=3.0, smooth_px=5, border_drop=0.45, drop=0.0005)
_ORDER = INTERHAND_HAND.permutation(to=STB_HAND).tolist()
_PALM, _KNUCKLE = STB_HAND.root, STB_HAND.index("middle_mcp")
_PALM_PART = 1 / 2.2
"""Where the published palm centre is between the middle finger's knuckle and the wrist."""

_MAT_TEXT = b"MATLAB 5.0 MAT-file, synthetic, written by Carpus".ljust(116)


def write(
    root: Path, frames: int, subjects: int, seed: int, progress: Progress | None, stereo: bool = False
) -> None:
    """Twelve sequences of equal length, of B2 to B6 as many frames as asked for.

    Args:
        root: folder to fill.
        frames: of all sequences but the two of B1, which are the test split.
        subjects: people; published is one. A background belongs to one of them.
        seed: of everything drawn.
        progress: called with frames done and in all.
        stereo: also the pictures of the stereo rig; its labels are always written.
    """
    check_frames(subjects, "stb subjects")
    length = -(-check_frames(frames, "stb") // _TRAINING)
    hands = Hands()
    (root / "labels").mkdir()
    steps = counted(range(length * len(layout.SEQUENCES)), progress)
    for number, name in enumerate(layout.SEQUENCES):
        stage = make_stage(seed, name, number // 2 % subjects)
        folder = root / "images" / name
        folder.mkdir(parents=True)
        joints = []
        for frame, pose in enumerate(poses(stage, seed, name, length)):
            next(steps)
            shot = take(hands, stage, pose)
            joints.append(shot.joints_mm)
            rng = generator(seed, "stb frame", name, frame)
            for kind, data in pictures(shot, stage, rng, stereo):
                (folder / f"{kind}_{frame}.png").write_bytes(data)
        _write_labels(root, name, np.array(joints))
    next(steps, None)


@dataclass(frozen=True)
class Stage:
    """What stays the same during a sequence.

    Args:
        person, look: who moves the hand.
        light: lamps.
        behind: camera to ``(480, 640, 3)`` float32 light.
        tone: the cameras' settings.
        shoulder_mm: ``(3,)`` in the world.
    """

    person: Person
    look: Look
    light: Light
    behind: dict[str, np.ndarray]
    tone: Tone
    shoulder_mm: np.ndarray


@dataclass(frozen=True)
class Shot:
    """One moment.

    Args:
        figure: the person.
        view: the colour camera.
        joints_mm: ``(21, 3)`` in the colour camera's frame, in the published order, the wrist first.
    """

    figure: Figure
    view: View
    joints_mm: np.ndarray


def make_stage(seed: int, name: str, subject: int) -> Stage:
    """The stage of a sequence; both sequences of a background share all but the lamps.

    Args:
        seed: of the tree.
        name: one of the published sequences.
        subject: number of the person.
    """
    rng = generator(seed, "stb subject", subject)
    person = sample_person(rng)
    look = sample_look(person, rng)
    background, kind = name[:2], ("cloth", "room", "texture", "cloth", "room", "landscape")[int(name[1]) - 1]
    place = generator(seed, "stb background", background)
    behind = {camera: backdrop(_SIZE_WH, place, kind) for camera in ("SK", "BB")}
    light = sample_light(generator(seed, "stb light", name))
    tone = sample_tone(place, noise=(0.6, 1.2))
    return Stage(person, look, light, behind, tone, shoulder(person, SIDE, _BEHIND_MM))


def poses(stage: Stage, seed: int, name: str, length: int) -> Iterator[ArmPose]:
    """The arm in every frame of a sequence: from one pose to the next without a jerk.

    Args:
        stage: of the sequence.
        seed: of the tree.
        name: of the sequence.
        length: frames.
    """
    key = [_key_pose(stage, seed, name, number) for number in range(length // _STEP + 2)]
    for frame in range(length):
        number, part = divmod(frame, _STEP)
        part /= _STEP
        yield key[number].towards(key[number + 1], part * part * (3 - 2 * part))


def take(hands: Hands, stage: Stage, pose: ArmPose) -> Shot:
    """The person in a pose, before the cameras.

    Args:
        hands: the hand models.
        stage: of the sequence.
        pose: of the left arm; the right one hangs down.
    """
    hand = make_hand(hands, stage.person, pose, stage.shoulder_mm)
    figure = whole_person(stage.person, {SIDE: hand}, _BEHIND_MM, stage.look.hair_mm)
    view = View(layout.SK_COLOUR, _SIZE_WH, np.eye(3), stage.shoulder_mm + _CAMERA_MM)
    return Shot(figure, view, view.to_camera(hand.joints_mm)[_ORDER])


def pictures(
    shot: Shot, stage: Stage, rng: np.random.Generator, stereo: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Kind and PNG file of every picture of a moment.

    Args:
        shot: the moment.
        stage: of the sequence.
        rng: of the sensors' noise.
        stereo: also the stereo rig's.
    """
    buffer = shot.view.draw(shot.figure.mesh)
    yield "SK_color", encode_png(_photograph(shot, stage, shot.view, buffer, "SK", rng))
    hand = buffer.seen & (shot.figure.values[buffer.face] >= _HAND_MM)
    yield "SK_depth_seg", encode_coded_depth(np.where(hand, buffer.depth, 0) / 1000, "stb_png")
    depth = depth_view(shot.view).draw(shot.figure.mesh, barycentric=False).depth
    measured = _NOISE.apply(np.where(depth < _FARTHEST_MM, depth, 0), SK_DEPTH.fx, rng)
    yield "SK_depth", encode_coded_depth(measured / 1000, "stb_png")
    if stereo:
        for kind, view in stereo_views(shot.view).items():
            seen = view.draw(shot.figure.mesh)
            yield kind, encode_png(_photograph(shot, stage, view, seen, "BB", rng))


def depth_view(colour: View) -> View:
    """The depth camera beside a colour camera, as calibrated by the publisher."""
    rotation = sk_rotation()
    # Turned, then shifted: its centre is where the shift leads to zero.
    centre = -rotation.T @ np.array(layout.SK_SHIFT_MM)
    return View(SK_DEPTH, _SIZE_WH, rotation @ colour.rotation, colour.position_mm + centre @ colour.rotation)


def stereo_views(colour: View) -> dict[str, View]:
    """Both cameras of the stereo rig beside a colour camera."""
    left = colour.position_mm + _BB_MM
    right = left - to_right_camera(np.zeros(3))
    places = {"BB_left": left, "BB_right": right}
    return {kind: View(layout.BB, _SIZE_WH, np.eye(3), place) for kind, place in places.items()}


def _photograph(
    shot: Shot, stage: Stage, view: View, buffer: ZBuffer, camera: str, rng: np.random.Generator
) -> np.ndarray:
    hand = shot.figure.hands[SIDE]
    light = light_from(shot.figure.mesh, buffer, view, stage.light, stage.look, hand.joints_mm.mean(0))
    image = np.where(buffer.seen[..., None], light, stage.behind[camera])
    return developed(image, stage.tone, rng)


def _key_pose(stage: Stage, seed: int, name: str, number: int) -> ArmPose:
    """A pose the hand comes by: a number of fingers, or anything."""
    rng = generator(seed, "stb pose", name, number)
    counting = name.endswith("Counting")
    gesture = _COUNTING[number % len(_COUNTING)] if counting else None
    angles = sample_fingers(stage.person, (gesture, None), rng)[0]
    wanted = stage.shoulder_mm + rng.uniform((0.0, -40.0, -400.0), (150.0, 85.0, -300.0))
    wrist = reachable(stage.shoulder_mm, wanted, stage.person.size)
    turns = sample_turns(rng)
    turns[0] = rng.normal(45, 20) if counting else turns[0]
    # The fingers up, more or less.
    turns[1] = np.clip(turns[1] - 25, -52, 52)
    return ArmPose(SIDE, angles, wrist, turns, rng.uniform(0, 35))


def _write_labels(root: Path, name: str, joints_mm: np.ndarray) -> None:
    """The label files of both rigs, with the palm's centre instead of the wrist.

    Args:
        root: of the tree.
        name: of the sequence.
        joints_mm: ``(N, 21, 3)`` in the colour camera's frame, the wrist first.
    """
    published = joints_mm.copy()
    knuckle = joints_mm[:, _KNUCKLE]
    published[:, _PALM] = knuckle + _PALM_PART * (joints_mm[:, _PALM] - knuckle)
    for rig, places in (("SK", to_depth_camera(published)), ("BB", published - _BB_MM)):
        file = io.BytesIO()
        savemat(file, {"handPara": np.ascontiguousarray(places.transpose(2, 1, 0))})
        # The header would hold the time of writing; the same seed shall give the same bytes.
        layout.labels(root, name, rig).write_bytes(_MAT_TEXT + file.getvalue()[len(_MAT_TEXT) :])
