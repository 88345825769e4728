"""Published DIGIT checkpoints: read safely, matched completely, computing what they computed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D
from carpus.errors import DataError
from carpus.nets.backbones.rgb import rgb_backbone
from carpus.nets.digit import DigitNet
from carpus.weights import import_weights
from formula_weights import formula_image, formula_state
from golden_cases import golden_paths
from untrusted_files import UntrustedFiles


@pytest.fixture(scope="module")
def layout():
    """Names and shapes of the published file."""
    with torch.device("meta"):
        return {f"pose_reg.{k}": v for k, v in DigitNet(rgb_backbone()).state_dict().items()}


def entries(layout):
    """A file's worth of entries that share one number each, so that it is small."""
    return {k: torch.zeros((), dtype=v.dtype).expand(v.shape) for k, v in layout.items()}


def write(path, content):
    torch.save(content, path)
    return path


def net_of(imported):
    with torch.device("meta"):
        net = DigitNet(rgb_backbone(), imported.joints)
    state = {name.removeprefix("net."): value for name, value in imported.state_dict.items()}
    net.load_state_dict(state, assign=True)
    return net.eval()


@pytest.mark.parametrize("path", golden_paths("digit", "checkpoint_forward"))
def test_imported_checkpoint_computes_what_the_reference_does(path, tmp_path):
    data = np.load(path)
    keys = json.loads(path.with_name("checkpoint_keys.json").read_text())
    state = {f"model.{name}": value for name, value in formula_state(keys).items()}
    imported = import_weights(write(tmp_path / "db7cba8c1.pt", state), "digit")
    assert (imported.joints, len(imported.state_dict)) == (42, len(keys))
    with torch.no_grad():
        out = net_of(imported)(formula_image(str(data["input_name"]), (1, 3, 256, 256)))
    codec, close = Hand25D(), {"rtol": 1e-4, "atol": 1e-3}
    joints = codec.joints_of(out["heatmap"], out["depth_map"])[0]
    np.testing.assert_allclose(joints[:, :2], data["joint_xy"], **close)
    np.testing.assert_allclose(joints[:, 2], data["zval"], **close)
    np.testing.assert_allclose(codec.rel_root_of(out["root_logits"])[0], data["rel_root_depth"], **close)
    np.testing.assert_allclose(out["hand_type_logits"][0], data["hand_type"], **close)
    np.testing.assert_allclose(out["heatmap"][0, :, ::4, ::4], data["hm_2d_stride4"], **close)
    np.testing.assert_allclose(out["depth_map"][0, :, ::4, ::4], data["hm_depth_stride4"], **close)
    np.testing.assert_allclose(out["segm_logits"][0, :, ::8, ::8], data["segm_logits_stride8"], **close)


def test_prefixes_wrapping_and_missing_counters(layout, tmp_path):
    plain = entries(layout)
    wrapped = {f"model.module.{k}": v for k, v in plain.items() if not k.endswith("num_batches_tracked")}
    content = {"state_dict": wrapped, "epoch": 49, "optimizer_states": []}
    bare = import_weights(write(tmp_path / "bare.pt", plain), "digit")
    trained = import_weights(write(tmp_path / "last.ckpt", content), "digit")
    counters = sum(name.endswith("num_batches_tracked") for name in layout)
    assert any(f"{counters} batch counters" in note for note in trained.notes)
    assert any("epoch 49" in note for note in trained.notes)
    assert list(bare.state_dict) == list(trained.state_dict)
    assert all(name.startswith("net.") for name in bare.state_dict)


def test_every_entry_that_does_not_fit_is_listed(layout, tmp_path):
    state = entries(layout) | {"pose_reg.extra": torch.zeros(2)}
    del state["pose_reg.backbone.conv1.weight"]
    state["pose_reg.hand_fc.2.bias"] = torch.zeros(3)
    with pytest.raises(DataError) as error:
        import_weights(write(tmp_path / "bad.pt", state), "digit")
    for expected in (
        "3 entries",
        "missing pose_reg.backbone.conv1.weight (64, 3, 3, 3)",
        "unexpected pose_reg.extra (2,)",
        "pose_reg.hand_fc.2.bias has shape (3,) instead of (2,)",
    ):
        assert expected in str(error.value)


def test_files_that_are_no_checkpoints_are_refused_and_run_nothing(tmp_path):
    files = UntrustedFiles(tmp_path)
    for path in files:
        with pytest.raises(DataError, match=path.name):
            import_weights(path, "digit")
    assert not files.harmed
    with pytest.raises(DataError, match=r"pose_reg\.conv_hm"):
        import_weights(write(tmp_path / "other.pt", {"fc.weight": torch.zeros(1)}), "digit")
    with pytest.raises(DataError, match="neither a state dict"):
        import_weights(write(tmp_path / "list.pt", [1, 2]), "digit")
