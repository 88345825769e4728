"""The published stopping rule as a callback: it says which part fired and survives a resume."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from carpus.engine.stopping import PublishedStop


def epochs(callback: PublishedStop, losses: list[float]) -> list[bool]:
    trainer = SimpleNamespace(sanity_checking=False, fast_dev_run=False, should_stop=False)
    stopped = []
    for loss in losses:
        trainer.callback_metrics = {"val/loss": torch.tensor(loss)}
        callback.on_validation_end(trainer, None)
        stopped.append(trainer.should_stop)
    return stopped


def test_it_stops_at_the_fifth_epoch_above_the_best(capsys):
    stopped = epochs(PublishedStop(), [10, 9, 9.5, 9.6, 9.2, 9.3, 9.8])
    assert stopped == [False] * 6 + [True]
    assert "5 epochs without improvement on 9" in capsys.readouterr().out


def test_it_stops_at_once_far_above_the_best(capsys):
    assert epochs(PublishedStop(), [10, 11.1]) == [False, True]
    assert "more than 10 % above" in capsys.readouterr().out


def test_a_resumed_run_stops_where_the_whole_one_would():
    losses = [10, 9, 9.5, 9.6, 9.2, 9.3, 9.8]
    first, second = PublishedStop(), PublishedStop()
    epochs(first, losses[:4])
    second.load_state_dict(first.state_dict())
    assert epochs(second, losses[4:]) == [False, False, True]


def test_nothing_happens_without_the_monitored_value():
    trainer = SimpleNamespace(
        sanity_checking=False, fast_dev_run=False, should_stop=False, callback_metrics={}
    )
    PublishedStop("val/other").on_validation_end(trainer, None)
    assert not trainer.should_stop


def test_the_checkpoint_of_the_best_epoch_follows_the_chosen_value():
    from pathlib import Path

    from carpus.engine.checkpoints import Checkpoints

    chosen, default = Checkpoints(monitor="val/loss"), Checkpoints()
    for callback in (chosen, default):
        callback.bind(Path("x"), "val/map_10cm", higher_is_better=True)
    assert (chosen.monitor, chosen.higher_is_better) == ("val/loss", False)
    assert (default.monitor, default.higher_is_better) == ("val/map_10cm", True)


@pytest.mark.parametrize("patience", [0, -1])
def test_a_senseless_patience_is_refused(patience):
    from carpus.errors import ConfigError

    with pytest.raises(ConfigError, match="patience"):
        epochs(PublishedStop(patience=patience), [1.0])
