"""Part masks of both hands: ``_segm_rgb_<0|1>``."""

from __future__ import annotations

import numpy as np

from carpus.reports.digit_frame import DigitFrame
from carpus.reports.digit_style import DARK, SIDES, Sheet, blended, of_hand, part_colours, scaled
from carpus.reports.style import GRID, MUTED

WIDTH, HEIGHT = 1500, 800
ALPHA = 0.8
AGREE, MISSED, INVENTED, OTHER_PART = (86, 92, 104), (240, 146, 48), (58, 168, 222), (226, 72, 61)
_TILE, _COLUMN, _TOP, _ROW = 276, 300, 84, 370
_TITLES = ("Parts over the crop", "Predicted", "True", "Disagreement", "Crop")


def masks_picture(frame: DigitFrame) -> np.ndarray:
    """The right hand's row above the left's, each with the parts of that hand only.

    Columns: the crop under the predicted parts (background left as it is), the predicted mask, the true mask,
    where they differ, the crop.

    Returns:
        ``(800, 1500, 3)`` uint8.
    """
    sheet = Sheet(WIDTH, HEIGHT, frame.name, "" if frame.segm_valid else "no true mask: segm_valid is 0")
    crop = scaled(frame.crop, _TILE)
    truth = frame.truth.segm if frame.truth is not None else None
    for hand, side in enumerate(SIDES):
        top = _TOP + hand * _ROW
        predicted = of_hand(frame.segm, hand)
        known = None if truth is None else of_hand(truth, hand)
        for column, tile in enumerate(_tiles(crop, predicted, known)):
            left = column * _COLUMN + (_COLUMN - _TILE) / 2
            title = f"{_TITLES[column]}, {side}" if column == 0 else _TITLES[column]
            sheet.text(left, top - 17, title, 15, bold=True)
            sheet.put(tile, left, top)
        _captions(sheet, top + _TILE + 18, frame, hand, predicted, known)
    return sheet.pixels


def disagreement(predicted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Colours ``(H, W, 3)`` of where two masks of a hand agree, one has nothing, or both another part."""
    picture = np.full((*predicted.shape, 3), DARK, np.uint8)
    picture[(predicted == known) & (known > 0)] = AGREE
    picture[(predicted == 0) & (known > 0)] = MISSED
    picture[(predicted > 0) & (known == 0)] = INVENTED
    picture[(predicted > 0) & (known > 0) & (predicted != known)] = OTHER_PART
    return picture


def mean_iou(predicted: np.ndarray, known: np.ndarray) -> float:
    """Mean intersection over union of the parts that one of two masks has; NaN if there is none.

    Example:
        >>> mean_iou(np.array([1, 1, 2, 0]), np.array([1, 2, 2, 0]))
        0.5
    """
    labels = np.union1d(predicted, known)
    shares = [
        ((predicted == label) & (known == label)).sum() / ((predicted == label) | (known == label)).sum()
        for label in labels[labels > 0]
    ]
    return float(np.mean(shares)) if shares else float("nan")


def _tiles(crop: np.ndarray, predicted: np.ndarray, known: np.ndarray | None) -> list[np.ndarray]:
    colours = part_colours()
    mask = scaled(colours[predicted], _TILE, exact=True)
    there = scaled((predicted > 0).astype(np.uint8), _TILE, exact=True).astype(bool)
    return [
        blended(crop, mask, ALPHA, there),
        mask,
        _empty() if known is None else scaled(colours[known], _TILE, exact=True),
        _empty() if known is None else scaled(disagreement(predicted, known), _TILE, exact=True),
        crop,
    ]


def _empty() -> np.ndarray:
    """A tile for what is unknown."""
    sheet = Sheet(_TILE, _TILE)
    sheet.pen.rectangle((0, 0, _TILE - 1, _TILE - 1), fill=GRID)
    sheet.text(_TILE / 2, _TILE / 2, "no true mask", 14, MUTED, anchor="mm")
    return sheet.pixels


def _captions(
    sheet: Sheet, y: float, frame: DigitFrame, hand: int, predicted: np.ndarray, known: np.ndarray | None
) -> None:
    """Numbers below a row."""
    left = (_COLUMN - _TILE) / 2
    sheet.text(left, y, f"{SIDES[hand]} hand, probability {frame.present[hand]:.2f}", 13, MUTED)
    sheet.text(_COLUMN + left, y, f"{(predicted > 0).mean():.1%} of the crop", 13, MUTED)
    if known is None:
        return
    sheet.text(2 * _COLUMN + left, y, f"{(known > 0).mean():.1%} of the crop", 13, MUTED)
    x = 3 * _COLUMN + left
    for name, colour in (("missed", MISSED), ("too much", INVENTED), ("other part", OTHER_PART)):
        sheet.swatch(x, y, colour)
        sheet.text(x + 18, y, name, 13, MUTED)
        x += 92
    iou = mean_iou(predicted, known)
    text = "" if np.isnan(iou) else f"mean IoU of the parts {iou:.2f}"
    sheet.text(4 * _COLUMN + left, y, text, 13, MUTED)
