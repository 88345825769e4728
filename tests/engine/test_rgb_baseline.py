"""Scoring of hands in photographs: what the mean pose achieves, what a test leaves, in mm and in pixels."""

from __future__ import annotations

import json
import time
from typing import ClassVar

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from torch import nn

from carpus.data.datamodule import DataModule
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.rgb_hands import hands_of
from carpus.data.sources.interhand26m import InterHand26M
from carpus.engine.baselines import HandBaseline, WithLabels, compared, hand_baseline, learn_hands
from carpus.engine.build import Experiment
from carpus.engine.evaluate import evaluate
from carpus.engine.folder import RunFolder
from carpus.errors import ConfigError
from carpus.methods.base import PoseModule
from carpus.metrics.collector import Collected
from carpus.metrics.joint_error import PerJointError
from carpus.metrics.protocols.interhand import InterHandProtocol
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.skeletons import INTERHAND, INTERHAND_HAND
from carpus.types import Batch, Predictions
from interhand_tree import invented, write_tree

RIGHT, LEFT = INTERHAND.roots


class PixelProtocol(MetricProtocol):
    """A stand-in for protocols in pixels; it doubles errors, so that its own cannot be mistaken."""

    headline: ClassVar[str] = "epe_px"

    def __init__(self) -> None:
        super().__init__({"joints": PerJointError(42)})

    def update(self, predictions, batch):
        if predictions.joints_px is None:
            raise ConfigError("pixels are scored")
        truth = batch["joints_px"]
        self.metrics["joints"].update(2 * predictions.joints_px, 2 * truth, batch["joint_valid"])

    def compute(self):
        return {"epe_px": float(self.reduced()["joints"].nanmean())}


class Shifted(PoseModule):
    """The truth, with what is not annotated moved far away and the middle finger's tip moved by (3, 0, 4)."""

    def __init__(self, flat: bool) -> None:
        super().__init__(nn.Linear(1, 1), {}, lambda parameters: torch.optim.SGD(parameters, 0.1))
        self.flat = flat

    def prepare(self, batch):
        return batch

    def forward(self, batch):
        return {}

    def decode(self, outputs, batch):
        joints = torch.where(batch["joint_valid"][..., None], batch["joints_cam_mm"], 5000.0)
        joints = joints + torch.tensor([30.0, 0.0, 0.0])  # both hands elsewhere
        joints[:, 8] += torch.tensor([3.0, 0.0, 4.0])
        pixels = batch["joints_px"].nan_to_num() + torch.tensor([0.0, 2.0])
        prob = batch["hand_type"].float()
        return Predictions(batch.keys_, None if self.flat else joints, pixels, hand_type_prob=prob)


