"""Numbers of boxes in a video: kept while they overlap, given once, forgotten after a while."""

from __future__ import annotations

import numpy as np

from carpus.geometry.box_tracks import BoxTracks


def box(x, y=0, size=40):
    return np.array([x, y, size, size], float)


def test_boxes_that_cross_in_the_list_keep_their_numbers():
    tracks = BoxTracks()
    assert tracks.number([box(0), box(100)], 0.0) == [1, 2]
    assert tracks.number([box(96), box(5)], 0.1) == [2, 1]
    assert tracks.number([box(10)], 0.2) == [1]
    assert tracks.number([box(96), box(15)], 0.3) == [2, 1]


def test_a_box_elsewhere_or_much_later_is_another_one():
    tracks = BoxTracks(memory_s=0.5)
    assert tracks.number([box(0)], 0.0) == [1]
    assert tracks.number([box(30)], 0.1) == [2]
    assert tracks.number([], 0.2) == []
    assert tracks.number([box(30)], 0.55) == [2]
    assert tracks.number([box(30)], 1.5) == [3]


def test_two_boxes_never_share_a_number_and_the_nearest_gets_it():
    tracks = BoxTracks()
    assert tracks.number([box(0)], 0.0) == [1]
    assert tracks.number([box(8), box(2)], 0.1) == [2, 1]
    assert tracks.number([box(2), box(2)], 0.2) in ([1, 2], [2, 1])
