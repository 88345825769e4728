"""Scoring what a configuration describes: one dataset, or every part of a mixture by itself."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from carpus.engine.build import AnyExperiment, MixedExperiment
from carpus.engine.console import is_main_process, say
from carpus.engine.evaluate import evaluate
from carpus.engine.folder import RunFolder, now, write_json
from carpus.methods.base import PoseModule
from carpus.metrics.protocols.mixed import mixed_headline


def score(
    experiment: AnyExperiment,
    trainer: pl.Trainer,
    run: RunFolder,
    split: str,
    module: PoseModule | None = None,
    checkpoints: tuple[str, ...] = ("last.ckpt",),
) -> dict[str, Any]:
    """Score a module on a split of every dataset; see :func:`~carpus.engine.evaluate.evaluate`.

    Of a mixture every part is scored by its own protocol and leaves its own files, ``<split>_<part>…``; the
    summary over the parts is ``<split>.json``.

    Args:
        experiment: what the configuration describes.
        trainer: its Trainer; every process must call this.
        run: where the results go.
        split: any split name.
        module: what to score; None for the experiment's own module with the weights it has.
        checkpoints: names of the files the weights come from.
    Returns:
        The content of ``result/<split>.json``; empty on all but the main process.
    """
    if not isinstance(experiment, MixedExperiment):
        return evaluate(experiment, trainer, run, split, module, checkpoints)
    module, results = module or experiment.module, {}
    for part in experiment.parts:
        module.part = part.part
        results[str(part.part)] = evaluate(part, trainer, run, split, module, checkpoints)
    module.part = None
    if not is_main_process():
        return {}
    result = summary(results, split)
    label = experiment.label(split, len(checkpoints))
    write_json(run.result / f"{label}.json", result)
    run.update_meta(scored=label)
    say(
        f"{split} of {len(results)} datasets: {result['samples']:,} samples\n"
        f"  {result['headline']} {result[result['headline']]:.3f}"
    )
    return result


def summary(results: dict[str, dict[str, Any]], split: str) -> dict[str, Any]:
    """What is said of all parts together.

    Args:
        results: of every part, as :func:`~carpus.engine.evaluate.evaluate` returns them.
        split: scored.
    Returns:
        ``headline`` and its value over all parts (:func:`~carpus.metrics.protocols.mixed.mixed_headline`),
        ``samples``, and per part ``parts`` with its headline, that value and its samples.
    """
    first = next(iter(results.values()))
    parts = {
        name: {
            "headline": own["headline"],
            "value": own.get(own["headline"]),
            "samples": own["samples"],
        }
        for name, own in results.items()
    }
    headlines = [(own["headline"], own["value"]) for own in parts.values()]
    counts = [own["samples"] for own in parts.values()]
    return {
        "split": split,
        "headline": first["headline"],
        "higher_is_better": first["higher_is_better"],
        "samples": sum(counts),
        "checkpoints": first["checkpoints"],
        "date": now(),
        "parts": parts,
        first["headline"]: mixed_headline(headlines, counts),
    }
