"""The configuration a saved run is scored with on a dataset it was not trained on."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from carpus.engine.build import check_combination, fitting_datasets
from carpus.engine.config import compose_config, flat_keys, load_config, save_config
from carpus.engine.other_dataset import load_for_scoring
from carpus.errors import ConfigError

PAIRS = {
    "v2v": ("msra", "msra_synthetic"),
    "depth_cr/super_edt2m": ("nyu", "nyu_synthetic"),
    "depth_cr/localizer3": ("nyu", "itop"),
    "digit": ("stb", "rhd_synthetic"),
    "handflow2d": ("rhd", "freihand"),
    "handflow2d/sik": ("stb_synthetic", "interhand26m"),
    "handflow2d/sik_pretrain": ("sik1m_synthetic", "sik1m"),
    "hand4whole": ("mscoco_synthetic", "ehf"),
    "pose2pose/body": ("human36m", "pw3d_synthetic"),
    "pose2pose/hand": ("freihand_mano_synthetic", "interhand26m_mano"),
}


@pytest.fixture
def saved(tmp_path):
    """``saved(*overrides) -> file`` of the configuration a run keeps."""

    def save(*overrides: str):
        file = tmp_path / "config.yaml"
        save_config(compose_config(list(overrides)), file)
        return file

    return save


def both(method):
    own, other = PAIRS[method]
    return [f"method={method}", f"dataset={own}"], [f"method={method}", f"dataset={other}"]


@pytest.mark.parametrize("method", PAIRS)
def test_all_that_follows_the_dataset_is_as_if_the_run_had_been_composed_with_it(method, saved):
    own, other = both(method)
    file = saved(*own, "paths.data=/d")
    found, trained_on = load_for_scoring(file, [other[1]])
    assert trained_on == PAIRS[method][0]
    assert flat_keys(found) == flat_keys(compose_config([*other, "paths.data=/d"]))
    assert "${" not in OmegaConf.to_yaml(found)


def test_what_the_run_says_itself_stays_and_what_it_said_of_its_dataset_goes(saved):
    own = ["method=v2v", "dataset=msra", "dataset.test_subject=5", "dataset.root=/mnt/msra", "seed=4"]
    file = saved(*own, "method.grid.size=48", "method.grid.cube_mm=180", "paths.data=/d")
    found, _ = load_for_scoring(file, ["dataset=msra_synthetic", "paths.data=/e", "trainer=cpu"])
    assert (found.method.module.grid.size, found.method.inputs.grid.cube_mm, found.seed) == (48, 180, 4)
    assert (found.dataset.spec.root, found.dataset.spec.splits.test_subject) == ("/e/msra_synthetic", 3)
    assert found.trainer.accelerator == "cpu"


def test_settings_of_the_new_dataset_reach_all_that_follows_them(saved):
    file = saved("method=v2v", "dataset=msra")
    settings = ["dataset.root=/mnt/other", "dataset.cube_mm=220", "dataset.depth_range_mm=[90,650]"]
    found, _ = load_for_scoring(file, ["dataset=msra_synthetic", *settings, "dataset.synth.frames=2"])
    assert (found.dataset.spec.root, found.dataset.center_dir) == ("/mnt/other", "/mnt/other/center")
    assert (found.method.module.grid.cube_mm, found.method.inputs.background_mm) == (220, 650)
    assert found.dataset.spec.synth.frames == 2
    kept, _ = load_for_scoring(
        file, ["dataset=msra_synthetic", "dataset.cube_mm=220", "method.grid.cube_mm=200"]
    )
    assert (kept.dataset.cube_mm, kept.method.module.grid.cube_mm) == (220, 200)


def test_a_mixture_is_scored_on_one_dataset_of_its_own_or_another(saved):
    parts = ["datasets=[stb,rhd]", "parts.rhd.root=/mnt/rhd", "dataset.splits=published"]
    file = saved("method=digit", *parts)
    for name in ("freihand_synthetic", "rhd"):
        found, trained_on = load_for_scoring(file, [f"dataset={name}"])
        assert (trained_on, found.datasets, dict(found.parts)) == ("stb + rhd", None, {})
        assert found.dataset.name == name
        assert found.dataset.splits == compose_config([f"dataset={name}"]).dataset.splits
        assert found.method.inputs.skeleton == found.dataset.skeleton


def test_without_another_dataset_the_run_is_scored_as_ever(saved):
    file = saved("method=v2v", "dataset=msra")
    found, trained_on = load_for_scoring(file, ["dataset.test_subject=5"])
    assert trained_on is None
    assert found == load_config(file, ["dataset.test_subject=5"])


@pytest.mark.parametrize(
    ("own", "change", "message"),
    [
        (
            "method=v2v dataset=msra",
            ["dataset=icvl"],
            r"method v2v was trained on msra and predicts the joints of msra; dataset icvl has the 16 joints "
            r"of icvl\. The run can be scored on: msra, msra_synthetic$",
        ),
        ("method=v2v dataset=msra", ["dataset=hands17"], "hands17 has the 21 joints of hands17"),
        (
            "method=v2v dataset=msra",
            ["dataset=ehf"],
            "method v2v needs kind depth; dataset ehf is of kind whole_body and offers .* with: .*msra",
        ),
        (
            "method=digit dataset=rhd",
            ["dataset=stb", "dataset.offers=[rgb,camera]"],
            "method digit needs the fields crop_xywh_px, .*; dataset stb is of kind rgb_hand and offers rgb",
        ),
        ("method=digit dataset=rhd", ["dataset=rdh"], "unknown dataset 'rdh': did you mean 'rhd'"),
        ("method=digit dataset=rhd", ["dataset=stb", "dataset.rot=/x"], r"did you mean 'dataset\.root'"),
        ("method=digit dataset=rhd", ["dataset=stb", "dataset.bad_labels=error"], r"dataset\.bad_labels"),
        ("method=digit dataset=rhd", ["dataset=stb", "datasets=[stb]"], "say one of them"),
        ("method=digit dataset=rhd", ["datasets=[stb]"], "one dataset, rhd; .*test.py key=KEY dataset="),
        (
            "method=digit dataset=rhd",
            ["method=handflow2d"],
            "keeps its method; when it is scored, only dataset",
        ),
        (
            "method=handflow2d dataset=rhd",
            ["seednet=flow", "dataset=stb"],
            "seednet=flow: a saved run keeps its",
        ),
        ("method=v2v dataset=msra", ["loss=integral"], "train.py init_from=KEY loss=integral"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(own, change, message, saved):
    file = saved(*own.split())
    with pytest.raises(ConfigError, match=message):
        check_combination(load_for_scoring(file, change)[0])


def test_a_run_that_kept_no_interpolations_names_the_other_way(saved):
    file = saved("method=v2v", "dataset=msra")
    file.with_name("interpolations.yaml").unlink()
    with pytest.raises(ConfigError, match=r"method=… dataset=msra_synthetic load_from=FILE"):
        load_for_scoring(file, ["dataset=msra_synthetic"])


def test_a_change_reaches_what_is_chosen_by_it(saved):
    file = saved("method=hand4whole", "dataset=mscoco_synthetic", "dataset.standin=false")
    assert load_config(file, ["dataset.standin=true"]).method.module.standin
    file = saved("method=digit", "dataset=rhd")
    assert load_config(file, ["dataset.hands=both"]).method.inputs.skeleton == "rhd_both"


def test_the_datasets_that_are_named_are_those_that_compose_so():
    fitting = fitting_datasets(compose_config(["method=v2v"]), "nyu")
    assert fitting == ["nyu", "nyu_synthetic", "nyu_tenths", "nyu_tenths_synthetic"]
    for name in fitting:
        dataset = compose_config([f"dataset={name}"]).dataset
        assert (dataset.kind, dataset.skeleton) == ("depth", "nyu")
    pairs = fitting_datasets(compose_config(["method=digit", "dataset=rhd"]))
    assert {"rhd", "stb", "interhand26m_synthetic"} <= set(pairs)
    assert not {"msra", "ehf", "sik1m"} & set(pairs)
