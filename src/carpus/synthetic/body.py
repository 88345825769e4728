"""An articulated body of tapered capsules with the 15 ITOP joints.

World frame, millimetres: x right, y down, z away from the side camera, which is the origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.skeletons import ITOP
from carpus.synthetic.skinning import turn_about

_DOWN, _FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True)
class BodyShape:
    """One person's measures in millimetres.

    Args:
        head, neck, torso, hips: distances head to neck, neck to torso, torso to hips.
        shoulders, pelvis: half widths.
        upper_arm, forearm, thigh, shin: bone lengths.
        girth: factor of thickness.
    """

    head: float
    torso: float
    hips: float
    shoulders: float
    pelvis: float
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    girth: float

    @property
    def leg(self) -> float:
        """Hip to foot of the straight leg."""
        return self.thigh + self.shin


@dataclass(frozen=True)
class PosedBody:
    """A person in the world.

    Args:
        joints: ``(15, 3)`` mm in the order of the ITOP skeleton.
        vertices: ``(V, 3)`` mm.
        faces: ``(F, 3)``.
        face_labels: ``(F,)`` int8, the joint whose part a face belongs to.
        floor_mm: height y of the floor.
    """

    joints: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    face_labels: np.ndarray
    floor_mm: float


def sample_body(rng: np.random.Generator) -> BodyShape:
    """A random adult of 1.55 to 1.9 m."""
    size = rng.uniform(0.92, 1.08)
    means = np.array([245.0, 255.0, 250.0, 165.0, 105.0, 265.0, 245.0, 470.0, 440.0])
    values = size * means * np.clip(rng.normal(1.0, 0.03, 9), 0.93, 1.07)
    return BodyShape(*(float(v) for v in values), girth=float(size * rng.uniform(0.88, 1.15)))


def sample_posed(shape: BodyShape, rng: np.random.Generator) -> PosedBody:
    """A person standing 2.8 to 3.5 m before the side camera: arms anywhere, legs with some motion."""
    joints = _body_joints(shape, rng)
    feet = joints[[ITOP.index("right_foot"), ITOP.index("left_foot")], 1].max()
    yaw = turn_about(_DOWN, np.array(np.radians(np.clip(rng.normal(0, 25), -70, 70))))
    place = np.array([rng.uniform(-250, 250), rng.uniform(1080, 1160) - feet, rng.uniform(2800, 3500)])
    joints = joints @ yaw.T + place
    forward = yaw @ _FRONT
    vertices, faces, labels = _mesh(joints, forward, shape)
    return PosedBody(joints, vertices, faces, labels, float(vertices[:, 1].max()))


def _body_joints(shape: BodyShape, rng: np.random.Generator) -> np.ndarray:
    """``(15, 3)`` joints about the pelvis, facing the side camera."""
    named: dict[str, np.ndarray] = {}
    lean = turn_about(np.array([1.0, 0, 0]), np.radians(np.clip(rng.normal(3, 6), -8, 25)))
    sway = turn_about(np.array([0, 0, 1.0]), np.radians(np.clip(rng.normal(0, 5), -15, 15)))
    upper = sway @ lean
    up = -(upper @ _DOWN)
    named["torso"] = shape.hips * up
    named["neck"] = named["torso"] + shape.torso * up
    nod = turn_about(np.array([1.0, 0, 0]), np.radians(np.clip(rng.normal(5, 10), -20, 30)))
    named["head"] = named["neck"] + shape.head * (nod @ up)
    # The person faces the camera: the right side is at negative x.
    for side, sign in (("right", -1.0), ("left", 1.0)):
        out = sign * np.array([1.0, 0.0, 0.0])
        shoulder = named["neck"] + upper @ (shape.shoulders * out + 15.0 * _DOWN)
        arm, fore = (upper @ direction for direction in _arm(out, rng))
        elbow = shoulder + shape.upper_arm * arm
        named |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow}
        named[f"{side}_hand"] = elbow + shape.forearm * fore
        thigh, shin = _leg(out, rng)
        hip = shape.pelvis * out
        named |= {f"{side}_hip": hip, f"{side}_knee": hip + shape.thigh * thigh}
        named[f"{side}_foot"] = hip + shape.thigh * thigh + shape.shin * shin
    return np.stack([named[joint] for joint in ITOP.joints])


def _arm(out: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions of upper arm and forearm; the arm never goes into the trunk."""
    raise_deg = np.clip(rng.gamma(1.6, 32.0), 5, 165)
    # 0 raises the arm sideways, 90 forwards.
    plane = np.radians(rng.uniform(-15, 100))
    side = np.cos(plane) * out + np.sin(plane) * _FRONT
    angle = np.radians(raise_deg)
    arm = np.cos(angle) * _DOWN + np.sin(angle) * side
    arm = arm + 0.12 * out
    arm /= np.linalg.norm(arm)
    # The elbow bends the forearm towards the front, turned about the upper arm by some degrees.
    hinge = np.cross(arm, _FRONT + 0.4 * out - 0.3 * _DOWN)
    hinge /= np.linalg.norm(hinge)
    hinge = turn_about(arm, np.radians(rng.uniform(-60, 40)) * out[0]) @ hinge
    return arm, turn_about(hinge, np.radians(np.clip(rng.normal(45, 35), 3, 135))) @ arm


