"""Cross-scale flows: both directions, volume, gradients and sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.nets.flows import CrossScaleCoupling, CrossScaleFlow, flow_nll


def shaken(flow, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in flow.named_parameters():
            if "gamma" in name:
                p.copy_(torch.randn(1, generator=generator))
    return flow


def make_maps(channels, height=4, width=8, batch=2, dtype=torch.double):
    return [torch.randn(batch, channels, height // s, width // s, dtype=dtype) for s in (1, 2, 4)]


def flatten(maps):
    return torch.cat([x.flatten(1) for x in maps], 1)


def unflatten(flat, like):
    parts = flat.split([math.prod(x.shape[1:]) for x in like], 1)
    return [part.view(-1, *x.shape[1:]) for part, x in zip(parts, like, strict=True)]


@pytest.mark.parametrize("seed", range(6))
def test_flows_of_random_shape_are_undone_and_know_their_volume(seed):
    rng = np.random.default_rng(seed)
    channels, kernels = int(rng.integers(2, 6)), [int(k) for k in rng.choice([1, 3, 5], rng.integers(1, 4))]
    flow = shaken(CrossScaleFlow(channels, kernels, hidden=5, perm_seed=seed), seed).double()
    maps = make_maps(channels, 4, 4 * int(rng.integers(1, 3)))
    z, log_dets = flow(maps)
    back, reverse = flow.inverse(z)
    for a, b in zip(maps, back, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)
    torch.testing.assert_close(sum(reverse), -sum(log_dets))
    for i, sample in enumerate(flatten(maps)):
        jacobian = torch.func.jacrev(lambda s: flatten(flow(unflatten(s[None], maps))[0])[0])(sample)
        torch.testing.assert_close(sum(log_dets)[i], jacobian.slogdet().logabsdet, rtol=1e-9, atol=1e-9)


def test_float32_round_trip_at_a_width_of_use():
    flow = CrossScaleFlow(32, hidden=16)
    with torch.no_grad():
        for name, p in flow.named_parameters():
            if "gamma" in name:
                p.fill_(0.5)
    maps = make_maps(32, 24, 24, dtype=torch.float32)
    z, log_dets = flow(maps)
    assert any(float(x.detach().abs().sum()) > 0 for x in log_dets)
    for a, b in zip(maps, flow.inverse(z)[0], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_gradients():
    couple = shaken(CrossScaleCoupling(3, hidden=2, kernel=3)).double()
    maps = [x.requires_grad_() for x in make_maps(3, 4, 4, batch=1)]

    def both(*given):
        z, log_dets = couple(given)
        return (*z, *log_dets)

    def back(*given):
        x, log_dets = couple.inverse(given)
        return (*x, *log_dets)

    assert torch.autograd.gradcheck(both, maps)
    assert torch.autograd.gradcheck(back, maps)
    flow_nll(*couple(maps), "mean").backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in couple.parameters())


def test_every_scale_hears_its_neighbours():
    couple = shaken(CrossScaleCoupling(4, hidden=6)).double()
    maps = [x.requires_grad_() for x in make_maps(4)]
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1)):
        (grad,) = torch.autograd.grad(couple(maps)[0][i].square().sum(), maps[j])
        assert bool(grad.abs().sum() > 0)


def test_a_new_flow_only_permutes():
    flow, maps = CrossScaleFlow(4, hidden=3), make_maps(4, dtype=torch.float32)
    z, log_dets = flow(maps)
    expected = maps
    for permute in flow.permutations:
        expected = permute(expected)
    for a, b in zip(z, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert not any(x.any() for x in log_dets)


def test_scales_are_bounded_and_outputs_clamped():
    couple = CrossScaleCoupling(4, hidden=3, clamp=3.0)
    with torch.no_grad():
        for subnet in (couple.s1, couple.s2):
            for i in range(3):
                getattr(subnet, f"gamma{i}").fill_(1e9)
    z, log_dets = couple(make_maps(4, dtype=torch.float32))
    for a, b in zip(z, log_dets, strict=True):
        assert float(a.detach().abs().max()) <= 1e6
        assert float(b.detach().abs().max()) <= 3.0 * 0.636 * math.pi / 2 * a[0].numel() * 1.001


@pytest.mark.parametrize("sizes", [(24, 12, 7), (9, 5, 3), (24, 12)])
def test_sizes_that_do_not_halve_are_refused(sizes):
    maps = [torch.randn(1, 4, s, s) for s in sizes]
    with pytest.raises(ConfigError, match="three maps whose sides halve"):
        CrossScaleCoupling(4, hidden=3)(maps)


@pytest.mark.parametrize(
    ("settings", "words"), [((4, 3, 2), "must be odd"), ((1, 3, 3), "at least 2 channels")]
)
def test_settings_that_cannot_work_say_so(settings, words):
    with pytest.raises(ConfigError, match=words):
        CrossScaleCoupling(*settings)
