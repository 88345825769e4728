"""Writing a synthetic tree so that a half-written one is never taken for complete."""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from carpus.errors import DataError

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""

MARKER = "SYNTHETIC.json"
VERSION = 1
"""Raised whenever the same seed gives other bytes."""

_CHUNK = 50


@contextmanager
def fresh_tree(out: Path, options: Mapping[str, object]) -> Iterator[Path]:
    """A temporary folder that becomes ``out`` when everything in it is written.

    Args:
        out: the tree's folder; it must not exist or be empty.
        options: what the tree was made from; stands in its marker file.
    Raises:
        DataError: if there is something else already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not empty: choose another folder or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    partial.chmod(0o755)
    try:
        yield partial
        marker = {"carpus_synthetic": VERSION, **options}
        (partial / MARKER).write_text(json.dumps(marker, indent=2, sort_keys=True) + "\n")
        if out.is_dir():
            out.rmdir()
        partial.replace(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def read_marker(root: Path) -> dict[str, object] | None:
    """What a synthetic tree was made from, or None where there is no complete one."""
    path = root / MARKER
    return json.loads(path.read_text()) if path.is_file() else None


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """A generator of its own for every part of a tree, independent of how many parts there are.

    Args:
        seed: the tree's seed.
        path: names and numbers of the part, such as ``"msra", subject, gesture, frame``.
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path]
    return np.random.default_rng([seed, VERSION, *words])


def counted(items: Sequence[int] | range, progress: Progress | None) -> Iterator[int]:
    """The items, reporting how many are done every few frames."""
    total = len(items)
    for done, item in enumerate(items):
        yield item
        if progress is not None and ((done + 1) % _CHUNK == 0 or done + 1 == total):
            progress(done + 1, total)


def middle(joints: np.ndarray) -> np.ndarray:
    """Mid-points ``(N, 3)`` of the joints' ``(N, J, 3)`` smallest and largest coordinates."""
    return 0.5 * (joints.min(axis=1) + joints.max(axis=1))


def noisy_centers(joints: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Centres as a refinement network finds them: near the joints' middle, with a bias of its own.

    Args:
        joints: ``(N, J, 3)`` in the published frame and unit.
        sigma: standard deviation per axis, in that unit.
        rng: one per network.
    Returns:
        ``(N, 3)`` in the same frame and unit.
    """
    bias = rng.normal(0.0, 0.4 * sigma, 3)
    return middle(joints) + bias + rng.normal(0.0, sigma, (len(joints), 3))


def write_centers(path: Path, centers: np.ndarray, valid: np.ndarray | None = None) -> None:
    """A centre file: ``x y z`` per frame, ``invalid`` where there is none.

    Args:
        path: the file.
        centers: ``(N, 3)``.
        valid: ``(N,)`` bool, or None if all are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    keep = np.ones(len(centers), bool) if valid is None else valid
    lines = [
        " ".join(f"{value:.14g}" for value in row) if ok else "invalid"
        for row, ok in zip(centers.tolist(), keep, strict=True)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))


def split_subjects(subjects: int, dataset: str) -> tuple[range, range]:
    """Numbers of the people in the training and in the test split: others where there are several.

    Raises:
        DataError: if there is nobody.
    """
    if subjects < 1:
        raise DataError(f"synthetic {dataset}: subjects={subjects}, at least 1 is needed")
    test = max(1, subjects // 4)
    return range(max(1, subjects - test)), range(subjects - test if subjects > 1 else 0, subjects)


def check_frames(frames: int, dataset: str) -> int:
    """The number of frames.

    Raises:
        DataError: if there are none.
    """
    if frames < 1:
        raise DataError(f"synthetic {dataset}: frames={frames}, at least 1 is needed")
    return frames
