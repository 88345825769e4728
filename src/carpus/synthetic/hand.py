"""The articulated hand in front of a depth camera: subject, pose, view and rendered frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.geometry.camera import Camera
from carpus.render import ZBuffer, rasterize
from carpus.synthetic.poses import clearance, free_pose, gesture, jittered
from carpus.synthetic.rig import HandRig, PosedHand, generic_hand
from carpus.synthetic.skinning import forearm_turn, posed, sample_shape, shaped, turn_about

_TOWARDS_CAMERA = np.diag([1.0, -1.0, -1.0])
"""Hand frame to camera frame: palm to the camera, fingers up, thumb to the right of the image."""

_MIN_CLEARANCE = 0.6
_MARGIN_PX = 6.0


@dataclass(frozen=True)
class HandView:
    """How a dataset sees its hands.

    Args:
        camera: intrinsics; y points down.
        size_wh: image width and height.
        distance_mm: nearest and farthest palm.
        yaw_deg, pitch_deg, roll_deg: range of turns about the vertical axis, of the fingers' tilt towards the
            camera, and in the image, from "palm to the camera, fingers up".
        offset: largest shift of the palm from the image centre, as a part of half the image.
        forearm_mm: length of the visible forearm, 0 for none.
        back_share: share of frames that show the back of the hand.
    """

    camera: Camera
    size_wh: tuple[int, int]
    distance_mm: tuple[float, float]
    yaw_deg: tuple[float, float] = (-50.0, 50.0)
    pitch_deg: tuple[float, float] = (-15.0, 60.0)
    roll_deg: tuple[float, float] = (-35.0, 35.0)
    offset: tuple[float, float] = (0.35, 0.35)
    forearm_mm: float = 0.0
    back_share: float = 0.0


@dataclass(frozen=True)
class HandFrame:
    """One rendered hand.

    Args:
        hand: the posed hand in camera space.
        vertices: ``(V, 3)`` mm, hand and forearm, camera space.
        faces: ``(F, 3)``.
        buffer: what each pixel sees, without noise.
    """

    hand: PosedHand
    vertices: np.ndarray
    faces: np.ndarray
    buffer: ZBuffer


def sample_subject(rng: np.random.Generator) -> HandRig:
    """A random person's hand: 160–200 mm long, own finger lengths and thickness."""
    return shaped(generic_hand(), sample_shape(rng))


def sample_pose(
    rig: HandRig, rng: np.random.Generator, name: str | None = None, tries: int = 12
) -> tuple[np.ndarray, PosedHand, tuple[float, float]]:
    """A pose within the limits whose fingers do not run through each other.

    Args:
        rig: a subject's hand.
        rng: source of randomness.
        name: a gesture of :data:`~carpus.synthetic.poses.GESTURES`, or None for a free pose.
        tries: candidates before the one with the most room between the fingers is taken.
    Returns:
        angles ``(5, 4, 3)`` in degrees, the hand in its own frame, wrist flexion and deviation in degrees.
    """
    wrist = (float(np.clip(rng.normal(0, 16), -40, 40)), float(np.clip(rng.normal(0, 7), -15, 20)))
    best: tuple[float, np.ndarray, PosedHand] | None = None
    for attempt in range(tries):
        if name is None:
            angles = free_pose(rng)
        else:
            angles = jittered(gesture(name, rng.uniform(-0.6, 1)), rng, 1.0 - 0.6 * attempt / tries)
        hand = posed(rig, angles, wrist)
        room = clearance(hand)
        if best is None or room > best[0]:
            best = (room, angles, hand)
        if room >= _MIN_CLEARANCE:
            break
    if best is None:
        raise ValueError(f"sample_pose: tries must be at least 1, got {tries}")
    return best[1], best[2], wrist


def sample_orientation(view: HandView, rng: np.random.Generator) -> np.ndarray:
    """``(3, 3)`` rotation from the hand frame to the camera frame within a dataset's view."""
    yaw, pitch, roll = np.radians(
        [rng.uniform(*view.yaw_deg), rng.uniform(*view.pitch_deg), rng.uniform(*view.roll_deg)]
    )
    if rng.uniform() < view.back_share:
        yaw += np.pi
    x, y, z = np.eye(3)
    # Positive pitch tips the fingers, which point to -y, towards the camera at -z.
    tilt = turn_about(x, np.array(pitch))
    turned = turn_about(y, np.array(yaw))
    return turn_about(z, np.array(roll)) @ tilt @ turned @ _TOWARDS_CAMERA


