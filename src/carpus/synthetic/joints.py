"""Where each dataset's joints lie on the synthetic hand.

The same anatomical point has the same name in every skeleton, with one exception that the datasets bring
along: ``wrist`` is the middle of the wrist in MSRA and HANDS 2017 and its thumb side in NYU.
"""

from __future__ import annotations

import numpy as np

from carpus.errors import ConfigError, unknown
from carpus.skeletons import Skeleton
from carpus.synthetic.rig import PosedHand


def hand_joints(hand: PosedHand, skeleton: Skeleton) -> np.ndarray:
    """The joints of a dataset, taken from the bones of the rig.

    MSRA and HANDS 2017: wrist; MCP, PIP, DIP joint and tip (3 mm below the skin) of each finger; the
    thumb's four are its base (CMC), MCP, IP and tip. ICVL: the middle of the palm; per finger the middle of
    the proximal and of the intermediate phalanx and the tip; for the thumb the middle of the metacarpal and
    of the proximal phalanx and the tip. NYU: tips; PIP of the fingers, IP of the thumb as ``mid``; MCP
    of the thumb as ``thumb_root``; the wrist's thumb side (``wrist``) and little finger's side
    (``wrist_back``); the middle of the palm.

    Args:
        hand: a posed hand.
        skeleton: MSRA, HANDS17, ICVL or NYU.
    Returns:
        ``(J, 3)`` mm in the hand's frame.
    Raises:
        ConfigError: for a skeleton that is none of these.
    """
    rules = {"msra": _four_per_finger, "hands17": _four_per_finger, "icvl": _icvl, "nyu": _nyu}
    if skeleton.name not in rules:
        raise ConfigError(unknown("hand skeleton", skeleton.name, rules))
    named = rules[skeleton.name](hand)
    return np.stack([named[joint] for joint in skeleton.joints])


def palm_center(hand: PosedHand) -> np.ndarray:
    """``(3,)`` mm: half-way between the wrist and the knuckles of index to little finger."""
    return 0.4 * hand.wrist + 0.6 * hand.chain[1:, 1].mean(axis=0)


_FINGERS = ("thumb", "index", "middle", "ring", "little")


def _four_per_finger(hand: PosedHand) -> dict[str, np.ndarray]:
    points = hand.chain[:, 1:].copy()
    points[0] = hand.chain[0, :4]
    named = {
        f"{finger}_{part}": points[f, p]
        for f, finger in enumerate(_FINGERS)
        for p, part in enumerate(("mcp", "pip", "dip", "tip"))
    }
    return {"wrist": hand.wrist, **named}


def _icvl(hand: PosedHand) -> dict[str, np.ndarray]:
    middles = 0.5 * (hand.chain[:, :-1] + hand.chain[:, 1:])
    first = np.array([0, 1, 1, 1, 1])
    own = np.arange(5)
    parts = {"root": middles[own, first], "mid": middles[own, first + 1], "tip": hand.chain[:, 4]}
    named = {f"{finger}_{p}": points[f] for p, points in parts.items() for f, finger in enumerate(_FINGERS)}
    return {"palm": palm_center(hand), **named}


def _nyu(hand: PosedHand) -> dict[str, np.ndarray]:
    half = 0.16 * np.linalg.norm(hand.chain[2, 1] - hand.wrist) * hand.across
    named = {f"{finger}_tip": hand.chain[f, 4] for f, finger in enumerate(_FINGERS)}
    named |= {f"{finger}_mid": hand.chain[f, 2] for f, finger in enumerate(_FINGERS)}
    return {
        **named,
        "thumb_root": hand.chain[0, 1],
        "wrist": hand.wrist + half,
        "wrist_back": hand.wrist - half,
        "palm": palm_center(hand),
    }
