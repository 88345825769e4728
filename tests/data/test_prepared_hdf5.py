"""Prepared types in the published HDF5 layout, against the reference's own folder."""

import json
import multiprocessing
import os
import pickle
import re
import shutil
from fnmatch import fnmatch

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from carpus.data.clean_splits import CleanedTenths
from carpus.data.dataset import Dataset
from carpus.data.prepared import parse_key
from carpus.data.prepared.hdf5 import Export, export
from carpus.data.prepared.hdf5_files import PublishedFile, PublishedIndex
from carpus.data.prepared.making import Work
from carpus.data.sources import HANDS17, NYU
from carpus.data.splits import Published, SplitPolicy
from carpus.errors import ConfigError, StoreError
from golden_cases import golden_paths
from prepared_toy import interrupt_at, made

__all__ = ["made"]
OTHER_GRID = {"pcnt3_32": "pcnt3_128"}
"""In the reference's folder the multi-view models' grid of 128 cells has this name."""


def dataset_of(name, source, folder, far, splits: SplitPolicy) -> Dataset:
    return Dataset(
        name, folder / "tree", source, splits, folder / "packs", 240, (100, far), center_source="gt"
    )


def hands17(golden, folder) -> Dataset:
    """The golden annotation and frames as a published tree."""
    images = folder / "tree/training/images"
    images.mkdir(parents=True)
    text = golden["annotation_txt"].tobytes().decode()
    for line, frame in zip(text.splitlines(), golden["frames_u16"], strict=True):
        cv2.imwrite(str(images / line.split()[0]), frame)
    (folder / "tree/training/Training_Annotation.txt").write_text(text)
    return dataset_of("hands17", HANDS17, folder, 1060, Published(val_fraction=0.1))


def seed_of(path) -> int:
    """Seed of the shuffled rows, as the golden folder's description of the file tells it."""
    described = json.loads(path.with_name("README.json").read_text())["description"]
    text = next(text for name, text in described.items() if fnmatch(path.name, name))
    return int(re.search(r"seed (\d+)", text)[1])


def nyu(golden, folder, seed) -> Dataset:
    """The golden labels; every frame shows the only image there is."""
    for split in ("train", "test"):
        (folder / "tree" / split).mkdir(parents=True)
        joints, image = golden[f"{split}_joint_xyz_view0"], golden[f"{split}_depth_1_rgb"]
        savemat(folder / "tree" / split / "joint_data.mat", {"joint_xyz": np.stack([joints] * 3)})
        for index in range(len(joints)):
            cv2.imwrite(str(folder / f"tree/{split}/depth_1_{index + 1:07d}.png"), image[..., ::-1])
    return dataset_of("nyu", NYU, folder, 3060, CleanedTenths(test="test", shuffle_seed=seed))


def job_of(dataset, types, out, names=None, split="train") -> Export:
    return Export.of(dataset, Work.of(dataset, split, types), out, names)


def described(path) -> dict:
    with h5py.File(path, "r") as file:
        return {
            name: {
                "shape": list(data.shape),
                "dtype": str(data.dtype),
                "chunks": list(data.chunks),
                "compression": data.compression,
                "maxshape": list(data.maxshape),
                "storage_bytes": data.id.get_storage_size(),
            }
            for name, data in file.items()
        }


def filled(golden, name) -> np.ndarray:
    """A sparse array of a golden file, by entries or by rows of its last axis."""
    shape, index, value = (golden[f"{name}__{part}"] for part in ("shape", "idx", "val"))
    flat = np.zeros((int(np.prod(shape)) // int(np.prod(value.shape[1:])), *value.shape[1:]))
    flat[index] = value
    return flat.reshape(shape)


def statistics(row) -> list[float]:
    row = np.asarray(row, np.float64)
    return [row.sum(), np.abs(row).sum(), np.count_nonzero(row), row.min(), row.max()]


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "hands17_e2e"))
def test_the_folder_of_the_tiny_dataset_equals_golden(path, tmp_path):
    golden, out = dict(np.load(path)), tmp_path / "prepared"
    layout = json.loads(path.with_name(f"{path.stem}_layout.json").read_text())
    stored = [name for name in layout if not name.startswith("annotation")]
    full = {parse_key(OTHER_GRID.get(name, name)).name: name for name in stored}
    text = export(job_of(hands17(golden, tmp_path), full, out, full), processes=2)
    assert f"{len(golden['annotation/index'])} of {len(golden['frames_u16'])} frames kept" in text
    assert {file.name for file in out.iterdir()} == set(layout)
    for file, arrays in layout.items():
        found = described(out / file)
        sizes = [[part[name].pop("storage_bytes") for name in arrays] for part in (found, arrays)]
        assert found == arrays
        np.testing.assert_allclose(*sizes, rtol=1e-3, err_msg=f"{file}: bytes after lzf")
    for part in ("annotation", "annotation_test"):
        ours = PublishedIndex(out / part)
        for name in (key.partition("/")[2] for key in golden if key.startswith(f"{part}/")):
            np.testing.assert_array_equal(ours.array(name), golden[f"{part}/{name}"])
    for name in stored:
        file = PublishedFile(out / name)
        found = np.array([statistics(row) for row in file])
        np.testing.assert_allclose(found, golden[f"rowstats/{name}"], rtol=1e-6, atol=2e-3, err_msg=name)
        if f"row2/{name}__shape" in golden:
            np.testing.assert_allclose(file[2], filled(golden, f"row2/{name}"), atol=2e-6, err_msg=name)


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "nyu_e2e"))
def test_the_folders_of_nyu_equal_golden(path, tmp_path):
    golden = dict(np.load(path))
    dataset = nyu(golden, tmp_path, seed_of(path))
    for split in ("train", "test"):
        export(job_of(dataset, ["pose_c"], tmp_path / "prepared", split=split))
        found = PublishedIndex(tmp_path / "prepared" / split / "annotation")
        for name in ("index", "poses", "resce"):
            np.testing.assert_array_equal(found.array(name), golden[f"{split}/annotation/{name}"])
    text = (tmp_path / "prepared/test/annotation.txt").read_bytes()
    assert text == golden["test_annotation_txt"].tobytes()
    assert not (tmp_path / "prepared/train/annotation.txt").exists()


