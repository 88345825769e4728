"""Values that the settings all experiments share may have; others are checked by what they configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from carpus.engine.mixed_config import MIXES
from carpus.errors import ConfigError, unknown


@dataclass(frozen=True)
class Rule:
    """What a value must be.

    Args:
        fits: whether a value is.
        needed: the same in words.
        choices: names it is one of, if it is a name.
    """

    fits: Callable[[Any], bool]
    needed: str
    choices: tuple[str, ...] = ()


def whole(least: int, most: int | None = None, null: bool = False) -> Rule:
    """A whole number.

    Example:
        >>> rule = whole(1, null=True)
        >>> rule.needed, rule.fits(4), rule.fits(None), rule.fits(2.5)
        ('a whole number of at least 1, or null', True, True, False)
    """

    def fits(value: Any) -> bool:
        if value is None:
            return null
        return type(value) is int and value >= least and (most is None or value <= most)

    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    return Rule(fits, f"a whole number {span}{', or null' if null else ''}")


def number(least: float, null: bool = False) -> Rule:
    """A number, whole or not."""

    def fits(value: Any) -> bool:
        return null if value is None else type(value) in (int, float) and value >= least

    return Rule(fits, f"a number of at least {least:g}{', or null' if null else ''}")


def one_of(*choices: Any) -> Rule:
    """A name, true, false or null."""
    said = ", ".join({None: "null", True: "true", False: "false"}.get(c, str(c)) for c in choices)
    names = tuple(c for c in choices if isinstance(c, str))

    def fits(value: Any) -> bool:
        # Not `value in choices`: 1 is in (True, False).
        return value in names if isinstance(value, str) else any(value is choice for choice in choices)

    return Rule(fits, f"one of {said}", names)


def _is_devices(value: Any) -> bool:
    if isinstance(value, ListConfig):
        return bool(value) and all(type(index) is int and index >= 0 for index in value)
    return str(value) in ("auto", "-1") or (str(value).isdigit() and int(value) > 0)


def _are_epochs(value: Any) -> bool:
    return isinstance(value, ListConfig) and all(type(epoch) is int and epoch >= 0 for epoch in value)


SWITCH = one_of(True, False)
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "seed": whole(0, 2**32 - 1),
        "batch_size": whole(1),
        "iter_batch": whole(1, null=True),
        "eval_batch_size": whole(1),
        "workers": whole(0),
        "worker_timeout_s": number(0),
        "worker_start": one_of(None, "fork", "spawn", "forkserver"),
        "drop_last": SWITCH,
        "shuffle": SWITCH,
        "test_after_fit": SWITCH,
        "test_with": one_of("last", "best"),
        "mean_pose_samples": whole(0),
        "mix": one_of(*MIXES),
        "ensemble.space": one_of("world", "pixel"),
        "trainer.devices": Rule(
            _is_devices, "a number of devices, a list of their indices, -1 or auto for all"
        ),
        "trainer.num_nodes": whole(1),
        "trainer.max_epochs": whole(-1),
        "trainer.max_steps": whole(-1),
        "trainer.val_every_epochs": whole(1),
        "trainer.gradient_clip_norm": number(0, null=True),
        "trainer.limit_train_batches": number(0),
        "trainer.limit_val_batches": number(0),
        "trainer.limit_test_batches": number(0),
        "trainer.channels_last": SWITCH,
        "trainer.compile": SWITCH,
        "trainer.tf32": SWITCH,
        "optimizer.lr": number(0),
        "optimizer.weight_decay": number(0),
        "scheduler.milestones": Rule(_are_epochs, "a list of epochs such as [10,13]"),
        "callbacks.checkpoint.keep_epochs": whole(-1),
        "callbacks.checkpoint.every_epochs": whole(1),
        "callbacks.checkpoint.every_minutes": number(0, null=True),
    }
)
"""By dotted key; a configuration need not have all of them."""


def check_settings(cfg: DictConfig) -> None:
    """Refuse values that would fail later, some of them after hours.

    Raises:
        ConfigError: naming key, value and what is allowed.
    """
    absent = object()
    for key, rule in RULES.items():
        value = OmegaConf.select(cfg, key, default=absent)
        if value is absent or rule.fits(value):
            continue
        if rule.choices and isinstance(value, str):
            raise ConfigError(unknown(key, value, rule.choices))
        raise ConfigError(f"{key}={value}: {rule.needed} is needed")
