"""Every RGB-hand method on every RGB-hand dataset: one batch of training, validation and test each."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from carpus.engine.build import build_experiment
from carpus.engine.config import choices, compose_config
from carpus.types import collate
from rgb_hand_tree import copy_samples

DATASETS = {"interhand26m": 4, "rhd": 4, "stb": 2, "freihand": 8}
"""Frames of the synthetic worlds."""
SMALL = ["seednet.channels=8", "seednet.image_px=64", "method.inputs.map_px=16"]
STANDIN = "method.module.net.sik.standin=true"
FLOW = ["method=handflow2d", "seednet.image_px=64", "seednet.net.steps=1"]
METHODS = {
    "digit": ["method=digit", "backbone=resnet18", "backbone.channels=8", "method.module.net.width=0.0625"],
    "flow": FLOW,
    "flow_deconv": [*FLOW, "seednet.net.head=deconv", "seednet.net.scales=all", "seednet.net.block=glow2"],
    "flow_faithful": [*FLOW, "loss=handflow2d_faithful", "method.inputs.rules=faithful", "augment=none"],
    "flow_wide": [*FLOW, "seednet=flow_wide_resnet50"],
    "csflow": [
        *("method=handflow2d", "seednet=csflow", "seednet.image_px=256"),
        *("seednet.net.hidden=8", "seednet.net.kernels=[3]"),
    ],
    "hourglass": ["method=handflow2d/seed", *SMALL],
    "lift": ["method=handflow2d/lift", *SMALL],
    "lift_on_flow": ["method=handflow2d/lift", "seednet=flow", "seednet.net.steps=1", *SMALL],
    "sik": ["method=handflow2d/sik", STANDIN, *SMALL],
    "bihand": ["method=handflow2d/bihand", STANDIN, *SMALL],
}
SAMPLE = {
    *(("digit", "rhd"), ("digit", "stb"), ("flow", "interhand26m"), ("flow", "rhd")),
    *(("hourglass", "stb"), ("lift", "freihand"), ("bihand", "interhand26m")),
}
HEADLINES = dict.fromkeys(("lift", "lift_on_flow"), "epe_mm_none_21j")
HEADLINES |= dict.fromkeys(("sik", "bihand"), "auc_mm_root_scale_21j")

ONE_BATCH = ["debug=fast", "trainer=cpu", "batch_size=2", "eval_batch_size=2"]


@pytest.fixture
def places(world):
    """Where the worlds, stores and runs of this module lie."""
    folder = world.folder / "rgb_matrix"
    return folder / "logs", [f"paths.{name}={folder}/{name}" for name in ("data", "packs", "logs")]


def pairs():
    for method in METHODS:
        for dataset in DATASETS:
            slow = [] if (method, dataset) in SAMPLE else [pytest.mark.slow]
            yield pytest.param(method, dataset, marks=slow, id=f"{method}-{dataset}")


def world_of(dataset: str) -> list[str]:
    return [f"dataset={dataset}_synthetic", f"dataset.synth.frames={DATASETS[dataset]}"]


def test_every_method_of_the_family_is_in_the_table():
    named = {line.removeprefix("method=") for words in METHODS.values() for line in words[:1]}
    family = {name for name in choices("method") if name == "digit" or name.startswith("handflow2d")}
    assert named == family - {"handflow2d/sik_pretrain", "handflow2d/sik_offline"}  # of joints, not pictures
    assert {f"{name}_synthetic" for name in DATASETS} <= set(choices("dataset"))


@pytest.mark.parametrize(("method", "dataset"), pairs())
def test_a_method_trains_validates_and_is_scored(method, dataset, here, places, no_report):
    key = f"{zlib.crc32(f'{method}-{dataset}'.encode()):09x}"
    logs, where = places
    code, output = here("train.py", *METHODS[method], *world_of(dataset), *ONE_BATCH, *where, key=key)
    assert code == 0, output
    result = json.loads((logs / key / "result" / "test.json").read_text())
    wanted = "mpjpe_all" if (method, dataset) == ("digit", "interhand26m") else "epe_px_none_21j"
    assert result["headline"] == HEADLINES.get(method, wanted)
    in_pixels, in_space = "2d_ours/none_21j_all/epe_mean_px", "lift3d/none_21j_all/epe_mean_mm"
    if wanted != "mpjpe_all":
        assert result[in_pixels] > 0
        assert (in_space in result) == (method in ("digit", *HEADLINES))
        assert result["counts/hands"] == result["samples"]
    if method != "digit":
        assert 0 <= result["hm_pck_global"] <= 1
    assert ("segm_iou" in result) == (wanted == "mpjpe_all")


def sample_batches(words, split, places):
    """What training and scoring ship of two samples."""
    experiment = build_experiment(compose_config([*words, *places[1]]), 2)
    samples, inputs = experiment.dataset.open(split), experiment.data.inputs
    return (
        collate([(r.key, inputs(r, np.random.default_rng(0), train)) for r in (samples[0], samples[1])])
        for train in (True, False)
    )


@pytest.mark.parametrize(("dataset", "parts"), [("rhd", True), ("stb", False)])
def test_digit_is_shown_parts_where_they_are_published(dataset, parts, places):
    train, scored = sample_batches([*METHODS["digit"], *world_of(dataset)], "train", places)
    for batch in (train, scored):
        assert batch["segm_valid"].tolist() == [parts, parts]
        shown = [set(labels.unique().tolist()) - {0} for labels in batch["segm_target"]]
        for labels, hands in zip(shown, batch["hand_type"].tolist(), strict=True):
            # Parts 1 to 16 are those of the right hand.
            assert bool(labels) is parts
            assert not parts or any((label > 16) == hands[1] for label in labels)
    assert "joints_px" not in train
    valid = scored["joint_valid"]
    assert valid.sum(1).tolist() == [21, 21]
    points, camera = scored["joints_cam_mm"].double(), scored["camera"].double()[:, None]
    pixels = points[..., :2] / points[..., 2:] * camera[..., :2] + camera[..., 2:]
    assert (pixels - scored["joints_px"])[valid].abs().max() < 0.1


@pytest.mark.parametrize(
    "method", [pytest.param("flow", id="flow"), pytest.param("digit", marks=pytest.mark.slow, id="digit")]
)
def test_one_run_on_all_of_them_trains_and_is_scored_part_by_part(method, here, places, no_report):
    logs, where = places
    names = [f"{name}_synthetic" for name in DATASETS]
    frames = [f"parts.{name}_synthetic.synth.frames={count}" for name, count in DATASETS.items()]
    words = [*METHODS[method], f"datasets=[{','.join(names)}]", *frames]
    key = f"{zlib.crc32(method.encode()):09x}"
    code, output = here("train.py", *words, *ONE_BATCH, *where, key=key)
    assert code == 0, output
    for name in names:
        assert json.loads((logs / key / "result" / f"test_{name}.json").read_text())["samples"] > 0


def test_keypoints_alone_are_enough_for_2d_and_no_other_method_takes_them(here, places, tmp_path, no_report):
    """The real frames of FreiHAND, in the form that has neither cameras nor depths."""
    root = copy_samples("freihand", tmp_path / "freihand")
    logs, where = places
    words = [
        "dataset=freihand",
        f"dataset.root={root}",
        "dataset.name=flat",
        "eval_on=val",
        *ONE_BATCH,
        *where,
    ]
    code, output = here("train.py", *FLOW, *words, key="0f1a70001")
    assert code == 0, output
    result = json.loads((logs / "0f1a70001" / "result" / "val.json").read_text())
    assert result["epe_px_none_21j"] > 0
    assert not [name for name in result if name.startswith("lift3d/")]
    for method in ("digit", "lift"):
        code, output = here("train.py", *METHODS[method], *words)
        assert code == 1, output
        last = output.strip().splitlines()[-1]
        assert "no camera, root_depth_mm" in last if method == "digit" else "needs joints_cam_mm" in last
