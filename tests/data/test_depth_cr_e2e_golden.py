"""Published annotation files to cleaned rows, splits and text, end to end against golden."""

import logging

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from carpus.codecs import dense
from carpus.data.clean_splits import CleanedTenths
from carpus.data.dataset import Dataset
from carpus.data.depth_images import decode_depth, encode_depth
from carpus.data.prepared import published_order
from carpus.data.results import frame_numbers
from carpus.data.results.annotations import read_annotation, write_annotation
from carpus.data.sources import HANDS17, NYU
from carpus.geometry.cube import Cube, recover_center
from golden_cases import golden_paths

HANDS17_E2E = golden_paths("depth_cr_data", "hands17_e2e")
NYU_E2E = golden_paths("depth_cr_data", "nyu_e2e")
GEOMETRY = golden_paths("depth_cr_data", "geometry")


def dataset_of(source, folder, **policy) -> Dataset:
    return Dataset(
        source.name,
        folder / "tree",
        source,
        CleanedTenths(**policy),
        folder / "packs",
        cube_mm=240.0,
        depth_range_mm=(100, 1060),
        center_source="gt",
    )


@pytest.fixture
def hands17(tmp_path):
    def make(golden) -> Dataset:
        text = golden["annotation_txt"].tobytes().decode()
        images = tmp_path / "tree/training/images"
        images.mkdir(parents=True)
        (tmp_path / "tree/training/Training_Annotation.txt").write_text(text)
        for line, depth in zip(text.splitlines(), golden["frames_u16"], strict=True):
            (images / line.split()[0]).write_bytes(encode_depth(depth, "png16_mm"))
        return dataset_of(HANDS17, tmp_path)

    return make


@pytest.fixture
def nyu(tmp_path):
    def make(golden) -> Dataset:
        for split in ("train", "test"):
            folder = tmp_path / "tree" / split
            folder.mkdir(parents=True)
            view0 = golden[f"{split}_joint_xyz_view0"]
            savemat(folder / "joint_data.mat", {"joint_xyz": np.stack([view0, view0 + 1, view0 + 2])})
            rgb = golden[f"{split}_depth_1_rgb"]
            _, png = cv2.imencode(".png", rgb[..., ::-1])
            for number in range(1, len(view0) + 1):
                (folder / f"depth_1_{number:07d}.png").write_bytes(png.tobytes())
        return dataset_of(NYU, tmp_path, test="test", shuffle_seed=1234)

    return make


def rows(samples):
    """Frame numbers, joints and cubes of a split's records."""
    records = list(samples)
    joints = np.stack([record.fields["joints_cam_mm"] for record in records])
    centers = np.stack([record.fields["center_mm"] for record in records])
    cubes = np.column_stack([np.full(len(records), 120.0, np.float32), centers])
    return frame_numbers([record.key for record in records]), joints, cubes


def joined(*parts):
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize("path", HANDS17_E2E)
def test_hands17_annotation_and_splits_equal_golden(path, hands17, caplog):
    golden = np.load(path)
    dataset = hands17(golden)
    with caplog.at_level(logging.INFO, "carpus"):
        parts = {split: rows(dataset.open(split)) for split in ("train", "val", "test")}
    index, joints, cubes = joined(*parts.values())
    np.testing.assert_array_equal(index, golden["annotation/index"])
    np.testing.assert_array_equal(joints, golden["annotation/poses"])
    np.testing.assert_array_equal(cubes, golden["annotation/resce"])
    np.testing.assert_array_equal(parts["test"][0], golden["annotation_test/index"])
    np.testing.assert_array_equal(parts["test"][1], golden["annotation_test/poses"])
    counts = dataset.counts()
    np.testing.assert_array_equal(counts, golden["splits"])
    assert len(parts["train"][0]) == counts.train_valid_split
    (line,) = [record.getMessage() for record in caplog.records if "frames kept" in record.getMessage()]
    dropped = len(golden["frames_u16"]) - len(index)
    assert f"{len(index)} frames kept, {dropped} dropped" in line
    for limit in (golden["annotation/poses"].min((0, 1)), golden["annotation/poses"].max((0, 1))):
        assert ", ".join(f"{value:.1f}" for value in limit) in line


