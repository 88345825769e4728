"""What every test shares."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


@pytest.fixture
def samples() -> Path:
    """Real frames and label files."""
    return Path(__file__).parent / "samples"
