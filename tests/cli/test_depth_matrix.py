"""Every depth method on every depth dataset: one batch of training, validation and test each."""

from __future__ import annotations

import pytest

from carpus.engine.config import choices

DATASETS = ("msra", "icvl", "nyu", "hands17", "itop")
METHODS = [name for name in choices("method") if name == "v2v" or name.startswith("depth_cr/")]
FRAMES = {"msra": 1}
SAMPLE = {
    ("depth_cr/super_edt2m", "msra"),
    ("depth_cr/dense_regre", "icvl"),
    ("depth_cr/base_regre", "nyu"),
    ("depth_cr/super_ov3edt2m", "hands17"),
    ("depth_cr/voxel_detect", "itop"),
    ("depth_cr/localizer2", "itop"),
}


def pairs():
    for method in METHODS:
        for dataset in DATASETS:
            slow = [] if (method, dataset) in SAMPLE else [pytest.mark.slow]
            yield pytest.param(method, dataset, marks=slow, id=f"{method}-{dataset}")


def test_there_are_29_methods():
    assert len(METHODS) == 29


@pytest.mark.parametrize(("method", "dataset"), pairs())
def test_a_method_trains_validates_and_predicts(method, dataset, here, world, no_report):
    small = ["method.grid.size=24", "method.module.net.width=0.25"] if method == "v2v" else []
    code, output = here(
        "train.py",
        f"method={method}",
        f"dataset={dataset}_synthetic",
        "debug=fast",
        "trainer=cpu",
        "batch_size=2",
        "eval_batch_size=2",
        f"dataset.synth.frames={FRAMES.get(dataset, 24)}",
        f"paths.data={world.folder}/matrix",
        f"paths.packs={world.folder}/matrix/packs",
        f"paths.logs={world.folder}/matrix/logs",
        *small,
    )
    assert code == 0, output
