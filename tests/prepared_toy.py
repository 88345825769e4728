"""A small packed dataset whose prepared types tests store, read and export."""

from __future__ import annotations

import pytest

from carpus.data.dataset import Dataset
from carpus.data.prepared import hdf5, making, parse_key, prepare, rows
from carpus.data.prepared.folders import prepared_folder
from carpus.data.prepared.making import Work, make_stores
from carpus.data.prepared.records import frame_of
from carpus.data.prepared.stores import PreparedStore, StoredPrepared
from carpus.data.sources import HANDS17
from carpus.data.splits import Published

RANGE = (100.0, 1060.0)


class Frames:
    """Datasets over one tree of HANDS 2017; four rows per batch."""

    def __init__(self, folder, monkeypatch) -> None:
        self.folder = folder
        for module in (making, rows, hdf5):
            monkeypatch.setattr(module, "BATCH", 4)

    def __call__(self, cube_mm=240.0, range_mm=RANGE, center_source="gt", packs="packs", splits=None):
        """A dataset; validation takes the last fifth unless the splits are given."""
        return Dataset(
            "hands17",
            self.folder / "tree",
            HANDS17,
            splits or Published(val_fraction=0.2),
            self.folder / packs,
            cube_mm,
            range_mm,
            center_source=center_source,
        )


def store_all(dataset, types, **options) -> str:
    return make_stores(Work.of(dataset, "train", types), **options)


def opened(dataset, name, split="train") -> PreparedStore:
    return PreparedStore(prepared_folder(dataset.folder(split), parse_key(name)))


def stored_for(dataset, types, split="train"):
    """Samples of a split, and what is stored of the types."""
    samples = dataset.open(split)
    return samples, StoredPrepared.of(dataset, samples, types)


def computed(dataset, name, split="train"):
    for record in dataset.open(split):
        yield prepare(frame_of(record, dataset.cube_mm / 2, RANGE), [name])[name]


def interrupt_at(count):
    """A progress callback that stops the work."""

    def interrupt(done, total):
        if done >= count:
            raise KeyboardInterrupt

    return interrupt


@pytest.fixture
def made(tiny, tmp_path, monkeypatch) -> Frames:
    """22 labelled frames and three without labels."""
    tiny.hands17(tmp_path / "tree", train=22)
    return Frames(tmp_path, monkeypatch)
