"""Scoring: the numbers, prediction files and report of one split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from carpus.data.depth_images import decode_depth
from carpus.data.results import ResultHeader, write_results
from carpus.data.rgb_crops import picture_of
from carpus.engine.build import Experiment, plain
from carpus.engine.console import is_main_process, say
from carpus.engine.folder import RunFolder, environment, now, write_json
from carpus.methods.base import PoseModule
from carpus.methods.depth_cr.module import DepthCR
from carpus.metrics.baseline import mean_pose_error_mm, mean_pose_mm
from carpus.metrics.collector import Collected, PredictionCollector
from carpus.skeletons import CUBE_CENTER
from carpus.types import Batch, Predictions


class CollectPredictions(pl.Callback):
    """Keeps every test prediction of this process."""

    def __init__(self, count: int | None) -> None:
        self.collector = PredictionCollector(count)

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Predictions, batch: Batch, *_: Any
    ) -> None:
        """Add one batch."""
        self.collector.update(outputs, batch)


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
        the content of ``result/<split>.json`` (``<split>_mean<n>`` for n checkpoints); empty on all but the
        main process.
    """
    module = module or experiment.module
    protocol = experiment.new_protocol()
    samples = experiment.dataset.open(split)
    scored = protocol.truth <= set(samples[0].fields)
    module.attach("test", protocol if scored else None)
    experiment.data.score_on(split)
    whole = trainer.limit_test_batches == 1.0 and not trainer.fast_dev_run
    collect = CollectPredictions(len(samples) if whole else None)
    trainer.callbacks.append(collect)  # type: ignore[attr-defined]
    try:
        trainer.test(module, datamodule=experiment.data, verbose=False)
    finally:
        trainer.callbacks.remove(collect)  # type: ignore[attr-defined]
    collected = collect.collector.gather()
    if collected is None or not is_main_process():
        return {}
    result = {
        "split": split,
        "headline": protocol.headline,
        "higher_is_better": protocol.higher_is_better,
        "samples": len(collected),
        "checkpoints": list(checkpoints),
        "center_source": experiment.cfg.dataset.get("center_source"),
        "splits": experiment.cfg.dataset.get("splits"),
        "date": now(),
        "mean_pose_error_mm": mean_pose_baseline(experiment, collected),
        **(module.scores["test"] if scored else {}),
    }
    label = split if len(checkpoints) == 1 else f"{split}_mean{len(checkpoints)}"
    write_json(run.result / f"{label}.json", result)
    run.update_meta(scored=label)
    _write_predictions(experiment, run, label, collected, checkpoints)
    if scored:
        conditions = experiment.dataset.conditions(split) if experiment.cfg.dataset.kind == "rgb_hand" else {}
        protocol.write_files(run.result, label, module.scores["test"], conditions)
    report = _write_report(experiment, run, label, collected, result)
    _say_result(result, report)
    if isinstance(experiment.module, DepthCR):
        # Its pictures cost seconds to import: a run of another method does without.
        from carpus.engine.depth_cr_files import write_depth_cr_files

        for line in write_depth_cr_files(experiment, run, label, split, collected, result):
            say(line)
    return result


def mean_pose_baseline(experiment: Experiment, collected: Collected) -> float | None:
    """Error of the mean training pose at every centre; None without ground truth or if switched off.

    For a localiser it is the error of the mean training centre.
    """
    import numpy as np

    wanted = experiment.cfg.mean_pose_samples
    if not wanted or collected.target_cam_mm is None or experiment.cfg.dataset.kind != "depth":
        return None
    samples = experiment.dataset.open(experiment.cfg.train_split)
    picks = np.random.default_rng(0).permutation(len(samples))[:wanted]
    records = [samples[int(i)].fields for i in sorted(picks)]
    centers = np.stack([np.asarray(f["center_mm"]) for f in records])
    if experiment.skeleton == CUBE_CENTER:
        origin = np.zeros_like(collected.center_mm)
        mean = mean_pose_mm(centers[:, None], np.zeros_like(centers))
        return mean_pose_error_mm(mean, collected.target_cam_mm, origin)
    joints = np.stack([np.asarray(f["joints_cam_mm"]) for f in records])
    valid = np.stack([np.asarray(f["joint_valid"]) for f in records])
    pose = mean_pose_mm(joints, centers, valid)
    return mean_pose_error_mm(pose, collected.target_cam_mm, collected.center_mm, collected.joint_valid)


def _write_predictions(
    experiment: Experiment, run: RunFolder, label: str, collected: Collected, checkpoints: tuple[str, ...]
) -> None:
    """All predictions as arrays, and the published text file with its sidecars, in both spaces."""
    collected.save(run.result / f"{label}_predictions.npz")
    if experiment.skeleton == CUBE_CENTER or experiment.cfg.dataset.kind != "depth":
        return
    cfg = experiment.cfg
    spaces = ["xyz", "uvd"]
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
    from carpus.reports.build import ReportMeta, build_report
    from carpus.reports.history import read_csv_log

    cfg, meta = experiment.cfg, run.read_meta()
    samples = experiment.dataset.open(result["split"])
    numbers = {k: v for k, v in result.items() if isinstance(v, float)}
    log = run.log / "metrics.csv"

    def depth_of(i: int) -> Any:
        record = samples[samples.position(str(collected.keys[i]))]
        if "rgb" in record.images:
            return picture_of(record)
        return decode_depth(record.images["depth"], str(record.fields["depth_coding"]))

    page = ReportMeta(
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
        metrics=numbers,
        cube_mm=cfg.dataset.get("cube_mm", 200.0),
    )
    config_text = run.config_file.read_text() if run.config_file.is_file() else str(plain(cfg))
    history = read_csv_log(log) if log.is_file() else None
    skeleton = experiment.skeleton
    angles = None
    if cfg.dataset.get("angles_file") and collected.index is not None:
        places = samples.positions[collected.index], len(samples.store)
        angles = read_view_angles(Path(cfg.dataset.angles_file), collected.index, len(samples), *places)
    return build_report(run.path, collected, skeleton, page, depth_of, history, angles, config_text)


def _say_result(result: dict[str, Any], report: Path) -> None:
    lines = [f"{result['split']}: {result['samples']:,} samples, {', '.join(result['checkpoints'])}"]
    headline = result["headline"]
    if headline in result:
        lines.append(f"  {headline} {result[headline]:.3f}")
    if "mean_error_mm" in result and headline != "mean_error_mm":
        lines.append(f"  mean_error_mm {result['mean_error_mm']:.3f}")
    baseline = result["mean_pose_error_mm"]
    if baseline is not None:
        own = result.get("mean_error_mm")
        share = f" (this is {own / baseline:.0%} of it)" if baseline and own is not None else ""
        lines.append(f"  mean-pose predictor {baseline:.3f} mm{share}")
    lines.append(f"  report {report}")
    say("\n".join(lines))
