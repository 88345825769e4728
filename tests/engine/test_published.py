"""What a run is told about the published runs of its recipe."""

from __future__ import annotations

from functools import cache

import pytest
from omegaconf import OmegaConf

from carpus.engine.config import compose_config
from carpus.engine.published import departures

WHOLE = ("h4w_stage1", "h4w_stage3", "h4w_agora")
EACH = {
    **dict.fromkeys(WHOLE, 24),
    **dict.fromkeys(("pose2pose_body", "pose2pose_hand", "pose2pose_face"), 48),
}


@cache
def recipe(name):
    return compose_config([f"experiment={name}"])


@pytest.mark.parametrize(("name", "each"), EACH.items())
def test_batches_of_the_published_processes_are_those_of_the_recipe(name, each):
    cfg = OmegaConf.merge(recipe(name), {"load_from": "weights.pth"})
    assert cfg.published.processes * cfg.published.iter_batch == cfg.batch_size
    assert departures(cfg, processes=4, iter_batch=each) == []
    one = departures(cfg, processes=1, iter_batch=cfg.batch_size)
    assert one == [
        f"published: batch statistics of {each} samples in each of 4 process(es); "
        f"here: of {cfg.batch_size} in each of 1"
    ]


@pytest.mark.parametrize("name", WHOLE)
def test_a_start_from_nothing_is_told(name):
    cfg = recipe(name)
    told = departures(cfg, processes=4, iter_batch=24)
    assert told == [
        f"published: started from {cfg.published.start}; here: init_from and load_from are not given"
    ]
    started = OmegaConf.merge(cfg, {"init_from": ["2e8c", "77d1"]})
    assert departures(started, processes=4, iter_batch=24) == []


@pytest.mark.parametrize(
    ("datasets", "told"),
    [
        ("[freihand_mano,interhand26m_mano,mscoco_hands]", 0),
        ("[freihand_mano_synthetic,mscoco_hands_synthetic]", 0),
        ("[freihand_mano,interhand26m_mano]", 1),
    ],
)
def test_hands_without_pictures_from_the_wild_are_told(datasets, told):
    cfg = compose_config(["experiment=pose2pose_hand", f"datasets={datasets}"])
    found = departures(cfg, processes=4, iter_batch=48)
    assert len(found) == told
    assert all("mscoco_hands" in line and "wild" in line for line in found)


def test_a_recipe_without_published_runs_tells_nothing():
    assert departures(compose_config(["experiment=quickstart"]), processes=3, iter_batch=5) == []
