"""Scoring: the numbers, prediction files and report of one split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
from omegaconf import OmegaConf

from carpus.data.depth_images import decode_depth
from carpus.data.joint_sets import PICTURE_HW
from carpus.data.results import ResultHeader, write_results
from carpus.data.rgb_crops import picture_of
from carpus.engine.baselines import HandBaseline, WithLabels, hand_baseline, mean_pose_baseline
from carpus.engine.build import Experiment, plain
from carpus.engine.console import is_main_process, say
from carpus.engine.folder import RunFolder, environment, now, write_json
from carpus.engine.results import described, remember_scored, say_result
from carpus.methods.base import PoseModule
from carpus.methods.depth_cr.module import DepthCR
from carpus.metrics.baseline import metric_unit
from carpus.metrics.collector import Collected, PredictionCollector
from carpus.metrics.protocols.base import Protocol
from carpus.skeletons import CUBE_CENTER, HandPair
from carpus.types import Batch, Predictions

if TYPE_CHECKING:
    from carpus.reports.page import ReportMeta


class CollectPredictions(pl.Callback):
    """Keeps every test prediction of this process.

    Args:
        count: number of samples in the split, to notice missing ones; None does not look.
        pair: the joints of two hands, where a method predicts them.
    """

    def __init__(self, count: int | None, pair: HandPair | None = None) -> None:
        self.collector = PredictionCollector(count, pair)

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Predictions, batch: Batch, *_: Any
    ) -> None:
        """Add one batch."""
        self.collector.update(outputs, batch)


class CollectPeople(CollectPredictions):
    """The same of whole bodies: joints in the picture beside the dataset's, and the body model's parameters.

    A dataset annotates joints of its own; those the method predicts too are compared.
    """

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Predictions, batch: Batch, *_: Any
    ) -> None:
        """Add one batch."""
        known = {"index": batch["index"]}
        if "label_px" in batch:
            known |= {"joints_px": batch["label_px"], "joint_valid": batch["label_valid"]}
        seen = Predictions(outputs.keys, joints_px=outputs.joints_px, body_params=outputs.body_params)
        self.collector.update(seen, Batch(batch.keys_, known))


def evaluate(
    experiment: Experiment,
    trainer: pl.Trainer,
    run: RunFolder,
    split: str,
    module: PoseModule | None = None,
    checkpoints: tuple[str, ...] = ("last.ckpt",),
) -> dict[str, Any]:
    """Score a module on a split and leave numbers, prediction files and a report in the run's folder.

    Args:
        experiment: what the configuration describes.
        trainer: its Trainer; every process must call this.
        run: where the results go.
        split: any split name of the dataset.
        module: what to score; None for the experiment's own module with the weights it has.
        checkpoints: names of the files the weights come from.

    Returns:
        the content of ``result/<label>.json``, see :meth:`~carpus.engine.build.Experiment.label`; empty on
        all but the main process.
    """
    module, protocol = module or experiment.module, experiment.new_protocol()
    collected, numbers = _predict(experiment, trainer, module, protocol, split)
    if collected is None or not is_main_process():
        return {}
    result = described(experiment, split, protocol, checkpoints, len(collected)) | {
        "mean_pose_error_mm": mean_pose_baseline(experiment, collected),
        **numbers,
    }
    label = experiment.label(split, len(checkpoints))
    write_json(run.result / f"{label}.json", result)
    remember_scored(run, label, own=experiment.trained_on is None)
    _write_predictions(experiment, run, label, collected, checkpoints)
    if protocol.headline in numbers:
        protocol.write_files(run.result, label, module.scores["test"], result.get("conditions", {}))
    report = _write_report(experiment, run, label, collected, result)
    say_result(result, report)
    if isinstance(experiment.module, DepthCR):
        # Its pictures cost seconds to import: a run of another method does without.
        from carpus.engine.depth_cr_files import write_depth_cr_files

        for line in write_depth_cr_files(experiment, run, label, split, collected, result):
            say(line)
    if collected.body_params is not None:
        from carpus.engine.people_files import write_people_files

        for line in write_people_files(experiment, run, label, split, collected):
            say(line)
    # By name: to import the class costs seconds that runs of other methods need not pay.
    if type(experiment.module).__name__ == "Digit" and len(checkpoints) == 1:
        from carpus.engine.digit_files import write_digit_files

        for line in write_digit_files(experiment, run, label, split):
            say(line)
    return result


def _predict(
    experiment: Experiment, trainer: pl.Trainer, module: PoseModule, protocol: Protocol, split: str
) -> tuple[Collected | None, dict[str, Any]]:
    """The predictions of all processes, on the first one, and the numbers of protocol and baseline."""
    samples = experiment.dataset.open(split)
    scored = protocol.truth <= set(samples[0].fields)
    module.attach("test", protocol if scored else None)
    experiment.data.score_on(split)
    whole = trainer.limit_test_batches == 1.0 and not trainer.fast_dev_run
    pair = experiment.skeleton if isinstance(experiment.skeleton, HandPair) else None
    people = experiment.cfg.dataset.kind == "whole_body"
    collect = (CollectPeople if people else CollectPredictions)(len(samples) if whole else None, pair)
    blind = hand_baseline(experiment, experiment.new_protocol()) if scored else None
    with _watched(experiment, trainer, collect, blind):
        trainer.test(module, datamodule=experiment.data, verbose=False)
    numbers: dict[str, Any] = blind.values() if blind is not None else {}
    return collect.collector.gather(), numbers | (module.scores["test"] if scored else {})


@contextmanager
def _watched(
    experiment: Experiment, trainer: pl.Trainer, collect: CollectPredictions, blind: HandBaseline | None
) -> Iterator[None]:
    """A test whose predictions are kept, and whose batches the baseline answers too."""
    callbacks: list[Any] = [collect] if blind is None else [collect, blind]
    data, inputs = experiment.data, experiment.data.inputs
    if blind is not None:
        data.inputs = WithLabels(inputs)
    trainer.callbacks.extend(callbacks)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        data.inputs = inputs
        for callback in callbacks:
            trainer.callbacks.remove(callback)  # type: ignore[attr-defined]


def _write_predictions(
    experiment: Experiment, run: RunFolder, label: str, collected: Collected, checkpoints: tuple[str, ...]
) -> None:
    """All predictions as arrays, and the published text file with its sidecars, in both spaces."""
    collected.save(run.result / f"{label}_predictions.npz")
    if experiment.skeleton == CUBE_CENTER or experiment.cfg.dataset.kind != "depth":
        return
    cfg = experiment.cfg
    spaces = ["xyz", "uvd"]
    assert collected.joints_cam_mm is not None
    if not (collected.joints_cam_mm[..., 2] > 0).all():
        spaces.remove("uvd")
        say("  some predicted joints lie behind the camera: the result file in pixels is not written")
    for space in spaces:
        header = ResultHeader(
            dataset=cfg.dataset.name,
            convention=experiment.skeleton.name,
            space=space,
            center_source=str(cfg.dataset.get("center_source", "none")),
            checkpoints=checkpoints,
            models=len(checkpoints),
            pixel_offset=float(cfg.method.inputs.get("pixel_offset", 0)),
        )
        file = run.result / f"{label}_{space}.txt"
        write_results(file, collected.joints_cam_mm, [str(k) for k in collected.keys], header)


def _write_report(
    experiment: Experiment, run: RunFolder, label: str, collected: Collected, result: dict[str, Any]
) -> Path:
    from carpus.reports.angles import read_view_angles
    from carpus.reports.build import build_report
    from carpus.reports.history import read_csv_log

    cfg, samples = experiment.cfg, experiment.dataset.open(result["split"])

    def image_of(i: int) -> Any:
        record = samples[samples.position(str(collected.keys[i]))]
        if "rgb" in record.images:
            return picture_of(record)
        if not record.images:
            return np.zeros(PICTURE_HW, np.float32)
        return decode_depth(record.images["depth"], str(record.fields["depth_coding"]))

    log = run.log / "metrics.csv"
    config_text = run.config_file.read_text() if run.config_file.is_file() else str(plain(cfg))
    if experiment.trained_on is not None:
        config_text = OmegaConf.to_yaml(cfg, resolve=True)
    history = read_csv_log(log) if log.is_file() else None
    angles = None
    if cfg.dataset.get("angles_file") and collected.index is not None:
        places = samples.positions[collected.index], len(samples.store)
        angles = read_view_angles(Path(cfg.dataset.angles_file), collected.index, len(samples), *places)
    page = _facts(experiment, run, label, collected, result)
    return build_report(
        run.path, collected, experiment.skeleton, page, image_of, history, angles, config_text
    )


def _facts(
    experiment: Experiment, run: RunFolder, label: str, collected: Collected, result: dict[str, Any]
) -> ReportMeta:
    """What the page says about the run."""
    from carpus.reports.page import ReportMeta
    from carpus.reports.rgb_words import condition_facts, hand_notes

    cfg, meta, conditions = experiment.cfg, run.read_meta(), result.get("conditions", {})
    unit = metric_unit(result["headline"])
    if unit not in collected.units:
        unit = next(iter(collected.units), "px" if collected.joints_cam_mm is None else "mm")
    hands, in_space = isinstance(experiment.skeleton, HandPair), "mm" in collected.units
    return ReportMeta(
        key=run.key,
        method=f"{cfg.method.name} ({cfg.loss.name})",
        dataset=cfg.dataset.name,
        split=label,
        command=str(meta.get("command", "")),
        date=now(),
        commit=str(meta.get("commit") or environment()["commit"]),
        seed=cfg.seed,
        checkpoint=", ".join(result["checkpoints"]),
        center_source=str(result["center_source"] or ""),
        ensemble=len(result["checkpoints"]),
        baseline_mm=result["mean_pose_error_mm"],
        metrics={k: v for k, v in result.items() if isinstance(v, float)},
        cube_mm=cfg.dataset.get("cube_mm", 200.0),
        unit=unit,
        headline=result["headline"] if hands else "",
        extra=condition_facts({"trained_on": experiment.trained_on or "", **conditions}),
        notes=hand_notes(conditions, result, unit, bool(collected.units), in_space) if hands else (),
    )
