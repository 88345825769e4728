"""Find the golden files of a kind: by pattern, in the repository's folder or in ``$CARPUS_GOLDEN``."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent


def golden_folder(system: str) -> Path:
    """The folder whose files are this run's cases for a system."""
    root = os.environ.get("CARPUS_GOLDEN")
    return (Path(root) if root else HERE / "golden") / system


def golden_paths(system: str, kind: str, suffix: str = ".npz") -> list:
    """Pytest parameters, one per file ``<kind>*<suffix>``; a kind without a file is skipped."""
    paths = sorted(golden_folder(system).glob(f"{kind}*{suffix}"))
    if not paths:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no {kind}*{suffix} for {system}"))]
    return [pytest.param(path, id=path.name) for path in paths]


def msra_folds(path: Path, folder: Path) -> tuple[Any, Path, list[tuple[str, int, str]]]:
    """A small tree of MSRA and what the reference reads of it.

    Returns:
        Its arrays, its root unpacked in ``folder``, and of every part their prefix, its fold and its split.
    """
    golden = np.load(path)
    with tarfile.open(path.with_suffix(".tar.gz")) as tar:
        tar.extractall(folder, filter="data")
    prefixes = sorted({k.rsplit("_", 1)[0] for k in golden if k.endswith("_names")})
    parts = [(prefix, *prefix[1:].split("_")) for prefix in prefixes]
    return golden, next(folder.glob("*/db")), [(prefix, int(fold), mode) for prefix, fold, mode in parts]
