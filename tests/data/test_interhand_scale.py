"""A million images: memory while packing, time and memory of the first batch, crops per second."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tracemalloc
from pathlib import Path

import pytest

from carpus.data.rgb_dataset import RgbDataset
from carpus.data.sources.interhand26m import InterHand26M
from carpus.data.sources.interhand26m.json_stream import BLOCK

TRAIN = 1_361_062
RESIDENT = 1.5e9
SMALL = 8_000


@pytest.fixture(scope="module")
def bench():
    path = Path(__file__).parents[2] / "bench" / "interhand.py"
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("bench_interhand", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def write_annotation(bench):
    """Beside the bench, which finds it by its own folder."""
    return sys.modules[bench.scale.__module__].write_annotation


def test_annotation_is_held_in_compact_arrays(write_annotation, tmp_path):
    """Bytes per image, of two sizes, so that what does not grow does not count."""
    held, peaks = [], []
    for count in (SMALL // 4, SMALL):
        root = tmp_path / str(count)
        write_annotation(root, count)
        tracemalloc.start()
        source = InterHand26M(root, "train", images="tree")
        used, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(source) == count
        held.append(used)
        peaks.append(peak)
    grown = SMALL - SMALL // 4
    assert (held[1] - held[0]) / grown * TRAIN < RESIDENT / 2
    assert peaks[1] < 4 * BLOCK + SMALL * RESIDENT / TRAIN


def test_opening_reads_no_annotation(write_annotation, tmp_path):
    write_annotation(tmp_path, SMALL)
    dataset = RgbDataset("interhand26m", tmp_path, InterHand26M, tmp_path / "packs", images="tree")
    assert len(dataset.open("train")) == SMALL
    shutil.rmtree(tmp_path / "annotations")
    tracemalloc.start()
    samples = dataset.open("train")
    assert len(samples) == SMALL
    assert samples.key(SMALL - 1).startswith("train/Capture")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.slow
def test_the_first_batch_comes_with_its_pictures(bench, tmp_path):
    found = bench.scale(SMALL, tmp_path)
    assert found["images"] == SMALL
    assert found["packing_anonymous_mb"] - found["before_mb"] < 200
    assert found["open_and_first_batch_s"] < 5


def test_crops_are_not_far_behind_decoding_and_one_warp(bench, samples):
    pictures = [path.read_bytes() for path in sorted((samples / "interhand2.6m").rglob("*.jpg"))]
    found = bench.crops(pictures, seconds=0.2)
    assert found["crops_per_s"] >= 400 or found["share_of_decode_and_warp"] >= 0.6


@pytest.mark.slow
def test_a_million_images(bench, tmp_path):
    found = bench.scale(1_000_000, tmp_path)
    assert found["packing_anonymous_mb"] - found["before_mb"] < RESIDENT / 1e6
    assert found["open_and_first_batch_s"] <= 5
    assert found["open_mb"] <= 1024
