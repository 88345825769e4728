"""2DHandFlow from the command line: its recipe, BiHand stage by stage, published weights, real frames."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from carpus.engine.build import build_experiment
from carpus.engine.config import load_config
from carpus.engine.folder import RunFolder
from carpus.nets.backbones.features import feature_maps
from carpus.nets.handflow2d import STAGES, FlowSeed, HandFlowNet
from carpus.types import collate
from carpus.weights import import_weights
from golden_cases import HERE
from handflow2d_golden import formula_state, layout
from real_rhd import make_rhd_tree
from rgb_hand_tree import MINI

SPEC = layout(HERE / "golden" / "handflow2d" / "state_dict_spec.json")
NARROW = ["seednet.channels=8", "seednet.image_px=64", "method.inputs.map_px=16"]
RHD = ["dataset=rhd", f"dataset.root={MINI}/RHD", "dataset.splits=published"]
STANDIN = "method.module.net.sik.standin=true"
MINI_TREES = [f"parts.stb.root={MINI}/STB", "parts.stb.splits=published", f"parts.rhd.root={MINI}/RHD"]


@pytest.fixture
def places(world):
    """The runs of this module, and where they lie."""
    folder = world.folder / "handflow2d"
    where = [f"paths.{name}={folder}/{name}" for name in ("data", "packs", "logs")]
    return lambda key: RunFolder(folder / "logs" / key), where


def weights(run, stage=""):
    state = torch.load(run.last, map_location="cpu", weights_only=True)["state_dict"]
    return {name: value for name, value in state.items() if name.startswith(f"net.{stage}")}


def same(one, other) -> bool:
    return set(one) == set(other) and all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_recipe_trains_on_both_sets_and_logs_what_it_should(here, places, no_report):
    """On the mini trees, one batch of images of half the size, with random weights."""
    run_of, where = places
    words = ["experiment=handflow2d_rhd_stb", "method.module.imagenet=null", *MINI_TREES, *where]
    few = ["trainer=cpu", "trainer.max_epochs=1", "workers=0", "batch_size=3", "mean_pose_samples=0"]
    few += ["seednet.image_px=128"]
    code, output = here("train.py", *words, *few, key="0f2d00001")
    assert code == 0, output
    run = run_of("0f2d00001")
    header = (run.log / "metrics.csv").read_text().splitlines()[0].split(",")
    for name in ("heatmap", "mask", "flow", "nll", "nll_per_dim", "loss"):
        assert f"val/{name}" in header, name
    assert {"val/hm_pck", "val/hm_pck_global", "val/epe_px_none_21j"} <= set(header)
    assert run.last.is_file()
    assert (run.checkpoints / "best.ckpt").is_file()
    scored = {part: run.read_result(f"test_{part}") for part in ("stb", "rhd")}
    assert [result["samples"] for result in scored.values()] == [2, 1]
    assert all(result["epe_px_none_21j"] > 0 for result in scored.values())
    cfg = load_config(run.config_file)
    assert (cfg.optimizer.lr, cfg.scheduler.every, cfg.seed) == (1e-3, 100, 25)


def test_every_stage_takes_what_the_one_before_learnt_and_leaves_it_as_it_is(here, places, no_report):
    run_of, where = places
    words = [*NARROW, *RHD, *where]
    words += [
        "trainer=cpu",
        "trainer.max_epochs=1",
        "workers=0",
        "batch_size=2",
        "test_after_fit=false",
        STANDIN,
        "optimizer.lr=1e-3",
    ]
    keys = {"seed": "0f2d0000a", "lift": "0f2d0000b", "sik": "0f2d0000c"}
    before = None
    for stage, key in keys.items():
        start = [] if before is None else [f"init_from={before.key}"]
        code, output = here("train.py", f"method=handflow2d/{stage}", *words, *start, key=key)
        assert code == 0, output
        run = run_of(key)
        if before is not None:
            learnt = weights(before)
            assert f"{len(learnt)} of {len(learnt)} tensors copied" in output
            missing = re.findall(r"^  net\.(\w+)\..*missing in the file$", output, re.M)
            assert set(missing) == {STAGES[stage]}
            kept = weights(run)
            assert same(learnt, {name: kept[name] for name in learnt})
        before = run
    start = ["method=handflow2d/lift", *words, f"init_from={keys['lift']}", "method.frozen=[]"]
    code, output = here("train.py", *start, key="0f2d0000d")
    assert code == 0, output
    assert not same(weights(run_of(keys["lift"]), "liftnet"), weights(run_of("0f2d0000d"), "liftnet"))


def imported(here, file, where, *words):
    code, output = here("carpus", "import", str(file), *words, "workers=0", "mean_pose_samples=0", *where)
    assert code == 0, output
    return output.split("imported as ")[1][:9]


def test_a_published_flow_is_scored_with_its_own_weights(here, places, tmp_path, no_report):
    run_of, where = places
    state = formula_state(SPEC["flow_resnet18"], 7)
    file = tmp_path / "ckp_seednet_all_20.pth.tar"
    torch.save({"epoch": 20, "state_dict": {f"module.{k}": v for k, v in state.items()}}, file)
    stb = ["--dataset", "stb", f"dataset.root={MINI}/STB", "dataset.splits=published"]
    key = imported(here, file, where, "--method", "handflow2d", *stb)
    code, output = here("test.py", f"key={key[:6]}", "eval_on=test", *where[2:])
    assert code == 0, output
    run = run_of(key)
    result = run.read_result("test")
    assert result["samples"] == 2
    assert result["counts/joints_all"] == 42
    experiment = build_experiment(load_config(run.config_file), 2)
    samples, inputs = experiment.dataset.open("test"), experiment.data.inputs
    batch = collate([(r.key, inputs(r, np.random.default_rng(0), False)) for r in (samples[0], samples[1])])
    module, net = experiment.module.eval(), HandFlowNet(FlowSeed(feature_maps("resnet18"), 256))
    own = import_weights(file, "handflow2d").state_dict
    net.load_state_dict({name.removeprefix("net."): value for name, value in own.items()})
    prepared = module.prepare(batch)
    with torch.no_grad():
        found = module.decode(net.eval()(prepared["image"], nll=False), prepared)
    off = (found.joints_px - batch["joints_px"]).norm(dim=-1)[batch["joint_valid"]]
    assert result["epe_px_none_21j"] == pytest.approx(float(off.mean()), rel=1e-4)


def test_published_bihand_is_found_file_by_file_and_scored_in_3d(here, places, tmp_path, no_report):
    run_of, where = places
    names = {"seed": "ckp_seednet_all", "lift": "rhd/ckp_liftnet_rhd", "sik": "rhd/ckp_siknet_rhd"}
    for number, (stage, name) in enumerate(names.items()):
        file = tmp_path / f"{name}.pth.tar"
        file.parent.mkdir(exist_ok=True)
        torch.save({"epoch": 100, "state_dict": formula_state(SPEC[STAGES[stage]], number + 1)}, file)
    rhd = ["--method", "handflow2d/bihand", "--dataset", "rhd", f"dataset.root={MINI}/RHD", STANDIN]
    key = imported(here, file, where, *rhd)
    code, output = here("test.py", f"key={key}", "eval_on=test", "eval_batch_size=1", *where[2:])
    assert code == 0, output
    result = run_of(key).read_result("test")
    assert result["headline"] == "auc_mm_root_scale_21j"
    assert 0 <= result["auc_mm_root_scale_21j"] <= 1
    groups = ("2d_ours/none_21j_all", "bihand3d/root_scale_20j_all", "lift3d/none_21j_all", "hand3d_3d")
    for group in groups:
        assert any(name.startswith(group) for name in result), group
    missing = ["--method", "handflow2d/bihand", "--dataset", "rhd", *where]
    code, output = here("carpus", "import", str(file), *missing)
    assert code == 1
    assert "MANO_RIGHT" in output.strip().splitlines()[-1]


def test_a_photograph_without_labels_is_answered(here, places, tmp_path, samples):
    """By a run that learnt nothing yet: where the files are, and that both sides can be asked for."""
    run_of, where = places
    words = ["method=handflow2d/lift", *NARROW, *RHD, *where]
    few = ["trainer=cpu", "trainer.max_epochs=1", "workers=0", "batch_size=2", "test_after_fit=false"]
    code, output = here("train.py", *words, *few, key="0f2d0000e")
    assert code == 0, output
    picture = samples / "rhd" / "training" / "color" / "00111.png"
    found = {}
    for hand in ("right", "left"):
        out = tmp_path / hand
        options = ["--bbox", "178,74,78,101", "--camera", "299,299,160,160", "--hand", hand]
        code, output = here(
            "carpus", "demo", "0f2d0000e", str(picture), *options, "--out", str(out), "--logs",
            str(run_of("0f2d0000e").path.parent),
        )  # fmt: skip
        assert code == 0, output
        (box,) = json.loads((out / "00111.json").read_text())["boxes"]
        assert box["hands"] == [hand]
        found[hand] = np.array(box["joints_px"], float), np.array(box["joints_cam_mm"], float)
    right, left = found["right"], found["left"]
    assert np.isfinite(right[0][:21]).all()
    assert np.isfinite(left[0][21:]).all()
    # The crop is twice as wide as the box; what is found lies in it.
    assert (np.abs(right[0][:21] - [217, 124.5]) < 1.05 * 101).all()
    assert (right[1][:21, 2] > 100).all()


@pytest.mark.slow
def test_two_real_frames_are_learnt_by_heart(world):
    root = make_rhd_tree(world.folder / "rhd_real")
    where = [f"paths.data={world.folder}/data", f"paths.logs={world.logs}", f"dataset.root={root}"]
    words = ["experiment=handflow2d_real_rhd", "dataset.name=rhd_real", *where]
    code, output = world.run_long("train.py", *words, key="0f2d00002")
    assert code == 0, output
    code, output = world.run("test.py", "key=0f2d00002", "eval_on=minitrain", f"paths.logs={world.logs}")
    assert code == 0, output
    for split in ("test", "minitrain"):
        result = RunFolder(world.logs / "0f2d00002").read_result(split)
        assert result["samples"] == 2
        assert result["2d_ours/none_21j_all/epe_mean_crop256px"] <= 3.0
        assert result["hm_pck_global"] == 1.0


@pytest.mark.slow
def test_the_published_flow_and_head_learn_the_mini_frames_by_heart(world):
    """Random weights, the coarsest latent and a linear head: 0.9986 is the most such heat maps can reach.

    Without the likelihood, which teaches such a head nothing, the flows of the fine scales are not run.
    """
    where = [f"paths.data={world.folder}/data", f"paths.logs={world.logs}", *MINI_TREES]
    words = "method=handflow2d loss=handflow2d_seed datasets=[rhd,stb] seednet.net.bn_eval=false augment=none"
    how = "scheduler=cosine trainer=cpu batch_size=4 workers=0 seed=1 mean_pose_samples=0"
    steps = "trainer.max_epochs=200 trainer.val_every_epochs=200 callbacks.checkpoint.every_epochs=200"
    more = "train_split=minitrain eval_on=minitrain parts.rhd.splits=published"
    words = f"{words} {how} {steps} {more}".split()
    code, output = world.run_long("train.py", *words, *where, key="0f2d00003")
    assert code == 0, output
    run = RunFolder(world.logs / "0f2d00003")
    for part, count in (("rhd", 2), ("stb", 2)):
        result = run.read_result(f"minitrain_{part}")
        assert result["samples"] == count
        assert result["hm_pck_global"] >= 0.95
