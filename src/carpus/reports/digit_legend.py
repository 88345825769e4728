"""The meaning of mask values as a picture: both hands with their parts numbered, and the table.

``python -m carpus.reports.digit_legend docs/images/part_labels.png`` makes the one of the documentation.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.bodies.hand_parts import PART_NAMES, HandParts, parts_from_weights, seal_vertices
from carpus.bodies.mano import ManoHand
from carpus.bodies.standin import standin_model
from carpus.codecs.part_labels import PARTS_PER_HAND
from carpus.geometry.camera import Camera
from carpus.render import rasterize, shaded
from carpus.render.parts import both_hands
from carpus.reports.digit_style import SIDES, Sheet, part_colours
from carpus.reports.style import INK, MUTED, PAPER, encode_image, write_bytes
from carpus.skeletons import INTERHAND_HAND

WIDTH, HEIGHT = 1500, 900
_TILE = 560
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_PARTS = ("base", "mid", "tip")
_FAR_MM, _OVER = 4000.0, 2


def legend_picture() -> np.ndarray:
    """Both hands from their backs, a number on every part, and the table of the 33 classes.

    The hands are the stand-in's, whose parts follow its skinning weights; with the published files borders
    run a little elsewhere, numbers and names are the same.

    Returns:
        ``(900, 1500, 3)`` uint8.
    """
    note = "0 background   ·   1–16 right hand   ·   17–32 left hand"
    sheet = Sheet(WIDTH, HEIGHT, "Part masks: what the values mean", note)
    parts = parts_from_weights(standin_model("mano", "right"))
    # Backs towards the viewer, as one sees one's own hands: the left hand is at the left.
    for side, left in (("left", 120.0), ("right", WIDTH - 120.0 - _TILE)):
        picture, places = _hand(side, parts)
        sheet.put(picture, left, 46)
        sheet.text(left + _TILE / 2, 60, f"{side} hand, from its back", 15, bold=True, anchor="mm")
        for label, (x, y) in places.items():
            _number(sheet, left + x, 46 + y, label)
    _table(sheet)
    return sheet.pixels


def _hand(side: str, parts: HandParts) -> tuple[np.ndarray, dict[int, tuple[float, float]]]:
    """A hand ``(560, 560, 3)`` and the middle of every part that is seen, in its pixels."""
    vertices = _posed(side)
    first = SIDES.index(side)
    faces, labels = both_hands(parts)
    own = slice(first * len(parts.faces), (first + 1) * len(parts.faces))
    faces, labels = faces[own] - first * len(vertices), labels[own]
    size = _TILE * _OVER
    low, high = vertices.min(0), vertices.max(0)
    scale = 0.9 * size / float((high - low)[:2].max())
    middle = (low + high) / 2
    camera = Camera(scale * _FAR_MM, scale * _FAR_MM, size / 2, size / 2)
    placed = vertices - middle + np.array([0, 0, _FAR_MM])
    buffer = rasterize(placed, faces, camera, (size, size), barycentric=True)
    colours = part_colours()[labels].astype(np.float32)
    red, green, blue = (int(PAPER[i : i + 2], 16) for i in (1, 3, 5))
    picture = shaded(buffer, placed, faces, colours * 1.12, (red, green, blue), light=(-0.3, -0.4, -1.0))
    seen = np.where(buffer.seen, labels[buffer.face], 0)
    places = {label: _middle(seen == label) for label in np.unique(labels).tolist() if (seen == label).any()}
    small = picture.reshape(_TILE, _OVER, _TILE, _OVER, 3).mean((1, 3)).round().astype(np.uint8)
    return small, places


def _posed(side: str) -> np.ndarray:
    """``(779, 3)`` a flat hand, fingers up, its back towards the camera."""
    layer = ManoHand(standin_model("mano", side), flat_hand_mean=True)
    with torch.no_grad():
        made = layer(torch.zeros(1, 48), torch.zeros(1, 10), torch.zeros(1, 3))
    vertices, joints = made.vertices_cam_mm[0].double().numpy(), made.joints_cam_mm[0].double().numpy()
    wrist, index, little, middle = (
        joints[INTERHAND_HAND.index(name)] for name in ("wrist", "index_mcp", "little_mcp", "middle_mcp")
    )
    up = (middle - wrist) / np.linalg.norm(middle - wrist)
    across = (index - little) * (1 if side == "left" else -1)
    across -= up * (across @ up)
    across /= np.linalg.norm(across)
    # Camera frame: x right, y down, z away from the viewer.
    turn = np.stack([across, -up, np.cross(across, -up)])
    return seal_vertices(vertices) @ turn.T


def _middle(mask: np.ndarray) -> tuple[float, float]:
    """The pixel of a region that is farthest from its border, so that a number lies inside."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return float(column) / _OVER, float(row) / _OVER


def _number(sheet: Sheet, x: float, y: float, label: int) -> None:
    radius = 13
    sheet.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#fffefb", outline="#20242c")
    sheet.text(x, y, str(label), 13, bold=True, anchor="mm")


def _table(sheet: Sheet) -> None:
    """A row per finger, for both hands: numbers, colours, names."""
    top, row_height = 660, 34
    colours = part_colours()
    rows = [("palm", ["palm"]), *((f, [f"{f}_{p}" for p in _PARTS]) for f in _FINGERS)]
    for hand, left in ((1, 40.0), (0, WIDTH / 2 + 40.0)):
        for column, name in enumerate(_PARTS):
            sheet.text(left + 130 + column * 175, top - 6, name, 13, MUTED)
        for number, (finger, names) in enumerate(rows):
            y = top + 24 + number * row_height
            sheet.text(left, y, f"{SIDES[hand]} {finger}", 14, INK)
            for column, name in enumerate(names):
                label = 1 + PART_NAMES.index(name) + hand * PARTS_PER_HAND
                x = left + 130 + column * 175
                sheet.swatch(x, y, colours[label], 20)
                sheet.text(x + 30, y, f"{label}", 15, bold=True)
                sheet.text(x + 58, y, name.replace("_", " "), 12, MUTED)


if __name__ == "__main__":
    write_bytes(Path(sys.argv[1]), encode_image(legend_picture()))
