"""Likelihoods, priors, samples, and errors that name the step."""

from __future__ import annotations

import math

import pytest
import torch

from carpus.errors import ConfigError
from carpus.nets.flows import (
    CrossScaleFlow,
    DiagonalNormal,
    FlowSequence,
    NonFiniteFlowError,
    StandardNormal,
    dimensions,
    flow_nll,
    locate_non_finite,
    normalise_nll,
    require_finite,
)

SHAPES = ((3, 4, 6, 5), (3, 8, 3, 2))


def latents():
    return [torch.randn(shape, dtype=torch.double) for shape in SHAPES], [
        torch.randn(3).double() for _ in SHAPES
    ]


def test_nats_per_dimension_are_the_density_of_the_normal_distribution():
    z, log_det = latents()
    normal = torch.distributions.Normal(torch.zeros((), dtype=torch.double), 1.0)
    log_density = sum(normal.log_prob(one).flatten(1).sum(1) for one in z) + sum(log_det)
    expected = -log_density.mean() / (4 * 30 + 8 * 6)
    torch.testing.assert_close(flow_nll(z, log_det, "per_dim"), expected)
    torch.testing.assert_close(flow_nll(z, log_det, "bits_per_dim"), expected / math.log(2))


def test_scales_add_up_and_one_map_needs_no_list():
    z, log_det = latents()
    both = flow_nll(z, log_det)
    torch.testing.assert_close(both, sum(flow_nll(a, b) for a, b in zip(z, log_det, strict=True)))
    torch.testing.assert_close(flow_nll(z, sum(log_det)), both)
    assert dimensions(z) == 4 * 30 + 8 * 6


@pytest.mark.parametrize("name", ["sum", "mean", "per_dim", "bits_per_dim"])
def test_a_sum_can_be_turned_into_every_face(name):
    z, log_det = latents()
    turned = normalise_nll(flow_nll(z, log_det), dimensions(z), name)
    torch.testing.assert_close(turned, flow_nll(z, log_det, name))


def test_unknown_normalisation():
    with pytest.raises(ConfigError, match="did you mean 'per_dim'"):
        flow_nll(*latents(), "perdim")


def test_half_precision_latents_are_summed_in_float32():
    z = torch.full((1, 64, 64, 64), 0.5, dtype=torch.bfloat16)
    value = flow_nll(z, torch.zeros(1))
    assert value.dtype == torch.float32
    assert float(value) == 64**3 / 8


@pytest.mark.parametrize("shape", [(4, 1, 1), (4, 6, 5)])
def test_learned_prior_starts_standard_and_then_is_the_density_it_claims(shape):
    z = torch.randn(SHAPES[0], dtype=torch.double)
    prior = DiagonalNormal(shape).double()
    torch.testing.assert_close(prior.energy(z), StandardNormal().energy(z))
    with torch.no_grad():
        prior.mean.normal_()
        prior.log_std.normal_()
    normal = torch.distributions.Normal(prior.mean, prior.log_std.exp())
    expected = -normal.log_prob(z).flatten(1).sum(1) - 120 * 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(prior.energy(z), expected)
    loss = flow_nll([z, z], [torch.zeros(3)] * 2, "sum", prior=[prior, StandardNormal()])
    torch.testing.assert_close(loss, (expected + StandardNormal().energy(z)).mean())
    loss.backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in prior.parameters())


def test_samples_follow_prior_temperature_and_generator():
    prior = DiagonalNormal((4, 1, 1))
    with torch.no_grad():
        prior.mean.copy_(torch.arange(4.0).view(1, 4, 1, 1))
        prior.log_std.fill_(math.log(3.0))
    draws = [prior.sample((50, 4, 30, 30), 0.5, torch.Generator().manual_seed(s)).detach() for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    torch.testing.assert_close(draws[0].mean((0, 2, 3)), torch.arange(4.0), atol=0.05, rtol=0)
    torch.testing.assert_close(draws[0].std((0, 2, 3)), torch.full((4,), 1.5), atol=0.05, rtol=0)
    assert not StandardNormal().sample((2, 4, 3, 3), temperature=0.0).any()
    assert StandardNormal().bfloat16().sample((2, 4, 3, 3)).dtype == torch.float32


def test_a_latent_sample_becomes_features_of_the_same_latent():
    chain = FlowSequence(4, 3)
    z = StandardNormal().sample((2, 4, 5, 5), temperature=0.7)
    features, _ = chain.inverse(z)
    torch.testing.assert_close(chain(features)[0], z, rtol=0, atol=1e-5)


def broken_chain():
    chain = FlowSequence(4, 3)
    with torch.no_grad():
        chain.module_list[1].global_offset.fill_(torch.inf)
    return chain


def test_the_step_and_scale_at_fault_are_named():
    flows = [FlowSequence(4, 3), broken_chain()]
    maps = [torch.randn(2, 4, 5, 5), torch.randn(2, 4, 3, 3)]
    z, log_det = zip(*(flow(x) for flow, x in zip(flows, maps, strict=True)), strict=True)
    with pytest.raises(
        NonFiniteFlowError, match=r"step 1 of 3 of the flow of scale 1 .*magnitude inf"
    ) as error:
        require_finite(flow_nll(z, log_det), flows, maps)
    assert "scale 0" not in str(error.value)


def test_the_features_are_named_if_they_are_at_fault():
    maps = [torch.full((2, 4, 5, 5), torch.nan)]
    with pytest.raises(
        NonFiniteFlowError, match="features of scale 0 are not finite before they enter the flow"
    ):
        require_finite(torch.tensor(torch.nan), [FlowSequence(4, 3)], maps)


def test_finite_flows_pass_and_are_not_run():
    require_finite(torch.tensor(1.0), [], [])
    assert locate_non_finite(FlowSequence(4, 2), torch.randn(1, 4, 3, 3)) is None
    with pytest.raises(NonFiniteFlowError, match="only the sum overflows"):
        require_finite(torch.tensor(torch.inf), [FlowSequence(4, 2)], [torch.randn(1, 4, 3, 3)])


def test_cross_scale_flows_are_searched_too():
    flow = CrossScaleFlow(4, kernels=(3, 3), hidden=4)
    maps = [torch.randn(1, 4, s, s) for s in (8, 4, 2)]
    assert locate_non_finite(flow, maps) is None
    with torch.no_grad():
        flow.couplings[1].s1.gamma2.fill_(torch.nan)
    assert "step 1 of 2 of the flow gives NaN" in locate_non_finite(flow, maps)


@pytest.mark.parametrize("block", ["allinone", "glow2"])
def test_learns_a_dependence_that_no_normal_distribution_has(block):
    """Half the channels are the square of the other half, with noise 0.1: uncorrelated, yet almost known."""
    chain = FlowSequence(4, 4, block=block, clamp=2.0)
    optimizer = torch.optim.Adam(chain.parameters(), lr=1e-2)
    values = []
    for _ in range(300):
        first = torch.randn(16, 2, 4, 4)
        loss = flow_nll(*chain(torch.cat((first, first.square() + 0.1 * torch.randn_like(first)), 1)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    best_normal = 16 * (2 + math.log(2.01))
    true = 16 * (2 + math.log(0.01))
    assert true < float(torch.stack(values[-20:]).mean()) < best_normal - 10
