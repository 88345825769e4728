"""Coded depth of RHD and STB, and the hand map made of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from carpus.data.rgb_depth import (
    CODINGS,
    code_depth,
    depth_metres,
    encode_coded_depth,
    hand_map,
    read_coded_depth,
)
from carpus.errors import DataError
from golden_cases import golden_paths


def close(found, wanted, tolerance=1e-5):
    """Tolerance T5 of the golden files."""
    wanted = np.asarray(wanted, np.float64)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("path", golden_paths("handflow2d", "depth_decode"))
def test_depth_is_decoded_and_brought_to_a_hand_map_as_published(path):
    data = np.load(path)
    for name in ("rhd", "stb"):
        metres = depth_metres(data[f"{name}_png"], f"{name}_png")
        close(metres, data[f"{name}_metres"])
    small, mask = hand_map(depth_metres(data["rhd_png"], "rhd_png"), data["joint_z"], 20)
    close(small, data["rhd_resized_20"])
    assert np.array_equal(mask, data["rhd_mask_20"] > 0)


@pytest.mark.parametrize("coding", CODINGS)
def test_every_16_bit_value_survives(coding):
    value = np.arange(65536)
    metres = value / 65535 * 5 if coding == "rhd_png" else value / 1000
    coded = code_depth(metres, coding)
    assert np.array_equal(code_depth(depth_metres(coded, coding), coding), coded)
    wide = coded.astype(np.int64)
    high, low = (0, 1) if coding == "rhd_png" else (1, 0)
    assert np.array_equal(256 * wide[:, high] + wide[:, low], value)


@pytest.mark.parametrize("coding", CODINGS)
def test_files_are_read_back(coding):
    metres = np.linspace(0.3, 1.2, 48).reshape(6, 8)
    found = depth_metres(read_coded_depth(encode_coded_depth(metres, coding)), coding)
    np.testing.assert_allclose(found, metres, atol=5.1e-4)


def test_a_hand_map_is_one_at_the_front_and_zero_behind():
    metres = np.full((5, 5), 2.0, np.float32)
    metres[1, 1], metres[2, 2], metres[3, 3] = 0.50, 0.56, 0.2
    found, mask = hand_map(metres, np.array([0.5, 0.55]), 5)
    assert found[1, 1] > 0.98
    assert 0 < found[2, 2] < 0.05
    assert (np.count_nonzero(found), found[3, 3]) == (2, 0)
    assert np.array_equal(mask, found > 0.01)


def test_no_hand_gives_an_empty_map():
    for metres in (3.0, 0.0):
        found, mask = hand_map(np.full((8, 8), metres, np.float32), np.array([0.5, 0.6]), 4)
        assert not found.any()
        assert not mask.any()


def test_wrong_files_and_codings_are_named():
    grey = cv2.imencode(".png", np.zeros((4, 6), np.uint8))[1].tobytes()
    with pytest.raises(DataError, match=r"three 8-bit channels.*uint8 \(4, 6\)"):
        read_coded_depth(grey)
    deep = cv2.imencode(".png", np.zeros((4, 6), np.uint16))[1].tobytes()
    with pytest.raises(DataError, match="uint16"):
        read_coded_depth(deep)
    with pytest.raises(DataError, match="cut off"):
        read_coded_depth(encode_coded_depth(np.ones((5, 5)), "stb_png")[:-12])
    with pytest.raises(DataError, match=r"'stb_pgn'.*stb_png"):
        depth_metres(np.zeros((1, 3), np.uint8), "stb_pgn")
    with pytest.raises(DataError, match="rhd_png"):
        code_depth(np.zeros(1), "rhd")
