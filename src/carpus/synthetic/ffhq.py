"""A synthetic tree of FFHQ's faces with key points and the FLAME fits of NeuralAnnot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.synthetic.people.group import Cast, sample_group
from carpus.synthetic.people.portrait import HeadFit, Portrayed, portrayed
from carpus.synthetic.people.published import (
    CocoLists,
    box_entry,
    camera_entry,
    flame_fit,
    numbers,
    write_json,
    write_picture,
)
from carpus.synthetic.people.shot import Shot
from carpus.synthetic.people.stage import photograph, sample_stage, stand_camera
from carpus.synthetic.tree import Progress, check_frames, counted, generator

FRAMES, SUBJECTS = 300, 80
_SIZE, _SPAN_MM, _CENTRES = (384, 384), 360.0, 5
_BOX_MARGIN = 1.25


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, key points and fits; there is a training split only.

    Args:
        root: folder to fill.
        frames: pictures.
        subjects: people.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    cast, people = Cast(seed, "ffhq"), range(check_frames(subjects, "ffhq"))
    lists, fits = CocoLists(), {}
    for number in counted(range(check_frames(frames, "ffhq")), progress):
        shot, head = take(cast, people, seed, number)
        name = f"{number:05d}.jpg"
        image = lists.image(name, _SIZE)
        entry = lists.annotation(image, iscrowd=0, **_points(shot, head))
        fits[str(entry)] = {"flame_param": flame_fit(head), "cam_param": camera_entry(shot.view.camera)}
        write_picture(root / "data" / "images" / name, shot.image)
    lists.write(root / "data" / "FFHQ.json")
    write_json(root / "data" / "FFHQ_FLAME_NeuralAnnot.json", fits)


def take(cast: Cast, people: range, seed: int, number: int) -> tuple[Shot, HeadFit]:
    """One portrait, and its head in the camera's frame."""
    rng = generator(seed, "ffhq", number)
    (figure,) = sample_group(cast.some(people, 1, rng), rng, activities=("stand", "talk"), turn_deg=20)
    person: Portrayed = portrayed(figure, rng.normal(0, 0.7, 10).clip(-2, 2).round(5))
    face = Rotation.from_rotvec(person.head.root).as_matrix()[:, 2]
    ahead = np.degrees(np.arctan2(-face[0], -face[2]))
    middle = 1000.0 * person.head.joints_m()[_CENTRES:].mean(0)
    view = stand_camera(
        middle + rng.normal(0, 12, 3),
        _SPAN_MM,
        _SIZE,
        rng,
        azimuth_deg=float(ahead + rng.normal(0, 20)),
        height_deg=float(np.clip(rng.normal(0, 8), -18, 25)),
        share=float(rng.uniform(0.72, 1.0)),
        roll_deg=float(rng.normal(0, 5)),
        focal=(1.6, 3.0),
    )
    shot = photograph([person], view, sample_stage(rng), rng)
    return shot, person.head.seen_from(view.rotation, view.position_mm / 1000)


def _points(shot: Shot, head: HeadFit) -> dict[str, Any]:
    """Key points and box; the model's five joints inside the head are not marked."""
    pixels = shot.view.camera.project(head.joints_m())
    inside = np.all((pixels >= 0) & (pixels <= np.array(_SIZE) - 1), axis=1)
    inside[:_CENTRES] = False
    low, high = pixels[_CENTRES:].min(0), pixels[_CENTRES:].max(0)
    size = _BOX_MARGIN * (high - low)
    return {
        "keypoints": numbers(np.where(inside[:, None], pixels, 0), 3),
        "keypoints_valid": inside.astype(int).tolist(),
        "bbox": box_entry(np.concatenate([0.5 * (low + high - size), size])),
    }
