"""What every test shares."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


@pytest.fixture
def samples() -> Path:
    """Real frames and label files."""
    return Path(__file__).parent / "samples"
