"""Pictures and summary of several runs on the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from carpus.data.prepared import published_order
from carpus.engine.folder import RunFolder
from carpus.errors import DataError
from carpus.metrics.collector import Collected
from carpus.reports.build import build_comparison
from carpus.reports.depth_cr import write_error_pictures
from carpus.reports.depth_cr_numbers import summary_text
from carpus.skeletons import Skeleton, get_skeleton


def draw_comparison(
    runs: Sequence[RunFolder], split: str, folder: Path, metric: str = "euclid"
) -> tuple[str, list[Path]]:
    """Curves and bars of several runs side by side, ours and those of the depth CR publication.

    Args:
        runs: scored on the split.
        split: whose predictions are compared.
        folder: gets ``comparison.png``, ``joints.png``, ``error_rate.png``, ``error_bar.png``,
            ``error_dist.png``.
        metric: ``euclid`` or ``legacy``, for the published pictures and the summary.
    Returns:
        the published summary over the runs, and the files.
    Raises:
        DataError: if a run has no predictions, or two runs predicted other frames.
    """
    found = {_label(run): _predictions(run, split) for run in runs}
    skeletons = {_skeleton(run) for run in runs}
    if len(skeletons) > 1:
        names = ", ".join(sorted(s.name for s in skeletons))
        raise DataError(f"the runs predict different joints ({names}); compare runs of one dataset")
    (skeleton,) = skeletons
    _check_same_frames(found)
    order = published_order(skeleton)
    files = build_comparison(folder, found, skeleton)
    if any("mm" not in collected.units for collected in found.values()):
        return "errors in pixels: see the pictures", files
    errors = {label: collected.errors_mm(metric)[:, order] for label, collected in found.items()}
    files += write_error_pictures(folder, "", errors, [skeleton.joints[j] for j in order], metric)
    return summary_text(errors, metric), files


def _label(run: RunFolder) -> str:
    return f"{OmegaConf.load(run.config_file).method.name} {run.key}"


def _skeleton(run: RunFolder) -> Skeleton:
    cfg = OmegaConf.load(run.config_file)
    return get_skeleton(cfg.method.get("skeleton") or cfg.dataset.skeleton)


def _predictions(run: RunFolder, split: str) -> Collected:
    collected = Collected.load(run.result / f"{split}_predictions.npz")
    if not collected.units:
        raise DataError(f"run {run.key}: the frames of {split} have no ground truth, so they have no errors")
    return collected


def _check_same_frames(found: dict[str, Collected]) -> None:
    (first, one), *others = found.items()
    for label, other in others:
        if not np.array_equal(one.keys, other.keys):
            raise DataError(
                f"'{first}' has {len(one)} frames, '{label}' {len(other)}, and they are not the same ones; "
                "score both on one split of one dataset"
            )
