"""A synthetic SIK-1M: joints and rotations of stand-in hands, in both published files."""

from __future__ import annotations

from pathlib import Path

from carpus.data.sik import SIK1M_FILES, TRAIN_SHARE
from carpus.synthetic.sik import Counter, many_hands, sample_shapes, write_pickle
from carpus.synthetic.tree import Progress, check_frames, generator

FRAMES, SUBJECTS = 4000, 32
_SHARES = (0.2, 0.8)


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``sik-fh.pkl`` and ``sik-1m.pkl``.

    Args:
        root: folder to fill.
        frames: training hands; a quarter as many for testing lie behind them.
        subjects: people.
        seed: of everything drawn.
        progress: called with hands done and in all.
    """
    total = round(check_frames(frames, "sik1m") / TRAIN_SHARE)
    people = sample_shapes(check_frames(subjects, "sik1m"), seed, "sik1m")
    first = max(1, int(total * _SHARES[0]))
    counter = Counter(total, progress)
    for name, count in zip(SIK1M_FILES, (first, max(1, total - first)), strict=True):
        hands = many_hands(people, count, generator(seed, "sik1m", name), counter)
        write_pickle(root / name, {"joint_": hands.joints_m, "quat": hands.quat})