def _leg(out: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions of thigh and shin: mostly standing, sometimes a raised leg."""
    lifted = rng.uniform() < 0.15
    lift = np.radians(rng.uniform(20, 70) if lifted else np.clip(rng.normal(2, 6), -10, 20))
    spread = np.radians(np.clip(rng.normal(4, 5), -2, 25))
    thigh = np.cos(lift) * _DOWN + np.sin(lift) * _FRONT + np.sin(spread) * out
    thigh /= np.linalg.norm(thigh)
    bend = np.radians(rng.uniform(20, 90)) if lifted else np.radians(abs(rng.normal(3, 5)))
    return thigh, turn_about(np.array([1.0, 0, 0]), -bend) @ thigh


_AROUND, _ALONG = 14, 8


def _mesh(
    joints: np.ndarray, forward: np.ndarray, shape: BodyShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Capsules along the bones: vertices ``(V, 3)``, faces ``(F, 3)``, labels ``(F,)``."""
    starts, ends, radii, owners = _capsules(dict(zip(ITOP.joints, joints, strict=True)), forward)
    vertices = _capsule_vertices(starts, ends, radii * shape.girth, forward)
    count, per = vertices.shape[:2]
    template = _capsule_faces()
    faces = (template[None] + (np.arange(count) * per)[:, None, None]).reshape(-1, 3)
    flat = vertices.reshape(-1, 3)
    # Each face belongs to the nearer of the two joints that own its capsule.
    middles = flat[faces].mean(axis=1).reshape(count, -1, 3)
    gap = np.linalg.norm(middles[:, :, None] - joints[owners][:, None], axis=-1)
    labels = np.take_along_axis(owners, gap.argmin(axis=2), axis=1)
    return flat, faces, labels.reshape(-1).astype(np.int8)


def _capsules(
    at: dict[str, np.ndarray], forward: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends ``(C, 3)``, radii ``(C, 4)`` width and depth at both ends, owning joints ``(C, 2)``."""
    up = (at["neck"] - at["torso"]) / np.linalg.norm(at["neck"] - at["torso"])
    pelvis = 0.5 * (at["right_hip"] + at["left_hip"])
    rows: list[tuple[np.ndarray, np.ndarray, tuple[float, ...], str, str]] = [
        (at["head"] - 35 * up, at["head"] + 45 * up, (78, 95, 80, 98), "head", "head"),
        (at["neck"], at["head"], (58, 58, 55, 58), "neck", "neck"),
        (at["neck"] - 75 * up, at["torso"], (150, 95, 140, 100), "neck", "torso"),
        (at["torso"], pelvis, (138, 100, 150, 105), "torso", "torso"),
    ]
    for side in ("right", "left"):
        p = {part: at[f"{side}_{part}"] for part in ("shoulder", "elbow", "hand", "hip", "knee", "foot")}
        fore = (p["hand"] - p["elbow"]) / np.linalg.norm(p["hand"] - p["elbow"])
        rows += [
            (at["neck"] - 40 * up, p["shoulder"], (58, 58, 62, 62), "neck", f"{side}_shoulder"),
            (p["shoulder"], p["elbow"], (56, 56, 44, 44), f"{side}_shoulder", f"{side}_elbow"),
            (p["elbow"], p["hand"], (44, 44, 31, 31), f"{side}_elbow", f"{side}_hand"),
            (p["hand"], p["hand"] + 75 * fore, (40, 32, 34, 22), f"{side}_hand", f"{side}_hand"),
            (p["hip"], p["knee"], (88, 88, 60, 60), f"{side}_hip", f"{side}_knee"),
            (p["knee"], p["foot"], (60, 60, 42, 42), f"{side}_knee", f"{side}_foot"),
            (
                p["foot"],
                p["foot"] + 120 * forward + 45 * _DOWN,
                (46, 46, 38, 34),
                f"{side}_foot",
                f"{side}_foot",
            ),
        ]
    owners = np.array([[ITOP.index(row[3]), ITOP.index(row[4])] for row in rows])
    return (
        np.stack([row[0] for row in rows]),
        np.stack([row[1] for row in rows]),
        np.array([row[2] for row in rows], np.float64),
        owners,
    )


def _capsule_vertices(
    starts: np.ndarray, ends: np.ndarray, radii: np.ndarray, forward: np.ndarray
) -> np.ndarray:
    """``(C, V, 3)`` vertices of C tapered elliptic capsules whose depth axis is as forward as it can be."""
    axis = ends - starts
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    axis = axis / length
    depth = forward - axis * (axis @ forward)[:, None]
    flat = np.linalg.norm(depth, axis=1, keepdims=True) < 0.2
    depth = np.where(flat, np.cross(axis, np.array([1.0, 0.3, 0.0])), depth)
    depth /= np.linalg.norm(depth, axis=1, keepdims=True)
    width = np.cross(axis, depth)
    # Rings: half a sphere at each end, nothing but a straight wall between.
    latitude = np.linspace(0.02, np.pi / 2, _ALONG // 2)
    ring = np.concatenate([np.sin(latitude), np.sin(latitude)[::-1]])
    cap = np.concatenate([-np.cos(latitude), np.cos(latitude)[::-1]])
    last = (np.arange(_ALONG) >= _ALONG // 2).astype(np.float64)
    size = radii[:, None, :2] * (1 - last)[:, None] + radii[:, None, 2:] * last[:, None]
    thickness = size.min(axis=2)
    height = length * last + cap * thickness
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    across = np.cos(turn)[:, None] * width[:, None, None] * (ring * size[..., 0])[..., None, None]
    across = across + np.sin(turn)[:, None] * depth[:, None, None] * (ring * size[..., 1])[..., None, None]
    points = starts[:, None, None] + axis[:, None, None] * height[..., None, None] + across
    return points.reshape(len(starts), -1, 3)


def _capsule_faces() -> np.ndarray:
    """``(F, 3)`` faces of one capsule's rings; the tiny first and last ring close it."""
    here = np.arange(_AROUND)
    after = (here + 1) % _AROUND
    base = (np.arange(_ALONG - 1) * _AROUND)[:, None]
    a, b, c, d = base + here, base + after, base + _AROUND + here, base + _AROUND + after
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
