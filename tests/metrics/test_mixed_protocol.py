"""The protocols of several datasets in one validation."""

from __future__ import annotations

import math

import pytest
import torch

from carpus.errors import ConfigError
from carpus.metrics.protocols.depth import DepthHandProtocol, ItopProtocol
from carpus.metrics.protocols.mixed import MixedProtocol, mixed_headline
from carpus.skeletons import ITOP, MSRA
from carpus.types import Batch, Predictions


def batch_of(part, errors_mm, joints=21, labels=True):
    """Predictions that are off by so much, a sample each."""
    truth = torch.zeros(len(errors_mm), joints, 3)
    off = truth.clone()
    off[..., 0] = torch.tensor(errors_mm)[:, None]
    keys = [f"{part}/{i}" for i in range(len(errors_mm))]
    content = {"part": torch.full((len(errors_mm),), part)}
    if labels:
        content |= {"joints_cam_mm": truth, "joint_valid": torch.ones(len(errors_mm), joints).bool()}
    return Predictions(keys, joints_cam_mm=off), Batch(keys, content)


def two():
    return MixedProtocol({"near": DepthHandProtocol(MSRA), "far": DepthHandProtocol(MSRA)})


def test_every_part_has_its_own_numbers_and_the_headline_is_their_weighted_mean():
    protocol = two()
    protocol.update(*batch_of(0, [6.0, 8.0, 10.0]))
    protocol.update(*batch_of(1, [20.0]))
    values = protocol.compute()
    assert protocol.headline == "mean_error_mm"
    assert values["near/mean_error_mm"] == 8.0
    assert values["far/mean_error_mm"] == 20.0
    assert values["mean_error_mm"] == pytest.approx((3 * 8 + 20) / 4)
    assert values["far/error_mm/wrist"] == 20.0
    protocol.reset()
    protocol.update(*batch_of(1, [4.0]))
    assert protocol.compute()["mean_error_mm"] == 4.0


def test_a_part_without_labels_does_not_count():
    protocol = two()
    protocol.update(*batch_of(0, [6.0]))
    protocol.update(*batch_of(1, [90.0, 90.0], labels=False))
    values = protocol.compute()
    assert values["mean_error_mm"] == 6.0
    assert math.isnan(values["far/mean_error_mm"])


def test_other_headlines_leave_that_of_the_first_part():
    protocol = MixedProtocol({"hands": DepthHandProtocol(MSRA), "bodies": ItopProtocol()})
    protocol.update(*batch_of(0, [6.0]))
    protocol.update(*batch_of(1, [5.0], len(ITOP)))
    values = protocol.compute()
    assert (protocol.headline, protocol.higher_is_better) == ("mean_error_mm", False)
    assert values["mean_error_mm"] == 6.0
    assert values["bodies/map_10cm"] == 100.0
    assert math.isnan(mixed_headline([("a", None), ("b", 1.0)], [1, 1]))
    assert math.isnan(mixed_headline([("a", None)], [1]))


def test_a_batch_of_several_parts_is_refused():
    predictions, batch = batch_of(0, [6.0, 8.0])
    mixed = Batch(batch.keys_, {**batch, "part": torch.tensor([0, 1])})
    with pytest.raises(ConfigError, match=r"of one part, this one is of \[0, 1\]"):
        two().update(predictions, mixed)
    without = Batch(batch.keys_, {name: value for name, value in batch.items() if name != "part"})
    with pytest.raises(ConfigError, match="prepare must keep 'part'"):
        two().update(predictions, without)
