"""Every flow can be undone, knows its volume and its gradient, in every shape, format and precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.nets.flows import AllInOneStep, CrossScaleFlow, FlowSequence, GlowStep, flow_nll

BLOCKS = ("allinone", "glow2")


def shaken(flow, seed=0):
    """Weights away from their start, so that no term is neutral; ActNorm has seen nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in flow.parameters():
            fan_in = p[0].numel() if len(p) > 1 else 1
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype) / fan_in**0.5)
    return flow


def random_case(seed):
    """Settings and a map drawn from a seed: channels 2 to 9, maps from 1x1 to 5x6."""
    rng = np.random.default_rng(seed)
    settings = {
        "channels": int(rng.integers(2, 10)),
        "steps": int(rng.integers(1, 6)),
        "kernels": str(rng.choice(["3x3", "alternate"])),
        "hidden_ratio": float(rng.choice([1.0, 1.7, 2.5])),
        "clamp": [None, 1.0, 3.0][rng.integers(3)],
        "perm_seed": seed,
    }
    height, width = rng.integers(1, 6), rng.integers(1, 7)
    x = torch.from_numpy(rng.normal(size=(3, settings["channels"], height, width)))
    return settings, x


def jacobian_log_det(fn, x):
    """log|det J| of each sample from the whole Jacobian ``(D, D)``."""

    def one(flat):
        return fn(flat.view(1, *x.shape[1:]))[0].flatten()

    return torch.stack([torch.func.jacrev(one)(s.flatten()).slogdet().logabsdet for s in x])


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("seed", range(8))
def test_chains_of_random_shape_are_undone_and_know_their_volume(block, seed):
    settings, x = random_case(seed)
    chain = shaken(FlowSequence(**settings, block=block), seed).double()
    chain(x)  # ActNorm learns its statistics in training mode
    chain.eval()
    z, log_det = chain(x)
    back, reverse = chain.inverse(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-9)
    torch.testing.assert_close(log_det, jacobian_log_det(chain, x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(reverse, -log_det, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("channels", [64, 101])
def test_float32_round_trip(block, channels):
    chain = FlowSequence(channels, 8, kernels="alternate", block=block)
    x = torch.randn(2, channels, 16, 16)
    z, log_det = chain(x)
    back, reverse = chain.inverse(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-5)
    torch.testing.assert_close(reverse, -log_det, rtol=1e-5, atol=0)
    assert not torch.equal(z, x)


class Undo(torch.nn.Module):
    """The way back as a module's forward."""

    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, z):
        return self.flow.inverse(z)


@pytest.mark.parametrize("step", [AllInOneStep, GlowStep])
@pytest.mark.parametrize("way", [torch.nn.Sequential, Undo])
def test_gradients_of_map_and_weights(step, way):
    module = way(shaken(step(3, 3, 1.5)).double().eval())
    names = [name for name, _ in module.named_parameters()]

    def run(x, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))

    x = torch.randn(2, 3, 2, 2, dtype=torch.double, requires_grad=True)
    weights = [p.detach().requires_grad_() for p in module.parameters()]
    assert torch.autograd.gradcheck(run, (x, *weights))


def test_second_derivatives_through_the_permutation():
    chain = shaken(FlowSequence(2, 2, kernels="alternate")).double()
    x = torch.randn(1, 2, 1, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda one: chain(one)[0], (x,))


def make(kind):
    if kind == "cross":
        flow = CrossScaleFlow(6, kernels=(3, 5), hidden=8)
        return flow, [torch.randn(2, 6, s, s) for s in (8, 4, 2)]
    return FlowSequence(6, 3, block=kind), torch.randn(2, 6, 5, 4)


def as_list(maps):
    return [maps] if isinstance(maps, torch.Tensor) else list(maps)


@pytest.mark.parametrize("kind", [*BLOCKS, "cross"])
@pytest.mark.parametrize("half_weights", [False, True])
def test_half_precision_convolves_in_half_and_keeps_the_maps_in_float32(kind, half_weights):
    flow, x = make(kind)
    exact, log_det = shaken(flow)(x)
    if half_weights:
        low, low_log_det = flow.to(torch.bfloat16)(x)
    else:
        with torch.autocast("cpu", torch.bfloat16):
            low, low_log_det = flow(x)
    for a, b in zip(
        [*as_list(exact), *as_list(log_det)], [*as_list(low), *as_list(low_log_det)], strict=True
    ):
        assert b.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=0.1, atol=0.5)
        assert not torch.equal(a, b)
    flow_nll(low, low_log_det).backward()
    assert all(torch.isfinite(p.grad).all() for p in flow.parameters())


@pytest.mark.parametrize("kind", [*BLOCKS, "cross"])
def test_channels_last_gives_the_same_and_stays(kind):
    flow, x = make(kind)
    shaken(flow).double()
    plain, log_det = flow([m.double() for m in x] if kind == "cross" else x.double())
    flow.to(memory_format=torch.channels_last)
    turned = [m.double().to(memory_format=torch.channels_last).requires_grad_() for m in as_list(x)]
    out, other = flow(turned if kind == "cross" else turned[0])
    for a, b in zip(as_list(plain), as_list(out), strict=True):
        assert b.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(log_det, other)
    back, _ = flow.inverse(out)
    for a, b in zip(turned, as_list(back), strict=True):
        torch.testing.assert_close(a, b)
    flow_nll(out, other).backward()
    assert all(bool(m.grad.abs().sum() > 0) for m in turned)


@pytest.mark.parametrize("kind", [*BLOCKS, pytest.param("cross", marks=pytest.mark.slow)])
def test_compiles_into_one_graph(kind):
    flow, x = make(kind)
    shaken(flow)(x)  # ActNorm's first batch is not part of the graph
    eager = flow_nll(*flow(x))
    eager.backward()
    wanted = [p.grad.clone() for p in flow.parameters()]
    flow.zero_grad()
    compiled = torch.compile(lambda m: flow_nll(*flow(m)), fullgraph=True, backend="aot_eager")
    value = compiled(x)
    value.backward()
    torch.testing.assert_close(value, eager)
    for p, grad in zip(flow.parameters(), wanted, strict=True):
        torch.testing.assert_close(p.grad, grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_weight_and_the_features_get_a_gradient(block):
    chain = shaken(FlowSequence(7, 3, block=block))
    x = torch.randn(2, 7, 4, 4, requires_grad=True)
    flow_nll(*chain(x)).backward()
    for tensor in (x, *chain.parameters()):
        assert bool(tensor.grad.abs().sum() > 0)


def test_no_step_leaves_features_as_they_are():
    chain = FlowSequence(6, steps=0)
    x = torch.randn(2, 6, 4, 4)
    for z, log_det in (chain(x), chain.inverse(x)):
        assert torch.equal(z, x)
        assert torch.equal(log_det, torch.zeros(2))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"channels": 1}, "at least 2 channels"),
        ({"channels": 6, "hidden_ratio": 0.1}, "no hidden channel"),
        ({"channels": 6, "kernels": "1x1"}, "Allowed: 3x3, alternate"),
        ({"channels": 6, "block": "glow"}, "did you mean 'glow2'"),
        ({"channels": 6, "steps": -1}, "0 .features stay as they are. or more"),
    ],
)
def test_settings_that_cannot_work_say_so(settings, words):
    with pytest.raises(ConfigError, match=words):
        FlowSequence(**settings)


def test_even_kernels_are_refused():
    with pytest.raises(ConfigError, match="must be odd"):
        AllInOneStep(6, kernel=2)
