"""Small synthetic trees, made once."""

from __future__ import annotations

import pytest

from carpus.synthetic import make

DEPTH = {"msra": 1, "icvl": 12, "nyu": 6, "hands17": 8, "itop": 24}
FRAMES = DEPTH | {"interhand26m": 8, "rhd": 3, "stb": 1, "freihand": 4}


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    """Folder of every dataset's tree."""
    root = tmp_path_factory.mktemp("synthetic")
    return {
        dataset: make(dataset, root / dataset, frames=frames, seed=1) for dataset, frames in FRAMES.items()
    }
