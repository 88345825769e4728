"""The draws of crops of people: seed for seed those of the published program, and their limits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from carpus.data.augment_person import PersonAugmentation
from carpus.errors import ConfigError
from golden_cases import golden_paths


@pytest.mark.parametrize("path", golden_paths("hand4whole", "augcfg"))
def test_draws_are_the_published_ones_seed_for_seed(path):
    rows = np.load(path)["rows_seed_rep_scale_rot_r_g_b_flip"]
    augmentation = PersonAugmentation()
    for seed in np.unique(rows[:, 0]):
        numbers, chances = np.random.RandomState(int(seed)), random.Random(int(seed))
        for row in rows[rows[:, 0] == seed]:
            draw = augmentation.published_draw(numbers, chances)
            found = (draw.scale, draw.turn_deg, *draw.colour, float(draw.flip))
            np.testing.assert_allclose(found, row[2:], rtol=0, atol=1e-12)


def test_draws_stay_within_their_limits_and_use_all_of_them():
    augmentation = PersonAugmentation()
    draws = [augmentation.draw(np.random.default_rng([seed, 5])) for seed in range(2000)]
    scales, turns = np.array([d.scale for d in draws]), np.array([d.turn_deg for d in draws])
    colours = np.array([d.colour for d in draws])
    assert scales.min() == 0.75
    assert scales.max() == 1.25
    assert np.abs(turns).max() == 60
    assert abs((turns != 0).mean() - 0.6) < 0.04
    assert abs(np.mean([d.flip for d in draws]) - 0.5) < 0.04
    assert 0.8 <= colours.min() < 0.801
    assert 1.199 < colours.max() <= 1.2
    assert abs(np.corrcoef(colours[:, 0], colours[:, 1])[0, 1]) < 0.1, "each channel has its own factor"


def test_a_draw_depends_on_its_generator_alone():
    augmentation = PersonAugmentation()
    first, again = (augmentation.draw(np.random.default_rng([1, 2, 3])) for _ in range(2))
    assert first == again
    assert first != augmentation.draw(np.random.default_rng([1, 2, 4]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"turn_deg": -1.0}, "augment.turn_deg=-1.0 must not be negative"),
        ({"flip_chance": 1.5}, "augment.flip_chance=1.5 must be from 0 to 1"),
        ({"scale": 1.0}, "scale=1.0 must be below 1"),
    ],
)
def test_settings_without_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        PersonAugmentation(**settings)
