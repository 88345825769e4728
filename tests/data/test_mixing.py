"""Several datasets as one: every place of every order, what resumes, what cannot share a batch."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from carpus.data.datamodule import DataModule
from carpus.data.mixed_datamodule import MixedDataModule
from carpus.data.mixing import MixedSamples, Mixture, PartBatches
from carpus.errors import ConfigError, DataError
from quiet_trainer import quiet_trainer


def places(mixture, epoch=0):
    return [mixture.place(epoch, index) for index in range(len(mixture))]


def inputs(record, rng, train):
    return {"center_mm": record.fields["center_mm"], "noise": rng.random(1).astype("float32")}


def other_inputs(record, rng, train):
    return {"center_mm": record.fields["center_mm"][:2], "depth": np.zeros(2)}


class WithDepth:
    """Inputs that some records complete."""

    def __call__(self, record, rng, train):
        more = {"depth": np.zeros(2)} if record.key.startswith("P1/9") else {}
        return {"center_mm": record.fields["center_mm"], "noise": rng.random(1).astype("float32"), **more}


@pytest.fixture
def parts(msra):
    """Two folds: 68 training samples of subjects 1 and 2, 34 of subject 0."""
    small = msra(1, center_source="gt")
    small.splits = type(small.splits)(test_subject=1, val_subject=2)
    return {"first": msra(0, center_source="gt"), "second": small}


def module(parts, groups=None, batch_size=8, made=inputs, seed=7, shuffle=True, workers=0):
    makers = made if isinstance(made, dict) else dict.fromkeys(parts, made)
    own = {
        name: DataModule(
            dataset,
            makers[name],
            batch_size,
            eval_batch_size=5,
            seed=seed,
            shuffle=shuffle,
            workers=workers,
        )
        for name, dataset in parts.items()
    }
    return MixedDataModule(own, groups or [list(parts)], "same_len" if groups else "concat")


def test_one_after_the_other():
    mixture = Mixture.concat([2, 3])
    assert places(mixture) == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    with pytest.raises(IndexError, match="sample 5 of a mixture that has 5"):
        mixture.place(0, 5)


@pytest.mark.parametrize(("lengths", "groups"), [([10, 3], [[0], [1]]), ([4, 10, 2, 1], [[0], [1], [2, 3]])])
def test_groups_become_as_long_as_the_longest(lengths, groups):
    mixture = Mixture(lengths, groups, seed=3)
    assert len(mixture) == len(groups) * 10
    for number, group in enumerate(groups):
        of_group = places(mixture)[10 * number : 10 * (number + 1)]
        everything = [(part, i) for part in group for i in range(lengths[part])]
        whole = len(everything) * (10 // len(everything))
        assert of_group[:whole] == everything * (10 // len(everything))
        assert set(of_group[whole:]) <= set(everything)


def test_what_is_drawn_to_equal_length_differs_between_epochs_and_seeds_only():
    mixture = Mixture([1000, 700], [[0], [1]], seed=3)
    drawn = [position for _, position in places(mixture, 0)[1700:]]
    assert drawn == [position for _, position in places(mixture, 0)[1700:]]
    for other in (places(mixture, 1), places(Mixture([1000, 700], [[0], [1]], seed=4), 0)):
        assert drawn != [position for _, position in other[1700:]]
    # Uniform over the whole group: of 300 draws about a third lies in every third of it.
    counts = np.histogram(drawn, bins=3, range=(0, 700))[0]
    assert counts.min() > 70
    assert counts.sum() == 300


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_batches_of_evaluation_are_of_one_part_and_hold_every_sample_once(world_size):
    mixture = Mixture.concat([7, 1, 12])
    shares = [list(PartBatches(mixture, 4, rank, world_size)) for rank in range(world_size)]
    for rank, share in enumerate(shares):
        assert len(share) == len(PartBatches(mixture, 4, rank, world_size))
    batches = [batch for share in shares for batch in share]
    assert all(len({mixture.place(*draw)[0] for draw in batch}) == 1 for batch in batches)
    assert sorted(index for batch in batches for _, index in batch) == list(range(20))


def test_training_takes_every_sample_with_its_own_generator(parts):
    data = module(parts)
    assert data.count("train") == 68 + 34
    seen = {}
    for batch in data.train_dataloader():
        for key, index, part in zip(
            batch.keys_, batch["index"].tolist(), batch["part"].tolist(), strict=True
        ):
            seen[index] = (key, part, float(batch["noise"][batch["index"] == index]))
    assert sorted(seen) == list(range(102))
    assert [part for _, (_, part, _) in sorted(seen.items())] == [0] * 68 + [1] * 34
    assert seen[0][0] == "first/P1/1/000000"
    assert seen[68][0] == "second/P0/1/000000"
    for index in (3, 70):
        assert seen[index][2] == np.float32(np.random.default_rng((7, 0, index)).random(1))[0]
    in_order = [int(i) for batch in module(parts, shuffle=False).train_dataloader() for i in batch["index"]]
    assert in_order == list(range(102))


def test_validation_is_of_one_part_per_batch(parts):
    batches = list(module(parts).val_dataloader())
    assert [batch["part"].unique().tolist() for batch in batches] == [[0]] * 7 + [[1]] * 7
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(68))


def test_a_part_without_samples_is_named(msra):
    samples = msra(center_source="gt").open("test")
    samples._index._array = np.zeros(0, np.int64)
    with pytest.raises(DataError, match="part b of the mixture has no sample in the split 'test'"):
        MixedSamples({"b": samples}, Mixture.concat([0]))


def test_inputs_that_cannot_share_a_batch_are_named_before_the_first_step(parts):
    data = module(parts, made={"first": inputs, "second": other_inputs})
    with pytest.raises(ConfigError) as error:
        data.train_dataloader()
    for expected in (
        "parts first and second cannot share a batch",
        r"'center_mm' is (3) float32 in first and (2) float32 in second",
        "'noise' is only in first",
        "'depth' is only in second",
    ):
        assert expected in str(error.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_inputs_that_differ_later_are_named_when_they_meet(parts, workers):
    data = module(parts, made={"first": WithDepth(), "second": inputs}, workers=workers)
    with pytest.raises(ConfigError, match="'depth' is only in first"):
        list(data.train_dataloader())


def test_what_only_protocols_read_need_not_be_in_every_part(parts):
    def with_subject(record, rng, train):
        return {**inputs(record, rng, train), "subject": np.int64(3)}

    data = module(parts, made={"first": inputs, "second": with_subject})
    assert all("subject" not in batch for batch in data.train_dataloader())
    validated = {int(batch["part"][0]): "subject" in batch for batch in data.val_dataloader()}
    assert validated == {0: False, 1: True}


def test_a_bad_record_is_named_with_its_part(parts):
    def refuse(record, rng, train):
        raise DataError("joints are missing")

    data = module(parts, made={"first": inputs, "second": refuse})
    with pytest.raises(DataError, match=r"part second: record 'P0/\S+': joints are missing"):
        list(data.train_dataloader())


class Recorder(pl.LightningModule):
    """Writes down which sample came when, and leaves a checkpoint in the middle of an epoch."""

    def __init__(self, save_at=None, path=None):
        super().__init__()
        self.net, self.seen, self.save_at, self.path = torch.nn.Linear(3, 1), [], save_at, path

    def training_step(self, batch, number):
        self.seen += [
            (self.trainer.current_epoch, key, float(noise))
            for key, noise in zip(batch.keys_, batch["noise"], strict=True)
        ]
        return (self.net(batch["center_mm"] / 100) - batch["noise"]).square().mean()

    def on_train_batch_end(self, outputs, batch, number):
        if (self.trainer.current_epoch, number) == self.save_at:
            self.trainer.save_checkpoint(self.path)
            self.done = len(self.seen)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)


def fit(parts, recorder, resume=None, **options):
    torch.manual_seed(0)
    trainer = quiet_trainer(
        max_epochs=2,
    )
    trainer.fit(recorder, module(parts, **options), ckpt_path=resume, weights_only=True)
    return recorder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("groups", [None, [["first"], ["second"]], [["second"], ["first"]]])
def test_a_run_resumed_within_an_epoch_sees_exactly_the_rest(parts, groups, tmp_path):
    path = tmp_path / "middle.ckpt"
    whole = fit(parts, Recorder((1, 4), path), groups=groups)
    assert len(whole.seen) == 2 * (136 if groups else 102)
    resumed = fit(parts, Recorder(), path, groups=groups)
    assert resumed.seen == whole.seen[whole.done :]
    assert torch.equal(resumed.net.weight, whole.net.weight)


@pytest.mark.filterwarnings("ignore")
def test_another_mixture_cannot_continue_in_the_middle_of_an_epoch(parts, msra, tmp_path):
    path = tmp_path / "middle.ckpt"
    fit(parts, Recorder((0, 4), path))
    turned = dict(reversed(parts.items()))
    with pytest.raises(ConfigError, match=r"mixture concat of first 68 \+ second 34 -> concat of second 34"):
        fit(turned, Recorder(), path)
