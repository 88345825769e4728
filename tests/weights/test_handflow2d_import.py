"""Published files of BiHand and 2DHandFlow: read safely, matched completely, joined to whole networks."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from hydra.utils import instantiate

from carpus.engine.config import compose_config
from carpus.engine.weights import settings
from carpus.errors import DataError
from carpus.nets.backbones.features import feature_maps
from carpus.nets.handflow2d import STAGES, FlowSeed, HandFlowNet, LiftNet, SeedNet, SIKNet
from carpus.weights import import_weights
from carpus.weights.handflow2d import read_part, read_parts
from golden_cases import HERE, golden_paths
from handflow2d_golden import flow_image, formula_state, layout
from untrusted_files import UntrustedFiles

SPEC = layout(HERE / "golden" / "handflow2d" / "state_dict_spec.json")
NETS = {"seed": "seednet", "lift": "liftnet", "sik": "siknet"}


def entries(stage):
    """A file's worth of entries that share one number each, so that it is small."""
    return {
        key: torch.full((), float(k), dtype=torch.int64 if kind == "zero" else torch.float32).expand(shape)
        for k, (key, shape, kind) in enumerate(SPEC[NETS[stage]])
    }


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


@pytest.fixture
def release(tmp_path):
    """The published folder: one seed for all, lifting and hand model per dataset."""
    seed = {"epoch": 100, "state_dict": {f"module.{k}": v for k, v in entries("seed").items()}}
    write(tmp_path / "ckp_seednet_all.pth.tar", seed)
    write(tmp_path / "rhd" / "ckp_liftnet_rhd.pth.tar", {"epoch": 9, "state_dict": entries("lift")})
    write(tmp_path / "rhd" / "ckp_siknet_rhd.pth.tar", entries("sik"))
    return tmp_path


def meta_net(*stages):
    with torch.device("meta"):
        made = {"seed": SeedNet(), "lift": LiftNet(), "sik": SIKNet()}
        return HandFlowNet(**made, stages=stages)


def test_a_seed_alone(release):
    imported = import_weights(release / "ckp_seednet_all.pth.tar", "handflow2d")
    net = meta_net("seed")
    assert set(imported.state_dict) == {f"net.{name}" for name in net.state_dict()}
    net.load_state_dict({k.removeprefix("net."): v for k, v in imported.state_dict.items()}, assign=True)
    loaded = net.seednet.state_dict()
    for k, (key, _, _) in enumerate(SPEC["seednet"]):
        assert (loaded[key] == k).all(), key
    assert imported.joints == 21
    assert imported.overrides["method.stages"] == ["seed"]
    assert imported.overrides["method.module.normalize"] == "half"
    assert any("epoch 100" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("name", "stages"),
    [("ckp_liftnet_rhd.pth.tar", ("seed", "lift")), ("ckp_siknet_rhd.pth.tar", ("seed", "lift", "sik"))],
)
def test_a_later_stage_finds_the_earlier_ones(release, name, stages):
    imported = import_weights(release / "rhd" / name, "handflow2d/bihand")
    assert set(imported.state_dict) == {f"net.{key}" for key in meta_net(*stages).state_dict()}
    assert imported.overrides["method.stages"] == list(stages)
    assert any("ckp_seednet_all.pth.tar" in note for note in imported.notes)


def test_earlier_stages_that_are_missing_or_not_clear(release):
    lift = release / "rhd" / "ckp_liftnet_rhd.pth.tar"
    seed = release / "ckp_seednet_all.pth.tar"
    write(release / "ckp_seednet_stb.pth.tar", entries("seed"))
    with pytest.raises(DataError, match=r"several files of it: ckp_seednet_all.*ckp_seednet_stb"):
        import_weights(lift, "handflow2d")
    (release / "ckp_seednet_stb.pth.tar").unlink()
    seed.unlink()
    with pytest.raises(DataError, match="needs the stage seed as well"):
        import_weights(lift, "handflow2d")
    assert list(read_parts(lift)) == ["lift"]


def test_one_file_of_all_stages(tmp_path):
    whole = {f"module.{STAGES[stage]}.{k}": v for stage in STAGES for k, v in entries(stage).items()}
    hand_model = {"module.siknet.mano_layer.th_v_template": torch.zeros(1, 778, 3)}
    path = write(tmp_path / "ckp_siknet_stb.pth.tar", {"epoch": 100, "state_dict": whole | hand_model})
    imported = import_weights(path, "handflow2d")
    assert set(imported.state_dict) == {f"net.{key}" for key in meta_net(*STAGES).state_dict()}
    assert any("1 entries of the hand model" in note for note in imported.notes)
    lift = read_part(path, "lift")
    assert list(lift.state) == [key for key, _, _ in SPEC["liftnet"]]
    with pytest.raises(DataError, match="holds sik, not the stage lift"):
        read_part(write(tmp_path / "ckp_siknet_synth.pth.tar", entries("sik")), "lift")
    with pytest.raises(DataError, match="did you mean 'seed'"):
        read_part(path, "seeds")


