"""The joint sets of RHD, STB and FreiHAND: every order leads to the one used inside."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.bodies.mano import MANO
from carpus.skeletons import (
    FREIHAND_HAND,
    INTERHAND,
    INTERHAND_HAND,
    RHD_BOTH,
    RHD_HAND,
    SNAP,
    STB_HAND,
    get_skeleton,
)

# The publishers' orders as gather lists: new[k] = raw[list[k]].
PUBLISHED = {
    "rhd": [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17],
    "stb": [0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4],
    "mano": [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20],
    "freihand": list(range(21)),
}
ORDERS = {"rhd": RHD_HAND, "stb": STB_HAND, "mano": MANO, "freihand": FREIHAND_HAND}


@pytest.mark.parametrize("name", ORDERS)
def test_gather_lists_are_the_published_ones(name):
    assert ORDERS[name].permutation(to=SNAP).tolist() == PUBLISHED[name]


@pytest.mark.parametrize("skeleton", [*ORDERS.values(), INTERHAND_HAND], ids=lambda s: s.name)
def test_the_thumb_tip_lands_on_four_and_the_middle_knuckle_on_nine(skeleton):
    gather = skeleton.permutation(to=SNAP)
    assert skeleton.joints[gather[4]] == "thumb_tip"
    assert skeleton.joints[gather[9]] == "middle_mcp"
    assert sorted(gather) == list(range(21))


def test_the_order_inside_has_the_published_parents():
    assert list(SNAP.parents) == [-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19]
    assert SNAP.tips == (4, 8, 12, 16, 20)


def test_bones_are_the_same_in_every_order():
    def bones(skeleton):
        return {(skeleton.joints[parent], skeleton.joints[child]) for parent, child in skeleton.bones}

    assert all(bones(skeleton) == bones(SNAP) for skeleton in ORDERS.values())


def test_both_hands_of_rhd_are_right_then_left():
    assert RHD_BOTH.roots == (0, 21)
    assert RHD_BOTH.joints[1] == "right_thumb_tip"
    assert RHD_BOTH.joints[21:] == tuple(f"left_{joint}" for joint in RHD_HAND.joints)
    there = RHD_BOTH.permutation(to=INTERHAND)
    assert np.array_equal(there[21:] - 21, there[:21])


NAMED = (RHD_HAND, RHD_BOTH, STB_HAND, FREIHAND_HAND, SNAP)


@pytest.mark.parametrize("skeleton", NAMED, ids=lambda s: s.name)
def test_found_by_name(skeleton):
    assert get_skeleton(skeleton.name) is skeleton
