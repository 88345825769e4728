"""How DIGIT's pictures look: part colours, hands over a crop, marks, a sheet to put tiles and text on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from carpus.codecs.part_labels import CLASSES, PARTS_PER_HAND
from carpus.reports.style import INK, MUTED, PAPER, font
from carpus.skeletons import INTERHAND, HandPair, get_skeleton
from carpus.skeletons.skeleton import Colour

DARK = (24, 26, 32)
"""Where a mask shows no hand."""
WHITE, YELLOW = (255, 255, 255), (255, 221, 0)
"""Marks of predicted and of true joints."""
HALF, DIMMED = 0.5, 0.8
"""Factors on the colours of left hands in the picture and in space."""
LINE_PX, DOT_PX = 2.0, 2.0
"""Width of bones and radius of joints on a crop of its own size."""
SIDES = ("right", "left")

_PART_BASE = {
    "palm": (196, 188, 176),
    "thumb": (226, 72, 61),
    "index": (64, 176, 84),
    "middle": (240, 146, 48),
    "ring": (58, 132, 222),
    "pinky": (196, 84, 198),
}
_TOWARDS_WHITE = {"base": (0.0, 0.0), "mid": (0.34, 0.2), "tip": (0.64, 0.4)}  # right, left
_LEFT_SHADE = 0.6
_SHIFT = 4  # cv2 draws with 1/16 pixel


@cache
def part_colours() -> np.ndarray:
    """``(33, 3)`` uint8 RGB of mask values: a hue per finger, lighter to its tip; left hands darker.

    Example:
        >>> part_colours()[0].tolist(), part_colours().shape
        ([24, 26, 32], (33, 3))
    """
    # Imported late: with the hand models come seconds of other imports.
    from carpus.bodies.hand_parts import PART_NAMES

    colours = np.zeros((CLASSES, 3))
    colours[0] = DARK
    for label, name in enumerate(PART_NAMES, start=1):
        finger, _, part = name.partition("_")
        for hand, shade in enumerate((1.0, _LEFT_SHADE)):
            base = np.array(_PART_BASE[finger]) * shade
            light = _TOWARDS_WHITE.get(part, (0.0, 0.0))[hand]
            colours[label + hand * PARTS_PER_HAND] = base + (255 - base) * light
    return colours.round().astype(np.uint8)


def of_hand(labels: np.ndarray, hand: int) -> np.ndarray:
    """A mask ``(H, W)`` with the parts of one hand only, 0 right and 1 left.

    Example:
        >>> of_hand(np.array([0, 16, 17, 32]), 1).tolist()
        [0, 0, 17, 32]
    """
    first = 1 + hand * PARTS_PER_HAND
    return np.where((labels >= first) & (labels < first + PARTS_PER_HAND), labels, 0)


def scaled(picture: np.ndarray, size: int, exact: bool = False) -> np.ndarray:
    """A square picture ``(S, S[, 3])`` as ``(size, size[, 3])``; ``exact`` keeps its values (nearest)."""
    if exact:
        return cv2.resize(picture, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    smaller = size < picture.shape[0]
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def placed(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Pixels ``(*, 2)`` of a crop in the crop enlarged by a factor.

    Example:
        >>> placed(np.array([0.0, 10.0]), 2.0).tolist()
        [0.5, 20.5]
    """
    return (np.asarray(pixels, float) + 0.5) * scale - 0.5


def blended(under: np.ndarray, over: np.ndarray, alpha: float, where: np.ndarray | None = None) -> np.ndarray:
    """``(H, W, 3)`` uint8: ``over`` with that opacity, only ``where`` ``(H, W)`` is true if given."""
    mixed = under * (1.0 - alpha) + over * alpha
    mixed = mixed if where is None else np.where(where[..., None], mixed, under)
    return mixed.round().astype(np.uint8)


def bone_colour(skeleton: HandPair, parent: int, left: float) -> Colour:
    """The parent's colour, times ``left`` for left hands."""
    factor = left if skeleton.hand_of[parent] else 1.0
    red, green, blue = (round(channel * factor) for channel in skeleton.colours[parent])
    return red, green, blue