@pytest.mark.parametrize("path", golden_paths("handflow2d", "net_flow_resnet18_forward"))
def test_imported_flow_computes_what_the_reference_does(path, tmp_path):
    data = np.load(path)
    state = formula_state(SPEC["flow_resnet18"], int(data["salt"]))
    file = write(tmp_path / "ckp_seednet_all_20.pth.tar", {"epoch": 20, "state_dict": state})
    imported = import_weights(file, "handflow2d")
    assert imported.overrides["seednet"] == "flow"
    sizes = {"steps": 8, "kernels": "3x3", "hidden_ratio": 1.0}
    expected = {f"seednet.net.{name}": value for name, value in sizes.items()} | {"seednet.image_px": 256}
    assert expected.items() <= imported.overrides.items()
    net = HandFlowNet(FlowSeed(feature_maps("resnet18"))).eval()
    net.load_state_dict({k.removeprefix("net."): v for k, v in imported.state_dict.items()})
    with torch.no_grad():
        found = net(flow_image(path))
    assert float(found["l_ff"]) == pytest.approx(float(data["nll_loss"]), rel=1e-4)
    np.testing.assert_allclose(found["l_hm"][0][..., ::4, ::4], data["hm_s4"], rtol=0, atol=1e-4)


def test_a_transformers_flow_is_read_off_its_entries(tmp_path):
    name = "deit_base_distilled_patch16_384"
    with torch.device("meta"):
        options = {"steps": 3, "kernels": "alternate", "hidden_ratio": 0.16, "enc_channels": 768}
        net = FlowSeed(feature_maps(name), 384, **options)
        own, whole = net.state_dict(), timm.create_model(name).state_dict()
    shapes = {k: v.shape for k, v in own.items() if k.startswith("nf_flows") and "permutation" not in k}
    shapes |= {f"feature_extractor.{k}": v.shape for k, v in whole.items()}
    for head, count in (("hm", 21), ("mask", 1)):
        for pair, width in (("", 256), ("_cait", 768)):
            shapes |= {f"{head}{pair}.weight": (count, width, 1, 1), f"{head}{pair}.bias": (count,)}
    state = {k: torch.zeros(()).expand(shape) for k, shape in shapes.items()}
    for step in range(3):
        for entry in ("w_perm", "w_perm_inv"):
            state[f"nf_flows.0.module_list.{step}.{entry}"] = torch.eye(768)[..., None, None]
    imported = import_weights(write(tmp_path / "flow.pth.tar", state), "handflow2d")
    assert set(imported.state_dict) == {f"net.seednet.{k}" for k in own}
    expected = {"seednet": "flow_deit", "seednet.image_px": 384, "seednet.channels": 768}
    expected |= {f"seednet.net.{name}": options[name] for name in ("steps", "kernels", "hidden_ratio")}
    assert expected.items() <= imported.overrides.items()


def test_every_entry_that_does_not_fit_is_listed(tmp_path):
    state = entries("seed") | {"extra.bias": torch.zeros(2)}
    del state["layer1.0.conv1.weight"]
    state["hm.0.bias"] = torch.zeros(16)
    with pytest.raises(DataError) as error:
        import_weights(write(tmp_path / "bad.pth.tar", state), "handflow2d")
    for expected in (
        *("bad.pth.tar: 3 entries", "missing layer1.0.conv1.weight (64, 64, 1, 1)"),
        *("unexpected extra.bias (2,)", "hm.0.bias has shape (16,) instead of (21,)"),
    ):
        assert expected in str(error.value)


def test_flows_that_are_not_complete_are_refused(tmp_path):
    whole = {key: torch.zeros(()).expand(shape) for key, shape, _ in SPEC["flow_resnet18"]}
    cut = {k: v for k, v in whole.items() if "nf_flows.0" not in k}
    with pytest.raises(DataError, match="the flow is not complete"):
        import_weights(write(tmp_path / "cut.pth.tar", cut), "handflow2d")
    other = {k: v for k, v in whole.items() if not k.startswith("feature_extractor")}
    with pytest.raises(DataError, match="its backbone is none of"):
        import_weights(write(tmp_path / "other.pth.tar", other), "handflow2d")
    with pytest.raises(DataError, match=r"soft\.pth\.tar.*w_perm"):
        import_weights(write(tmp_path / "soft.pth.tar", whole), "handflow2d")


def test_files_that_are_no_checkpoints_are_refused_and_run_nothing(tmp_path):
    files = UntrustedFiles(tmp_path, suffix=".pth.tar")
    for path in files:
        with pytest.raises(DataError, match=path.name):
            import_weights(path, "handflow2d")
    assert not files.harmed
    with pytest.raises(DataError, match="a checkpoint of BiHand or 2DHandFlow is needed"):
        import_weights(write(tmp_path / "fc.pth.tar", {"fc.weight": torch.zeros(1)}), "handflow2d")


def test_files_without_batch_counters_are_complete(tmp_path):
    old = {k: v for k, v in entries("seed").items() if not k.endswith("num_batches_tracked")}
    imported = import_weights(write(tmp_path / "old.pth.tar", old), "handflow2d")
    counters = len(entries("seed")) - len(old)
    assert any(f"{counters} batch counters" in note for note in imported.notes)


@pytest.mark.parametrize("name", ["ckp_seednet_all.pth.tar", "rhd/ckp_siknet_rhd.pth.tar"])
def test_imported_settings_compose_and_the_weights_fit_the_network_they_describe(release, name):
    imported = import_weights(release / name, "handflow2d")
    cfg = compose_config(["method=handflow2d", "dataset=rhd_synthetic", *settings(imported)])
    assert (cfg.method.module.normalize, cfg.method.inputs.rules) == ("half", "faithful")
    assert cfg.dataset.joints == imported.joints
    cfg.method.module.net.sik.standin = True
    net = instantiate(cfg.method.module.net)
    net.load_state_dict({k.removeprefix("net."): v for k, v in imported.state_dict.items()})
    assert net.stages == tuple(imported.overrides["method.stages"])
