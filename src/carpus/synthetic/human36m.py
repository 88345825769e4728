"""A synthetic tree in the form of Human3.6M that NeuralAnnot's fits are published for."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from carpus.synthetic.people.published import (
    CocoLists,
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

FRAMES, SUBJECTS = 400, 7
"""Pictures of the training split; the subjects are the publisher's."""

TRAIN, TEST = (1, 5, 6, 7, 8), (9, 11)
_STEPS = {"train": 5, "test": 64}
_CAMERAS, _SIZE = (1, 2, 3, 4), (480, 480)
_ACTIONS, _PER_ACTION = tuple(range(2, 17)), 3
_TO_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""The publisher's world is z-up."""


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, and for every subject people, cameras, joints and fits.

    Every moment is seen by all four cameras, in a tree of a few pictures by fewer; those of the test split by
    the fourth, which is scored.

    Args:
        root: folder to fill.
        frames: training pictures, rounded up to whole moments, one of every subject at least; the test split
            has a quarter of it.
        subjects: not used: the publisher's seven.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    del subjects
    rooms = Rooms(seed, "human36m", "studio", _SIZE, _CAMERAS)
    cameras = _CAMERAS[-min(len(_CAMERAS), -(-check_frames(frames, "human36m") // len(TRAIN))) :]
    moments = max(len(TRAIN), -(-frames // len(cameras)))
    tests = max(len(TEST), frames // 4)
    steps = counted(range(moments * len(cameras) + tests), progress)
    for split, people, count in (("train", TRAIN, moments), ("test", TEST, tests)):
        files: dict[int, _Subject] = {}
        seen: defaultdict[int, int] = defaultdict(int)
        for subject, _ in dealt(count, people):
            own = files.setdefault(subject, _Subject(root, rooms, subject, _STEPS[split]))
            for _ in own.add(seen[subject], cameras if split == "train" else _CAMERAS[-1:]):
                next(steps)
            seen[subject] += 1
        for own in files.values():
            own.write()
    next(steps, None)


class _Subject:
    """The files of one subject."""

    def __init__(self, root: Path, rooms: Rooms, subject: int, step: int) -> None:
        self._root, self._rooms, self._subject, self._step = root, rooms, subject, step
        self._lists = CocoLists(100_000 * subject)
        self._joints: dict[str, Any] = {}
        self._fits: dict[str, dict[str, Any]] = {"SMPLX_NeuralAnnot": {}, "SMPL_NeuralAnnot": {}}

    def add(self, number: int, cameras: tuple[int, ...]) -> Any:
        """A moment as cameras see it; yields after every picture."""
        place, frame = divmod(number, _PER_ACTION)
        turn, action = divmod(place, len(_ACTIONS))
        names = {"action_idx": _ACTIONS[action], "subaction_idx": 1 + turn, "frame_idx": frame * self._step}
        moment = self._rooms.moment(self._subject, number)
        keys = [str(value) for value in names.values()]
        fit = moment.figure.fit.seen_from(_TO_WORLD, np.zeros(3))
        for table, value in (
            (self._joints, rows(moment.joints_mm @ _TO_WORLD.T, 5)),
            (self._fits["SMPLX_NeuralAnnot"], smplx_fit(fit)),
            (self._fits["SMPL_NeuralAnnot"], smpl_fit(fit)),
        ):
            table.setdefault(keys[0], {}).setdefault(keys[1], {})[keys[2]] = value
        for camera in cameras:
            shot = self._rooms.shot(moment, self._subject, camera, number)
            own = {"subject": self._subject, **names, "cam_idx": camera}
            name = _file_name(own)
            image = self._lists.image(name, _SIZE, **own)
            self._lists.annotation(image, **person_entry(shot.people[0]))
            write_picture(self._root / "images" / name, shot.image)
            yield

    def write(self) -> None:
        """All files of the subject."""
        cameras = {}
        for number, view in self._rooms.room(self._subject).views.items():
            rotation, shift = world_camera(view, _TO_WORLD)
            lens = view.camera
            cameras[str(number)] = {
                "R": rotation,
                "t": shift,
                "f": [lens.fx, lens.fy],
                "c": [lens.cx, lens.cy],
            }
        folder = self._root / "annotations"
        self._lists.write(folder / f"Human36M_subject{self._subject}_data.json")
        tables = {"camera": cameras, "joint_3d": self._joints, **self._fits}
        for kind, content in tables.items():
            write_json(folder / f"Human36M_subject{self._subject}_{kind}.json", content)


def _file_name(own: dict[str, int]) -> str:
    folder = "s_{subject:02d}_act_{action_idx:02d}_subact_{subaction_idx:02d}_ca_{cam_idx:02d}".format(**own)
    return f"{folder}/{folder}_{own['frame_idx'] + 1:06d}.jpg"
