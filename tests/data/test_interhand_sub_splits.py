"""Seeded sub-splits are the published ones of InterHand2.6M."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from carpus.data.splits import parse_split, sample
from golden_cases import golden_paths

PATHS = golden_paths("digit", "split_sampling", ".json")
# What the published program does with tinytrain, and does not mean to: it takes everything.
SLIP = "tinytrain_as_in_reference_bug"


@pytest.mark.parametrize("path", PATHS)
def test_published_sub_splits(path):
    for name, expected in json.loads(path.read_text()).items():
        base, size = ("train", "") if name == SLIP else parse_split(name.removesuffix("_fixed"))
        drawn = sample(np.arange(expected["population"]), base, size)
        assert len(drawn) == expected["count"], name
        assert drawn[:10].tolist() == expected["first10"], name
        assert drawn[-5:].tolist() == expected["last5"], name
        assert int(drawn.sum()) == expected["sum"], name
        digest = hashlib.sha256(drawn.astype("<i8").tobytes()).hexdigest()
        assert digest == expected["sha256_of_int64_le"], name


def test_fewer_images_than_asked_give_all_of_them():
    assert sample(np.arange(7) * 3, "val", "mini").tolist() == [0, 3, 6, 9, 12, 15, 18]
