"""Steps of the learning rate: the published epochs, the nominal ones, and a run that is resumed."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from carpus.nets.schedules import StepEvery
from golden_cases import golden_paths


def rates(base, epochs, **settings):
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=base)
    schedule, found = StepEvery(optimizer, **settings), []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found)


@pytest.mark.parametrize("path", golden_paths("handflow2d", "lr_schedule"))
def test_early_steps_are_the_published_ones_and_the_others_a_single_epoch_later(path):
    for name, expected in np.load(path).items():
        named = re.fullmatch(r"lr_([0-9.e-]+)_step(\d+)", name)
        base, every = float(named[1]), int(named[2])
        early = rates(base, len(expected), every=every, early=True)
        np.testing.assert_allclose(early, expected, rtol=0, atol=1e-12)
        fixed = rates(base, len(expected), every=every)
        np.testing.assert_allclose(fixed[1:], expected[:-1], rtol=0, atol=1e-12)
        assert fixed[0] == base


def test_steps_without_early_are_those_of_pytorch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule, expected = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.5), []
    for _ in range(11):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(rates(0.3, 11, every=4, gamma=0.5), expected, rtol=1e-12)


def test_a_resumed_schedule_goes_on_where_it_stopped():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = StepEvery(optimizer, every=3, early=True)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    again = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    resumed = StepEvery(again, every=3, early=True)
    resumed.load_state_dict(schedule.state_dict())
    again.load_state_dict(optimizer.state_dict())
    assert resumed.get_last_lr() == schedule.get_last_lr() == [pytest.approx(0.1)]
    again.step()
    resumed.step()
    assert resumed.get_last_lr() == [pytest.approx(0.01)]


def test_no_epoch_between_steps_is_refused():
    with pytest.raises(ValueError, match="every=0"):
        rates(1.0, 1, every=0)
