import pytest
import torch
from torch import nn

from carpus.engine.checkpoints import AtomicCheckpointIO, load_weights, read_checkpoint
from carpus.engine.trainer import split_batch
from carpus.errors import ConfigError, DataError
from untrusted_files import UntrustedFiles


def test_what_is_no_checkpoint_is_refused_by_name_and_runs_nothing(tmp_path):
    files = UntrustedFiles(tmp_path, suffix=".ckpt")
    for file in files:
        with pytest.raises(DataError, match=rf"{file.stem}\.ckpt: (no such|not a) checkpoint"):
            read_checkpoint(file)
    assert not files.harmed


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    file = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": 1}, file)

    def full_disk(content, stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(DataError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"a": 2}, file)
    assert read_checkpoint(file) == {"a": 1}
    assert [f.name for f in tmp_path.iterdir()] == ["last.ckpt"]


def test_weights_that_do_not_fit_are_listed_by_name():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    state = {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(4), "2.weight": torch.ones(1)}
    problems = dict(load_weights(net, state, "file"))
    assert torch.equal(net[0].weight, torch.ones(3, 2))
    assert set(problems) == {"0.bias", "2.weight", "1.weight", "1.bias"}
    assert "(4,)" in problems["0.bias"]
    assert "(3,)" in problems["0.bias"]


def test_weights_of_another_network_are_refused():
    with pytest.raises(ConfigError, match="none of its 1 tensors"):
        load_weights(nn.Linear(2, 2), {"x": torch.zeros(1)}, "file")


@pytest.mark.parametrize(
    ("batch_size", "iter_batch", "processes", "expected"),
    [(12, None, 1, (12, 1)), (12, None, 2, (6, 1)), (64, 16, 2, (16, 2)), (12, 3, 1, (3, 4))],
)
def test_the_batch_is_split_over_passes_and_processes(batch_size, iter_batch, processes, expected):
    assert split_batch(batch_size, iter_batch, processes) == expected


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ConfigError, match="choose a multiple of 10"):
        split_batch(12, 5, 2)
