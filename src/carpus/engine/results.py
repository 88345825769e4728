"""What is said of a score, in its file and on the screen: everything but its numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from carpus.engine.baselines import compared
from carpus.engine.build import Experiment
from carpus.engine.console import say
from carpus.engine.folder import RunFolder, now
from carpus.metrics.protocols.base import Protocol


def described(
    experiment: Experiment, split: str, protocol: Protocol, checkpoints: tuple[str, ...], samples: int
) -> dict[str, Any]:
    """What a result is of.

    Args:
        experiment: whose dataset was scored.
        split: its name.
        protocol: of the dataset or the method.
        checkpoints: names of the files the weights come from.
        samples: how many were scored.
    Returns:
        the first entries of ``result/<label>.json``; with ``conditions`` of all but depth images, and of
        every dataset that is not the run's own.
    """
    dataset, trained_on = experiment.cfg.dataset, experiment.trained_on
    elsewhere = {} if trained_on is None else {"dataset": dataset.name, "trained_on": trained_on}
    told = {
        "split": split,
        **elsewhere,
        "headline": protocol.headline,
        "higher_is_better": protocol.higher_is_better,
        "samples": samples,
        "checkpoints": list(checkpoints),
        "center_source": dataset.get("center_source"),
        "splits": dataset.get("splits"),
        "date": now(),
    }
    if dataset.kind != "depth" or elsewhere:
        told["conditions"] = experiment.dataset.conditions(split)
    if elsewhere:
        told["conditions"]["trained_on"] = trained_on
    return told


def remember_scored(run: RunFolder, label: str, own: bool) -> None:
    """Note in ``meta.json`` which result stands for the run in tables.

    Args:
        run: its folder.
        label: of the result.
        own: whether it is of the run's own data, which one of another dataset does not displace.
    """
    before = run.read_meta().get("scored")
    if own or before is None or "@" in before:
        run.update_meta(scored=label)


def say_result(result: dict[str, Any], report: Path) -> None:
    """Show a score.

    Args:
        result: content of the result file.
        report: the page about it.
    """
    of = f" of {result['dataset']} (trained on {result['trained_on']})" if "trained_on" in result else ""
    lines = [f"{result['split']}{of}: {result['samples']:,} samples, {', '.join(result['checkpoints'])}"]
    headline = result["headline"]
    if headline in result:
        lines.append(f"  {headline} {result[headline]:.3f}")
    if "mean_error_mm" in result and headline != "mean_error_mm":
        lines.append(f"  mean_error_mm {result['mean_error_mm']:.3f}")
    beside = compared(result)
    if beside is not None:
        own, baseline, unit = beside
        known = unit and baseline and own is not None and math.isfinite(own)
        share = f" (this is {own / baseline:.0%} of it)" if known and own is not None else ""
        lines.append(f"  mean-pose predictor {baseline:.3f} {unit}{share}".rstrip())
    constant = result.get("constant_hand_type_acc")
    if "handness_acc" in result and constant is not None:
        lines.append(f"  handness_acc {result['handness_acc']:.3f} (always the same answer {constant:.3f})")
    lines.append(f"  report {report}")
    say("\n".join(lines))
