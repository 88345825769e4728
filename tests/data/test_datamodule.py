import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from carpus.data.datamodule import DataModule
from carpus.errors import ConfigError
from quiet_trainer import quiet_trainer

EPOCHS = 3


def inputs(record, rng, train):
    return {"center_mm": record.fields["center_mm"], "noise": rng.random(1).astype("float32")}


class Recorder(pl.LightningModule):
    """Regresses something, and writes down which sample with which draw came when."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(3, 1)
        self.seen, self.validated = [], []

    def training_step(self, batch, _):
        self.seen += [
            (self.trainer.current_epoch, *row)
            for row in zip(batch["index"].tolist(), batch["noise"][:, 0].tolist(), strict=True)
        ]
        return (self.net(batch["center_mm"] / 100) - batch["noise"]).square().mean()

    def validation_step(self, batch, _):
        self.validated += batch["index"].tolist()

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.1)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)}


class SaveEverywhere(Callback):
    """A checkpoint at every place where a run may be cut."""

    def __init__(self, folder):
        self.folder, self.saved = folder, []

    def _save(self, trainer, where):
        if trainer.sanity_checking:
            return
        path = self.folder / f"{len(self.saved):02d}_{where}.ckpt"
        trainer.save_checkpoint(path)
        self.saved.append((path, len(trainer.lightning_module.seen)))

    def on_train_batch_end(self, trainer, *_):
        self._save(trainer, "batch")

    def on_validation_end(self, trainer, *_):
        self._save(trainer, "validation")

    def on_train_epoch_end(self, trainer, *_):
        self._save(trainer, "epoch")


def fit(dataset, resume=None, callbacks=(), workers=0, batch_size=8, **options):
    torch.manual_seed(0)
    module = Recorder()
    data = DataModule(dataset, inputs, batch_size, workers=workers, seed=7, test_split="minitest")
    trainer = quiet_trainer(
        max_epochs=EPOCHS,
        callbacks=list(callbacks),
        **options,
    )
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    return module, data, trainer


@pytest.fixture
def dataset(msra):
    return msra(center_source="gt")


@pytest.mark.parametrize(
    "options",
    [{}, {"accumulate_grad_batches": 2}, {"val_check_interval": 0.5}, {"check_val_every_n_epoch": 2}],
)
@pytest.mark.filterwarnings("ignore")
def test_a_run_resumed_anywhere_sees_exactly_the_remaining_samples(dataset, tmp_path, options):
    saver = SaveEverywhere(tmp_path)
    whole, _, _ = fit(dataset, callbacks=[saver], **options)
    assert len(whole.seen) == EPOCHS * 68
    assert len(set(whole.validated)) == 34
    for path, done in saver.saved:
        # With accumulation Lightning saves no gradients, so only whole steps can be continued exactly.
        resumed, _, trainer = fit(dataset, resume=path, **options)
        assert resumed.seen == whole.seen[done:], path.name
        assert trainer.current_epoch == EPOCHS
        if -(-(done % 68) // 8) % options.get("accumulate_grad_batches", 1) == 0:
            assert torch.equal(resumed.net.weight, whole.net.weight), path.name


@pytest.mark.filterwarnings("ignore")
def test_resuming_with_workers_sees_the_same(dataset, tmp_path):
    saver = SaveEverywhere(tmp_path)
    whole, _, _ = fit(dataset, callbacks=[saver])
    for path, done in (saver.saved[3], saver.saved[13]):
        resumed, _, _ = fit(dataset, resume=path, workers=1)
        assert resumed.seen == whole.seen[done:]


@pytest.mark.filterwarnings("ignore")
def test_another_batch_size_cannot_continue_in_the_middle_of_an_epoch(dataset, tmp_path):
    saver = SaveEverywhere(tmp_path)
    fit(dataset, callbacks=[saver])
    with pytest.raises(ConfigError, match="batch_size 8 -> 4"):
        fit(dataset, resume=saver.saved[3][0], batch_size=4)


@pytest.mark.filterwarnings("ignore")
def test_splits_are_chosen_by_name(dataset):
    module, data, trainer = fit(dataset, limit_train_batches=1)
    assert len(data.samples("train")) == 68
    module.test_step = lambda batch, batch_idx: None
    trainer.test(module, datamodule=data, verbose=False)
    assert data.samples("test").split == "minitest"


def test_the_module_works_without_a_trainer(dataset):
    data = DataModule(dataset, inputs, 8, eval_batch_size=5)
    assert next(iter(data.train_dataloader()))["center_mm"].shape == (8, 3)
    assert next(iter(data.val_dataloader()))["index"].tolist() == [0, 1, 2, 3, 4]
    assert data.state_dict() == {}