def export_all(dataset, out, types=("clean_128", "edt2_32", "pose_c"), **options) -> None:
    export(job_of(dataset, types, out), **options)


def test_one_and_two_processes_write_the_same_rows(made, tmp_path):
    export_all(made(), tmp_path / "one")
    export_all(made(), tmp_path / "two", processes=2)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_an_interrupted_export_is_nothing_and_resumes(made, tmp_path):
    out = tmp_path / "prepared"
    with pytest.raises(KeyboardInterrupt):
        export_all(made(), out, progress=interrupt_at(8))
    assert not (out / "edt2_32").exists()
    with pytest.raises(StoreError, match="8 of 22 rows"):
        PublishedFile(out / ".edt2_32.partial", name="edt2")
    process = multiprocessing.get_context("fork").Process(
        target=lambda: export_all(
            made(), out, progress=lambda done, _: done == 12 and os.kill(os.getpid(), 9)
        )
    )
    process.start()
    process.join()
    seen = []
    export_all(made(), out, progress=lambda done, _: seen.append(done))
    assert (process.exitcode, seen[0]) == (-9, 12)
    export_all(made(), tmp_path / "whole")
    for name in ("clean_128", "edt2_32", "pose_c"):
        ours, theirs = PublishedFile(out / name), PublishedFile(tmp_path / "whole" / name)
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_file_of_another_geometry_or_grid_is_refused(made, tmp_path):
    export_all(made(), tmp_path, ["vxudir_16_from_pcnt3_64"])
    with pytest.raises(
        StoreError, match=r"vxudir_16 .*type: stored vxudir_16_from_pcnt3_64, wanted .*pcnt3_32"
    ):
        export_all(made(), tmp_path, ["vxudir_16_from_pcnt3_32"])
    with pytest.raises(StoreError, match=r"annotation.* half_mm: stored 120\.0, wanted 125\.0"):
        export_all(made(cube_mm=250.0), tmp_path, ["clean_128"])
    with pytest.raises(ConfigError, match="both called vxudir_16"):
        export_all(made(), tmp_path, ["vxudir_16_from_pcnt3_64", "vxudir_16_from_pcnt3_32"])
    export_all(made(cube_mm=250.0), tmp_path, ["clean_128"], force=True)
    assert len(PublishedFile(tmp_path / "clean_128", {"half_mm": 125.0})) == 22


def test_published_files_are_read_and_unfinished_ones_refused(made, tmp_path, caplog):
    export_all(made(), tmp_path, ["clean_128"])
    ours, bare, cut = tmp_path / "clean_128", tmp_path / "bare/clean_128", tmp_path / "cut/clean_128"
    for path in (bare, cut):
        path.parent.mkdir()
    shutil.copy(ours, bare)
    with h5py.File(bare, "r+") as file:
        file.attrs.clear()
    with h5py.File(cut, "w") as file:
        data = file.create_dataset("clean", (22, 128, 128), "f4", chunks=(1, 128, 128), compression="lzf")
        data[:16] = 1
    read = pickle.loads(pickle.dumps(PublishedFile(bare, {"half_mm": 1.0})))
    np.testing.assert_array_equal(read[21], PublishedFile(ours)[21])
    assert "says nothing about its geometry" in caplog.text
    with pytest.raises(StoreError, match="16 of 22 parts"):
        PublishedFile(cut)
    with pytest.raises(StoreError, match="cannot be read as HDF5"):
        PublishedFile(tmp_path / "edt2_32")
