"""The joint sets of InterHand2.6M."""

from __future__ import annotations

import pytest

from carpus.skeletons import (
    HANDS17,
    INTERHAND,
    INTERHAND_HAND,
    INTERHAND_PUBLISHED,
    MSRA,
    HandPair,
    get_skeleton,
)

# The publisher's skeleton.txt: name, parent of every joint.
RIGHT_PARENTS = [*(p for k in range(0, 20, 4) for p in (k + 1, k + 2, k + 3, 20)), -1]


def test_names_and_parents_are_the_published_ones():
    assert list(INTERHAND.parents) == RIGHT_PARENTS + [p + 21 if p >= 0 else -1 for p in RIGHT_PARENTS]
    assert INTERHAND_PUBLISHED[:5] == ("r_thumb4", "r_thumb3", "r_thumb2", "r_thumb1", "r_index4")
    assert (INTERHAND_PUBLISHED[20], INTERHAND_PUBLISHED[37]) == ("r_wrist", "l_pinky4")
    part = {"4": "tip", "3": "dip", "2": "pip", "1": "mcp"}
    side = {"r": "right", "l": "left"}
    for ours, published in zip(INTERHAND.joints, INTERHAND_PUBLISHED, strict=True):
        hand, joint = published.split("_")
        name = joint if joint == "wrist" else f"{joint[:-1].replace('pinky', 'little')}_{part[joint[-1]]}"
        assert ours == f"{side[hand]}_{name}"
    assert list(INTERHAND_HAND.parents) == RIGHT_PARENTS


def test_two_hands_have_two_roots_and_mirror_each_other():
    assert (INTERHAND.roots, INTERHAND.root, INTERHAND.joints_per_hand) == ((20, 41), 20, 21)
    assert INTERHAND.mirror == (*range(21, 42), *range(21))
    assert INTERHAND.sides == ("right",) * 21 + ("left",) * 21
    assert INTERHAND.root_of == (20,) * 21 + (41,) * 21
    assert INTERHAND.hand_of == (0,) * 21 + (1,) * 21
    assert INTERHAND.tips == (0, 4, 8, 12, 16, 21, 25, 29, 33, 37)
    assert len(INTERHAND.bones) == 40
    assert all(INTERHAND.root_of[parent] == INTERHAND.root_of[child] for parent, child in INTERHAND.bones)


def test_colours_are_the_published_ones():
    colour = dict(zip(INTERHAND_PUBLISHED, INTERHAND.colours, strict=True))
    assert {colour[name] for name in colour if name.endswith(("4", "wrist"))} == {(230, 230, 0)}
    assert [colour[f"l_thumb{k}"] for k in (3, 2, 1)] == [(255, 51, 51), (255, 102, 102), (255, 153, 153)]
    assert [colour[f"r_ring{k}"] for k in (3, 2, 1)] == [(51, 153, 255), (102, 178, 255), (153, 204, 255)]


def test_one_hand_is_another_order_of_the_depth_datasets_hand():
    for other in (MSRA, HANDS17):
        there, back = other.permutation(to=INTERHAND_HAND), INTERHAND_HAND.permutation(to=other)
        assert sorted(there) == list(range(21))
        assert (there[back] == range(21)).all()


def test_found_by_name_and_refused_if_no_pair():
    assert get_skeleton("interhand26m") is INTERHAND
    assert get_skeleton("interhand26m_hand") is INTERHAND_HAND
    assert hash(INTERHAND) != hash(INTERHAND_HAND)
    with pytest.raises(ValueError, match="1 roots"):
        HandPair("half", ("a", "b"), (-1, 0), ((0, 0, 0),) * 2, ("right",) * 2)
