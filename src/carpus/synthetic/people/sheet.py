"""Contact sheets of the worlds of whole people, for the documentation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from carpus.skeletons import FLAME_73, MSCOCO, SMPLX_144
from carpus.synthetic import ehf, ffhq, mpii, mscoco, pw3d
from carpus.synthetic.people.group import Cast
from carpus.synthetic.people.portrait import Portrayed
from carpus.synthetic.people.several import Rooms
from carpus.synthetic.people.shot import PARTS, Shot
from carpus.synthetic.sheet import draw_joints

_TILE = 220
_SHADES = 63
_BOX_COLOURS = ((70, 200, 90), (240, 160, 40), (90, 170, 255))
_MARKED = [SMPLX_144.index(joint.replace("wrist_of_hand", "wrist")) for joint in MSCOCO.joints]


def people_sheet(path: Path, columns: int = 6, seed: int = 0) -> None:
    """Two rows per dataset: pictures, and the same with joints and boxes of hands and face.

    Args:
        path: PNG to write.
        columns: pictures per dataset.
        seed: of everything drawn.
    """
    rows = []
    for take in _takers(seed).values():
        shots = [take(number) for number in range(columns)]
        rows.append(np.concatenate([_tile(shot.image) for shot in shots], axis=1))
        rows.append(np.concatenate([_tile(_marked(shot)) for shot in shots], axis=1))
    # Fewer shades are hardly seen and make the file half as long.
    sheet = np.rint(np.rint(np.concatenate(rows) / 255 * _SHADES) / _SHADES * 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _takers(seed: int) -> dict[str, Callable[[int], Shot]]:
    """What takes the picture of a number, by dataset."""
    casts = {name: Cast(seed, name) for name in ("mpii", "mscoco", "pw3d", "ehf", "ffhq")}
    everybody = range(16)
    studio = Rooms(seed, "human36m", "studio", (480, 480), (1, 2, 3, 4))
    green = Rooms(seed, "mpi_inf_3dhp", "green", (512, 512), (0, 2, 4, 7))
    return {
        "human36m": lambda n: studio.shot(studio.moment(1 + n % 3, n), 1 + n % 3, 1 + n % 4, n),
        "mpi_inf_3dhp": lambda n: green.shot(green.moment(n % 4, n), n % 4, (0, 2, 4, 7)[n % 4], n),
        "mpii": lambda n: mpii.take(casts["mpii"], everybody, seed, n),
        "mscoco": lambda n: mscoco.take(casts["mscoco"], everybody, seed, "train", n),
        "pw3d": lambda n: pw3d.take(casts["pw3d"], everybody, seed, "test", n // 2, n)[1],
        "ehf": lambda n: ehf.take(casts["ehf"], range(1), seed, n),
        "ffhq": lambda n: ffhq.take(casts["ffhq"], everybody, seed, n)[0],
    }


def _marked(shot: Shot) -> np.ndarray:
    """A picture with what its annotation says."""
    image = shot.image
    for seen in shot.people:
        if not seen.pixels:
            continue
        if isinstance(seen.figure, Portrayed):
            head = seen.figure.head.seen_from(shot.view.rotation, shot.view.position_mm / 1000)
            image = draw_joints(image, seen.camera.project(head.joints_m()), FLAME_73)
            continue
        pixels = np.nan_to_num(seen.joints_px[_MARKED], nan=-100.0).clip(-2000, 4000)
        image = draw_joints(image, pixels, MSCOCO)
        for part, colour in zip(PARTS, _BOX_COLOURS, strict=True):
            if seen.part_visible(part) < 0.3:
                continue
            x, y, width, height = np.rint(seen.part_box(part)).astype(int).tolist()
            cv2.rectangle(image, (x, y), (x + width, y + height), colour, 2)
    return image


def _tile(image: np.ndarray) -> np.ndarray:
    """The picture in a square of one size, light around it."""
    scale = _TILE / max(image.shape[:2])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    tile = np.full((_TILE, _TILE, 3), 235, np.uint8)
    left, top = (_TILE - size[0]) // 2, (_TILE - size[1]) // 2
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


if __name__ == "__main__":
    people_sheet(Path(sys.argv[1]) / "synthetic_people.png")
