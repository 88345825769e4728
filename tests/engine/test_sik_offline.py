"""Joints of a lifting network as files of SIK-offline: complete, continued, the same again."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from carpus.data.hand_sample_geometry import kinematics
from carpus.data.sik import SikOffline
from carpus.engine.build import build
from carpus.engine.config import compose_config, load_config, save_config
from carpus.engine.sik_offline import LiftedHands, SikJob, write_sik
from carpus.errors import ConfigError
from carpus.skeletons import SNAP
from sik_runs import STANDIN, rhd, untrained

asking = partial(SikJob, workers=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("sik")


@pytest.fixture(scope="module")
def run(folder):
    return untrained(folder, "aaaa00001")


def asked(folder, run, *overrides):
    """The network and the pictures, as the command composes them."""
    cfg = compose_config(["method=handflow2d/sik", "dataset=rhd", *rhd(folder), *overrides])
    return LiftedHands(run, cfg.dataset, cfg.augment, "cpu"), build(cfg.dataset.spec)


def test_every_look_is_drawn_anew_and_stands_beside_its_truth(folder, run, tmp_path):
    lifted, dataset = asked(folder, run)
    told = []
    file = write_sik(lifted, dataset, asking(tmp_path, epochs=2), lambda *at: told.append(at))
    assert file.path == tmp_path / "sik_train_rhd_2epoch.pkl"
    assert (file.hands, file.skipped, told[-1]) == (4, 0, (4, 4))
    assert file.settings == f"dataset.root={tmp_path} dataset.sets=[rhd] dataset.epochs=2"
    data = SikOffline(tmp_path, "train", ["rhd"], epochs=2)
    apart = 1000 * np.linalg.norm(data.found_m - data.true_m, axis=-1).mean()
    assert file.error_mm == pytest.approx(float(apart), rel=1e-5)
    first, second = data.true_m[:2], data.true_m[2:]
    # Looks turn a hand about the view and do nothing else to its joints.
    np.testing.assert_allclose(first[..., 2], second[..., 2], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(first, axis=-1), np.linalg.norm(second, axis=-1), atol=1e-6)
    assert np.abs(first - second).max() > 0.01
    assert np.abs(data.found_m[:2] - data.found_m[2:]).max() > 1e-3
    assert not data.true_m[:, 9].any()


def test_the_test_split_is_looked_at_once_as_it_is(folder, run, tmp_path):
    lifted, dataset = asked(folder, run)
    file = write_sik(lifted, dataset, asking(tmp_path, split="test"))
    assert (file.path.name, file.hands) == ("sik_test_rhd.pkl", 1)
    record = dataset.open("test")[0]
    joints = np.asarray(record.fields["joints_cam_mm"])[dataset.skeleton.permutation(to=SNAP)]
    expected = kinematics(joints.astype(np.float32) / 1000)["relative"]
    left = bool(np.argmax(record.fields["hand_type"]))
    side = np.array([-1.0 if left else 1.0, 1.0, 1.0])
    np.testing.assert_allclose(SikOffline(tmp_path, "test", ["rhd"]).true_m[0], expected * side, atol=1e-6)


def test_batches_and_workers_do_not_matter(folder, run, tmp_path):
    found = []
    for number, (size, workers) in enumerate(((1, 0), (2, 1))):
        job = asking(tmp_path / str(number), epochs=2, batch_size=size, workers=workers)
        write_sik(*asked(folder, run), job)
        found.append(SikOffline(tmp_path / str(number), "train", ["rhd"], epochs=2))
    np.testing.assert_array_equal(found[0].true_m, found[1].true_m)
    np.testing.assert_allclose(found[0].found_m, found[1].found_m, atol=1e-5)


def test_an_interrupted_job_goes_on_where_it_stopped(folder, run, tmp_path, monkeypatch):
    lifted, dataset = asked(folder, run)
    job, whole = (
        asking(tmp_path / "a", epochs=3, batch_size=1),
        asking(tmp_path / "b", epochs=3, batch_size=1),
    )
    calls = []

    def stopping(self, batch, honest=LiftedHands.joints_m):
        calls.append(batch.keys_)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return honest(self, batch)

    monkeypatch.setattr(LiftedHands, "joints_m", stopping)
    with pytest.raises(KeyboardInterrupt):
        write_sik(lifted, dataset, job)
    assert not (tmp_path / "a" / "sik_train_rhd_3epoch.pkl").exists()
    other, _ = asked(folder, run, "augment.turn_deg=10")
    with pytest.raises(ConfigError, match="the beginning of another job"):
        write_sik(other, dataset, job)
    calls = [None] * 10
    file = write_sik(lifted, dataset, job)
    assert len(calls) == 10 + 4, "the first look was not asked for again"
    write_sik(lifted, dataset, whole)
    assert [path.name for path in (tmp_path / "a").iterdir()] == [file.path.name]
    assert file.path.read_bytes() == (tmp_path / "b" / file.path.name).read_bytes()


def test_jobs_that_make_no_sense_are_refused(folder, run, tmp_path):
    lifted, dataset = asked(folder, run)
    for job, message in (
        (asking(tmp_path, split="test", epochs=3), "all are the same"),
        (asking(tmp_path, epochs=0), "one at least"),
        (asking(tmp_path, split="trian"), "did you mean 'train'"),
        (asking(tmp_path, name="freihand"), "set of SIK-offline.*--set"),
    ):
        with pytest.raises(ConfigError, match=message):
            write_sik(lifted, dataset, job)
    file = tmp_path / "hands.pkl"
    assert write_sik(lifted, dataset, asking(file, split="test")).settings.endswith("100epoch.pkl")
    with pytest.raises(ConfigError, match="is there already"):
        write_sik(lifted, dataset, asking(file, split="test"))
    assert write_sik(lifted, dataset, asking(file, split="test", force=True)).hands == 1


def test_a_run_with_a_hand_model_needs_no_file_of_it(folder):
    whole = untrained(folder, "bbbb00001", "handflow2d/bihand", STANDIN)
    cfg = load_config(whole.config_file)
    cfg.method.module.net.sik.standin = False
    save_config(cfg, whole.config_file)
    lifted, _ = asked(folder, whole)
    assert lifted.module.net.siknet is None


def test_runs_and_datasets_that_do_not_fit_are_named(folder, run):
    seed = untrained(folder, "cccc00001", "handflow2d/seed")
    with pytest.raises(ConfigError, match=r"handflow2d/seed, which finds no joints in space"):
        asked(folder, seed)
    cfg = compose_config(["dataset=msra"])
    with pytest.raises(ConfigError, match="needs kind rgb_hand"):
        LiftedHands(run, cfg.dataset, cfg.augment, "cpu")
