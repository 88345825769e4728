"""What a predictor that looks at nothing achieves on the samples that are scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from carpus.data.loading import MakeInputs
from carpus.data.rgb_hands import as_pair
from carpus.data.rgb_samples import RgbSamples
from carpus.data.samples import Samples
from carpus.data.splits import parse_split
from carpus.engine.build import Experiment
from carpus.engine.console import say
from carpus.errors import CarpusError
from carpus.metrics.baseline import (
    BlindHands,
    BlindHandScores,
    mean_box_pose,
    mean_hands_mm,
    mean_pose_error_mm,
    mean_pose_mm,
    metric_unit,
    most_frequent_hands,
)
from carpus.metrics.collector import Collected, project_px
from carpus.metrics.protocols.base import Protocol
from carpus.skeletons import CUBE_CENTER, HandPair, Skeleton
from carpus.types import Batch, Field, Inputs, Predictions, Record

_LABELS = ("crop_xywh_px", "root_depth_mm", "hand_type", "hand_type_valid")
Fields = Mapping[str, Field]


def mean_pose_baseline(experiment: Experiment, collected: Collected) -> float | None:
    """Error of the mean training pose at every centre; None without ground truth or if switched off.

    For a localiser it is the error of the mean training centre. Hands in colour images have
    :func:`hand_baseline` instead. On another dataset than the run's own the pose is that dataset's, if its
    training split is packed: it is not packed for this number.
    """
    wanted, placed = experiment.cfg.mean_pose_samples, experiment.cfg.dataset.kind in ("depth", "hand_joints")
    if not wanted or collected.target_cam_mm is None or not placed:
        return None
    if experiment.trained_on is not None and not _training_is_packed(experiment):
        return None
    records = _drawn(experiment.dataset.open(experiment.cfg.train_split), wanted)
    centers = np.stack([np.asarray(f["center_mm"]) for f in records])
    assert collected.center_mm is not None
    if experiment.skeleton == CUBE_CENTER:
        origin = np.zeros_like(collected.center_mm)
        mean = mean_pose_mm(centers[:, None], np.zeros_like(centers))
        return mean_pose_error_mm(mean, collected.target_cam_mm, origin)
    joints = np.stack([np.asarray(f["joints_cam_mm"]) for f in records])
    valid = np.stack([np.asarray(f["joint_valid"]) for f in records])
    pose = mean_pose_mm(joints, centers, valid)
    return mean_pose_error_mm(pose, collected.target_cam_mm, collected.center_mm, collected.joint_valid)


def hand_baseline(experiment: Experiment, protocol: Protocol) -> HandBaseline | None:
    """What answers every picture of hands with the average of the training split.

    Every process learns it on its own, of the same samples, from their labels: no picture is decoded.

    Args:
        experiment: of a method that predicts both hands.
        protocol: a fresh one of the dataset.
    Returns:
        None if it is switched off, the method has other joints, or no training split is packed: packing a
        million pictures for a number beside a score would be out of proportion.
    """
    cfg, pair = experiment.cfg, experiment.skeleton
    if not cfg.mean_pose_samples or cfg.dataset.kind != "rgb_hand" or not isinstance(pair, HandPair):
        return None
    if not _training_is_packed(experiment):
        return None
    dataset, wanted = experiment.dataset, cfg.mean_pose_samples
    hands = learn_hands(_drawn(dataset.open(cfg.train_split), wanted), dataset.skeleton, pair)
    return HandBaseline(hands, protocol)


def learn_hands(records: Sequence[Fields], skeleton: Skeleton, pair: HandPair) -> BlindHands:
    """The average hands of some records.

    Args:
        records: fields with ``crop_xywh_px``, ``hand_type``, ``joint_valid``, and ``joints_cam_mm`` with
            ``camera`` or ``joints_px``.
        skeleton: of their joints, one hand or two.
        pair: the joints wanted.
    """
    in_space = all("joints_cam_mm" in fields for fields in records)
    name = "joints_cam_mm" if in_space else "joints_px"
    present = np.stack([np.asarray(f["hand_type"]).astype(bool) for f in records])
    paired = [
        as_pair(np.asarray(f[name], np.float64), np.asarray(f["joint_valid"], bool), hands, skeleton, pair)
        for f, hands in zip(records, present, strict=True)
    ]
    joints, valid = (np.stack(column) for column in zip(*paired, strict=True))
    boxes = np.stack([np.asarray(f["crop_xywh_px"], np.float64) for f in records])
    pixels = joints
    if in_space:
        pixels = project_px(joints, np.stack([np.asarray(f["camera"]) for f in records]))
    known = np.array([bool(f.get("hand_type_valid", True)) for f in records])
    return BlindHands(
        pair,
        mean_hands_mm(joints, valid, pair) if in_space else None,
        mean_box_pose(pixels, boxes, valid),
        most_frequent_hands(present, known),
    )


@dataclass(frozen=True)
class WithLabels:
    """A method's inputs, and of the record what its answers are compared with.

    Args:
        inputs: the method's; what they ship themselves stays as it is.
    """

    inputs: MakeInputs

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample."""
        made = self.inputs(record, rng, train)
        lacking = [name for name in _LABELS if name not in made and name in record.fields]
        return {**made, **{name: np.asarray(record.fields[name]) for name in lacking}}


