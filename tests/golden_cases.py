"""Find the golden files of a kind: by pattern, in the repository's folder or in ``$CARPUS_GOLDEN``."""

from __future__ import annotations

import os
from pathlib import Path

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
