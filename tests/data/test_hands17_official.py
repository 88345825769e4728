"""HANDS 2017 as its organisers score it: boxes instead of labels, result lines, labels that appear later."""

import numpy as np
import pytest
import torch

from carpus.data.box_centers import box_center, box_centers
from carpus.data.centers import center_of_mass, joint_center
from carpus.data.dataset import Dataset
from carpus.data.depth_images import decode_depth
from carpus.data.results import ResultHeader, write_results
from carpus.data.sources import HANDS17
from carpus.data.splits import Published
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, StoreError
from carpus.metrics.protocols.depth import DepthHandProtocol
from carpus.synthetic import make
from carpus.synthetic.hands17 import publish_test_labels
from carpus.types import Batch, Predictions

RANGE, CUBE = (100, 1060), 240.0


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A synthetic tree whose test labels are published, and the seen subjects."""
    root = make("hands17", tmp_path_factory.mktemp("hands17") / "tree", frames=60, seed=7)
    return root, publish_test_labels(root)


def official(folder, root=None, **changes) -> Dataset:
    arguments = {"center_source": "box", "splits": Published(val_fraction=0.25), **changes}
    return Dataset(
        "hands17",
        root or folder / "tree",
        HANDS17,
        packs=folder / "packs",
        cube_mm=CUBE,
        depth_range_mm=RANGE,
        **arguments,
    )


def labels_of(lines):
    rng = np.random.default_rng(5)
    joints = rng.uniform(-40, 40, (lines, 21, 3)) + np.array([0, 0, 350])
    rows = ["\t".join(f"{x:.4f}" for x in row) for row in joints.reshape(lines, -1)]
    return joints, [f"image_D{n + 1:08d}.png\t{row}" for n, row in enumerate(rows)]


def test_every_record_has_its_box_and_the_store_a_column(synthetic, tmp_path):
    root, _ = synthetic
    published = [line.split() for line in (root / "frame/BoundingBox.txt").read_text().splitlines()]
    samples = official(tmp_path, root).open("test")
    assert [record.key for record in samples] == [f"test/{line[0][:-4]}" for line in published]
    boxes = np.array([line[1:] for line in published], float)
    np.testing.assert_array_equal(samples.column("bbox_xywh_px"), boxes)
    np.testing.assert_array_equal(samples[3].fields["bbox_xywh_px"], boxes[3])


def test_a_training_frame_s_box_holds_its_joints(synthetic):
    for record in HANDS17(synthetic[0], "train"):
        left, top, width, height = record.fields["bbox_xywh_px"]
        u, v = HANDS17.camera.project(record.fields["joints_cam_mm"]).T
        inside = (u >= max(left, 0)) & (u <= left + width) & (v >= max(top, 0)) & (v <= top + height)
        assert inside[(u > 0) & (v > 0) & (u < 639) & (v < 479)].all()
        assert left >= 0
        assert left + width <= 639


def with_wall(depth, record):
    """The same frame before a wall 60 mm behind the hand, with a per cent of stray near pixels."""
    rng = np.random.default_rng(0)
    wall = np.where(depth > 0, depth, record.fields["joints_cam_mm"][:, 2].max() + 60)
    return np.where(rng.random(depth.shape) < 0.01, rng.uniform(110, 300, depth.shape), wall)


@pytest.mark.parametrize("scene", [lambda depth, record: depth, with_wall], ids=["alone", "wall"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_box_gives_the_centre_without_labels(synthetic, split, scene):
    box_error, mass_error = [], []
    for record in HANDS17(synthetic[0], split):
        depth = scene(decode_depth(record.images["depth"], "png16_mm"), record)
        truth = joint_center(record.fields["joints_cam_mm"], record.fields["joint_valid"])
        found = box_center(depth, HANDS17.camera, record.fields["bbox_xywh_px"], RANGE, CUBE)
        mass = center_of_mass(depth, HANDS17.camera, RANGE, CUBE)
        box_error.append(np.linalg.norm(found - truth))
        mass_error.append(np.linalg.norm(mass - truth))
    # What a hand or forearm hides is unknown, so a few centres are farther off.
    assert np.mean(box_error) < 30
    assert np.median(box_error) < 20
    assert np.mean(np.array(box_error) < 30) > 0.75
    assert np.mean(mass_error) > 2 * np.mean(box_error)


def test_a_box_without_depth_still_gives_a_centre():
    camera, empty = HANDS17.camera, np.zeros((480, 640), np.float32)
    center = box_center(empty, camera, np.array([200, 100, 180, 228.0]), RANGE, CUBE)
    np.testing.assert_allclose(center[2], 120 * camera.fx / 114, rtol=1e-5)
    np.testing.assert_allclose(camera.project(center), [290, 214], atol=1e-3)
    for box in ([0, 0, 0, 0], [700, 500, 40, 40], [-300, -200, 50, 50], [-10, -10, 900, 700]):
        found = box_center(empty + 5000, camera, np.array(box, float), RANGE, CUBE)
        assert np.isfinite(found).all()
        assert RANGE[0] <= found[2] <= RANGE[1] + 1


def test_boxes_are_a_centre_source_of_training_and_test(synthetic, tmp_path):
    dataset = official(tmp_path, synthetic[0])
    for split in ("train", "val", "test"):
        samples = dataset.open(split)
        truth = samples.column("gt_mm")
        assert np.median(np.linalg.norm(samples.centers_mm() - truth, axis=1)) < 30
        assert np.isfinite(samples.centers_mm()).all()
    assert len(dataset.open("test")) == 15


def test_another_crop_finds_its_own_box_centres_and_keeps_them(synthetic, tmp_path, monkeypatch):
    dataset = official(tmp_path, synthetic[0])
    packed = dataset.open("test").centers_mm()
    near, seen = official(tmp_path, synthetic[0]), []
    near.depth_range_mm = (100.0, 420.0)
    found = near.open("test", progress=lambda *done: seen.append(done)).centers_mm()
    assert seen == [(15, 15)]
    assert np.abs(found - packed).max() > 30
    monkeypatch.setattr(Store, "__getitem__", None)
    np.testing.assert_array_equal(near.open("test").centers_mm(), found)
    np.testing.assert_array_equal(dataset.open("test").centers_mm(), packed)


def test_processes_do_not_change_the_centres_of_boxes(synthetic, tmp_path, monkeypatch):
    store = official(tmp_path, synthetic[0]).open("test").store
    monkeypatch.setattr("carpus.data.box_centers.BATCH", 4)
    one, two = (box_centers(store, RANGE, CUBE, processes=count) for count in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, store.column("box_mm"))


def test_a_dataset_without_boxes_says_so(msra):
    with pytest.raises(ConfigError, match="dataset msra: its frames have no bounding box"):
        msra(center_source="box")


def test_a_store_of_an_earlier_version_is_refused_for_boxes(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree")
    dataset = official(tmp_path)
    meta = dataset.pack("test") / "meta.json"
    meta.write_text(meta.read_text().replace('"bbox_xywh_px",', ""))
    with pytest.raises(StoreError, match=r"before center_source=box existed.*carpus pack hands17 --force"):
        dataset.open("test")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("10 20 30", "3 numbers, 4 are"),
        ("10 20 -5 8", "left, top, width"),
        ("1 2 nan 4", "1 2 nan 4"),
    ],
)
def test_a_line_that_is_no_box_is_named(tiny, tmp_path, line, message):
    tiny.hands17(tmp_path / "tree")
    path = tmp_path / "tree/frame/BoundingBox.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], f"image_D00000002.png {line}", lines[2]]))
    with pytest.raises(DataError, match=rf"BoundingBox\.txt, line 2: .*{message}"):
        HANDS17(tmp_path / "tree", "test")


def test_labels_that_appear_later_are_found_and_asked_for(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", test=5)
    dataset = official(tmp_path)
    assert "joints_cam_mm" not in dataset.open("test")[0].fields
    joints, lines = labels_of(5)
    (tmp_path / "tree/frame/Test_Annotation.txt").write_text("\n".join(lines[::-1]))
    with pytest.raises(StoreError, match=r"before frame/Test_Annotation\.txt came.*carpus pack hands17 test"):
        dataset.open("test")
    dataset.open("train")
    dataset.pack("test")
    samples = dataset.open("test")
    found = np.stack([record.fields["joints_cam_mm"] for record in samples])
    np.testing.assert_allclose(found, joints, atol=1e-3)
    assert len(official(tmp_path, center_source="gt").open("test")) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:3], lines[3].rsplit("\t", 1)[0], lines[4]], "line 4: 62 numbers, 63"),
        (lambda lines: [lines[0].rsplit("\t", 1)[0] + "\tnan", *lines[1:]], "line 1: .*not a finite"),
        (lambda lines: lines[:4], r"no line for 'image_D00000005\.png'"),
        (lambda lines: [*lines, lines[1]], r"'image_D00000002\.png' stands in line 2 and in line 6"),
    ],
)
def test_a_fault_in_the_test_labels_is_named(tiny, tmp_path, change, message):
    tiny.hands17(tmp_path / "tree", test=5)
    (tmp_path / "tree/frame/Test_Annotation.txt").write_text("\n".join(change(labels_of(5)[1])) + "\n")
    with pytest.raises(DataError, match=rf"Test_Annotation\.txt.*{message}"):
        HANDS17(tmp_path / "tree", "test")


def test_subjects_are_fields_and_a_column(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", test=3)
    path = tmp_path / "tree/frame/subjects.txt"
    path.write_text("image_D00000003.png 7\nimage_D00000001.png 2\nimage_D00000002.png 7\n")
    samples = official(tmp_path).open("test")
    assert [record.fields["subject"] for record in samples] == [2, 7, 7]
    np.testing.assert_array_equal(samples.column("subject"), [2, 7, 7])
    assert "subject" not in official(tmp_path).open("train")[0].fields
    path.write_text("image_D00000001.png 2.5\n")
    with pytest.raises(DataError, match=r"subjects\.txt, line 1: subject 2\.5"):
        HANDS17(tmp_path / "tree", "test")


def test_published_labels_score_seen_and_unseen_people_apart(synthetic, tmp_path):
    root, seen = synthetic
    records = list(official(tmp_path, root).open("test"))
    subjects = [record.fields["subject"] for record in records]
    assert 0 < sum(subject in seen for subject in subjects) < len(subjects)
    truth = torch.tensor(np.stack([record.fields["joints_cam_mm"] for record in records]))
    off = torch.tensor([[0.0, 0, 3 if subject in seen else 8] for subject in subjects])
    keys = [record.key for record in records]
    tensors = {"joints_cam_mm": truth, "joint_valid": torch.ones(truth.shape[:2], dtype=torch.bool)}
    batch = Batch(keys, {**tensors, "subject": torch.tensor(subjects)})
    protocol = DepthHandProtocol("hands17", seen_subjects=seen)
    protocol.update(Predictions(keys, joints_cam_mm=truth + off[:, None]), batch)
    values = protocol.compute()
    assert values["mean_error_mm/seen"] == pytest.approx(3, abs=1e-4)
    assert values["mean_error_mm/unseen"] == pytest.approx(8, abs=1e-4)


def test_result_lines_are_image_name_and_63_numbers_in_the_order_of_the_boxes(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", test=6)
    path = tmp_path / "tree/frame/BoundingBox.txt"
    order = [4, 1, 6, 2, 5, 3]
    path.write_text("".join(f"image_D{n:08d}.png\t10 20\t100 120\n" for n in order))
    samples = official(tmp_path).open("test")
    joints = np.random.default_rng(0).normal(0, 300, (6, 21, 3))
    keys = [samples.key(index) for index in range(len(samples))]
    write_results(tmp_path / "result.txt", joints, keys, ResultHeader("hands17"))
    lines = [line.split("\t") for line in (tmp_path / "result.txt").read_text().splitlines()]
    assert [line[0] for line in lines] == [f"image_D{n:08d}.png" for n in order]
    assert {len(line) for line in lines} == {64}
    written = np.array([line[1:] for line in lines], float)
    np.testing.assert_allclose(written, joints.reshape(6, -1), atol=6e-5)
    assert Store(official(tmp_path).folder("test")).key(0) == "test/image_D00000004"
