"""A whole person with hands where they are wanted, and which part every face belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from carpus.bodies.hand_parts import parts_from_weights
from carpus.bodies.standin import standin_model
from carpus.bodies.topology import FACES
from carpus.data.part_codes import LABELS_TO_RHD, RHD_PERSON
from carpus.render.parts import both_hands
from carpus.synthetic.one_hand.arm import ArmPose, elbow_of, fit_of, hand_rotation
from carpus.synthetic.one_hand.solids import HAIR, TROUSERS, ball, limb, tube
from carpus.synthetic.two_hands.arms import arm_mesh
from carpus.synthetic.two_hands.mesh import SHIRT, SKIN, Mesh, joined
from carpus.synthetic.two_hands.moment import HandFit, Hands
from carpus.synthetic.two_hands.people import Person
from carpus.synthetic.two_hands.studio import MIDDLE_MM
from carpus.synthetic.two_hands.trunk import trunk_mesh

_SHOULDER_MM = {"right": np.array([-165.0, -235.0, 0.0]), "left": np.array([165.0, -235.0, 0.0])}
_HEAD_MM = np.array([0.0, -490.0, -35.0])
_THIGH_MM, _SHIN_MM = np.array([98.0, 88.0, 72.0, 60.0]), np.array([60.0, 58.0, 48.0, 42.0])


@dataclass(frozen=True)
class Hand:
    """A hand in the world.

    Args:
        fit: its pose numbers.
        vertices_mm: ``(778, 3)``.
        joints_mm: ``(21, 3)`` in the order of :data:`~carpus.skeletons.INTERHAND_HAND`.
        elbow_mm: ``(3,)``.
        rotation: ``(3, 3)`` from its rest frame.
    """

    fit: HandFit
    vertices_mm: np.ndarray
    joints_mm: np.ndarray
    elbow_mm: np.ndarray
    rotation: np.ndarray


@dataclass(frozen=True)
class Figure:
    """A person as a surface.

    Args:
        hands: side to hand.
        mesh: arms first.
        values: ``(F,)`` uint8 of every face: RHD's mask value.
    """

    hands: Mapping[str, Hand]
    mesh: Mesh
    values: np.ndarray

    def __post_init__(self) -> None:
        assert len(self.values) == len(self.mesh.faces)


def shoulder(person: Person, side: str, behind_mm: float) -> np.ndarray:
    """``(3,)`` where an upper arm begins.

    Args:
        person: whose.
        side: ``right`` or ``left``.
        behind_mm: how far the chest's middle is behind the studio's middle.
    """
    return _middle(behind_mm) + person.size * _SHOULDER_MM[side]


def make_hand(hands: Hands, person: Person, pose: ArmPose, shoulder_mm: np.ndarray) -> Hand:
    """A posed hand at the end of its arm.

    Args:
        hands: the models.
        person: whose.
        pose: of the arm.
        shoulder_mm: ``(3,)``.
    """
    elbow = elbow_of(pose, shoulder_mm, person.size)
    rotation = hand_rotation(pose, shoulder_mm, elbow)
    fit = fit_of(person, pose, rotation)
    return Hand(fit, *hands(pose.side, fit), elbow, rotation)


def arm_only(
    person: Person, hand: Hand, side: str, shoulder_mm: np.ndarray, things: tuple[Mesh, ...] = ()
) -> Figure:
    """Hand, forearm and upper arm, and what the hand holds.

    Args:
        person: whose.
        hand: of that side.
        side: ``right`` or ``left``.
        shoulder_mm: ``(3,)``.
        things: surfaces in the world.
    """
    upper = tube(limb(shoulder_mm, hand.elbow_mm, np.array([66.0, 58.0, 52.0, 48.0, 20.0])), SHIRT)
    elbow = ball(hand.elbow_mm, np.full(3, 43.0), SHIRT)
    return _labelled(person, {side: hand}, [upper, elbow, *things])


def whole_person(person: Person, hands: Mapping[str, Hand], behind_mm: float, hair_mm: float) -> Figure:
    """Arms, trunk, head and legs.

    Args:
        person: who it is.
        hands: side to hand; the other arm hangs down without a hand.
        behind_mm: how far the chest's middle is behind the studio's middle.
        hair_mm: how far the hair comes down at the back of the head.
    """
    elbows = {side: hand.elbow_mm for side, hand in hands.items()}
    middle = _middle(behind_mm)
    trunk = trunk_mesh(person.size, elbows, behind_mm)
    head = middle + person.size * _HEAD_MM
    rest = [trunk, *_joints(person, elbows, behind_mm), *_head(head, hair_mm), *_legs(person, middle)]
    return _labelled(person, hands, rest)


def _middle(behind_mm: float) -> np.ndarray:
    return MIDDLE_MM + np.array([0.0, 0.0, behind_mm])


def _labelled(person: Person, hands: Mapping[str, Hand], rest: list[Mesh]) -> Figure:
    arms = [arm_mesh(s, hand.vertices_mm, hand.elbow_mm, person.cloth.sleeve) for s, hand in hands.items()]
    mesh = joined([*arms, *rest], casters=len(arms))
    values = np.full(len(mesh.faces), RHD_PERSON, np.uint8)
    start = 0
    for side, arm in zip(hands, arms, strict=True):
        values[start : start + FACES] = _hand_values(side)
        start += len(arm.faces)
    return Figure(hands, mesh, values)


def _hand_values(side: str) -> np.ndarray:
    """``(1538,)`` RHD's mask value of every face of a hand."""
    _, labels = both_hands(parts_from_weights(standin_model("mano", "right")))
    own = labels[: len(labels) // 2] if side == "right" else labels[len(labels) // 2 :]
    return LABELS_TO_RHD[own[:FACES]]


def _joints(person: Person, elbows: Mapping[str, np.ndarray], behind_mm: float) -> list[Mesh]:
    """Rounded shoulders and elbows, where the limbs of the trunk end flat."""
    shoulders = [
        ball(shoulder(person, side, behind_mm), np.full(3, 65.0) * person.size, SHIRT) for side in elbows
    ]
    return [*shoulders, *(ball(elbow, np.full(3, 43.0), SHIRT) for elbow in elbows.values())]


def _head(head: np.ndarray, hair_mm: float) -> list[Mesh]:
    """Hair that leaves the face free, what of it hangs down behind, eyes and a nose."""
    found = [ball(head + np.array([0.0, -42.0, 24.0]), np.array([83.0, 86.0, 82.0]), HAIR)]
    if hair_mm > 0:
        behind = head + np.array([0.0, 0.5 * hair_mm, 52.0])
        found.append(ball(behind, np.array([76.0, 60 + 0.5 * hair_mm, 42.0]), HAIR))
    eyes = (head + np.array([28.0 * side, -8.0, -67.0]) for side in (-1.0, 1.0))
    found += [ball(eye, np.array([12.0, 6.0, 7.0]), HAIR) for eye in eyes]
    return [*found, ball(head + np.array([0.0, 16.0, -76.0]), np.array([9.0, 20.0, 14.0]), SKIN)]


def _legs(person: Person, middle: np.ndarray) -> list[Mesh]:
    found = []
    for side in (-1.0, 1.0):
        points = np.array([[92.0 * side, 420, 0], [105.0 * side, 830, -15], [112.0 * side, 1230, 20]])
        hip, knee, foot = middle + person.size * points
        found += [tube(limb(hip, knee, person.size * _THIGH_MM), TROUSERS)]
        found += [tube(limb(knee, foot, person.size * _SHIN_MM), TROUSERS)]
    high, low = (middle + person.size * np.array([0.0, y, 0.0]) for y in (395.0, 525.0))
    seat = limb(high, low, person.size * np.array([165.0, 172.0, 120.0]), 20, flat=0.68)
    return [*found, tube(seat, TROUSERS)]
