"""What the published depth CR program leaves of an evaluation: prediction file, error curves, frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from carpus.data.prepared import Frame, published_order
from carpus.data.results import PredictionHeader, frame_numbers, write_predictions
from carpus.engine.build import Experiment
from carpus.engine.folder import RunFolder
from carpus.methods.depth_cr.inputs import DepthCRInputs
from carpus.metrics.collector import Collected
from carpus.metrics.functional.legacy import METRIC_VERSION
from carpus.reports.depth_cr import write_error_pictures
from carpus.reports.depth_cr_frames import write_detection_picture, write_sanity_pictures
from carpus.reports.depth_cr_numbers import count_good_bad, summary_text
from carpus.reports.locator import write_locator_pictures
from carpus.reports.style import write_bytes
from carpus.skeletons import CUBE_CENTER


def write_depth_cr_files(
    experiment: Experiment,
    run: RunFolder,
    label: str,
    split: str,
    collected: Collected,
    result: dict[str, Any],
) -> list[str]:
    """Write the files of one scored split.

    ``result/predict_<model>_<split>`` (HDF5); in ``analysis/<split>`` ``<model>_error_rate.png``,
    ``_error_bar.png``, ``_error_dist.png`` and ``_errors.txt``; in ``vis/<split>``
    ``detection_<model>_<k>.png`` and ``draw_<model>_<id>.png``. Of a localiser only
    ``analysis/<split>/evaluate_confidence_<model>.png`` and ``evaluate_pr_<model>.png``.

    Args:
        experiment: of a model of the family.
        run: where they go.
        label: of the split, or of an ensemble on it.
        split: whose frames are drawn.
        collected: the predictions.
        result: what was found; names the checkpoints.
    Returns:
        lines for the user.
    """
    cfg, skeleton = experiment.cfg, experiment.skeleton
    if skeleton == CUBE_CENTER:
        _write_localiser(experiment, run, label, collected)
        return []
    name = str(cfg.method.name)
    samples = experiment.dataset.open(split)
    keys = [str(key) for key in collected.keys]
    header = PredictionHeader(
        dataset=cfg.dataset.name,
        model=name,
        checkpoint=", ".join(result["checkpoints"]),
        data_hash=samples.store.meta["fingerprint"],
        metric_version=METRIC_VERSION,
        skeleton=skeleton.name,
    )
    write_predictions(
        run.result / f"predict_{name}_{label}", frame_numbers(keys), collected.joints_cam_mm, header
    )
    inputs = experiment.data.inputs
    assert isinstance(inputs, DepthCRInputs)

    def frame_of(row: int) -> Frame:
        return inputs.frame(samples[samples.position(keys[row])])

    folder = run.path / "vis" / label
    write_detection_picture(folder, name, frame_of, collected.joints_cam_mm, skeleton, seed=cfg.seed)
    if collected.target_cam_mm is None:
        return []
    frame = frame_of(int(cfg.seed) % len(keys))
    prepared = [key.name for key in (inputs.input, *inputs.guides)]
    write_sanity_pictures(folder, name, frame, skeleton, prepared)
    return _write_errors(run.path / "analysis" / label, experiment, name, collected)


def _write_localiser(experiment: Experiment, run: RunFolder, label: str, collected: Collected) -> None:
    """How far scores can be trusted."""
    if collected.target_cam_mm is None or collected.joint_scores is None:
        return
    folder, name = run.path / "analysis" / label, str(experiment.cfg.method.name)
    write_locator_pictures(folder, name, collected.joint_scores[:, 0], collected.errors_mm()[:, 0])


def _write_errors(folder: Path, experiment: Experiment, name: str, collected: Collected) -> list[str]:
    """The published pictures and summary in the protocol's metric."""
    skeleton = experiment.skeleton
    metric = getattr(experiment.new_protocol(), "metric", "euclid")
    order = published_order(skeleton)
    errors = {name: collected.errors_mm(metric)[:, order]}
    write_error_pictures(folder, name, errors, [skeleton.joints[j] for j in order], metric)
    text = summary_text(errors, metric)
    write_bytes(folder / f"{name}_errors.txt", f"{text}\n".encode())
    good, bad = count_good_bad(collected.errors_mm())
    return [f"  metric {metric}; {good:,} frames below 10 mm, {bad:,} above 20 mm"]
