"""The network: sizes, parity on formula weights, initialisation, precision."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from carpus.errors import ConfigError
from carpus.methods.v2v.net import V2VNet
from carpus.weights.v2v import port_name
from golden_cases import golden_paths


def conv_units(net):
    """(convolution, its normalisation or None) in execution order."""
    modules = list(net.modules())
    convs = [m for m in modules if isinstance(m, nn.Conv3d | nn.ConvTranspose3d)]
    named = {m: name for name, m in net.named_modules()}
    pairs = []
    for conv in convs:
        norm = named[conv].replace("conv", "norm")
        pairs.append((conv, dict(net.named_modules())[norm] if norm != named[conv] else None))
    return pairs


def fill_by_rule(net, phase):
    """The published formula: sines of the flat index."""
    for k, (conv, norm) in enumerate(conv_units(net)):
        kk = k + phase
        weight = conv.weight
        fan = weight.shape[0] if isinstance(conv, nn.ConvTranspose3d) else weight[0].numel()
        i, j = np.arange(weight.numel(), dtype=np.float64), np.arange(len(conv.bias), dtype=np.float64)
        values = np.sqrt(2 / fan) * np.sin(i * (1 + 0.01 * kk) + kk)
        conv.weight.data = torch.from_numpy(values.reshape(weight.shape)).float()
        conv.bias.data = torch.from_numpy(0.01 * np.cos(j + kk)).float()
        if norm is not None:
            norm.weight.data = torch.from_numpy(1 + 0.1 * np.sin(j + kk)).float()
            norm.bias.data = torch.from_numpy(0.1 * np.cos(j + kk)).float()
            norm.running_mean = torch.from_numpy(0.05 * np.sin(2 * j + kk)).float()
            norm.running_var = torch.from_numpy(1 + 0.25 * np.cos(j + kk)).float()


def input_by_rule(edge, modulus):
    i, j, k = np.indices((edge,) * 3)
    return torch.from_numpy(((7 * i + 13 * j + 29 * k) % modulus == 0).astype(np.float32))[None, None]


def target_by_rule():
    c, i, j, k = np.indices((21, 12, 12, 12))
    u, v, w = (i + 0.5 - (2 + c % 9)) / 1.7, (j + 0.5 - (3 + c % 7)) / 1.7, (k + 0.5 - (4 + c % 5)) / 1.7
    maps = np.exp(-(u**2 + v**2 + w**2) / 2)
    return torch.from_numpy(np.stack([maps, maps[::-1]])).float()


@pytest.mark.parametrize("path", golden_paths("v2v", "network", ".json"))
def test_parameters_and_units_are_the_published_ones(path):
    published = json.loads(path.read_text())
    for joints, total in published["total_params"].items():
        assert sum(p.numel() for p in V2VNet(int(joints)).parameters()) == total
    net = V2VNet(21)
    stages = {"front": (net.stem, net.front), "back": (net.back,), "output(21)": (net.out,)}
    counted = {name: sum(p.numel() for m in mods for p in m.parameters()) for name, mods in stages.items()}
    counted["encoder_decoder"] = published["total_params"]["21"] - sum(counted.values())
    assert counted == published["stages"]
    units = conv_units(net)
    assert [list(conv.weight.shape) for conv, _ in units] == [u["weight_shape"] for u in published["units"]]
    buffers = sum(b.numel() for b in net.buffers())
    assert buffers == published["batchnorm_buffers_incl_counters"]
    ours = {port_name(name): list(value.shape) for name, value in net.state_dict().items()}
    assert ours == dict(published["state_dict"])


@pytest.mark.parametrize("path", golden_paths("v2v", "network_forward"))
def test_forward_in_eval_mode_equals_the_reference(path):
    data = np.load(path)
    net = V2VNet(21).eval()
    fill_by_rule(net, int(data["phase"]))
    with torch.no_grad():
        small = net(input_by_rule(24, int(data["M"])))
        large = net(input_by_rule(88, int(data["M"])))
    np.testing.assert_allclose(small, data["eval24_out"], atol=2e-5, rtol=0)
    np.testing.assert_allclose(large[:, :, 1::4, 2::4, 3::4], data["eval88_sub"], atol=2e-5, rtol=0)
    np.testing.assert_allclose(large.mean((0, 2, 3, 4)), data["eval88_mean"], atol=2e-5, rtol=0)
    np.testing.assert_allclose(large.std((0, 2, 3, 4)), data["eval88_std"], atol=2e-5, rtol=1e-4)
    flat = large.flatten(2).argmax(-1)[0]
    found = np.stack(np.unravel_index(flat.numpy(), (44, 44, 44)), -1)
    np.testing.assert_array_equal(found, data["eval88_argmax"])


@pytest.fixture
def two_threads():
    """The number of threads decides how sums are split, and with it their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def training_step(data, dtype=torch.float32):
    """Network, output and loss after one backward pass on the fixture's batch."""
    net, modulus = V2VNet(21).train(), int(data["M"])
    fill_by_rule(net, int(data["phase"]))
    net.to(dtype)
    out = net(torch.cat([input_by_rule(24, modulus), input_by_rule(24, modulus + 6)]).to(dtype))
    loss = nn.functional.mse_loss(out, target_by_rule().to(out.dtype))
    loss.backward()
    return net, out.detach(), loss.item()


