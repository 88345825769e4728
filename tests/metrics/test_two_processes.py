"""Two processes give the numbers of one, also when the sample count does not divide."""

import json
import sys
from pathlib import Path

import pytest
import torch.multiprocessing as mp

sys.path.insert(0, str(Path(__file__).parent))

import two_process_worker as worker


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_processes")
    mp.spawn(worker.work, args=(str(folder),), nprocs=2)
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("name", ["hand", "itop"])
def test_protocol_of_two_processes_equals_one(found, name):
    alone = worker.score_share(name, list(range(worker.COUNT)))
    for rank in range(2):
        assert found[rank][name] == pytest.approx(alone, abs=1e-9)


def test_a_process_without_batches_takes_part(found):
    alone = worker.score_share("hand", list(range(worker.COUNT)))
    assert found[0]["one_sided"] == pytest.approx(alone, abs=1e-9)
    assert found[1]["one_sided"] == pytest.approx(alone, abs=1e-9)


def test_predictions_are_gathered_on_rank_zero_in_split_order(found):
    expected = [f"frame{i}" for i in range(worker.COUNT)]
    for name in ("keys", "keys_one_sided"):
        assert found[0][name] == expected
        assert found[1][name] is None


def test_a_repeated_sample_is_an_error_that_names_it(found):
    assert "1 samples were predicted twice (frame0)" in found[0]["repeated"]
