"""The 1 euro filter: what rests is quiet, what moves is followed, gaps begin anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from carpus.geometry.one_euro import OneEuro, OneEuroRotations, OneEuroSettings, smoothing_factor

FPS = 30.0


def filtered(values, smooth=None, fps=FPS):
    smooth = smooth or OneEuro()
    return np.stack([smooth(np.asarray(value), i / fps) for i, value in enumerate(values)])


def published(values, settings, fps):
    """The publication's algorithm, one number at a time."""
    value = speed = None
    out = []
    for x in values:
        if value is None:
            value, speed = x, 0.0
        else:
            alpha = 1 / (1 + fps / (2 * math.pi * settings.speed_cutoff_hz))
            speed = alpha * (x - value) * fps + (1 - alpha) * speed
            cutoff = settings.min_cutoff_hz + settings.beta * abs(speed)
            alpha = 1 / (1 + fps / (2 * math.pi * cutoff))
            value = alpha * x + (1 - alpha) * value
        out.append(value)
    return np.array(out)


def test_it_is_the_published_algorithm():
    values = np.random.default_rng(0).normal(size=200).cumsum()
    settings = OneEuroSettings(0.7, 0.4, 1.3)
    np.testing.assert_allclose(
        filtered(values, OneEuro(settings), 24.0), published(values, settings, 24.0), atol=1e-12
    )


def test_a_constant_signal_stays():
    values = np.full((50, 4, 2), 123.5)
    np.testing.assert_array_equal(filtered(values), values)


def test_noise_falls_by_what_the_cutoff_says():
    noise = np.random.default_rng(1).normal(size=(6000, 3))
    made = filtered(noise, OneEuro(OneEuroSettings(1.0, 0.0)))[300:]
    alpha = smoothing_factor(1.0, 1 / FPS)
    np.testing.assert_allclose(made.var(0), alpha / (2 - alpha), rtol=0.2)
    assert (filtered(0.01 * noise)[300:].std(0) < 0.45 * 0.01).all()


def test_a_step_converges_without_overshoot_and_a_higher_beta_is_faster():
    step = np.repeat([0.0, 1.0], [10, 60])
    slow, fast = (filtered(step, OneEuro(OneEuroSettings(1.0, beta))) for beta in (0.0, 5.0))
    for made in (slow, fast):
        assert (np.diff(made) >= 0).all()
        assert made[-1] == pytest.approx(1.0, abs=0.01)
        assert made.max() <= 1.0
    assert fast[13] > slow[13] + 0.2


def test_a_gap_begins_anew_element_by_element():
    values = np.zeros((12, 2))
    values[6:] = 100.0
    values[4:6, 0] = np.nan, np.inf
    made = filtered(values)
    assert np.isnan(made[4:6, 0]).all()
    assert (made[6:, 0] == 100.0).all()
    assert 0 < made[6, 1] < 100.0


def test_units_scale_speeds_only():
    values = np.random.default_rng(2).normal(size=100).cumsum()
    one = filtered(values, OneEuro())
    np.testing.assert_allclose(filtered(40 * values, OneEuro(unit=40.0)), 40 * one, rtol=1e-9)


def test_time_counts_not_frames():
    """Half as many frames of a ramp lag by about as many seconds, not by as many frames."""
    late = {}
    for fps in (30.0, 60.0):
        ramp = np.arange(round(8 * fps)) / fps
        late[fps] = (ramp - filtered(ramp, OneEuro(OneEuroSettings(1.0, 0.0)), fps))[-1]
    assert late[30.0] == pytest.approx(1 / (2 * math.pi), rel=0.15)
    assert late[60.0] == pytest.approx(late[30.0], rel=0.15)
    smooth = OneEuro()
    smooth(np.zeros(2), 1.0)
    with pytest.raises(ValueError, match="in order of time"):
        smooth(np.zeros(2), 1.0)


def test_rotations_pass_half_a_circle_unharmed():
    angle = np.linspace(math.pi - 0.4, math.pi + 0.4, 60)
    wrapped = np.where(angle > math.pi, angle - 2 * math.pi, angle)
    made = filtered(wrapped[:, None] * np.array([0, 1.0, 0]), OneEuroRotations())
    back = np.where(made[:, 1] < 0, made[:, 1] + 2 * math.pi, made[:, 1])
    assert (np.diff(back) > 0).all()
    assert np.abs(back - angle).max() < 0.1
    np.testing.assert_allclose(made[:, [0, 2]], 0, atol=1e-9)


def test_resting_rotations_get_quieter_and_stay_themselves():
    pose = 0.5 * np.random.default_rng(3).normal(size=(15, 3))
    np.testing.assert_allclose(filtered([pose] * 5, OneEuroRotations()), [pose] * 5, atol=1e-9)
    noise = 0.02 * np.random.default_rng(4).normal(size=(600, 15, 3))
    made = filtered(pose + noise, OneEuroRotations())[100:]
    assert (made.std(0) < 0.5 * 0.02).all()
    assert np.abs(made.mean(0) - pose).max() < 0.01


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_cutoff_hz": 0.0}, "min_cutoff_hz is 0"),
        ({"beta": -1.0}, "beta is -1"),
        ({"beta": math.nan}, "nan"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        OneEuroSettings(**settings)
