import numpy as np
import pytest
import torch

from carpus.data.loading import InputSamples, make_loader
from carpus.data.sampler import EvalSampler, TrainSampler
from carpus.errors import ConfigError, DataError, StoreError


def inputs(record, rng, train):
    return {
        "center_mm": record.fields["center_mm"],
        "noise": rng.random(3),
        "train": int(train),
        "threads": torch.get_num_threads(),
    }


def failing(record, rng, train):
    if record.key == "P0/3/000001":
        raise DataError("joints are missing")
    if record.key == "P0/IP/000000":
        raise ZeroDivisionError
    return {"x": 1.0}


@pytest.fixture
def samples(msra):
    return msra(center_source="gt").open("test")


def train_epoch(samples, **options):
    loader = make_loader(
        InputSamples(samples, inputs, 3, train=True), TrainSampler(len(samples), 3, epoch=1), 5, **options
    )
    batches = list(loader)
    keys = [key for batch in batches for key in batch.keys_]
    return keys, {n: torch.cat([b[n] for b in batches]) for n in batches[0]}, batches


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_batches_do_not_depend_on_the_number_of_workers(samples, method):
    keys, alone, batches = train_epoch(samples)
    assert [batch.size for batch in batches] == [5] * 6 + [4]
    assert alone["index"].dtype == torch.int64
    assert [samples.key(int(i)) for i in alone["index"]] == keys
    assert len({tuple(row) for row in alone["noise"].tolist()}) == 34
    other_keys, other, _ = train_epoch(samples, workers=2, start_method=method, timeout_s=60)
    assert other_keys == keys
    for name in ("center_mm", "noise", "index", "train"):
        torch.testing.assert_close(other[name], alone[name], rtol=0, atol=0)
    assert other["threads"].unique().tolist() == [1]


def test_draws_differ_between_epochs_and_evaluation_is_fixed(samples):
    data = InputSamples(samples, inputs, 3, train=True)
    first, again, next_epoch = (data[(epoch, 4)][1]["noise"] for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_epoch)
    loader = make_loader(InputSamples(samples, inputs, 3, train=False), EvalSampler(len(samples)), 8)
    one, two = (torch.cat([batch["noise"] for batch in loader]) for _ in range(2))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert torch.cat([batch["index"] for batch in loader]).tolist() == list(range(34))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_the_record_in_one_sentence(samples, workers):
    loader = make_loader(InputSamples(samples, failing, 0, False), EvalSampler(34), 8, workers)
    with pytest.raises(DataError) as error:
        list(loader)
    assert str(error.value) == "record 'P0/3/000001': joints are missing"


def test_an_unexpected_error_names_the_record_too(samples):
    with pytest.raises(RuntimeError, match="P0/IP/000000"):
        InputSamples(samples, failing, 0, False)[(0, samples.position("P0/IP/000000"))]


def test_training_stops_at_a_damaged_record_with_its_key(samples, tmp_path):
    path = samples.store.folder / "data.mdb"
    depth = samples[9].images["depth"]
    samples.store.close()
    data = bytearray(path.read_bytes())
    data[data.find(depth) + 30] ^= 4
    path.write_bytes(data)
    loader = make_loader(InputSamples(samples, inputs, 0, True), TrainSampler(34), 8, workers=1)
    with pytest.raises(StoreError, match="record 'P0/5/000001'"):
        list(loader)


def test_a_configuration_error_keeps_its_kind(samples):
    def refuse(record, rng, train):
        raise ConfigError("no such option")

    with pytest.raises(ConfigError, match="record 'P0/1/000000': no such option"):
        next(iter(make_loader(InputSamples(samples, refuse, 0, True), EvalSampler(34), 2)))
