"""A store must not stand in for a tree it was not made of."""

import functools

import pytest

from carpus.data.dataset import Dataset
from carpus.data.sources import NYU
from carpus.data.splits import Published
from carpus.errors import StoreError
from carpus.synthetic import make


def dataset(root, packs) -> Dataset:
    return Dataset(
        name="nyu",
        root=root,
        source=functools.partial(NYU),
        splits=Published(),
        packs=packs,
        cube_mm=250,
        depth_range_mm=(300, 1200),
        center_source="gt",
    )


def test_a_store_of_another_tree_is_refused_and_a_copy_is_not(tmp_path):
    first, copy, other = tmp_path / "first", tmp_path / "copy", tmp_path / "other"
    make("nyu", first, frames=4, seed=0)
    make("nyu", copy, frames=4, seed=0)
    make("nyu", other, frames=4, seed=1)
    assert len(dataset(first, tmp_path / "packs").open("train")) == 4
    assert len(dataset(copy, tmp_path / "packs").open("train")) == 4
    assert len(dataset(tmp_path / "absent", tmp_path / "packs").open("train")) == 4
    with pytest.raises(StoreError, match=r"packed from .*first, dataset.root is .*other"):
        dataset(other, tmp_path / "packs").open("train")
