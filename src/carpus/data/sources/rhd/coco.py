"""RHD's annotation written in the COCO-like form mmpose reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.hand_fields import ENLARGE_BOX, tight_box
from carpus.data.sources.rhd.source import RHD
from carpus.errors import DataError

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_NAMES = ["wrist", *(f"{finger}{number}" for finger in _FINGERS for number in (1, 2, 3, 4))]
_SIDES = ("right", "left")


def export_coco(
    root: str | Path, split: str, out: str | Path, progress: Callable[[int, int], None] | None = None
) -> int:
    """Write one annotation per picture, its dominant hand, as mmpose's ``rhd_train.json`` has it.

    Keypoints stay in RHD's own order, from every finger's tip to its base, although the file's list of names
    says otherwise: so it is published. ``joint_cam`` is in millimetres, ``bbox`` the keypoints' box times
    1.2.

    Args:
        root: the published tree.
        split: ``train`` or ``test``.
        out: the file; it is complete or not there.
        progress: called with (done, total).
    Returns:
        The number of pictures.
    Raises:
        DataError: naming the file at fault.
    """
    source, out = RHD(root, split, images="tree", depth=False), Path(out)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    images: list[str] = []
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(
                json.dumps({"info": {"description": "RHD"}, "licenses": ""})[:-1] + ', "annotations": ['
            )
            for index in range(len(source)):
                image, hand = _entries(source, index)
                file.write((",\n" if index else "\n") + json.dumps(hand))
                images.append(json.dumps(image))
                if progress and (index % 256 == 0 or index == len(source) - 1):
                    progress(index + 1, len(source))
            file.write('],\n"images": [\n' + ",\n".join(images) + "],\n")
            file.write(f'"categories": {json.dumps([_category()])}}}\n')
        partial.replace(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return len(source)


def _entries(source: RHD, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The picture's and the hand's entry."""
    fields = source[index].fields
    number, camera = int(fields["image_id"]), np.asarray(fields["camera"])  # type: ignore[arg-type]
    width, height = (int(size) for size in np.asarray(fields["image_wh"]))
    pixels, visible = np.asarray(fields["joints_px"]), np.asarray(fields["joint_visible"])
    box = [float(value) for value in tight_box(pixels, ENLARGE_BOX)]
    image = {
        "file_name": str(fields["image"]),
        "height": height,
        "width": width,
        "id": number,
        "cam_param": {"focal": camera[:2].tolist(), "princpt": camera[2:].tolist()},
    }
    hand = {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": box,
        "area": box[2] * box[3],
        "keypoints": [[float(u), float(v), int(seen)] for (u, v), seen in zip(pixels, visible, strict=True)],
        "joint_cam": np.asarray(fields["joints_cam_mm"]).astype(float).tolist(),
        "hand_type": _SIDES[int(np.asarray(fields["hand_type"])[1])],
    }
    return image, hand


def _category() -> dict[str, Any]:
    """Names as mmpose lists them, from every finger's base outwards."""
    links = [
        [1 if part == 0 else start + part, start + part + 1] for start in range(1, 21, 4) for part in range(4)
    ]
    return {"id": 1, "name": "hand", "supercategory": "hand", "keypoints": _NAMES, "skeleton": links}
