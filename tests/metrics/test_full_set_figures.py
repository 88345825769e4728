"""The published full-set figures: their files are not at hand, their identities and conventions are."""

import json

import numpy as np
import pytest

from carpus.data.results import convention
from golden_cases import golden_paths


@pytest.mark.parametrize("path", golden_paths("v2v", "eval_full_set", ".json"))
def test_figures_fit_our_conventions(path):
    for dataset, figures in json.loads(path.read_text()).items():
        rules = convention(dataset)
        assert figures["joints"] == len(rules.skeleton) == len(figures["per_joint"])
        assert figures["frames"] in rules.frames
        assert np.mean(figures["per_joint"]) == pytest.approx(figures["mean"], abs=1e-9)
        for curve in ("maxframe", "meanframe", "joint"):
            shares = [share for _, share in sorted((int(t), share) for t, share in figures[curve].items())]
            assert shares == sorted(shares)
        assert all(figures["maxframe"][t] <= figures["joint"][t] for t in figures["joint"])
