"""Heat maps and parts of five joints of a hand: ``_hm_segm_kp_r`` and ``_hm_segm_kp_l``."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from carpus.reports.digit_frame import PRESENT, SHOWN_2D, DigitFrame
from carpus.reports.digit_style import (
    SIDES,
    WHITE,
    YELLOW,
    Sheet,
    blended,
    draw_cross,
    part_colours,
    placed,
    scaled,
)
from carpus.reports.style import MUTED

WIDTH, HEIGHT = 2000, 1000
JOINTS = 5
HEAT_ALPHA, MASK_ALPHA = 0.8, 0.4
_TILE, _LEFT, _TOP, _ROW = 288, 200, 76, 308


def joints_picture(frame: DigitFrame, hand: int, seed: int = 1) -> np.ndarray:
    """Three rows over five joints of a hand, drawn at random.

    Row 1: the crop under the joint's soft-max, each from its smallest to its largest value. Row 2: the crop
    under the predicted parts, with × for the predicted joint (white) and, where it is known, the true one
    (yellow). Row 3: the parts alone with the same marks.

    Args:
        frame: the image.
        hand: 0 right, 1 left.
        seed: of the choice, with the image's name.
    Returns:
        ``(1000, 2000, 3)`` uint8.
    """
    joints = chosen_joints(frame, hand, seed)
    side, share = SIDES[hand], frame.present[hand]
    sheet = Sheet(WIDTH, HEIGHT, frame.name, f"{side} hand, present with probability {share:.2f}")
    crop = scaled(frame.crop, _TILE)
    mask = scaled(part_colours()[frame.segm], _TILE, exact=True)
    hands = scaled((frame.segm > 0).astype(np.uint8), _TILE, exact=True).astype(bool)
    over = blended(crop, mask, MASK_ALPHA, hands)
    for column, joint in enumerate(joints):
        left = _LEFT + column * (WIDTH - _LEFT) / JOINTS + 20
        name = frame.skeleton.joints[joint].replace("_", " ")
        sheet.text(left, _TOP - 17, name, 15, bold=True)
        sheet.text(left + _TILE, _TOP - 17, _distance(frame, joint), 13, MUTED, anchor="rm")
        heat = heat_colours(frame.heatmaps[joint], _TILE)
        sheet.put(blended(crop, heat, HEAT_ALPHA), left, _TOP)
        for row, tile in enumerate((over, mask), start=1):
            sheet.put(_marked(tile, frame, joint), left, _TOP + row * _ROW)
    _explain(sheet, frame, hand)
    return sheet.pixels


def chosen_joints(frame: DigitFrame, hand: int, seed: int) -> list[int]:
    """Five joints of a hand, in their order; the same for the same image and seed."""
    rng = np.random.default_rng((seed, zlib.crc32(frame.name.encode()), hand))
    own = [j for j, of in enumerate(frame.skeleton.hand_of) if of == hand]
    return sorted(rng.choice(own, JOINTS, replace=False).tolist())


def heat_colours(values: np.ndarray, size: int) -> np.ndarray:
    """A map ``(H, W)`` in gnuplot's colours from its smallest to its largest value, without smoothing."""
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.zeros_like(values)
    colours = (mpl.colormaps["gnuplot"](unit)[..., :3] * 255).round().astype(np.uint8)
    return scaled(colours, size, exact=True)


def _marked(tile: np.ndarray, frame: DigitFrame, joint: int) -> np.ndarray:
    """A tile with × for the truth, if it is known, and × for the prediction above it."""
    scale = tile.shape[0] / frame.crop.shape[0]
    for place, colour in _places(frame, joint):
        tile = draw_cross(tile, placed(place, scale), colour)
    return tile


def _places(frame: DigitFrame, joint: int) -> Sequence[tuple[np.ndarray, tuple[int, int, int]]]:
    found = [(frame.joints_px(frame.joints_cells)[joint], WHITE)]
    truth = frame.truth
    # Looked up by joint: its column in the picture says nothing about it.
    if truth is not None and truth.cells_valid[joint] > SHOWN_2D:
        found.insert(0, (frame.joints_px(truth.joints_cells)[joint], YELLOW))
    return found


def _distance(frame: DigitFrame, joint: int) -> str:
    """How far the prediction is off, in words."""
    places = _places(frame, joint)
    if len(places) < 2:
        return "no truth"
    return f"{np.linalg.norm(places[0][0] - places[1][0]):.1f} px off"


def _explain(sheet: Sheet, frame: DigitFrame, hand: int) -> None:
    """What the rows show, at the left."""
    height, width = frame.heatmaps.shape[-2:]
    sheet.text(16, _TOP + 12, "Heat map", 15, bold=True)
    sheet.lines(
        16,
        _TOP + 38,
        [f"soft-max over {width} x {height}", "cells, 80 % over the", "crop; each from its"],
        13,
    )
    sheet.lines(16, _TOP + 95, ["smallest to its largest", "value"], 13)
    bar = (mpl.colormaps["gnuplot"](np.linspace(0, 1, 160))[None, :, :3] * 255).astype(np.uint8)
    sheet.put(np.repeat(bar, 12, axis=0), 16, _TOP + 146)
    sheet.text(16, _TOP + 170, "smallest", 12, MUTED)
    sheet.text(176, _TOP + 170, "largest", 12, MUTED, anchor="rm")
    top = _TOP + _ROW
    sheet.text(16, top + 12, "Parts over the crop", 15, bold=True)
    for row, (name, colour) in enumerate((("predicted joint", WHITE), ("true joint", YELLOW))):
        patch = draw_cross(np.full((22, 22, 3), 24, np.uint8), np.array([10.5, 10.5]), colour, 6)
        sheet.put(patch, 16, top + 32 + row * 28)
        sheet.text(48, top + 43 + row * 28, name, 13, MUTED)
    if frame.truth is None:
        sheet.text(16, top + 108, "there is no truth", 13, MUTED)
    elif not frame.truth.hand_type[hand]:
        sheet.lines(16, top + 108, [f"there is no {SIDES[hand]} hand", "in this image"])
    if frame.present[hand] <= PRESENT:
        sheet.lines(16, top + 156, ["the network says that", "this hand is not there"])
    sheet.text(16, top + _ROW + 12, "Parts alone", 15, bold=True)
    sheet.lines(16, top + _ROW + 38, ["predicted, with the", "same marks"])
