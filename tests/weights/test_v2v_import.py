"""Checkpoints of the PyTorch port: read safely, mapped completely, computing what they computed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError, DataError
from carpus.methods.v2v.net import V2VNet
from carpus.weights import import_weights
from carpus.weights.v2v import port_name
from formula_weights import formula_image, formula_state
from golden_cases import golden_paths
from untrusted_files import UntrustedFiles


def write(path, state, **others):
    torch.save({"model_state_dict": state, "optimizer_state_dict": {}, "epoch": 14} | others, path)
    return path


def small_state(joints=3):
    """A port-named state of full width."""
    return {port_name(name): value for name, value in V2VNet(joints).state_dict().items()}


def net_of(imported):
    net = V2VNet(imported.joints)
    net.load_state_dict({name.removeprefix("net."): value for name, value in imported.state_dict.items()})
    return net.eval()


@pytest.mark.parametrize("path", golden_paths("v2v", "checkpoint_forward"))
def test_imported_checkpoint_computes_what_the_reference_does(path, tmp_path):
    data = np.load(path)
    keys = json.loads(path.with_name("checkpoint_keys.json").read_text())
    imported = import_weights(write(tmp_path / "epoch14.pth", formula_state(keys)), "v2v")
    image = formula_image(str(data["input_name"]), (1, 1, 88, 88, 88))
    volume = (image > float(data["input_threshold"])).float()
    assert float(volume.sum()) == float(data["input_sum"])
    with torch.no_grad():
        out = net_of(imported)(volume)[0]
    close = {"atol": 2e-5, "rtol": 0}
    np.testing.assert_allclose(out[:, ::4, ::4, ::4], data["output_stride4"], **close)
    np.testing.assert_allclose(out.mean((1, 2, 3)), data["output_mean"], **close)
    np.testing.assert_allclose(out.amax((1, 2, 3)), data["output_max"], **close)
    flat = out.flatten(1).argmax(-1).numpy()
    np.testing.assert_array_equal(np.stack(np.unravel_index(flat, out.shape[1:]), -1), data["argmax"])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_variants_prefixes_and_missing_counters(prefix, tmp_path):
    state = small_state()
    gauss = import_weights(write(tmp_path / "g.pth", {prefix + k: v for k, v in state.items()}), "v2v")
    wrapped = {f"{prefix}basic_model.{k}": v for k, v in state.items() if not k.endswith("tracked")}
    wrapped |= {f"{prefix}spatial_softmax.pos_{axis}": torch.zeros(44**3) for axis in "xyz"}
    integral = import_weights(write(tmp_path / "i.pth", wrapped), "v2v")
    assert (gauss.joints, gauss.overrides["loss"], integral.overrides["loss"]) == (3, "gauss", "integral")
    assert gauss.overrides["method.inputs.pixel_offset"] == 1
    assert integral.overrides["loss.codec.clip_max"] == 42
    assert any("30 batch counters" in note for note in integral.notes)
    assert gauss.state_dict.keys() == integral.state_dict.keys()
    for name, value in gauss.state_dict.items():
        assert torch.equal(value, integral.state_dict[name])


def test_every_entry_that_does_not_fit_is_listed(tmp_path):
    state = small_state()
    state["extra.weight"] = torch.zeros(2)
    del state["back_layers.1.block.0.bias"]
    state["front_layers.0.block.0.weight"] = torch.zeros(16, 1, 5, 5, 5)
    with pytest.raises(DataError) as error:
        import_weights(write(tmp_path / "bad.pth", state), "v2v")
    for expected in (
        "3 entries",
        "missing back_layers.1.block.0.bias (32,)",
        "unexpected extra.weight (2,)",
        "front_layers.0.block.0.weight has shape (16, 1, 5, 5, 5) instead of (16, 1, 7, 7, 7)",
    ):
        assert expected in str(error.value)


def test_files_that_are_no_checkpoints_are_refused_and_run_nothing(tmp_path):
    files = UntrustedFiles(tmp_path, "model_state_dict", ".pth")
    for path in files:
        with pytest.raises(DataError, match=path.name):
            import_weights(path, "v2v")
    assert not files.harmed
    with pytest.raises(DataError, match=r"output_layer\.weight"):
        import_weights(write(tmp_path / "other.pth", {"fc.weight": torch.zeros(1)}), "v2v")
    with pytest.raises(DataError, match="neither a state dict"):
        import_weights(write(tmp_path / "list.pth", [1, 2]), "v2v")
    with pytest.raises(ConfigError, match="did you mean 'v2v'"):
        import_weights(files.trap, "v2w")
