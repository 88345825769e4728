"""A synthetic tree in the form of MPI-INF-3DHP that NeuralAnnot's fits are published for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from carpus.skeletons import HUMAN36M, MPI_INF_3DHP
from carpus.synthetic.people.figure import Fit
from carpus.synthetic.people.published import (
    CocoLists,
    camera_entry,
    person_entry,
    rows,
    smpl_fit,
    smplx_fit,
    world_camera,
    write_json,
    write_picture,
)
from carpus.synthetic.people.several import Rooms, dealt
from carpus.synthetic.tree import Progress, check_frames, counted

FRAMES, SUBJECTS = 400, 8
_CAMERAS, _SIZE, _STEP, _PER_SEQUENCE = (0, 2, 4, 7), (512, 512), 3, 16
_TO_WORLD = np.diag([1.0, -1.0, -1.0])
"""The publisher's world is y-up."""
_ORDER = [HUMAN36M.index(joint) for joint in MPI_INF_3DHP.joints]


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, people, cameras, joints and fits; there is a training split only.

    Args:
        root: folder to fill.
        frames: pictures, rounded up to four of every moment.
        subjects: people.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    people = tuple(range(1, check_frames(subjects, "mpi_inf_3dhp") + 1))
    moments = -(-check_frames(frames, "mpi_inf_3dhp") // len(_CAMERAS))
    rooms = Rooms(seed, "mpi_inf_3dhp", "green", _SIZE, _CAMERAS)
    lists, tables = CocoLists(), _Tables(rooms)
    steps = counted(range(moments * len(_CAMERAS)), progress)
    seen = dict.fromkeys(people, 0)
    for subject, _ in dealt(moments, people):
        number = seen[subject]
        seen[subject] += 1
        sequence, frame = 1 + number // _PER_SEQUENCE, number % _PER_SEQUENCE * _STEP
        moment = rooms.moment(subject, number)
        fit = moment.figure.fit.seen_from(_TO_WORLD, np.zeros(3))
        tables.add(subject, sequence, frame, moment.joints_mm, fit)
        for camera in _CAMERAS:
            shot = rooms.shot(moment, subject, camera, number)
            name = f"video_{camera}_{frame:06d}.jpg"
            own = {"subject_idx": subject, "seq_idx": sequence, "cam_idx": camera, "frame_idx": frame}
            image = lists.image(name, _SIZE, **own)
            lists.annotation(image, **person_entry(shot.people[0]))
            folder = root / "data" / "images_1k" / f"S{subject}" / f"Seq{sequence}" / "imageSequence"
            write_picture(folder / name, shot.image)
            next(steps)
    next(steps, None)
    lists.write(root / "data" / "MPI-INF-3DHP_1k.json")
    tables.write(root / "data")


class _Tables:
    """Joints, fits and cameras by subject and sequence."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._joints: dict[str, Any] = {}
        self._fits: dict[str, dict[str, Any]] = {"SMPLX": {}, "SMPL": {}}
        self._cameras: dict[str, Any] = {}

    def add(self, subject: int, sequence: int, frame: int, joints_mm: np.ndarray, fit: Fit) -> None:
        """A moment, its joints ``(17, 3)`` in the y-down world and Human3.6M's order."""
        names = str(subject), str(sequence)
        published = rows(joints_mm[_ORDER] @ _TO_WORLD.T, 5)
        fits = ((self._fits["SMPLX"], smplx_fit(fit)), (self._fits["SMPL"], smpl_fit(fit)))
        for table, value in ((self._joints, published), *fits):
            table.setdefault(names[0], {}).setdefault(names[1], {})[str(frame)] = value
        own = self._cameras.setdefault(names[0], {})
        if names[1] not in own:
            own[names[1]] = {str(n): _camera(view) for n, view in self._rooms.room(subject).views.items()}

    def write(self, folder: Path) -> None:
        """The files."""
        write_json(folder / "MPI-INF-3DHP_joint_3d.json", self._joints)
        write_json(folder / "MPI-INF-3DHP_camera_1k.json", self._cameras)
        for model, fits in self._fits.items():
            write_json(folder / f"MPI-INF-3DHP_{model}_NeuralAnnot.json", fits)


def _camera(view: Any) -> dict[str, Any]:
    rotation, shift = world_camera(view, _TO_WORLD)
    return {"R": rotation, "t": shift, **camera_entry(view.camera)}
