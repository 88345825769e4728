"""Small synthetic worlds, written in every dataset's own published on-disk format."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.errors import ConfigError, unknown

if TYPE_CHECKING:
    from carpus.synthetic.tree import Progress

DATASETS = ("msra", "icvl", "nyu", "hands17", "itop", "interhand26m")


def make(
    dataset: str,
    out: str | Path,
    frames: int | None = None,
    subjects: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write a synthetic tree in a dataset's published format, centre files included.

    The tree appears under its name only when it is complete, and says in ``SYNTHETIC.json`` what it was made
    from; if it is there already with the same arguments, nothing is done. The same arguments give the same
    bytes.

    Args:
        dataset: one of :data:`DATASETS`.
        out: the tree's folder.
        frames: for MSRA frames per gesture and subject (default 10: 1,530 in all); elsewhere frames of the
            training split (default 400; ITOP 300 per view; InterHand2.6M 600 images); the test split has a
            quarter of it, and so has InterHand2.6M's val.
        subjects: people: MSRA 9, NYU 4, the others 8 unless given; outside MSRA the last quarter
            of them is kept for the test split.
        seed: of everything drawn.
        progress: called with frames done and frames in all.
    Returns:
        ``out``.
    Raises:
        ConfigError: for an unknown dataset.
        DataError: if ``out`` holds something else, or a number makes no sense.
    """
    if dataset not in DATASETS:
        raise ConfigError(unknown("synthetic dataset", dataset, DATASETS))
    from carpus.synthetic.tree import VERSION, fresh_tree, read_marker

    writer = import_module(f"carpus.synthetic.{dataset}")
    out = Path(out)
    frames = writer.FRAMES if frames is None else frames
    subjects = writer.SUBJECTS if subjects is None else subjects
    options = {"dataset": dataset, "frames": frames, "subjects": subjects, "seed": seed}
    if read_marker(out) == {"carpus_synthetic": VERSION, **options}:
        return out
    with fresh_tree(out, options) as root:
        writer.write(root, frames, subjects, seed, progress)
    return out