class HandBaseline(pl.Callback):
    """Answers the batches a method is tested on with the average hands, and scores the answers alike.

    Args:
        hands: the answers.
        protocol: a fresh one of the dataset.
    """

    def __init__(self, hands: BlindHands, protocol: Protocol) -> None:
        self.hands, self.protocol = hands, protocol
        self.scores = BlindHandScores(hands.pair)
        self.refused = ""

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Predictions, batch: Batch, *_: Any
    ) -> None:
        """Add one batch."""
        self.update(batch)

    def update(self, batch: Batch) -> None:
        """Answer a batch; joints that no training sample shows do not count."""
        answers = self.hands(batch)
        known = torch.from_numpy(self.hands.known).to(batch["joint_valid"].device)
        scored = Batch(batch.keys_, {**batch, "joint_valid": batch["joint_valid"].bool() & known})
        self.scores.update(answers, scored)
        try:
            self.protocol.update(answers, scored)
        except CarpusError as error:
            # A protocol may ask for what only a network can answer; a baseline must not end a test.
            self.refused = str(error)

    def values(self) -> dict[str, float | None]:
        """``mean_pose_error_mm``, ``mean_pose_error_px``, ``constant_hand_type_acc``; None where unknown.

        The error in the unit of the protocol's headline is that headline; a headline without a unit, a share
        or an area, is ``mean_pose_headline``. Every process must call this.
        """
        found, headline = dict(self.scores.compute()), self.protocol.headline
        theirs = float(self.protocol.compute().get(headline, math.nan))
        unit = metric_unit(headline)
        if not self.refused and math.isfinite(theirs):
            found[f"mean_pose_error_{unit}" if unit else "mean_pose_headline"] = theirs
        return {name: value if math.isfinite(value) else None for name, value in found.items()}


def compared(result: Mapping[str, Any]) -> tuple[float | None, float, str] | None:
    """A score beside that of the mean-pose predictor, both of one kind.

    Args:
        result: content of a result file.
    Returns:
        the method's own error (None where it has none of that kind), the predictor's, and their unit, empty
        for shares; None without a predictor.
    Example:
        >>> compared({"headline": "mpjpe_all", "mpjpe_all": 12.5, "mean_pose_error_mm": 25.0})
        (12.5, 25.0, 'mm')
        >>> compared({"headline": "map_10cm", "mean_error_mm": 40.0, "mean_pose_error_mm": 50.0})
        (40.0, 50.0, 'mm')
    """
    unit = metric_unit(result["headline"])
    if not unit and result.get("mean_pose_headline") is not None:
        return result.get(result["headline"]), result["mean_pose_headline"], ""
    kinds = {unit: result["headline"]} if unit else {"mm": "mean_error_mm", "px": "mean_error_px"}
    for of_kind, name in kinds.items():
        baseline = result.get(f"mean_pose_error_{of_kind}")
        if baseline is not None:
            return result.get(name), baseline, of_kind
    return None


def _training_is_packed(experiment: Experiment) -> bool:
    """Whether a baseline can be learnt at once; says it if not."""
    dataset, split = experiment.dataset, experiment.cfg.train_split
    packed = dataset.is_packed(dataset.splits.store_of(parse_split(split)[0]))
    if not packed:
        say(f"  no mean-pose predictor: the split {split}, which it is learnt from, is not packed")
    return packed


def _drawn(samples: Samples, wanted: int) -> list[Fields]:
    """Fields of some samples, always the same ones."""
    picks = np.sort(np.random.default_rng(0).permutation(len(samples))[:wanted])
    if isinstance(samples, RgbSamples) and samples.beside.given is None:
        # Pictures and masks that lie beside the store are not needed.
        return [samples.store[int(position)].fields for position in samples.positions[picks]]
    return [samples[int(i)].fields for i in picks]
