"""What DIGIT leaves of an evaluation beside its numbers: five pictures of some images."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from carpus.codecs.soft_argmax import soft_max
from carpus.engine.build import Experiment
from carpus.engine.folder import RunFolder
from carpus.methods.base import Outputs
from carpus.methods.digit.module import Digit
from carpus.reports.digit import write_digit_pictures
from carpus.reports.digit_frame import DigitFrame, DigitTruth
from carpus.types import Batch, Predictions, Record, collate

BATCHES, SEED = 4, 1
"""How many batches pictures are taken of, and the seed of their order, as published."""
PICTURES = 4
"""Images of each of them, unless ``method.pictures`` says otherwise."""


def write_digit_files(experiment: Experiment, run: RunFolder, label: str, split: str) -> list[str]:
    """Draw images of a scored split, into ``vis/<label>``.

    The first ``method.pictures`` images of each of four batches in an order drawn with seed 1: the same
    images for every run. The experiment's module must have the weights that were scored.

    Args:
        experiment: of DIGIT.
        run: where the pictures go.
        label: of the result, which names the folder.
        split: whose images are drawn.
    Returns:
        lines for the user.
    """
    wanted = int(experiment.cfg.method.get("pictures", PICTURES))
    if wanted < 1:
        return []
    began = time.monotonic()
    samples = experiment.dataset.open(split)
    folder = run.path / "vis" / label
    count = 0
    for rows in chosen_rows(len(samples), int(experiment.cfg.eval_batch_size or 16), wanted):
        for frame in _frames(experiment, [samples[row] for row in rows]):
            write_digit_pictures(folder, frame, seed=SEED)
            count += 1
    return [f"  {count} images drawn in {folder} ({time.monotonic() - began:.0f} s; method.pictures=0: none)"]


def chosen_rows(count: int, batch_size: int, wanted: int, seed: int = SEED) -> list[list[int]]:
    """Which samples are drawn: the first ones of four batches of a shuffled split.

    Example:
        >>> [len(rows) for rows in chosen_rows(100, 16, 4)], [len(rows) for rows in chosen_rows(18, 16, 4)]
        ([4, 4, 4, 4], [4, 2])
    """
    order = np.random.default_rng(seed).permutation(count).tolist()
    starts = range(0, min(count, BATCHES * batch_size), batch_size)
    return [order[start : start + min(batch_size, wanted)] for start in starts]


def digit_frames(
    module: Digit, prepared: Batch, outputs: Outputs, found: Predictions, names: Sequence[str]
) -> list[DigitFrame]:
    """What pictures need of a batch that was not mirrored.

    Args:
        module: that made it.
        prepared: the batch, with the truth where there is one.
        outputs: of the network.
        found: the decoded predictions.
        names: of the images.
    """
    heatmaps = _array(soft_max(outputs["heatmap"], 2, module.codec.beta))
    cells, crops = _array(outputs["joints"].float()), _array(prepared["rgb"])
    assert found.joints_cam_mm is not None
    assert found.segm_labels is not None
    assert found.hand_type_prob is not None
    joints, segm = _array(found.joints_cam_mm.float()), _array(found.segm_labels.to(torch.uint8))
    present = _array(found.hand_type_prob.float())
    return [
        DigitFrame(
            name=name,
            crop=crops[row],
            heatmaps=heatmaps[row],
            joints_cells=cells[row],
            joints_cam_mm=joints[row],
            segm=segm[row],
            present=present[row],
            truth=_truth(prepared, row),
            skeleton=module.codec.pair,
        )
        for row, name in enumerate(names)
    ]


def _truth(prepared: Batch, row: int) -> DigitTruth | None:
    """What a prepared batch knows of a sample."""
    if "joints_target" not in prepared:
        return None
    values = {name: _array(prepared[name][row]) for name in _TRUTH}
    return DigitTruth(
        joints_cells=values["joints_target"],
        cells_valid=values["joints_target_valid"].astype(float),
        joints_cam_mm=values["joints_cam_mm"],
        joint_valid=values["joint_valid"].astype(float),
        hand_type=values["hand_type"].astype(bool),
        segm=values["segm_target"] if values["segm_valid"] else None,
    )


_TRUTH = (
    *("joints_target", "joints_target_valid", "joints_cam_mm", "joint_valid"),
    *("hand_type", "segm_target", "segm_valid"),
)


def _frames(experiment: Experiment, records: Sequence[Record]) -> list[DigitFrame]:
    module, inputs = experiment.module, experiment.data.inputs
    assert isinstance(module, Digit)
    made = [(record.key, inputs(record, np.random.default_rng(0), False)) for record in records]
    names = [str(record.fields.get("image", record.key)) for record in records]
    home = next(module.parameters()).device
    device = home
    if torch.cuda.is_available() and experiment.cfg.trainer.accelerator != "cpu":
        device = torch.device("cuda")
    module.eval().to(device)
    try:
        with torch.inference_mode():
            prepared = module.prepare(collate(made).to(device))
            outputs = module(prepared)
            return digit_frames(module, prepared, outputs, module.decode(outputs, prepared), names)
    finally:
        module.to(home)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
