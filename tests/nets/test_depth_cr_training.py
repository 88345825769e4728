"""Optimiser, schedule, normalisation and stopping rule against the published ones."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.losses.depth_cr import l2_penalty
from carpus.nets.depth_cr import (
    EpsHatAdam,
    StopState,
    depth_net,
    learning_rate,
    penalised_parameters,
    reestimate_statistics,
    set_norm_decay,
    stop_after,
)
from carpus.nets.depth_cr.layers import ShiftNorm, conv, dense
from golden_cases import golden_paths

OPTIM = golden_paths("depth_cr", "models_optim")


@pytest.mark.parametrize("path", OPTIM)
def test_learning_rates_equal_the_reference(path):
    data = np.load(path)
    found = [learning_rate(int(step)) for step in data["lr_steps"]]
    np.testing.assert_allclose(found, data["lr_values"], rtol=1e-6)


@pytest.mark.parametrize("path", OPTIM)
def test_adam_equals_the_reference_step_by_step(path):
    data = np.load(path)
    weight = torch.nn.Parameter(torch.from_numpy(data["adam_w0"].copy()))
    optimizer = EpsHatAdam([weight], lr=1e-3)
    for gradient, expected in zip(data["adam_grads"], data["adam_trace"], strict=True):
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        np.testing.assert_allclose(weight.detach(), expected, atol=1e-6, rtol=0)


def test_adam_continues_from_its_saved_state():
    def run(optimizer, weight, steps):
        for t in steps:
            weight.grad = torch.tensor([1e-7, 2.0]) * (t + 1)
            optimizer.step()

    whole = torch.nn.Parameter(torch.ones(2))
    run(EpsHatAdam([whole]), whole, range(6))
    part = torch.nn.Parameter(torch.ones(2))
    first = EpsHatAdam([part])
    run(first, part, range(3))
    again = EpsHatAdam([part])
    again.load_state_dict(copy.deepcopy(first.state_dict()))
    run(again, part, range(3, 6))
    assert torch.equal(whole, part)


@pytest.mark.parametrize("path", OPTIM)
def test_penalty_equals_the_reference(path):
    data = np.load(path)
    layer = dense(*data["l2reg_w"].shape, linear=True)
    layer.layer.weight.data = torch.from_numpy(data["l2reg_w"].T.copy())
    np.testing.assert_allclose(l2_penalty(layer).item(), data["l2reg_value"], rtol=1e-6)


@pytest.mark.parametrize("path", OPTIM)
def test_normalisation_equals_the_reference_over_four_batches(path):
    data = np.load(path)
    norm = ShiftNorm(data["bn_x"].shape[-1], decay=0.9).train()
    for x, expected in zip(data["bn_x"], data["bn_moving_trace"], strict=True):
        y = norm(torch.from_numpy(x).movedim(-1, 1))
        np.testing.assert_allclose(torch.cat((norm.running_mean, norm.running_var)), expected, rtol=1e-6)
    np.testing.assert_allclose(y.movedim(1, -1).detach(), data["bn_y_last"], atol=1e-6, rtol=1e-6)


def test_penalty_as_loss_equals_coupled_weight_decay_on_weights_and_biases():
    torch.manual_seed(3)
    net = depth_net("B", 21, dropout=0.0)
    twin = copy.deepcopy(net)
    x, target = torch.rand(4, 1, 128, 128), torch.randn(4, 21, 3)
    for model, decay in ((net, 0.0), (twin, 0.01)):
        penalised = penalised_parameters(model)
        others = [p for p in model.parameters() if all(p is not q for q in penalised)]
        groups = [{"params": penalised, "weight_decay": decay}, {"params": others}]
        loss = (model(x)["joints_centered_mm"] - target).square().sum()
        (loss if decay else loss + l2_penalty(model)).backward()
        torch.optim.SGD(groups, lr=1e-6).step()
    for (name, ours), theirs in zip(net.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7, msg=name)


def test_the_rule_stops_at_the_fifth_miss_and_keeps_the_best():
    state, saved = StopState(), []
    for epoch, loss in enumerate((10, 9, 9.5, 9.6, 9.2, 9.3, 9.8)):
        assert state.reason is None
        state = stop_after(state, loss)
        if state.improved:
            saved.append(epoch)
    assert saved[-1] == 1
    assert state.best == 9
    assert state.reason == "5 epochs without improvement on 9"


def test_the_rule_stops_at_once_far_above_the_best():
    assert stop_after(stop_after(StopState(), 10), 11.1).reason is not None
    assert stop_after(stop_after(StopState(), 10), 10.9).reason is None
    with pytest.raises(ConfigError, match="patience 0"):
        stop_after(StopState(), 1.0, patience=0)


def test_a_single_value_per_channel_uses_and_keeps_running_statistics():
    norm = ShiftNorm(2).train()
    norm.running_mean += 1.0
    out = norm(torch.tensor([[1.0, 3.0]]))
    torch.testing.assert_close(out, torch.tensor([[0.0, 2.0 / 1.001**0.5]]))
    assert norm.running_mean.tolist() == [1.0, 1.0]


def test_reestimated_statistics_are_the_mean_over_the_batches():
    net = torch.nn.Sequential(conv(2, 1, 4, 3), conv(2, 4, 4, 1)).eval()
    batches = [torch.rand(3, 1, 8, 8) + i for i in range(3)]
    set_norm_decay(net, 0.5)
    reestimate_statistics(net, batches)
    with torch.no_grad():
        means = torch.stack([net[0].layer(b).mean((0, 2, 3)) for b in batches])
    torch.testing.assert_close(net[0].norm.running_mean, means.mean(0))
    assert net[0].norm.decay == 0.5
    assert not net.training
