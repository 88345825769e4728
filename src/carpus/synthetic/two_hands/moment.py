"""One moment of a capture: whose hands, how they lie in the world, and the pose numbers that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from carpus.bodies.mano import SIDES, ManoHand
from carpus.bodies.standin import standin_model
from carpus.synthetic.two_hands.arms import arm_mesh
from carpus.synthetic.two_hands.arrange import sample_pair
from carpus.synthetic.two_hands.contact import Pair, settled
from carpus.synthetic.two_hands.fingers import random_turns, sample_angles
from carpus.synthetic.two_hands.mesh import Mesh, joined
from carpus.synthetic.two_hands.people import Person
from carpus.synthetic.two_hands.studio import MIDDLE_MM
from carpus.synthetic.two_hands.trunk import trunk_mesh

_TURNS = 96
_BACK = {"right": np.array([1.0, 0, 0]), "left": np.array([-1.0, 0, 0])}
_ELBOW_MM = {"right": np.array([-225.0, 165.0, 150.0]), "left": np.array([225.0, 165.0, 150.0])}
_EASY_DEG = 35.0


@dataclass(frozen=True)
class HandFit:
    """One hand as published fits describe it.

    Args:
        pose: ``(48,)`` axis-angle, the first three turn the hand in the world; relative to the mean pose.
        shape: ``(10,)`` coefficients.
        trans_m: ``(3,)`` metres.
    """

    pose: np.ndarray
    shape: np.ndarray
    trans_m: np.ndarray


@dataclass(frozen=True)
class Moment:
    """What every camera of a capture sees at one time.

    Args:
        fits: side to hand, for the hands that are there.
        vertices_mm: side to ``(778, 3)`` in the world.
        joints_mm: side to ``(21, 3)`` in the world, in InterHand2.6M's order.
        mesh: everything that is in front of the background.
    """

    fits: Mapping[str, HandFit]
    vertices_mm: Mapping[str, np.ndarray]
    joints_mm: Mapping[str, np.ndarray]
    mesh: Mesh


class Hands:
    """The two hand models, made once, in double precision so that pictures do not depend on the processor."""

    def __init__(self) -> None:
        self._layers = {side: ManoHand(standin_model("mano", side)).double() for side in SIDES}

    def __call__(self, side: str, fit: HandFit) -> tuple[np.ndarray, np.ndarray]:
        """Vertices ``(778, 3)`` and joints ``(21, 3)`` in the world, mm, rounded to a thousandth."""
        given = (torch.from_numpy(v[None]).double() for v in (fit.pose, fit.shape, fit.trans_m))
        made = self._layers[side](*given)
        return made.vertices_cam_mm[0].numpy().round(3), made.joints_cam_mm[0].numpy().round(3)


def sample_moment(
    hands: Hands, person: Person, sides: tuple[str, ...], kind: str | None, rng: np.random.Generator
) -> Moment:
    """Hands, arms and trunk of a person.

    Args:
        hands: the models.
        person: who it is.
        sides: which hands are before the cameras.
        kind: of :data:`~carpus.synthetic.two_hands.arrange.INTERACTIONS` for two hands; a gesture or None
            for one.
        rng: source of randomness.
    """
    both = len(sides) == 2 and kind is not None
    pair = sample_pair(person.fingers, kind, rng) if both else _alone(person, kind, rng)
    elbows = {side: MIDDLE_MM + person.size * _ELBOW_MM[side] + rng.normal(0, (30, 30, 20)) for side in sides}
    pair = _turned_to_world(pair, elbows, rng)
    fits = {side: _fit(pair, SIDES.index(side)) for side in sides}
    made = {side: hands(side, fit) for side, fit in fits.items()}
    vertices = {side: found[0] for side, found in made.items()}
    sleeve = person.cloth.sleeve
    meshes = [arm_mesh(side, vertices[side], elbows[side], sleeve) for side in sides]
    trunk = trunk_mesh(person.size, elbows, behind_mm=rng.uniform(270, 330))
    joints = {side: found[1] for side, found in made.items()}
    return Moment(fits, vertices, joints, joined([*meshes, trunk], casters=len(meshes)))


def _alone(person: Person, kind: str | None, rng: np.random.Generator) -> Pair:
    """Twice the same hand, as if the other were not there, its fingers beside each other."""
    angles = np.stack([sample_angles(rng, kind)] * 2)
    away = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2000.0]])
    pair = settled(Pair(person.fingers, angles, np.stack([np.eye(3)] * 2), away), 0.0, 1)
    return replace(pair, position_mm=np.zeros((2, 3)))


def _fit(pair: Pair, hand: int) -> HandFit:
    """The pose numbers of a hand of the pair, rounded as they are written."""
    side = SIDES[hand]
    wrist = pair.fingers.wrist * ((-1.0, 1.0, 1.0) if side == "right" else (1.0, 1.0, 1.0))
    turn = Rotation.from_matrix(pair.rotation[hand]).as_rotvec()
    pose = np.concatenate([turn, pair.fingers.pose(pair.angles[hand], side)])
    trans = pair.position_mm[hand] / 1000.0 - wrist
    return HandFit(pose.round(6), pair.fingers.shape, trans.round(6))


def _turned_to_world(pair: Pair, elbows: dict[str, np.ndarray], rng: np.random.Generator) -> Pair:
    """The pair where hands usually are, turned so that wrists bend as little as people like."""
    turns = random_turns(_TURNS, rng)
    shown = [SIDES.index(side) for side in elbows]
    points = np.concatenate([pair.spheres_mm(hand)[:-3] for hand in shown])
    middle = 0.5 * (points.min(0) + points.max(0))
    place = MIDDLE_MM + np.clip(rng.normal(0, (22, 22, 25)), -50, 50)
    bend = np.zeros(_TURNS)
    for side, elbow in elbows.items():
        hand = SIDES.index(side)
        wrists = turns @ (pair.position_mm[hand] - middle) + place
        arms = elbow - wrists
        arms /= np.linalg.norm(arms, axis=1, keepdims=True)
        cosine = ((turns @ (pair.rotation[hand] @ _BACK[side])) * arms).sum(1)
        excess = np.maximum(np.degrees(np.arccos(np.clip(cosine, -1, 1))) - _EASY_DEG, 0)
        bend += (excess / 12) ** 2
    chance = np.exp(-(bend - bend.min()))
    turn = turns[rng.choice(_TURNS, p=chance / chance.sum())]
    return pair.moved(turn, place - turn @ middle)
