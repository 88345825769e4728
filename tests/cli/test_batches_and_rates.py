"""Samples per step: accumulated passes, and the learning rate of another batch than the recipe's."""

import pytest
import torch


def checkpoint(file):
    return torch.load(file, map_location="cpu", weights_only=True)


@pytest.fixture
def train(here, world, trained):
    """``train(key, *overrides) -> (last checkpoint, output)`` of one epoch without scoring."""

    def call(key, *overrides):
        fixed = ("workers=0", "trainer.max_epochs=1", "test_after_fit=false")
        code, output = here("train.py", *world.tiny(*fixed, *overrides), key=key)
        assert code == 0, output
        return checkpoint(world.logs / key / "model_dump/last.ckpt"), output

    return call


def test_accumulation_makes_more_passes_and_as_many_steps(train):
    content, output = train("6666a0001", "iter_batch=4")
    assert "batch 8 = 4 x 2 pass(es) x 1 process(es)" in output
    assert content["global_step"] == 17
    assert content["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"] == 34


@pytest.mark.parametrize(
    ("rule", "batch", "lr"),
    [("keep", 24, 1e-3), ("linear", 24, 2e-3), ("sqrt", 48, 2e-3), ("linear", 8, 1e-3)],
)
def test_the_learning_rate_follows_the_batch_rule(train, rule, batch, lr):
    few = ("trainer.limit_train_batches=2", "trainer.limit_val_batches=1")
    chosen = (f"batch_size={batch}", "scheduler=constant", f"method.module.batch_rule.lr_rule={rule}")
    if batch == 8:
        content, _ = train("6666a0002", *few, *chosen)
    else:
        with pytest.warns(UserWarning, match=rf"effective batch is {batch}.*lr_rule={rule}"):
            content, _ = train("6666a0002", *few, *chosen, "iter_batch=8")
    assert content["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(lr)


def test_rate_scaling_is_not_applied_twice_to_a_resumed_run(train, here, world):
    rule = (
        "batch_size=24",
        "method.module.batch_rule.lr_rule=linear",
        "scheduler=step",
        "scheduler.milestones=[9]",
    )
    few = ("trainer.limit_train_batches=2", "trainer.limit_val_batches=1")
    train("6666a0003", *rule, *few)
    code, output = here("train.py", "resume=6666a0003", f"paths.logs={world.logs}", "trainer.max_epochs=2")
    assert code == 0, output
    content = checkpoint(world.logs / "6666a0003/model_dump/last.ckpt")
    assert content["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(2e-3)
    assert content["global_step"] == 4
