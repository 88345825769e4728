"""The files of the two-hand world against the published description, read without any reader of Carpus."""

from __future__ import annotations

import json
import pickle

import cv2
import lmdb
import numpy as np
import pytest

from carpus.data.sources.interhand26m import InterHand26M
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED
from carpus.synthetic import make

SEED, FRAMES = 2, 64
SIDES = ("right", "left")
IMAGE = ["id", "file_name", "width", "height", "capture", "subject", "seq_name", "camera", "frame_idx"]
TRUTH = ["id", "image_id", "bbox", "joint_valid", "hand_type", "hand_type_valid"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("interhand26m", tmp_path_factory.mktemp("hands") / "tree", frames=FRAMES, seed=SEED)


@pytest.fixture(scope="module")
def content(root):
    """Split to kind to the JSON file's content."""
    kinds = ("data", "camera", "joint_3d", "MANO_NeuralAnnot")
    place = "annotations/{0}/InterHand2.6M_{0}_{1}.json"
    return {
        split: {kind: json.loads((root / place.format(split, kind)).read_text()) for kind in kinds}
        for split in ("train", "val", "test")
    }


@pytest.fixture(scope="module")
def masks(root):
    with lmdb.open(str(root / "segm_32.lmdb"), readonly=True, lock=False).begin() as txn:
        return {key.decode(): data for key, data in txn.cursor()}


def images_of(content, split="train"):
    data = content[split]["data"]
    yield from zip(data["images"], data["annotations"], strict=True)


def project(content, split, image):
    """Camera-space joints ``(42, 3)`` and pixels ``(42, 2)``, straight from the published description."""
    capture, camera = str(image["capture"]), image["camera"]
    parts = content[split]["camera"][capture]
    world = np.array(content[split]["joint_3d"][capture][str(image["frame_idx"])]["world_coord"])
    cam = (world - parts["campos"][camera]) @ np.array(parts["camrot"][camera]).T
    return cam, cam[:, :2] / cam[:, 2:] * parts["focal"][camera] + parts["princpt"][camera]


def test_sizes_and_numbering(content):
    assert [len(content[s]["data"]["images"]) for s in ("train", "val", "test")] == [64, 16, 16]
    people = {s: {image["subject"] for image, _ in images_of(content, s)} for s in content}
    assert people["train"].isdisjoint(people["test"] | people["val"])
    for split, files in content.items():
        captures = {image["capture"] for image, _ in images_of(content, split)}
        assert captures == set(range(len(captures)))
        assert {int(c) for c in files["camera"]} == {int(c) for c in files["joint_3d"]} == captures
        names = [image["file_name"] for image, _ in images_of(content, split)]
        assert len(set(names)) == len(names)
        ids = [image["id"] for image, _ in images_of(content, split)]
        assert len(set(ids)) == len(ids)
    kinds = [truth["hand_type"] for _, truth in images_of(content)]
    assert set(kinds) == {"right", "left", "interacting"}
    assert kinds.count("interacting") > len(kinds) / 2


def test_annotation_follows_the_published_schema(content, root):
    encodings, greys, sizes = set(), set(), set()
    for split in content:
        for image, truth in images_of(content, split):
            assert list(image) == IMAGE
            assert list(truth) == TRUTH
            assert image["id"] == truth["id"] == truth["image_id"]
            place = "Capture{capture}/{seq_name}/cam{camera}/image{frame_idx}.jpg".format(**image)
            assert image["file_name"] == place
            picture = cv2.imread(str(root / "images" / split / place), cv2.IMREAD_UNCHANGED)
            assert picture.shape == (image["height"], image["width"], 3)
            grey = image["camera"].startswith("410")
            assert (np.ptp(picture, axis=2).max() == 0) == grey
            assert grey or image["camera"].startswith("400")
            flags = truth["joint_valid"]
            assert len(flags) == 42
            encodings.add(type(flags[0]))
            greys.add(grey)
            sizes.add((image["width"], image["height"]))
            frame = content[split]["joint_3d"][str(image["capture"])][str(image["frame_idx"])]
            assert np.array_equal(np.ravel(flags), np.ravel(frame["joint_valid"]))
            assert np.array(frame["joint_valid"]).shape == (42, 1)
            assert frame["hand_type"] == truth["hand_type"]
    assert encodings == {list, int}
    assert greys == {True, False}
    assert sizes == {(334, 512), (512, 334)}


def test_boxes_are_tight_around_valid_joints(content):
    for image, truth in images_of(content):
        valid = np.ravel(truth["joint_valid"]) == 1
        _, pixels = project(content, "train", image)
        low, high = pixels[valid].min(0), pixels[valid].max(0)
        box = np.array(truth["bbox"])
        np.testing.assert_allclose(box[:2] + box[2:] / 2, (low + high) / 2, atol=1e-3)
        np.testing.assert_allclose(box[2:], 1.2 * (high - low), atol=1e-3)


def test_what_is_missing_is_marked(content):
    wrists = 0
    for split, files in content.items():
        for capture, frames in files["joint_3d"].items():
            for name, frame in frames.items():
                valid, world = np.ravel(frame["joint_valid"]), np.array(frame["world_coord"])
                assert (world[~valid] == 1.0).all()
                assert (np.abs(world[valid] - [0, 0, 1050]) < 350).all()
                for hand, side in enumerate(SIDES):
                    own = valid[21 * hand : 21 * hand + 21]
                    present = frame["hand_type"] in (side, "interacting")
                    assert (own.mean() > 0.7) if present else not own.any()
                    wrists += present and not own[20]
                    fit = files["MANO_NeuralAnnot"][capture].get(name, {}).get(side)
                    assert fit is None or present
                    if fit:
                        assert {k: len(v) for k, v in fit.items()} == {"pose": 48, "shape": 10, "trans": 3}
        frames = sum(len(found) for found in files["joint_3d"].values())
        fitted = [fit for found in files["MANO_NeuralAnnot"].values() for fit in found.values()]
        assert len(fitted) < frames or split != "train"
    assert wrists > 0
    train = content["train"]
    lacking = [
        sum(fit is None for fit in fits.values())
        for capture, found in train["MANO_NeuralAnnot"].items()
        for name, fits in found.items()
        if train["joint_3d"][capture][name]["hand_type"] == "interacting"
    ]
    assert set(lacking) == {0, 1}


def test_rootnet_has_the_processed_box_and_plausible_depths(content, root):
    assert not (root / "rootnet_output" / "rootnet_interhand2.6m_output_train.json").exists()
    for split in ("val", "test"):
        path = root / "rootnet_output" / f"rootnet_interhand2.6m_output_{split}.json"
        found = {item["annot_id"]: item for item in json.loads(path.read_text())}
        truths = list(images_of(content, split))
        assert list(found) != [truth["id"] for _, truth in truths]
        assert set(found) == {truth["id"] for _, truth in truths}
        for image, truth in truths:
            x, y, w, h = truth["bbox"]
            side = 1.25 * max(w, h)
            wanted = [x + w / 2 - side / 2, y + h / 2 - side / 2, side, side]
            np.testing.assert_allclose(found[truth["id"]]["bbox"], wanted, atol=1e-3)
            cam, _ = project(content, split, image)
            valid = np.ravel(truth["joint_valid"]) == 1
            for root_joint, depth in zip(INTERHAND.roots, found[truth["id"]]["abs_depth"], strict=True):
                assert 700 < depth < 1500
                assert not valid[root_joint] or abs(depth - cam[root_joint, 2]) < 100


def test_joints_lie_on_hands(content, masks):
    on, total = 0, 0
    for image, truth in images_of(content):
        data = masks.get("train/" + image["file_name"].replace(".jpg", ".png"))
        if data is None:
            continue
        labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[..., 0]
        near = cv2.dilate((labels > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
        valid = np.ravel(truth["joint_valid"]) == 1
        fits = content["train"]["MANO_NeuralAnnot"][str(image["capture"])][str(image["frame_idx"])]
        valid &= np.repeat([fits[side] is not None for side in SIDES], 21)
        pixels = np.rint(project(content, "train", image)[1][valid]).astype(int)
        inside = ((pixels >= 0) & (pixels < labels.shape[::-1])).all(1)
        assert inside.mean() > 0.8
        on += near[tuple(pixels[inside].T[::-1])].sum()
        total += inside.sum()
    assert total > 1000
    assert on / total > 0.98


def test_masks_and_fit_errors_follow_the_published_layout(content, masks, root):
    seen = 0
    for split in content:
        with (root / "cache" / f"meta_dict_{split}.pkl").open("rb") as file:
            entries = pickle.load(file)
        assert set(entries) == {f"{split}/{image['file_name']}" for image, _ in images_of(content, split)}
        for image, truth in images_of(content, split):
            name = f"{split}/{image['file_name']}"
            capture, frame = str(image["capture"]), str(image["frame_idx"])
            fits = content[split]["MANO_NeuralAnnot"][capture].get(frame, {})
            entry = entries[name]
            for side in SIDES:
                assert (entry[f"{side}_fit_err"] is not None) == bool(fits.get(side))
            data = masks.get(name.replace(".jpg", ".png"))
            assert (data is not None) == any(fits.values()) == ("imsize" in entry)
            if data is None:
                continue
            seen += 1
            assert entry["imsize"] == (image["width"], image["height"])
            labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            assert labels.shape == (image["height"], image["width"], 3)
            assert np.ptp(labels, axis=2).max() == 0
            hands = np.unique(labels[labels > 0] > 16)
            assert set(hands) <= {side == "left" for side in SIDES if fits.get(side)}
            assert labels.max() <= 32
            assert truth["hand_type"] == "interacting" or len(hands) == 1
    assert len(masks) == seen > 80


def test_fits_are_about_a_millimetre_off_and_some_in_val_far_more(root):
    for split in ("train", "val"):
        with (root / "cache" / f"meta_dict_{split}.pkl").open("rb") as file:
            entries = pickle.load(file).values()
        errors = [v for entry in entries for k, v in entry.items() if k.endswith("_err") and v is not None]
        assert 0.4 < np.median(errors) < 3
        assert (max(errors) > 20) == (split == "val" and len(entries) > 18)


def test_tables(root):
    lines = (root / "annotations" / "skeleton.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    assert [row[0] for row in rows] == list(INTERHAND_PUBLISHED)
    assert [int(row[1]) for row in rows] == list(range(42))
    assert [int(row[2]) for row in rows] == list(INTERHAND.parents)
    assert (root / "annotations" / "subject.txt").is_file()
    assert (root / "body_models" / "mano" / "MANO_LEFT.pkl").is_file()


def test_the_source_reads_it(root, content):
    for split in content:
        source = InterHand26M(root, split)
        assert len(source) == len(content[split]["data"]["images"])
        groups = [source.columns(index)["group"] for index in range(len(source))]
        assert groups == sorted(groups)
        assert source[0].images["rgb"][:2] == b"\xff\xd8"


def test_the_same_seed_gives_the_same_files(tmp_path):
    seeds = {"a": 4, "b": 4, "c": 5}
    one, two, other = (make("interhand26m", tmp_path / n, frames=4, seed=s) for n, s in seeds.items())
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)
    pictures = {p.name for p in one.rglob("*.jpg")}
    assert pictures != {p.name for p in other.rglob("*.jpg")}