def draw_hands(
    picture: np.ndarray,
    joints_px: np.ndarray,
    shown: np.ndarray,
    scale: float = 1.0,
    skeleton: HandPair = INTERHAND,
    halo: bool = False,
) -> np.ndarray:
    """Skeletons in the published way: a bone in its parent's colour, a dot per joint, left hands darker.

    Args:
        picture: ``(H, W, 3)`` uint8; it is not changed.
        joints_px: ``(J, 2)`` pixels of the picture.
        shown: ``(J,)`` bool; a dot needs its joint, a bone both ends.
        scale: factor on the line width of 2 and the dot radius of 2 pixels.
        skeleton: of the joints.
        halo: with a dark seam, for pictures of any brightness.
    """
    canvas = np.ascontiguousarray(picture).copy()
    known = np.asarray(shown, bool) & np.isfinite(joints_px).all(-1) & (np.abs(joints_px) < 1e5).all(-1)
    fixed = np.round(np.where(known[:, None], joints_px, 0) * 2**_SHIFT).astype(np.int64)
    seams = [(1.2 * scale, DARK)] if halo else []
    for more, ink in (*seams, (0.0, None)):
        for parent, child in skeleton.bones:
            if known[parent] and known[child]:
                colour = ink or bone_colour(skeleton, parent, HALF)
                ends = (tuple(map(int, fixed[parent])), tuple(map(int, fixed[child])))
                thickness = max(1, round(LINE_PX * scale + 2 * more))
                cv2.line(canvas, *ends, colour, thickness, cv2.LINE_AA, _SHIFT)
        for joint in np.flatnonzero(known):
            radius = round((DOT_PX * scale + more) * 2**_SHIFT)
            colour = ink or bone_colour(skeleton, int(joint), HALF)
            at = (int(fixed[joint, 0]), int(fixed[joint, 1]))
            cv2.circle(canvas, at, radius, colour, -1, cv2.LINE_AA, _SHIFT)
    return canvas


def draw_cross(picture: np.ndarray, at: np.ndarray, colour: Colour, reach: float = 7.0) -> np.ndarray:
    """A ``×`` with a dark seam at a pixel ``(2,)`` of a picture ``(H, W, 3)``; outside of it nothing."""
    canvas = np.ascontiguousarray(picture).copy()
    if not np.isfinite(at).all() or (np.abs(at) > 1e5).any():
        return canvas
    for ink, width, arm in ((DARK, 5, reach + 1), (colour, 2, reach)):
        for dx, dy in ((arm, arm), (arm, -arm)):
            ends = [
                tuple(int(v) for v in np.round((at + s * np.array([dx, dy])) * 2**_SHIFT)) for s in (-1, 1)
            ]
            cv2.line(canvas, ends[0], ends[1], ink, width, cv2.LINE_AA, _SHIFT)
    return canvas


class Sheet:
    """A page in pixels to put tiles and text on.

    Args:
        width, height: of the page.
        title: at its upper left.
        note: at its upper right.
    """

    def __init__(self, width: int, height: int, title: str = "", note: str = "") -> None:
        self.page = Image.new("RGB", (width, height), PAPER)
        self.pen = ImageDraw.Draw(self.page)
        if title:
            room = width - 32 - (self.pen.textlength(note, font(14)) + 30 if note else 0)
            self.text(16, 21, fitted(title, room, 16, bold=True), 16, bold=True)
        if note:
            self.text(width - 16, 21, note, 14, MUTED, anchor="rm")

    def put(self, picture: np.ndarray, left: float, top: float) -> None:
        """A tile ``(H, W, 3)`` uint8."""
        self.page.paste(Image.fromarray(picture), (round(left), round(top)))

    def text(
        self, x: float, y: float, text: str, size: int = 13, ink: str = INK, bold: bool = False,
        anchor: str = "lm",
    ) -> None:  # fmt: skip
        """A line of text; ``anchor`` as Pillow has it."""
        self.pen.text((x, y), text, fill=ink, font=font(size, bold), anchor=anchor)

    def lines(self, x: float, y: float, texts: Sequence[str], size: int = 13, ink: str = MUTED) -> None:
        """Lines of text below each other."""
        for row, text in enumerate(texts):
            self.text(x, y + row * (size + 6), text, size, ink)

    def swatch(self, x: float, y: float, colour: Sequence[int], side: int = 12) -> None:
        """A filled square, its left edge at ``x``, centred on the line ``y``."""
        red, green, blue = (int(channel) for channel in colour)
        box = (round(x), round(y - side / 2), round(x) + side, round(y + side / 2))
        self.pen.rectangle(box, fill=(red, green, blue))

    @property
    def pixels(self) -> np.ndarray:
        """``(H, W, 3)`` uint8."""
        return np.asarray(self.page)


def fitted(text: str, room: float, size: int, bold: bool = False) -> str:
    """A text no longer than ``room`` pixels; its beginning gives way to an ellipsis."""
    if font(size, bold).getlength(text) <= room:
        return text
    while text and font(size, bold).getlength(f"…{text}") > room:
        text = text[1:]
    return f"…{text}"


def hand_pair(name: str) -> HandPair:
    """The skeleton of that name, which must be a pair of hands.

    Raises:
        ValueError: if it is something else.
    """
    skeleton = get_skeleton(name)
    if not isinstance(skeleton, HandPair):
        raise ValueError(f"skeleton {name} is not a pair of hands")
    return skeleton
