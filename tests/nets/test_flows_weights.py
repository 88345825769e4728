"""Names, sizes and permutations of flows: what a checkpoint holds and what published weights bring."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from carpus.errors import DataError
from carpus.nets.flows import (
    ChannelPermutation,
    CrossScaleCoupling,
    CrossScaleFlow,
    FlowSequence,
    index_from_matrix,
    permutation_stream,
)
from golden_cases import golden_paths


def trainable(flow):
    return sum(p.numel() for p in flow.parameters())


def matrix_of(index):
    return torch.eye(len(index))[index][:, :, None, None]


def published(chain):
    """A chain's state as FrEIA 0.2 writes it."""
    state = {}
    for name, value in chain.state_dict().items():
        if name.endswith("permutation.index"):
            step = name.removesuffix("permutation.index")
            state[f"{step}w_perm"] = matrix_of(value)
            state[f"{step}w_perm_inv"] = matrix_of(value.argsort())
        else:
            state[name] = value.clone()
    return state


@pytest.mark.parametrize("path", golden_paths("handflow2d", "state_dict_spec", ".json"))
def test_names_order_and_shapes_are_the_published_ones(path):
    listed = json.loads(path.read_text())["flow_resnet18"]
    for scale, channels in enumerate((64, 128, 256)):
        prefix = f"nf_flows.{scale}."
        expected = [(n.removeprefix(prefix), tuple(s)) for n, s, _ in listed if n.startswith(prefix)]
        with torch.device("meta"):
            chain = FlowSequence(channels, 8)
            assert [(n, tuple(v.shape)) for n, v in published(chain).items()] == expected


@pytest.mark.parametrize(
    ("channels", "steps", "settings", "count"),
    [
        (64, 8, {}, 222_976),
        (128, 8, {}, 888_320),
        (256, 8, {}, 3_546_112),
        (1024, 8, {"kernels": "alternate"}, 31_485_952),
        (768, 8, {"kernels": "alternate"}, 17_716_224),
        (768, 20, {"kernels": "alternate", "hidden_ratio": 0.16}, 7_074_500),
    ],
)
def test_trainable_parameters_of_the_published_settings(channels, steps, settings, count):
    with torch.device("meta"):
        assert trainable(FlowSequence(channels, steps, **settings)) == count


def test_parameters_of_the_published_cross_scale_flow():
    with torch.device("meta"):
        assert trainable(CrossScaleCoupling(304)) == 47_638_694
        assert trainable(CrossScaleCoupling(304, kernel=5)) == 132_311_206
        assert trainable(CrossScaleFlow(304)) == 275_227_288


def test_published_weights_bring_their_permutations():
    source, target = FlowSequence(7, 3, perm_seed=1), FlowSequence(7, 3, perm_seed=2)
    x = torch.randn(2, 7, 4, 4)
    state = published(source)
    before = dict(state)
    assert not torch.equal(source(x)[0], target(x)[0])
    target.load_state_dict(state)
    assert state.keys() == before.keys()
    torch.testing.assert_close(target(x), source(x), rtol=0, atol=0)
    torch.testing.assert_close(target.inverse(x), source.inverse(x), rtol=0, atol=0)


def test_own_weights_bring_their_permutations_also_to_a_net_without_storage(tmp_path):
    source = FlowSequence(6, 2, block="glow2", perm_seed=1)
    x = torch.randn(2, 6, 4, 4)
    source(x)
    torch.save(source.state_dict(), tmp_path / "flow.pt")
    with torch.device("meta"):
        target = FlowSequence(6, 2, block="glow2", perm_seed=2)
    target.load_state_dict(torch.load(tmp_path / "flow.pt", weights_only=True), assign=True)
    for flow in (target, copy.deepcopy(target)):
        torch.testing.assert_close(flow(x), source(x), rtol=0, atol=0)
        torch.testing.assert_close(flow.inverse(x), source.inverse(x), rtol=0, atol=0)


def test_seeds_and_shared_streams():
    def indices(flow):
        return [step.permutation.index.tolist() for step in flow.module_list]

    assert indices(FlowSequence(9, 3)) == indices(FlowSequence(9, 3))
    assert indices(FlowSequence(9, 3)) != indices(FlowSequence(9, 3, perm_seed=1))
    stream = permutation_stream(25)
    chains = [FlowSequence(c, 2, perm_seed=stream) for c in (4, 8)]
    drawn = np.random.RandomState(25)
    assert [i for chain in chains for i in indices(chain)] == [
        drawn.permutation(c).tolist() for c in (4, 4, 8, 8)
    ]


def test_permutation_takes_the_channels_it_names():
    permute = ChannelPermutation(5, 4)
    x = torch.randn(2, 5, 3, 3)
    torch.testing.assert_close(permute(x), x[:, permute.index], rtol=0, atol=0)
    torch.testing.assert_close(permute(x), torch.nn.functional.conv2d(x, matrix_of(permute.index)))
    torch.testing.assert_close(permute.inverse(permute(x)), x, rtol=0, atol=0)


@pytest.mark.parametrize(
    "matrix",
    [
        torch.full((4, 4, 1, 1), 0.25),
        torch.ones(4, 4),
        torch.tensor([[1.0, 0], [1, 0]]),
        torch.tensor([3, 1, 0, 2]).view(4, 1),
    ],
    ids=["soft", "many", "twice", "indices"],
)
def test_matrices_that_are_no_permutation_are_refused(matrix):
    with pytest.raises(DataError, match=r"0\.w_perm"):
        index_from_matrix(matrix, "0.w_perm")


def test_damaged_weights_are_refused_by_name():
    chain = FlowSequence(4, 2)
    state = chain.state_dict()
    state["module_list.1.permutation.index"] = torch.tensor([0, 1, 1, 3])
    with pytest.raises(DataError, match=r"module_list\.1\.permutation\.index: not a permutation"):
        chain.load_state_dict(state)
    other = published(FlowSequence(4, 2))
    other["module_list.0.w_perm"] = torch.tensor([2, 0, 1, 3])
    with pytest.raises(DataError, match=r"module_list\.0\.w_perm"):
        chain.load_state_dict(other)


def test_missing_permutation_is_reported():
    chain = FlowSequence(4, 1)
    state = chain.state_dict()
    del state["module_list.0.permutation.index"]
    with pytest.raises(RuntimeError, match=r"permutation\.index"):
        chain.load_state_dict(state)
    with pytest.raises(RuntimeError, match="size mismatch"):
        chain.load_state_dict(FlowSequence(5, 1).state_dict())
