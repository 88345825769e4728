"""Flow steps, chains and cross-scale couplings against the reference, weights read under published names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.nets.flows import AllInOneStep, CrossScaleCoupling, CrossScalePermutation, FlowSequence, flow_nll
from golden_cases import golden_paths

PREFIXED = {"conv1_w": "subnet.0.weight", "conv1_b": "subnet.0.bias"}
PREFIXED |= {"conv2_w": "subnet.2.weight", "conv2_b": "subnet.2.bias"}
PREFIXED |= {"global_scale": "global_scale", "global_offset": "global_offset"}


@pytest.fixture(params=golden_paths("handflow2d", "flow_block"))
def block(request):
    return np.load(request.param)


@pytest.fixture(params=golden_paths("handflow2d", "flow_sequence"))
def sequence(request):
    return np.load(request.param)


@pytest.fixture(params=golden_paths("handflow2d", "csflow_coupling"))
def coupling(request):
    return np.load(request.param)


def prefixes(case, suffix):
    return [name.removesuffix(suffix) for name in case.files if name.endswith("_" + suffix)]


def published_step(case, prefix):
    """State of one step as FrEIA 0.2 saves it, permutation matrices included."""
    state = {name: torch.from_numpy(case[prefix + short]) for short, name in PREFIXED.items()}
    source = case[prefix + "perm_src_index"]
    matrix = np.zeros((len(source), len(source), 1, 1), np.float32)
    matrix[np.arange(len(source)), source] = 1
    state["w_perm"] = torch.from_numpy(matrix)
    state["w_perm_inv"] = state["w_perm"].transpose(0, 1).contiguous()
    return state


def close(found, expected, tolerance=1e-5):
    """The README's T5: absolute, in units of the largest value where that is above one."""
    expected = np.asarray(expected)
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=allowed)


def step_of(case, prefix):
    state = published_step(case, prefix)
    first, out = state["subnet.0.weight"], state["global_scale"].shape[1]
    step = AllInOneStep(out, kernel=first.shape[-1], hidden_ratio=first.shape[0] / first.shape[1])
    step.load_state_dict(state)
    return step


def test_one_step_forward(block):
    for prefix in prefixes(block, "x"):
        y, log_det = step_of(block, prefix)(torch.from_numpy(block[prefix + "x"]))
        close(y, block[prefix + "y"])
        close(log_det, block[prefix + "logdet"])


def test_one_step_in_float64(block):
    for prefix in prefixes(block, "x"):
        step = step_of(block, prefix).double()
        y, log_det = step(torch.from_numpy(block[prefix + "x"]).double())
        close(y, block[prefix + "y64"])
        close(log_det, block[prefix + "logdet64"])
        close(log_det[0], block[prefix + "logdet_autograd_sample0"])
        assert y.dtype == log_det.dtype == torch.float64


def test_one_step_backwards(block):
    for prefix in prefixes(block, "x"):
        x, log_det = step_of(block, prefix).inverse(torch.from_numpy(block[prefix + "y"]))
        close(x, block[prefix + "x_rec"])
        close(log_det, block[prefix + "logdet_rev"])
        np.testing.assert_allclose(x.detach().numpy(), block[prefix + "x"], rtol=0, atol=1e-5)


def chain_of(case, prefix):
    states = []
    while f"{prefix}step{len(states)}_conv1_w" in case.files:
        states.append(published_step(case, f"{prefix}step{len(states)}_"))
    sides = [state["subnet.0.weight"].shape[-1] for state in states]
    weight = states[0]["subnet.0.weight"]
    chain = FlowSequence(
        states[0]["global_scale"].shape[1],
        len(states),
        kernels="3x3" if set(sides) == {3} else "alternate",
        hidden_ratio=(weight.shape[0] + 0.5) / weight.shape[1],
    )
    chain.load_state_dict(
        {f"module_list.{i}.{k}": v for i, state in enumerate(states) for k, v in state.items()}
    )
    return chain


def test_chain_and_likelihood(sequence):
    for prefix in prefixes(sequence, "x"):
        chain, x = chain_of(sequence, prefix), torch.from_numpy(sequence[prefix + "x"])
        z, log_det = chain(x)
        close(z, sequence[prefix + "z"])
        close(log_det, sequence[prefix + "logdet"])
        close(flow_nll(z, log_det), sequence[prefix + "nll_loss"])
        back, reverse = chain.inverse(torch.from_numpy(sequence[prefix + "z"]))
        close(back, sequence[prefix + "x_rec"])
        close(reverse, -sequence[prefix + "logdet"])
        np.testing.assert_allclose(back.detach().numpy(), x.numpy(), rtol=0, atol=1e-5)


def coupling_of(case):
    state = {
        name.removeprefix("param_").replace("__", "."): torch.from_numpy(case[name])
        for name in case.files
        if name.startswith("param_")
    }
    hidden, _, kernel, _ = state["s1.conv_scale0_0.weight"].shape
    couple = CrossScaleCoupling(case["x0"].shape[1], hidden=hidden, kernel=kernel, clamp=3.0)
    couple.load_state_dict(state)
    return couple


def maps_of(case, name):
    return [torch.from_numpy(case[f"{name}{i}"]) for i in range(3)]


def test_cross_scale_coupling(coupling):
    out, log_dets = coupling_of(coupling)(maps_of(coupling, "x"))
    for i in range(3):
        close(out[i], coupling[f"y{i}"])
        close(log_dets[i], coupling[f"jac{i}"])
    close(flow_nll(out, log_dets, "mean"), coupling["loss"])


def test_cross_scale_coupling_backwards(coupling):
    back, log_dets = coupling_of(coupling).inverse(maps_of(coupling, "y"))
    for i in range(3):
        np.testing.assert_allclose(back[i].detach().numpy(), coupling[f"x{i}"], rtol=0, atol=1e-5)
        close(log_dets[i], -coupling[f"jac{i}"])


def test_cross_scale_permutation(coupling):
    maps = maps_of(coupling, "x")
    permute = CrossScalePermutation(maps[0].shape[1], seed=int(coupling["perm_seed"]))
    for i, out in enumerate(permute(maps)):
        assert permute.scales[i].index.tolist() == coupling[f"perm{i}"].tolist()
        np.testing.assert_array_equal(out.numpy(), coupling[f"permuted{i}"])
