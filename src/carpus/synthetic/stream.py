"""A synthetic depth stream: one hand that moves smoothly before a camera, with its true joints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from carpus.data.streams import StreamFrame, StreamInfo, StreamWriter, write_joints
from carpus.data.streams.files import IMAGE_NAME
from carpus.errors import ConfigError, DataError, unknown
from carpus.render import rasterize
from carpus.skeletons import HANDS17
from carpus.synthetic.hand import HandView, forearm_tube, sample_orientation, sample_pose, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.rig import HandRig, PosedHand
from carpus.synthetic.skinning import posed
from carpus.synthetic.tree import VERSION, Progress, counted, fresh_tree, generator, read_marker
from carpus.synthetic.views import HANDS17_VIEW, STRUCTURED_LIGHT

FPS = 30.0
JOINTS_FILE, BOXES_FILE = "joints.npz", "BoundingBox.txt"
_SECONDS_PER_POSE = 0.8
_BOX_MARGIN_PX = 20


@dataclass(frozen=True)
class Motion:
    """What a hand does in front of the camera.

    Args:
        pitch_deg, yaw_deg, roll_deg: middle and swing of the turns, see :class:`HandView`.
        distance_mm: middle and swing of the distance of the hand's middle.
        offset: swing across the image, as a part of half the image.
        poses: the gestures it goes through.
    """

    pitch_deg: tuple[float, float]
    yaw_deg: tuple[float, float] = (0.0, 14.0)
    roll_deg: tuple[float, float] = (0.0, 16.0)
    distance_mm: tuple[float, float] = (350.0, 35.0)
    offset: tuple[float, float] = (0.18, 0.1)
    poses: tuple[str, ...] = ("relaxed", "5", "grasp", "1", "pinch", "2", "L", "fist")


MOTIONS = {"pointing": Motion((45.0, 10.0)), "frontal": Motion((28.0, 8.0))}
"""``pointing``: fingers towards the camera, the forearm behind; ``frontal``: the palm towards it."""


def make_stream(
    out: Path | str,
    frames: int = 120,
    seed: int = 0,
    motion: str = "pointing",
    noise: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Write a stream, ``joints.npz`` and ``BoundingBox.txt``.

    The folder appears under its name only when it is complete; if it is there already with the same
    arguments, nothing is done. The same arguments give the same bytes.

    Args:
        out: the stream's folder.
        frames: how many, 30 per second; a longer stream begins with the frames of a shorter one.
        seed: of hand, poses, path and sensor noise.
        motion: one of :data:`MOTIONS`.
        noise: whether the sensor errs; without it the depth is only rounded.
        progress: called with frames done and frames in all.
    Returns:
        ``out``.
    Raises:
        ConfigError: for an unknown motion.
        DataError: if ``out`` holds something else, or there are no frames.
    """
    if motion not in MOTIONS:
        raise ConfigError(unknown("motion", motion, MOTIONS))
    if frames < 1:
        raise DataError(f"synthetic stream: frames={frames}, at least 1 is needed")
    out = Path(out)
    options = {"dataset": "stream", "frames": frames, "seed": seed, "motion": motion, "noise": noise}
    if read_marker(out) == {"carpus_synthetic": VERSION, **options}:
        return out
    with fresh_tree(out, options) as root:
        _write(root, MovingHand(seed, MOTIONS[motion]), frames, noise, progress)
    return out


