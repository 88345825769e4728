"""Values that settings cannot have are refused with what they can be, before anything is read."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from carpus.engine.config import choices, compose_config, load_config, save_config
from carpus.engine.settings import RULES, check_settings
from carpus.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        ("seed", -1, "seed=-1: a whole number from 0 to 4294967295 is needed"),
        ("seed", 2**32, "seed=4294967296: a whole number from 0"),
        ("batch_size", "abc", "batch_size=abc: a whole number of at least 1 is needed"),
        ("batch_size", 0, "batch_size=0"),
        ("batch_size", 8.0, "batch_size=8.0"),
        ("batch_size", True, "batch_size=True"),
        ("iter_batch", 0, "of at least 1, or null is needed"),
        ("workers", -1, "workers=-1: a whole number of at least 0"),
        ("worker_start", "frok", "unknown worker_start 'frok': did you mean 'fork'"),
        ("shuffle", 1, "shuffle=1: one of true, false is needed"),
        ("test_with", "bset", "did you mean 'best'"),
        ("mix", "same", "did you mean 'same_len'"),
        ("optimizer.lr", "1e-3x", "a number of at least 0"),
        ("optimizer.lr", -1e-3, "a number of at least 0"),
        ("scheduler.milestones", 5, r"a list of epochs such as \[10,13\] is needed"),
        ("trainer.devices", 0, "trainer.devices=0: a number of devices"),
        ("trainer.devices", [], "trainer.devices"),
        ("trainer.devices", "all", "-1 or auto for all"),
        ("trainer.max_epochs", None, "trainer.max_epochs=None: a whole number"),
        ("trainer.val_every_epochs", 0, "a whole number of at least 1"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_does(key, value, needed):
    cfg = OmegaConf.create()
    OmegaConf.update(cfg, key, value)
    with pytest.raises(ConfigError, match=needed):
        check_settings(cfg)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("iter_batch", (None, 1)),
        ("worker_start", (None, "spawn")),
        ("optimizer.lr", (0, 1e-3)),
        ("trainer.devices", (1, 8, "8", "auto", -1, "-1", [0, 2])),
        ("trainer.limit_train_batches", (0.5, 3)),
        ("trainer.max_epochs", (-1, 15)),
        ("scheduler.milestones", ([], [10, 13])),
    ],
)
def test_values_that_fit_are_taken(key, values):
    for value in values:
        cfg = OmegaConf.create()
        OmegaConf.update(cfg, key, value)
        check_settings(cfg)


def test_every_rule_is_of_a_key_that_exists():
    cfgs = [compose_config([]), compose_config(["scheduler=step"])]
    absent = object()
    missing = [key for key in RULES if all(OmegaConf.select(c, key, default=absent) is absent for c in cfgs)]
    assert missing == []


@pytest.mark.parametrize("trainer", choices("trainer"))
def test_every_trainer_has_values_that_fit(trainer):
    compose_config([f"trainer={trainer}"])


def test_a_saved_run_is_checked_like_a_new_one(tmp_path):
    save_config(compose_config([]), tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml", ["workers=0"]).workers == 0
    with pytest.raises(ConfigError, match="workers=few: a whole number of at least 0 is needed"):
        load_config(tmp_path / "config.yaml", ["workers=few"])
    with pytest.raises(ConfigError, match="batch_size=0"):
        compose_config(["batch_size=0"])
