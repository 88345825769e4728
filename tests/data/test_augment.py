"""Augmentation draws: inside their intervals, filling them, and a function of the generator alone."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.data.augment import NoAugmentation, VolumeAugmentation
from carpus.errors import ConfigError

DRAWS = 10_000


def draw_many(augment, seed=0, epoch=0, count=DRAWS):
    drawn = [augment.draw(np.random.default_rng([seed, epoch, index]), 8) for index in range(count)]
    return tuple(
        np.array([np.asarray(getattr(d, name)) for d in drawn]) for name in ("scale", "angle_rad", "shift")
    )


@pytest.mark.parametrize(("invert", "low", "high"), [(False, 0.8, 1.2), (True, 1 / 1.2, 1.25)])
def test_draws_fill_the_published_intervals(invert, low, high):
    scale, angle, shift = draw_many(VolumeAugmentation(invert_scale=invert))
    for values, first, last in (
        (scale, low, high),
        (angle, -np.deg2rad(40), np.deg2rad(40)),
        (shift, 0.0, 8.0),
    ):
        assert first <= values.min() < first + 0.01 * (last - first)
        assert last - 0.01 * (last - first) < values.max() <= last
    # Uniform in what is drawn: every tenth of the interval gets its share.
    percent = 100 / scale if invert else 100 * scale
    assert np.histogram(percent, bins=10, range=(80, 120))[0].min() > 0.85 * DRAWS / 10
    assert np.histogram(angle, bins=10)[0].min() > 0.85 * DRAWS / 10
    assert np.abs(np.corrcoef(np.column_stack([scale, angle, shift]).T) - np.eye(5)).max() < 0.05


def test_whole_shifts_take_each_of_the_nine_values():
    *_, shift = draw_many(VolumeAugmentation(whole_shift=True), count=2000)
    values, counts = np.unique(shift, return_counts=True)
    assert values.tolist() == list(range(9))
    assert counts.min() > 0.8 * shift.size / 9


def test_draws_repeat_with_the_seed_and_differ_between_samples_and_epochs():
    augment = VolumeAugmentation()
    first, again, later = (draw_many(augment, epoch=e, count=50) for e in (0, 0, 1))
    for a, b, c in zip(first, again, later, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.isin(a, c).any()
        assert len(np.unique(a)) == a.size


def test_what_is_switched_off_stays_at_the_identity():
    off = VolumeAugmentation(scale_percent=(100.0, 100.0), angle_deg=0.0, shift=False)
    for augment in (off, NoAugmentation()):
        drawn = augment.draw(np.random.default_rng(0), 8)
        assert (float(drawn.scale), float(drawn.angle_rad), drawn.shift.tolist()) == (
            1.0,
            0.0,
            [4.0, 4.0, 4.0],
        )


@pytest.mark.parametrize(
    "changed", [{"scale_percent": (120.0, 80.0)}, {"angle_deg": -1.0}, {"max_drop": 1.0}]
)
def test_intervals_that_cannot_be_are_refused(changed):
    with pytest.raises(ConfigError, match="augment"):
        VolumeAugmentation(**changed)