def sample_frame(
    rig: HandRig, view: HandView, rng: np.random.Generator, name: str | None = None
) -> HandFrame:
    """A posed, placed and rendered hand that lies inside the image.

    Args:
        rig: a subject's hand.
        view: camera, image size and ranges of a dataset.
        rng: source of randomness.
        name: a gesture, or None for a free pose.
    """
    _, hand, wrist_deg = sample_pose(rig, rng, name)
    rotation = sample_orientation(view, rng)
    turned = hand.moved(rotation, np.zeros(3))
    placed = hand.moved(rotation, _placement(turned, view, rng))
    vertices, faces = placed.vertices, rig.faces
    if view.forearm_mm > 0:
        tube, tube_faces = forearm_tube(rig, view.forearm_mm, wrist_deg)
        tube = tube @ rotation.T + placed.wrist
        faces = np.concatenate([faces, tube_faces + len(vertices)])
        vertices = np.concatenate([vertices, tube])
    buffer = rasterize(vertices, faces, view.camera, view.size_wh, near=10.0)
    return HandFrame(placed, vertices, faces, buffer)


def _placement(hand: PosedHand, view: HandView, rng: np.random.Generator) -> np.ndarray:
    """``(3,)`` mm translation that puts the hand at a random place where all of it is visible."""
    low, high = hand.vertices.min(axis=0), hand.vertices.max(axis=0)
    middle = 0.5 * (low + high)
    width, height = view.size_wh
    shift = np.zeros(3)
    for shrink in np.linspace(1.0, 0.0, 6):
        depth = rng.uniform(*view.distance_mm)
        depth += (view.distance_mm[1] - depth) * (1.0 - shrink)
        across = shrink * rng.uniform(-1, 1, 2) * view.offset
        pixel = np.array([view.camera.cx, view.camera.cy]) + across * (0.5 * width, 0.5 * height)
        shift = view.camera.unproject(pixel, np.array(depth)) - middle
        uv = view.camera.project(hand.vertices + shift)
        inside = (uv >= _MARGIN_PX) & (uv <= np.array([width, height]) - 1 - _MARGIN_PX)
        if inside.all():
            break
    return shift


def forearm_tube(
    rig: HandRig, length_mm: float, wrist_deg: tuple[float, float], sides: int = 24, rings: int = 12
) -> tuple[np.ndarray, np.ndarray]:
    """A closed elliptic tube from inside the wrist backwards.

    Args:
        rig: the subject's hand, whose wrist gives the width.
        length_mm: how far it reaches behind the wrist.
        wrist_deg: wrist flexion and deviation of the pose.
    Returns:
        ``(V, 3)`` mm in the hand frame and ``(F, 3)`` faces.
    """
    stub = rig.vertices[np.abs(rig.vertices[:, 1] + 10.0) < 8.0]
    low, high = stub[:, [0, 2]].min(axis=0), stub[:, [0, 2]].max(axis=0)
    along = np.linspace(0.0, 1.0, rings)[:, None] ** 1.5
    reach = along * (length_mm - 8.0)
    # Narrow inside the hand's own stub, level with it where the stub ends, then wider to the elbow.
    bulge = np.interp(reach, [0.0, 9.0, 14.0, 60.0, 250.0], [0.8, 0.94, 0.99, 1.1, 1.5])
    turn = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(turn) * (high - low)[0], np.sin(turn) * (high - low)[1]]) / 2.0
    middle = 0.5 * (low + high)
    x, z = middle[0] + bulge * ring[0], middle[1] + bulge * ring[1]
    y = np.broadcast_to(-8.0 - reach, x.shape)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    ends = np.array([[middle[0], -8.0, middle[1]], [middle[0], -length_mm, middle[1]]])
    vertices = np.concatenate([points, ends]) @ forearm_turn(wrist_deg).T
    return vertices, _tube_faces(sides, rings)


def _tube_faces(sides: int, rings: int) -> np.ndarray:
    """``(F, 3)`` faces of a tube with its two end caps."""
    here = np.arange(sides)
    after = (here + 1) % sides
    base = (np.arange(rings - 1) * sides)[:, None]
    a, b, c, d = base + here, base + after, base + sides + here, base + sides + after
    walls = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    first, last = rings * sides, rings * sides + 1
    offset = (rings - 1) * sides
    top = np.stack([np.full(sides, first), here, after], -1)
    bottom = np.stack([np.full(sides, last), offset + after, offset + here], -1)
    return np.concatenate([walls, top, bottom])
