"""A synthetic tree of MPII in COCO's form, with the SMPL-X and SMPL fits of NeuralAnnot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from carpus.skeletons import HUMAN36M, MPII
from carpus.synthetic.people.group import Cast, sample_group, sample_view
from carpus.synthetic.people.published import (
    CocoLists,
    camera_entry,
    human36m_regressor,
    numbers,
    person_entry,
    smpl_fit,
    smplx_fit,
    write_json,
    write_picture,
)
from carpus.synthetic.people.shot import Seen, Shot
from carpus.synthetic.people.stage import photograph, sample_stage
from carpus.synthetic.tree import Progress, check_frames, counted, generator

FRAMES, SUBJECTS = 400, 40
_SIZE, _LEAST_PX, _NO_FIT = (640, 360), 900, 17


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, key points and fits; some people have no fit. There is a training split only.

    Args:
        root: folder to fill.
        frames: pictures.
        subjects: people.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    cast, people = Cast(seed, "mpii"), range(check_frames(subjects, "mpii"))
    lists, fits, smpl_fits = CocoLists(), {}, {}
    for number in counted(range(check_frames(frames, "mpii")), progress):
        shot = take(cast, people, seed, number)
        name = f"images/{15_601_864 + 37 * number:09d}.jpg"
        image = lists.image(name, _SIZE)
        for seen in shot.people:
            if seen.pixels < _LEAST_PX:
                continue
            entry = lists.annotation(image, **person_entry(seen), **_points(seen))
            if entry % _NO_FIT:
                camera = camera_entry(seen.camera)
                fits[str(entry)] = {"smplx_param": smplx_fit(seen.fit), "cam_param": camera}
                smpl_fits[str(entry)] = {"smpl_param": smpl_fit(seen.fit), "cam_param": camera}
        write_picture(root / "data" / name, shot.image)
    folder = root / "data" / "annotations"
    lists.write(folder / "train.json")
    write_json(folder / "MPII_train_SMPLX_NeuralAnnot.json", fits)
    write_json(folder / "MPII_train_SMPL_NeuralAnnot.json", smpl_fits)


def take(cast: Cast, people: range, seed: int, number: int) -> Shot:
    """One picture of one to three people."""
    rng = generator(seed, "mpii", number)
    count = int(rng.choice((1, 2, 3), p=(0.65, 0.25, 0.1)))
    figures = sample_group(cast.some(people, count, rng), rng, turn_deg=55)
    view = sample_view(figures, _SIZE, rng, share=(0.72, 0.95), close=0.2, height_deg=(7, 8), roll_deg=3)
    return photograph(figures, view, sample_stage(rng), rng)


def mpii_joints_m(vertices_m: np.ndarray) -> np.ndarray:
    """``(16, 3)`` MPII's joints of a body ``(10475, 3)``; the thorax is the middle of the shoulders."""
    found = human36m_regressor() @ vertices_m
    shoulders = [HUMAN36M.index(f"{side}_shoulder") for side in ("left", "right")]
    names = {joint: found[HUMAN36M.index(joint)] for joint in MPII.joints if joint in HUMAN36M.joints}
    names["thorax"] = found[shoulders].mean(0)
    return np.stack([names[joint] for joint in MPII.joints])


def _points(seen: Seen) -> dict[str, Any]:
    """Key points, those outside of the picture as zeros."""
    pixels = seen.camera.project(mpii_joints_m(seen.vertices_m))
    inside = np.all((pixels >= 0) & (pixels <= np.array(seen.size_wh) - 1), axis=1)
    rows = np.column_stack([np.where(inside[:, None], pixels, 0), inside])
    return {"keypoints": numbers(rows, 3), "num_keypoints": int(inside.sum())}
