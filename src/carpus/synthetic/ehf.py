"""A synthetic tree of EHF: one person in a room, boxes of its parts, its mesh in the publisher's frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.standin import standin_model
from carpus.synthetic.people.group import Cast, sample_group
from carpus.synthetic.people.published import CocoLists, box_entry, write_picture
from carpus.synthetic.people.shot import Seen, Shot
from carpus.synthetic.people.stage import photograph, sample_behind, sample_stage, stand_camera
from carpus.synthetic.tree import Progress, check_frames, counted, generator

FRAMES, SUBJECTS = 100, 1
_SIZE = (800, 600)
_TARGET_MM, _SPAN_MM = np.array([0.0, -1010.0, 0.0]), 2080.0
_ACTIVITIES = ("stand", "talk", "stretch", "lunge")
_PARTS = {"lefthand": "left_hand", "righthand": "right_hand", "face": "face"}
CAMERA_TURN = (-2.98747896, 0.01172457, -0.05704687)
"""Axis-angle from the frame of the meshes to the camera's, which every user of EHF knows."""
_CAMERA_AT_M = np.array([-0.03609917, 0.43416458, 2.37101226])


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, meshes and boxes; there is a test split only.

    Args:
        root: folder to fill.
        frames: pictures; 100 are published.
        subjects: people who take turns.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    cast, people = Cast(seed, "ehf"), range(check_frames(subjects, "ehf"))
    lists, folder = CocoLists(), root / "data"
    for number in counted(range(check_frames(frames, "ehf")), progress):
        shot = take(cast, people, seed, number)
        (seen,) = shot.people
        stem = f"{number + 1:02d}"
        image = lists.image(f"{stem}_img.jpg", _SIZE)
        boxes = {f"{name}_bbox": box_entry(seen.part_box(part)) for name, part in _PARTS.items()}
        lists.annotation(image, body_bbox=box_entry(seen.box()), iscrowd=0, **boxes)
        write_picture(folder / f"{stem}_img.jpg", shot.image)
        _write_mesh(folder / f"{stem}_align.ply", published_mesh_m(seen))
    lists.write(folder / "EHF.json")


def take(cast: Cast, people: range, seed: int, number: int) -> Shot:
    """One picture of the person, hands and face in it."""
    rng = generator(seed, "ehf", number)
    person = cast.person(people[number % len(people)])
    figures = sample_group([person], rng, activities=_ACTIVITIES, turn_deg=22)
    room = generator(seed, "ehf", "room")
    stage = sample_stage(room, "room")
    view = stand_camera(
        _TARGET_MM, _SPAN_MM, _SIZE, room, azimuth_deg=0.0, height_deg=3.0, share=0.94, focal=(0.9, 1.0)
    )
    return photograph(figures, view, stage, rng, sample_behind(view, stage, room))


def published_mesh_m(seen: Seen) -> np.ndarray:
    """``(10475, 3)`` the undressed body in the frame of EHF's meshes."""
    turn = Rotation.from_rotvec(CAMERA_TURN).as_matrix()
    return (seen.vertices_m - _CAMERA_AT_M) @ turn


def _write_mesh(path: Path, vertices_m: np.ndarray) -> None:
    """A binary PLY file of vertices and faces."""
    faces = np.asarray(standin_model("smplx", "neutral").arrays["f"])
    lines = [
        *("ply", "format binary_little_endian 1.0", f"element vertex {len(vertices_m)}"),
        *(f"property float {axis}" for axis in "xyz"),
        *(f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"),
    ]
    table = np.empty(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    table["count"], table["corners"] = 3, faces
    path.parent.mkdir(parents=True, exist_ok=True)
    head = ("\n".join(lines) + "\n").encode("ascii")
    path.write_bytes(head + vertices_m.astype("<f4").tobytes() + table.tobytes())