def inputs(record, rng, train):
    """Both truths, as a method for datasets of either kind ships them, and no box."""
    made = hands_of(record, INTERHAND)
    return {**made, "joints_px": np.asarray(record.fields["joints_px"], np.float32)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Trees of a training and a test split; the test split is packed too."""
    root = tmp_path_factory.mktemp("world") / "tree"
    for split, count in (("train", 24), ("test", 9)):
        write_tree(root, split, invented(count, seed=count), masks=False)
    dataset = RgbDataset("interhand26m", root, InterHand26M, root.parent / "packs")
    for split in ("train", "test"):
        dataset.open(split)
    return dataset


def experiment_of(dataset, protocol, module=None):
    cfg = {"mean_pose_samples": 2000, "train_split": "train", "seed": 0}
    cfg |= {"dataset": {"name": "interhand26m", "kind": "rgb_hand", "cube_mm": 400.0}}
    cfg |= {"method": {"name": "shifted"}, "loss": {"name": "none"}}
    data = DataModule(dataset, inputs, batch_size=4)
    return Experiment(OmegaConf.create(cfg), dataset, data, module, protocol, INTERHAND)


def expected_mm(dataset):
    """The mean-pose error, written down anew: loops over joints and records."""
    train, test = (list(dataset.open(split)) for split in ("train", "test"))
    means = []
    for joint in range(42):
        root = INTERHAND.root_of[joint]

        def relative(record, joint=joint, root=root):
            points = record.fields["joints_cam_mm"].astype(np.float64)
            return points[joint] - points[root]

        seen = [relative(r) for r in train if r.fields["joint_valid"][joint]]
        apart = [relative(r) - np.mean(seen, 0) for r in test if r.fields["joint_valid"][joint]]
        means.append(np.mean([np.linalg.norm(d) for d in apart]))
    return float(np.mean(means))


def baseline_values(dataset, protocol):
    baseline = hand_baseline(experiment_of(dataset, protocol), protocol())
    for record in dataset.open("test"):
        made = WithLabels(inputs)(record, np.random.default_rng(0), False)
        arrays = {name: torch.as_tensor(np.asarray(value))[None] for name, value in made.items()}
        baseline.update(Batch([record.key], arrays))
    return baseline.values()


def test_the_mean_pose_is_scored_as_the_protocol_scores_a_method(world):
    values = baseline_values(world, InterHandProtocol)
    assert values["mean_pose_error_mm"] == pytest.approx(expected_mm(world), abs=1e-3)
    assert values["constant_hand_type_acc"] == pytest.approx(3 / 9)  # right, left and both take turns
    doubled = baseline_values(world, PixelProtocol)
    assert doubled["mean_pose_error_px"] == pytest.approx(2 * values["mean_pose_error_px"], abs=1e-2)
    assert doubled["mean_pose_error_mm"] == values["mean_pose_error_mm"]


def test_training_hands_of_one_hand_datasets_fill_their_side():
    def record(left, tip_px):
        pixels = np.full((21, 2), np.nan)
        pixels[[0, 20]] = [tip_px, (50.0, 50.0)]
        valid = np.isfinite(pixels).all(1)
        kind = np.array([not left, left])
        box = np.array([0.0, 0.0, 100.0, 100.0])
        return {"joints_px": pixels, "joint_valid": valid, "hand_type": kind, "crop_xywh_px": box}

    records = [record(False, (10, 20)), record(False, (30, 40)), record(True, (90, 90))]
    hands = learn_hands(records, INTERHAND_HAND, INTERHAND)
    assert hands.hands_mm is None
    pose = hands.box_pose[[0, RIGHT, 21, LEFT]].round(9).tolist()
    assert pose == [[0.2, 0.3], [0.5, 0.5], [0.9, 0.9], [0.5, 0.5]]
    assert hands.known.sum() == 4
    assert hands.hand_type.tolist() == [True, False]


def test_two_thousand_samples_take_seconds_and_no_picture_is_decoded(world, monkeypatch):
    import carpus.engine.baselines as module

    fields = [record.fields for record in world.open("train")] * 84
    monkeypatch.setattr("carpus.data.rgb_images.decode_rgb", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(module, "_drawn", lambda samples, wanted: fields)
    started = time.process_time()
    baseline = hand_baseline(experiment_of(world, InterHandProtocol), InterHandProtocol())
    assert time.process_time() - started < 2.0
    assert baseline.hands.known.all()


@pytest.mark.parametrize(
    "changes", [{"mean_pose_samples": 0}, {"dataset": {"kind": "depth"}}, {"train_split": "minival"}]
)
def test_there_is_none_where_it_is_switched_off_or_would_have_to_pack(world, changes, capsys):
    experiment = experiment_of(world, InterHandProtocol)
    experiment.cfg.merge_with(changes)
    assert hand_baseline(experiment, InterHandProtocol()) is None
    told = "minival, which it is learnt from, is not packed" in capsys.readouterr().out
    assert told == ("train_split" in changes)
    assert not world.is_packed("val")


def test_a_protocol_that_refuses_the_answers_does_not_end_a_test(world):
    class Refusing(PixelProtocol):
        def update(self, predictions, batch):
            raise ConfigError("vertices are scored")

    own = baseline_values(world, InterHandProtocol)["mean_pose_error_px"]
    assert baseline_values(world, Refusing)["mean_pose_error_px"] == own


def test_labels_are_added_to_what_a_method_ships_but_replace_nothing(world):
    record = world.open("test")[0]
    made = WithLabels(lambda *_: {"hand_type": np.array([7, 7])})(record, np.random.default_rng(0), False)
    assert made["hand_type"].tolist() == [7, 7]
    np.testing.assert_array_equal(made["crop_xywh_px"], record.fields["crop_xywh_px"])
    assert set(made) == {"hand_type", "crop_xywh_px", "root_depth_mm", "hand_type_valid"}


@pytest.fixture
def scored(world, tmp_path, capsys):
    """``scored(protocol, flat) -> (result, run folder, output)`` of a whole test."""

    def call(protocol, flat):
        module = Shifted(flat)
        experiment = experiment_of(world, protocol, module)
        run = RunFolder(tmp_path / "run").create()
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        quiet |= {"enable_model_summary": False, "use_distributed_sampler": False}
        trainer = pl.Trainer(accelerator="cpu", **quiet)
        result = evaluate(experiment, trainer, run, "test", module)
        assert experiment.data.inputs is inputs
        assert not any(isinstance(c, HandBaseline) for c in trainer.callbacks)
        return result, run, capsys.readouterr().out

    return call


def test_a_test_in_mm_leaves_numbers_predictions_and_page(scored, world):
    result, run, output = scored(InterHandProtocol, flat=False)
    assert result["mpjpe_all"] == pytest.approx(5.0 / 42, abs=1e-4)  # one joint of 42 is 5 mm off
    assert json.loads((run.result / "test.json").read_text())["conditions"] == world.conditions("test")
    assert result["mean_pose_error_mm"] == pytest.approx(expected_mm(world), abs=1e-3)
    share = result["mpjpe_all"] / result["mean_pose_error_mm"]
    assert f"mean-pose predictor {result['mean_pose_error_mm']:.3f} mm (this is {share:.0%} of it)" in output
    assert "handness_acc 1.000 (always the same answer 0.333)" in output
    saved = Collected.load(run.result / "test_predictions.npz")
    assert saved.units == ("mm", "px")
    errors = saved.errors_mm()
    assert np.nanmax(errors[:, 8]) == pytest.approx(5.0, abs=1e-2)
    assert np.isnan(errors[:, [RIGHT, LEFT]]).all()
    page = (run.path / "report_test.html").read_text()
    for text in ("9 of 849,160 published", "boxes and wrist depths", "MPJPE, all images", "mean-pose"):
        assert text in page


def test_a_test_in_pixels_needs_no_joints_in_space(scored):
    result, run, output = scored(PixelProtocol, flat=True)
    assert result["epe_px"] == pytest.approx(4.0, abs=1e-3)
    assert result["mean_pose_error_mm"] > 0
    own, blind, unit = compared(result)
    assert (own, blind, unit) == (result["epe_px"], result["mean_pose_error_px"], "px")
    assert f"mean-pose predictor {blind:.3f} px (this is {own / blind:.0%} of it)" in output
    saved = Collected.load(run.result / "test_predictions.npz")
    assert saved.joints_cam_mm is None
    np.testing.assert_allclose(saved.errors_px()[np.isfinite(saved.errors_px())], 2.0, atol=1e-2)
    assert "pixels of the published image" in (run.path / "report_test.html").read_text()