class MovingHand:
    """A person's hand on its way: pose, turn and place at every time.

    Args:
        seed: of everything drawn.
        motion: ranges.
    """

    def __init__(self, seed: int, motion: Motion) -> None:
        self.seed, self.motion = seed, motion
        self.rig = sample_subject(generator(seed, "stream subject"))
        rng = generator(seed, "stream path")
        # Two slow swings per quantity, so that no two seconds are alike.
        self._rate = rng.uniform((0.15, 0.35), (0.3, 0.6), (6, 2))
        self._phase = rng.uniform(0, 2 * np.pi, (6, 2))
        self._keys: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def at(self, time_s: float) -> tuple[PosedHand, np.ndarray, np.ndarray]:
        """The hand in camera space, and with its forearm ``(V, 3)`` mm and ``(F, 3)``."""
        angles, wrist = self._pose(time_s)
        hand = posed(self.rig, angles, (wrist[0], wrist[1]))
        swing = (np.sin(2 * np.pi * self._rate * time_s + self._phase) * (0.65, 0.35)).sum(axis=1)
        turns, motion = self._turns(swing[:3]), self.motion
        depth = motion.distance_mm[0] + motion.distance_mm[1] * swing[3]
        camera, size = HANDS17_VIEW.camera, np.array(HANDS17_VIEW.size_wh)
        pixel = (size - 1) / 2 + swing[4:] * motion.offset * size / 2
        rotation = sample_orientation(turns, np.random.default_rng(0))
        turned = hand.moved(rotation, np.zeros(3))
        middle = 0.5 * (turned.vertices.min(axis=0) + turned.vertices.max(axis=0))
        placed = hand.moved(rotation, camera.unproject(pixel, np.array(depth)) - middle)
        return (placed, *_with_forearm(self.rig, placed, rotation, (wrist[0], wrist[1])))

    def _turns(self, swing: np.ndarray) -> HandView:
        """A view that leaves no choice of the turns."""
        ranges = (self.motion.pitch_deg, self.motion.yaw_deg, self.motion.roll_deg)
        pitch, yaw, roll = (float(m + s * w) for (m, w), s in zip(ranges, swing, strict=True))
        fixed = {"pitch_deg": (pitch, pitch), "yaw_deg": (yaw, yaw), "roll_deg": (roll, roll)}
        return replace(HANDS17_VIEW, back_share=0.0, **fixed)

    def _pose(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Angles ``(5, 4, 3)`` and wrist ``(2,)`` in degrees between two of the poses."""
        place, part = divmod(time_s / _SECONDS_PER_POSE, 1.0)
        ease = part * part * (3 - 2 * part)
        (a, a_wrist), (b, b_wrist) = self._key(int(place)), self._key(int(place) + 1)
        return a + ease * (b - a), a_wrist + ease * (b_wrist - a_wrist)

    def _key(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        if place not in self._keys:
            rng = generator(self.seed, "stream pose", place)
            name = self.motion.poses[int(rng.integers(len(self.motion.poses)))]
            angles, _, wrist = sample_pose(self.rig, rng, name)
            self._keys[place] = (angles, 0.5 * np.array(wrist))
        return self._keys[place]


def _with_forearm(
    rig: HandRig, placed: PosedHand, rotation: np.ndarray, wrist_deg: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of hand and forearm."""
    tube, faces = forearm_tube(rig, HANDS17_VIEW.forearm_mm, wrist_deg)
    vertices = np.concatenate([placed.vertices, tube @ rotation.T + placed.wrist])
    return vertices, np.concatenate([rig.faces, faces + len(placed.vertices)])


def _write(root: Path, hand: MovingHand, frames: int, noise: bool, progress: Progress | None) -> None:
    view = HANDS17_VIEW
    info = StreamInfo(view.camera, view.size_wh, fps=FPS, source="carpus synthetic")
    writer = StreamWriter(root, info)
    joints = np.empty((frames, len(HANDS17), 3))
    for number in counted(range(frames), progress):
        placed, vertices, faces = hand.at(number / FPS)
        depth = rasterize(vertices, faces, view.camera, view.size_wh, near=10.0).depth
        if noise:
            depth = STRUCTURED_LIGHT.apply(
                depth, view.camera.fx, generator(hand.seed, "stream noise", number)
            )
        writer.write(StreamFrame(number, number / FPS, depth, IMAGE_NAME.format(number)))
        joints[number] = hand_joints(placed, HANDS17)
    write_joints(root / JOINTS_FILE, np.arange(frames), joints, HANDS17.name)
    (root / BOXES_FILE).write_text(_boxes(joints, view))


def _boxes(joints: np.ndarray, view: HandView) -> str:
    """Lines of name, left, top, width and height around the joints ``(T, J, 3)``."""
    pixels = view.camera.project(joints)
    low = np.maximum(np.floor(pixels.min(axis=1)) - _BOX_MARGIN_PX, 0)
    high = np.minimum(np.ceil(pixels.max(axis=1)) + _BOX_MARGIN_PX, np.array(view.size_wh) - 1)
    rows = np.concatenate([low, high - low], axis=1).astype(int).tolist()
    return "".join(f"{IMAGE_NAME.format(n)}\t{x} {y}\t{w} {h}\n" for n, (x, y, w, h) in enumerate(rows))
