"""``datasets=[…]``: what it composes, what it refuses, and what a saved mixture accepts."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from carpus.engine.build import check_needs
from carpus.engine.config import compose_config, flat_keys, load_config, save_config
from carpus.engine.mixed_config import dataset_name, part_configs
from carpus.errors import ConfigError

TWO = ["datasets=[msra,msra_synthetic]"]


def test_every_part_is_composed_as_if_it_were_alone():
    own = ["parts.msra_synthetic.test_subject=5", "+parts.msra_synthetic.depth_range_mm=[90,650]"]
    views = part_configs(compose_config([*TWO, *own, "dataset.center_source=gt", "seed=4"]))
    alone = {
        "msra": compose_config(["dataset=msra", "dataset.center_source=gt", "seed=4"]),
        "msra_synthetic": compose_config(
            [
                "dataset=msra_synthetic",
                "dataset.center_source=gt",
                "dataset.test_subject=5",
                "dataset.depth_range_mm=[90,650]",
                "seed=4",
            ]
        ),
    }
    assert list(views) == list(alone)
    for name, view in views.items():
        expected = {k: v for k, v in flat_keys(alone[name]).items() if k != "mix"}
        found = flat_keys(view)
        assert {k: found.get(k) for k in expected if k != "method.protocol"} == expected
    assert views["msra_synthetic"].method.inputs.background_mm == 650
    assert views["msra"].method.inputs.background_mm == 700


def test_a_dataset_may_come_twice():
    cfg = compose_config(["datasets=[msra,msra]", "parts.msra_2.root=/mnt/other", "parts.msra_2.name=other"])
    assert dataset_name(cfg) == "msra + msra_2"
    assert part_configs(cfg)["msra_2"].dataset.spec.root == "/mnt/other"
    assert cfg.dataset.name == "msra"


def test_one_dataset_has_no_parts():
    cfg = compose_config(["dataset=nyu"])
    assert (cfg.datasets, dict(cfg.parts), part_configs(cfg)) == (None, {}, {})
    assert dataset_name(cfg) == "nyu"


def test_a_recipe_may_mix_and_the_command_line_may_change_it(tmp_path, monkeypatch):
    import shutil

    from carpus.engine.paths import conf_dir

    shutil.copytree(conf_dir(), tmp_path / "conf")
    monkeypatch.setenv("CARPUS_ROOT", str(tmp_path))
    recipe = (
        "# @package _global_\n# Mixed.   python train.py experiment=mixed\ndatasets: [msra, msra_synthetic]\n"
    )
    recipe += 'parts: {msra_synthetic: {test_subject: 7, root: "/a, b", synth: {frames: 2}}}\n'
    (tmp_path / "conf" / "experiment" / "mixed.yaml").write_text(recipe)
    views = part_configs(compose_config(["experiment=mixed", "parts.msra_synthetic.synth.frames=3"]))
    dataset = views["msra_synthetic"].dataset
    assert (dataset.test_subject, dataset.root, dataset.synth.frames) == (7, "/a, b", 3)
    assert views["msra"].dataset.test_subject == 3
    assert not part_configs(compose_config(["experiment=mixed", "dataset=msra"]))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["datasets=[msra,nyuu]"], "unknown dataset 'nyuu': did you mean 'nyu'"),
        (["datasets=msra"], "a list of choices"),
        (["datasets=[]"], "a list of choices"),
        ([*TWO, "dataset=nyu"], "say one of them"),
        ([*TWO, "parts.nyu.root=/x"], "unknown part 'nyu': Allowed: msra, msra_synthetic"),
        (
            [*TWO, "parts.msra.rot=/x"],
            r"part msra .*unknown key 'dataset\.rot': did you mean 'dataset\.root'",
        ),
        ([*TWO, "parts.msra=/x"], r"as in parts\.msra\.root"),
        (["parts.msra.root=/x"], r"no parts without datasets"),
        ([*TWO, "mix=sum"], "unknown mix 'sum': Allowed: concat, same_len"),
        (["datasets=[msra,[nyu]]"], "need mix=same_len"),
        (["datasets=[msra,nyu]"], "predicts one set of joints, but the parts have msra in msra, nyu in nyu"),
        (
            [*TWO, "parts.msra_synthetic.cube_mm=250"],
            r"differently for msra and msra_synthetic: .*cube_mm 200 and 250.*parts\.msra_synthetic\.cube_mm",
        ),
        (["datasets=[interhand26m]", "loss=ref"], "loss=ref belongs to"),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_one_sentence(overrides, message):
    with pytest.raises(ConfigError, match=message):
        compose_config(overrides)


def test_every_part_must_offer_what_the_method_needs():
    views = part_configs(compose_config(["method=digit", "datasets=[interhand26m,msra]"]))
    check_needs(views["interhand26m"])
    with pytest.raises(ConfigError, match="dataset msra is of kind depth"):
        check_needs(views["msra"])


@pytest.fixture
def saved(tmp_path):
    file = tmp_path / "config.yaml"
    save_config(compose_config([*TWO, "paths.data=/data", "mix=same_len"]), file)
    assert "${" not in file.read_text()
    return file


@pytest.mark.parametrize(
    ("change", "roots"),
    [
        ("seed=3", ["/data/msra", "/data/msra_synthetic", "/data/msra"]),
        ("paths.data=/new", ["/new/msra", "/new/msra_synthetic", "/new/msra"]),
        ("parts.msra_synthetic.root=/s", ["/data/msra", "/s", "/data/msra"]),
        ("parts.msra.root=/m", ["/m", "/data/msra_synthetic", "/m"]),
        ("dataset.root=/all", ["/all", "/all", "/all"]),
    ],
)
def test_a_saved_mixture_takes_changes_to_all_and_to_single_parts(saved, change, roots):
    cfg = load_config(saved, [change])
    found = [view.dataset.spec.root for view in part_configs(cfg).values()]
    assert [*found, cfg.dataset.spec.root] == roots


def test_a_saved_mixture_can_be_left_in_part_but_not_changed(saved, tmp_path):
    views = part_configs(load_config(saved, ["datasets=[msra_synthetic]"]))
    assert list(views) == ["msra_synthetic"]
    with pytest.raises(ConfigError, match=r"unknown part 'nyu'.*keeps its datasets"):
        part_configs(load_config(saved, ["datasets=[nyu]"]))
    with pytest.raises(ConfigError, match=r"did you mean 'parts\.msra\.root'"):
        load_config(saved, ["parts.msra.rot=/x"])
    single = tmp_path / "single.yaml"
    save_config(compose_config(["dataset=msra"]), single)
    with pytest.raises(ConfigError, match="this run has one dataset, msra"):
        part_configs(load_config(single, ["datasets=[nyu]"]))
    old = OmegaConf.load(single)
    for key in ("datasets", "parts", "mix"):
        del old[key]
    assert part_configs(old) == {}