@pytest.mark.parametrize("path", NYU_E2E)
def test_nyu_annotation_splits_and_shuffle_equal_golden(path, nyu):
    golden = np.load(path)
    dataset = nyu(golden)
    parts = {split: rows(dataset.open(split)) for split in ("train", "val", "test")}
    order = published_order(dataset.skeleton)
    found = {"train": joined(parts["train"], parts["val"]), "test": parts["test"]}
    for split, (index, joints, cubes) in found.items():
        np.testing.assert_array_equal(index, golden[f"{split}/annotation/index"])
        np.testing.assert_array_equal(joints[:, order], golden[f"{split}/annotation/poses"])
        np.testing.assert_array_equal(cubes, golden[f"{split}/annotation/resce"])
    counts = dataset.counts()
    np.testing.assert_array_equal(counts, golden["splits"])
    assert len(parts["val"][0]) == counts.num_training - counts.train_valid_split


@pytest.mark.parametrize("path", NYU_E2E)
def test_nyu_depth_is_256_green_plus_blue(path, nyu):
    golden = np.load(path)
    record = nyu(golden).open("test")[0]
    depth = decode_depth(record.images["depth"], record.fields["depth_coding"])
    np.testing.assert_array_equal(depth[200:280, 280:400], golden["decoded_test_depth_1"])


@pytest.mark.parametrize("path", NYU_E2E)
def test_the_text_dump_of_nyu_s_test_frames_equals_golden(path, nyu, tmp_path):
    golden = np.load(path)
    samples = nyu(golden).open("test")
    joints = np.stack([record.fields["joints_cam_mm"] for record in samples])
    keys = [samples.key(index) for index in range(len(samples))]
    write_annotation(tmp_path / "annotation.txt", keys, joints, NYU.skeleton)
    assert (tmp_path / "annotation.txt").read_bytes() == golden["test_annotation_txt"].tobytes()
    names, again = read_annotation(tmp_path / "annotation.txt", NYU.skeleton)
    np.testing.assert_array_equal(frame_numbers(names), golden["test/annotation/index"])
    np.testing.assert_array_equal(again, joints)


@pytest.mark.parametrize("path", HANDS17_E2E)
def test_a_written_hands17_annotation_reads_as_the_published_one(path, hands17, tmp_path):
    golden = np.load(path)
    source = hands17(golden).tree.open("train")
    joints = np.stack([record.fields["joints_cam_mm"] for record in source])
    write_annotation(tmp_path / "again.txt", [record.key for record in source], joints, HANDS17.skeleton)
    assert (tmp_path / "again.txt").read_bytes() == golden["annotation_txt"].tobytes()


@pytest.mark.parametrize("path", GEOMETRY)
def test_the_lattice_of_the_2d_localiser_equals_golden(path):
    golden = np.load(path)
    camera, size = HANDS17.camera, np.array([480, 640])
    half_px = float(golden["lattice_yank_w"])
    square = np.array([2 * half_px, *(golden["lattice_pt"][0] - half_px)])
    cube = Cube.from_array(np.array([120.0, *recover_center(square, 120.0, camera)]))
    target = dense.anchors2(cube, camera, (480, 640), 8)
    np.testing.assert_array_equal(target[:64].reshape(8, 8), golden["lattice_fill"])
    np.testing.assert_allclose(target[64:], golden["lattice_anchor"], atol=2e-6)
    found, value = dense.anchors2_decode(target, camera, (480, 640), 120.0)
    assert value == 1
    place = camera.project(found.center)[::-1]
    np.testing.assert_allclose(place, golden["lattice_yank_pt"], atol=1e-4)
    assert (place < size).all()
    np.testing.assert_allclose(found.square(camera)[0] / 2, half_px, atol=1e-4)


@pytest.mark.parametrize("path", GEOMETRY)
def test_centres_of_grid_cells_equal_golden(path):
    golden = np.load(path)
    cube = Cube.from_array(golden["cube"])
    side = len(golden["grid_fill"])
    cells = cube.cells(golden["voxen"], side)
    np.testing.assert_allclose(cube.cell_centers(side)[cells, np.arange(3)], golden["voxen"], atol=1e-9)
