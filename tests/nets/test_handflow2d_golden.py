"""The networks of BiHand and 2DHandFlow against the reference: names, sizes, order of layers, results."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.nets.backbones.features import feature_maps
from carpus.nets.flows import flow_nll
from carpus.nets.handflow2d import FlowSeed, LiftNet, SeedNet, SIKNet
from golden_cases import HERE, golden_folder, golden_paths
from handflow2d_golden import (
    T4,
    deviation,
    flow_image,
    formula_state,
    image,
    layout,
    leaf_calls,
    lift_inputs,
    stats,
)

MAKE = {
    "seednet": SeedNet,
    "liftnet": LiftNet,
    "siknet": SIKNet,
    "flow_resnet18": lambda: FlowSeed(feature_maps("resnet18")),
}
INPUTS = {
    "seednet": [(3, 256, 256)],
    "liftnet": [(21, 64, 64), (1, 64, 64), (256, 64, 64)],
    "flow_resnet18": [(3, 256, 256)],
}
UNUSED = {f"{head}_cait.{entry}" for head in ("hm", "mask") for entry in ("weight", "bias")}


def spec_of(name):
    path = golden_folder("handflow2d") / "state_dict_spec.json"
    if not path.exists():
        path = HERE / "golden" / "handflow2d" / path.name
    return layout(path)[name]


def case(kind):
    """A fixture for the arrays of each file of a kind, and its path."""

    @pytest.fixture(scope="module", params=golden_paths("handflow2d", kind))
    def arrays(request):
        return dict(np.load(request.param)), request.param

    return arrays


def published(name, salt):
    state = formula_state(spec_of(name), salt)
    net = MAKE[name]().eval()
    net.load_state_dict({key: value for key, value in state.items() if key not in UNUSED})
    return net


def check(found, data, name):
    assert deviation(found, data[name]) <= T4, name


seed_case, lift_case = case("net_seednet_forward"), case("net_liftnet_forward")
sik_case, flow_case = case("net_siknet_mlp"), case("net_flow_resnet18_forward")


def test_seednet(seed_case):
    data, _ = seed_case
    net = published("seednet", int(data["salt"]))
    with torch.no_grad():
        found = net.answers(image(int(data["salt"])))
    for i in range(2):
        check(found.first[i][..., ::4, ::4], data, f"hm{i}_s4")
        check(found.second[i][..., ::2, ::2], data, f"mask{i}_s2")
        check(stats(found.first[i]), data, f"hm{i}_stats")
        check(stats(found.encodings[i]), data, f"enc{i}_stats")
    check(stats(found.second[1]), data, "mask1_stats")
    check(found.encodings[1][:, ::16, ::8, ::8], data, "enc1_c16s8")


def test_liftnet(lift_case):
    data, _ = lift_case
    net = published("liftnet", int(data["salt"]))
    inputs = lift_inputs(int(data["salt"]))
    with torch.no_grad():
        volumes, outputs = net.answers(*inputs).first, net(*inputs)
    for i in range(2):
        assert volumes[i].shape == tuple(data[f"hm3d{i}_shape"])
        check(outputs["l_uvd"][i], data, f"uvd{i}")
        check(outputs["l_dep"][i][..., ::2, ::2], data, f"dep{i}_s2")
    check(outputs["latent"][:, ::8], data, "latent_c8")


def test_siknet(sik_case):
    data, _ = sik_case
    net = published("siknet", int(data["salt"]))
    with torch.no_grad():
        quat, beta = net.regress(torch.from_numpy(data["jointRS"]), torch.from_numpy(data["kin_chain"]))
    check(quat, data, "quat")
    check(beta, data, "beta")


def test_flow(flow_case):
    data, path = flow_case
    net, picture = published("flow_resnet18", int(data["salt"])), flow_image(path)
    with torch.no_grad():
        maps, outputs = net.normed_features(picture), net(picture)
        latents = [flow(x) for flow, x in zip(net.nf_flows, maps, strict=True)]
    assert float(outputs["l_ff"]) == pytest.approx(float(data["nll_loss"]), rel=1e-4)
    assert float(outputs["l_ff"]) == pytest.approx(float(sum(flow_nll(*pair) for pair in latents)))
    for i, (name, channels, cells) in enumerate(
        (("z0_c8s8", 8, 8), ("z1_c16s4", 16, 4), ("z2_c16s2", 16, 2))
    ):
        check(latents[i][0][:, ::channels, ::cells, ::cells], data, name)
        assert deviation(latents[i][1], data["logdet"][i]) <= T4
        assert deviation(stats(maps[i]), data["feat_stats"][i]) <= T4
    heatmap, mask = outputs["l_hm"][0], outputs["l_mask"][0]
    check(heatmap[..., ::4, ::4], data, "hm_s4")
    check(mask[..., ::2, ::2], data, "mask_s2")
    check(stats(heatmap), data, "hm_stats")
    check(stats(mask), data, "mask_stats")


def meta(name):
    with torch.device("meta"):
        return MAKE[name]()


@pytest.mark.parametrize("path", golden_paths("handflow2d", "state_dict_spec", ".json"))
@pytest.mark.parametrize("name", ["seednet", "liftnet", "siknet"])
def test_names_order_and_shapes_are_the_published_ones(path, name):
    own = [[key, list(value.shape)] for key, value in meta(name).state_dict().items()]
    assert own == [entry[:2] for entry in layout(path)[name]]


@pytest.mark.parametrize("path", golden_paths("handflow2d", "state_dict_spec", ".json"))
def test_flow_has_the_published_names_but_for_permutations_and_unused_heads(path):
    """Two matrices per step became one buffer of indices; one of two pairs of heads was never used."""
    own = {key: list(value.shape) for key, value in meta("flow_resnet18").state_dict().items()}
    theirs = {key: shape for key, shape, _ in layout(path)["flow_resnet18"] if key not in UNUSED}
    indices = {key: shape for key, shape in own.items() if key.endswith(".permutation.index")}
    matrices = {key: shape for key, shape in theirs.items() if "w_perm" in key}
    assert {k: v for k, v in own.items() if k not in indices} == {
        k: v for k, v in theirs.items() if k not in matrices
    }
    assert 2 * len(indices) == len(matrices)
    assert {key.replace("permutation.index", "w_perm"): shape[0] for key, shape in indices.items()} == {
        key: shape[0] for key, shape in matrices.items() if key.endswith("w_perm")
    }


@pytest.mark.parametrize("path", golden_paths("handflow2d", "layer_trace", ".json"))
@pytest.mark.parametrize("name", list(INPUTS))
def test_every_leaf_is_called_in_its_place_with_its_shape(path, name):
    net = meta(name)
    calls = leaf_calls(net, *(torch.zeros(1, *shape, device="meta") for shape in INPUTS[name]))
    # The reference takes the softplus of a step as a layer and its permutation as a convolution's weight.
    calls = [call for call in calls if call[1] != "ChannelPermutation"]
    expected = [call for call in json.loads(path.read_text())[name] if call[1] != "Softplus"]
    assert calls == expected
