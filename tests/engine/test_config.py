import pytest
from omegaconf import OmegaConf

from carpus.engine.config import choices, compose_config, flat_keys, groups, load_config, save_config
from carpus.engine.paths import conf_dir
from carpus.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("method=v2x", "unknown method 'v2x': did you mean 'v2v'"),
        ("loss=gaus", "unknown loss 'gaus': did you mean 'gauss'"),
        ("trainer.max_epoch=3", "unknown key 'trainer.max_epoch': did you mean 'trainer.max_epochs'"),
        ("seeed=4", "unknown key 'seeed': did you mean 'seed'"),
        ("methd=v2v", "did you mean 'method'"),
        ("'a b=1", "cannot read the override"),
        ("guide=edt2", "guide=edt2: the chosen method has no guide"),
        ("loss=ref", "loss=ref belongs to methods of the family depth_cr; method v2v takes gauss, integral"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(override, message):
    with pytest.raises(ConfigError, match=message):
        compose_config([override])


def test_a_group_named_by_the_method_can_be_swapped():
    assert compose_config(["loss=integral"]).loss.name == "integral"
    assert compose_config([]).loss.name == "gauss"


def test_a_saved_configuration_is_resolved_and_accepts_known_keys_only(tmp_path):
    cfg = compose_config(["paths.data=/somewhere"])
    file = tmp_path / "config.yaml"
    save_config(cfg, file)
    assert "${" not in file.read_text()
    assert load_config(file, ["trainer.max_epochs=99"]).trainer.max_epochs == 99
    with pytest.raises(ConfigError, match=r"did you mean 'trainer\.max_epochs'"):
        load_config(file, ["trainer.max_epoch=99"])
    with pytest.raises(ConfigError, match="init_from"):
        load_config(file, ["loss=integral"])
    assert load_config(file, ["trainer=ddp_gloo"]).trainer.devices == 2


def test_a_change_to_a_saved_configuration_reaches_what_was_interpolated_from_it(tmp_path):
    file = tmp_path / "config.yaml"
    save_config(compose_config(["method=depth_cr/super_edt2m", "dataset=hands17"]), file)
    changes = ["dataset.center_source=box", "dataset.cube_mm=220", "dataset.depth_range_mm=[200,900]"]
    cfg = load_config(file, [*changes, "loss.weights.map=3"])
    assert cfg.dataset.spec.center_source == "box"
    assert cfg.dataset.spec.cube_mm == cfg.method.inputs.cube_mm == cfg.method.module.cube_mm == 220
    assert cfg.method.inputs.depth_range_mm == [200, 900]
    assert cfg.method.module.weights.map == 3
    assert load_config(file, ["dataset.spec.center_source=com"]).dataset.center_source == "file"


OF_DEPTH_CR = ("input", "net", "guide", "decoder")
OF_KIND = {"rgb_hand": "digit", "hand_joints": "siknet", "whole_body": "hand4whole"}


def kind_of(dataset):
    """What a dataset's file, or the one it begins with, says it is of."""
    file = OmegaConf.load(conf_dir() / "dataset" / f"{dataset}.yaml")
    return file.kind if "kind" in file else kind_of(file.defaults[0])


# Of these there are many; the commands of the documentation compose most of them.
LONG = {name: [pytest.mark.slow] for name in ("dataset", "experiment", "method")}


@pytest.mark.parametrize("group", [pytest.param(g, marks=LONG.get(g, [])) for g in groups()])
def test_every_choice_of_every_group_composes(group):
    for choice in choices(group):
        file = OmegaConf.load(conf_dir() / group / f"{choice}.yaml")
        family = "depth_cr" if group in OF_DEPTH_CR else file.get("family")
        family = "digit" if group == "backbone" else "handflow2d" if group == "seednet" else family
        family = OF_KIND.get(kind_of(choice)) if group == "dataset" else family
        methods = {"depth_cr": "depth_cr/super_edt2m", "digit": "digit", "handflow2d": "handflow2d"}
        methods |= {"siknet": "handflow2d/sik_pretrain", "hand4whole": "hand4whole"}
        methods |= {f"pose2pose_{part}": f"pose2pose/{part}" for part in ("body", "hand", "face")}
        method = [f"method={methods[family]}"] if family in methods else []
        cfg = compose_config([*method, f"{group}={choice}"])
        assert flat_keys(OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)))


@pytest.mark.parametrize("group", groups())
def test_every_file_opens_with_what_it_is_and_a_command(group):
    for file in sorted((conf_dir() / group).rglob("*.yaml")):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("# @package")]
        assert lines[0].startswith("# "), f"{file} has no opening line"
        assert any(word in lines[0] for word in ("python train.py", "python test.py")), (
            f"{file} shows no command"
        )


def test_the_recipes_of_the_depth_cr_family_are_the_published_ones():
    ref = compose_config(["experiment=depth_cr_hands17_ref"])
    nyu = compose_config(["experiment=depth_cr_nyu_ref"])
    ours = compose_config(["experiment=depth_cr_hands17"])
    assert (ref.batch_size, ref.trainer.max_epochs, ref.optimizer.lr, ref.shuffle) == (50, 10, 1e-3, False)
    assert (ref.scheduler.decay, ref.scheduler.every_frames, ref.scheduler.floor) == (0.94, 1_000_000, 1e-6)
    assert (ref.method.module.norm_decay, nyu.method.module.norm_decay) == (0.9997, 0.995)
    assert (nyu.trainer.max_epochs, nyu.scheduler.every_frames) == (20, 100_000)
    stops = [(c.callbacks.published_stop.tolerance, c.callbacks.published_stop.patience) for c in (ref, nyu)]
    assert stops == [(0.1, 5), (0.5, 5)]
    assert ours.shuffle
    assert ours.loss.preset == "balanced"
    assert ref.test_with == "best"


def test_a_reference_that_leads_nowhere_is_named(tmp_path):
    cfg = compose_config(["method=v2v", "dataset=msra", "+dataset.extra=${dataset.hand}"])
    with pytest.raises(ConfigError, match=r"dataset\.extra: .*dataset\.hand"):
        save_config(cfg, tmp_path / "config.yaml")