def gradient_norms(net):
    """``(units, 3)`` norms of the gradients of weight, gamma and beta; NaN where a unit has none."""
    rows = [[c.weight.grad, n.weight.grad if n else None, (n or c).bias.grad] for c, n in conv_units(net)]
    return np.array([[np.nan if g is None else float(g.norm()) for g in row] for row in rows])


@pytest.mark.parametrize("path", golden_paths("v2v", "network_forward"))
@pytest.mark.usefixtures("two_threads")
def test_training_step_equals_the_reference(path):
    data = np.load(path)
    net, out, loss = training_step(data)
    sampled, expected = out[:, ::4, ::2, ::2, ::2].numpy(), data["train24_out_sub"]
    assert np.abs(sampled - expected).max() <= 1e-3 * np.abs(expected).max()
    np.testing.assert_allclose(loss, data["train24_mse"], rtol=1e-3)
    first = net.stem.norm
    np.testing.assert_allclose(first.running_mean, data["train24_running_mean_unit0"], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(first.running_var, data["train24_running_var_unit0"], rtol=1e-3)
    norms, published = gradient_norms(net), data["train24_gradnorm_W_gamma_beta"]
    tolerance = 1e-3
    if np.abs(sampled - expected).max() > 1e-6:
        # These gradients amplify rounding: float64 differs from the float32 reference by up to 6 %. Where
        # this processor's kernels round otherwise, as much is allowed as rounding moves here.
        exact = gradient_norms(training_step(data, torch.float64)[0])
        tolerance = max(tolerance, 2 * float(np.nanmax(np.abs(exact - norms) / exact)))
    assert np.isnan(norms).sum() == np.isnan(published).sum() == 1
    assert (np.isnan(norms) | (np.abs(norms - published) <= tolerance * published)).all()


def test_initialisation_is_the_published_one():
    net = V2VNet(21, bn_gamma_init="uniform")
    weight, gamma = net.middle.conv1.weight, net.middle.norm1.weight
    assert float(weight.detach().std()) == pytest.approx(0.001, rel=0.02)
    assert not net.middle.conv1.bias.any()
    assert 0.3 < float(gamma.detach().mean()) < 0.7
    assert torch.equal(V2VNet(21).middle.norm1.weight, torch.ones(128))


def test_output_is_float32_and_close_under_autocast_and_in_channels_last():
    net, volume = V2VNet(4, width=0.5, init_std=0.1).eval(), (torch.rand(2, 1, 16, 16, 24) > 0.8).float()
    with torch.no_grad():
        plain = net(volume)
        with torch.autocast("cpu", torch.bfloat16):
            half = net(volume)
        last = net.to(memory_format=torch.channels_last_3d)(volume)
    assert plain.shape == (2, 4, 8, 8, 12)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, plain, atol=0.05 * float(plain.abs().max()), rtol=0.1)
    torch.testing.assert_close(last, plain, atol=1e-5 * float(plain.abs().max()), rtol=1e-3)


def test_wrong_inputs_and_settings_are_named():
    with pytest.raises(ValueError, match="multiples of 8"):
        V2VNet(3, width=0.1)(torch.zeros(1, 1, 20, 24, 24))
    with pytest.raises(ConfigError, match="did you mean 'uniform'"):
        V2VNet(3, bn_gamma_init="unifrom")
    with pytest.raises(ConfigError, match="joints 0"):
        V2VNet(0)
