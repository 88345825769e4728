"""``carpus parts``: what it renders, how it continues, what it refuses."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest

from carpus.bodies.hand_parts import parts_from_weights
from carpus.bodies.standin import standin_model
from carpus.data import part_masks
from carpus.data.part_journal import PartEntry, write_entries
from carpus.data.part_rendering import PartRenderer
from carpus.synthetic import make

ROOT = Path(__file__).parents[2]
DATASET = """# A tree of a user's own.   carpus parts my_hands
name: my_hands
kind: rgb_hand
skeleton: interhand26m
joints: 42
offers: [rgb]
root: {root}
spec:
  _target_: carpus.data.rgb_dataset.RgbDataset
  name: ${{dataset.name}}
  root: ${{dataset.root}}
  packs: ${{paths.packs}}
  source:
    _partial_: true
    _target_: carpus.data.sources.interhand26m.InterHand26M
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A synthetic tree with the masks its maker renders."""
    return make("interhand26m", tmp_path_factory.mktemp("made") / "tree", frames=24, seed=6)


@pytest.fixture
def tree(made, tmp_path):
    """The same without masks."""
    root = tmp_path / "tree"
    shutil.copytree(made, root, ignore=shutil.ignore_patterns("segm_32.lmdb", "cache", "*.jpg"))
    return root


@pytest.fixture
def parts(here, tree, tmp_path, monkeypatch):
    """``parts(*arguments) -> (exit code, output)`` for the tree without masks."""
    home = tmp_path / "home"
    shutil.copytree(ROOT / "conf", home / "conf")
    (home / "conf" / "dataset" / "my_hands.yaml").write_text(DATASET.format(root=tree))
    monkeypatch.setenv("CARPUS_ROOT", str(home))
    models = f"paths.body_models={tmp_path / 'nothing'}"
    return lambda *arguments: here("carpus", "parts", "my_hands", models, *arguments)


def masks_of(root):
    with lmdb.open(str(root / "segm_32.lmdb"), readonly=True, lock=False).begin() as txn:
        return {key.decode(): data for key, data in txn.cursor()}


def errors_of(root, split="train"):
    with (root / "cache" / f"meta_dict_{split}.pkl").open("rb") as file:
        return pickle.load(file)


def test_all_splits_are_rendered_as_the_world_was(parts, tree, made):
    code, output = parts()
    assert code == 0, output
    assert masks_of(tree) == masks_of(made)
    for split in ("train", "val", "test"):
        assert errors_of(tree, split) == errors_of(made, split)
    assert "train: 24 images, 24 rendered now, " in output
    assert "stand-in hands" in output
    assert "train right fit error mm: median " in output
    for data in masks_of(tree).values():
        labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert (labels.dtype, labels.shape[2]) == (np.uint8, 3)
        assert labels.max() <= 32


def test_two_processes_write_the_bytes_of_one(parts, tree, made, monkeypatch):
    monkeypatch.setattr(part_masks, "BATCH", 5)
    assert parts("--processes", "2")[0] == 0
    files = ["cache/meta_dict_train.pkl", "cache/meta_dict_test.pkl"]
    assert all((tree / file).read_bytes() == (made / file).read_bytes() for file in files)
    two = (tree / "segm_32.lmdb" / "data.mdb").read_bytes()
    shutil.rmtree(tree / "segm_32.lmdb")
    shutil.rmtree(tree / "cache")
    assert parts("--processes", "1")[0] == 0
    assert (tree / "segm_32.lmdb" / "data.mdb").read_bytes() == two


def test_an_interrupted_run_is_continued(parts, tree, made, monkeypatch):
    monkeypatch.setattr(part_masks, "BATCH", 5)
    render, batches = PartRenderer.__call__, []

    def fail_later(self, rows):
        batches.append(rows)
        if len(batches) > 3:
            raise KeyboardInterrupt
        return render(self, rows)

    monkeypatch.setattr(PartRenderer, "__call__", fail_later)
    assert parts("--split", "train")[0] == 130
    assert not (tree / "cache" / "meta_dict_train.pkl").exists()
    monkeypatch.setattr(PartRenderer, "__call__", render)
    code, output = parts("--split", "train")
    assert code == 0
    assert "24 images, 9 rendered now" in output
    assert errors_of(tree) == errors_of(made)
    assert masks_of(tree) == {k: v for k, v in masks_of(made).items() if k.startswith("train/")}
    assert "24 images, 0 rendered now" in parts("--split", "train")[1]
    assert "24 images, 24 rendered now" in parts("--split", "train", "--force")[1]


def test_filters_choose_images(parts, tree, made):
    names = [name for name, entry in errors_of(made).items() if "imsize" in entry]
    words = [name.split("/") for name in names]
    camera, sequence = words[0][3].removeprefix("cam"), words[-1][2]
    assert parts("--split", "train", "--camera", camera, "--capture", "0")[0] == 0
    chosen = {n for n, w in zip(names, words, strict=True) if w[3] == f"cam{camera}" and w[1] == "Capture0"}
    assert {name.replace(".png", ".jpg") for name in masks_of(tree)} == chosen
    assert parts("--split", "train", f"--seq={sequence}", "--camera", f"cam{words[-1][3][3:]}")[0] == 0
    chosen |= {n for n, w in zip(names, words, strict=True) if w[2:4] == words[-1][2:4]}
    assert {name for name, entry in errors_of(tree).items() if "imsize" in entry} == chosen
    assert "4 images, " in parts("--split", "test", "--limit", "4")[1]
    assert len(errors_of(tree, "test")) == 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--camera", "1"], "camera '1'"),
        (["--capture", "77"], "capture '77'"),
        (["--capture", "one"], "numbers separated by commas"),
        (["--seq", "nothing"], "sequence 'nothing'"),
        (["--split", "trian"], "did you mean 'train'"),
        (["--limit", "0"], "at least 1"),
    ],
)
def test_what_is_not_there_is_named(parts, option, message):
    code, output = parts(*option)
    assert code == 1
    assert message in output


def test_without_mano_it_says_where_to_put_it(parts, tree, tmp_path):
    shutil.rmtree(tree / "body_models")
    code, output = parts()
    assert code == 1
    assert f"put MANO_RIGHT.pkl (or MANO_RIGHT.npz) into {tmp_path / 'nothing' / 'mano'}" in output
    assert "https://mano.is.tue.mpg.de" in output
    assert "--standin" in output
    assert not (tree / "segm_32.lmdb").exists()
    assert parts("--standin", "--split", "val")[0] == 0
    assert masks_of(tree)


def test_published_files_need_published_part_labels(parts, tree, tmp_path, made):
    folder = tmp_path / "nothing" / "mano"
    folder.mkdir(parents=True)
    for path in (tree / "body_models" / "mano").iterdir():
        content = pickle.loads(path.read_bytes())
        (folder / path.name).write_bytes(pickle.dumps({k: v for k, v in content.items() if k != "standin"}))
    shutil.rmtree(tree / "body_models")
    code, output = parts("--split", "test")
    assert code == 1
    assert "put sealed_faces.npy of https://github.com/zc-alexfan/render_mano_ih" in output
    labels = parts_from_weights(standin_model("mano", "right"))
    np.savez(folder / "part_labels.npz", faces_with_seal=labels.faces, face_label16=labels.face_labels)
    code, output = parts("--split", "test")
    assert code == 0
    assert "stand-in" not in output
    assert masks_of(tree) == {k: v for k, v in masks_of(made).items() if k.startswith("test/")}


def test_masks_of_other_hands_are_not_mixed(parts, tree, made):
    shutil.copytree(made / "segm_32.lmdb", tree / "segm_32.lmdb")
    names = [f"train/{image['file_name']}" for image in data_of(tree)["images"]]
    published = {name: PartEntry((4.5, None), (334, 512)) for name in sorted(names)}
    (tree / "cache").mkdir()
    write_entries(tree / "cache" / "meta_dict_train.pkl", published.items())
    code, output = parts("--split", "train")
    assert code == 1
    assert "were rendered with MANO hands, these would be of stand-in hands; --force" in output
    assert parts("--split", "train", "--force", "--limit", "3")[0] == 0
    assert set(errors_of(tree)) == set(names[:3])
    others = {name for name in masks_of(made) if not name.startswith("train/")}
    assert others < set(masks_of(tree)) <= others | {name.replace(".jpg", ".png") for name in names[:3]}


def test_a_published_pickle_is_continued(tree, made):
    """As DIGIT's own renderer leaves it: masks, a pickle, no journal."""
    shutil.copytree(made / "segm_32.lmdb", tree / "segm_32.lmdb")
    (tree / "cache").mkdir()
    known = dict(list(errors_of(made).items())[:10])
    with (tree / "cache" / "meta_dict_train.pkl").open("wb") as file:
        pickle.dump(known, file)
    with part_masks.PartJournal(tree, "train") as journal:
        assert journal.get(next(iter(known))) is not None
        assert journal.get("train/none.jpg") is None
        journal.publish()
    assert errors_of(tree) == known


def data_of(root):
    return json.loads((root / "annotations" / "train" / "InterHand2.6M_train_data.json").read_text())


def test_a_hand_outside_the_picture_is_reported(parts, tree, caplog):
    path = tree / "annotations" / "train" / "InterHand2.6M_train_camera.json"
    cameras = json.loads(path.read_text())
    image = data_of(tree)["images"][0]
    cameras[str(image["capture"])]["princpt"][image["camera"]] = [9000.0, 256.0]
    path.write_text(json.dumps(cameras))
    with caplog.at_level(logging.WARNING):
        assert parts("--split", "train")[0] == 0
    said = [record.getMessage() for record in caplog.records if "covers no pixel" in record.getMessage()]
    assert any(f"Capture{image['capture']}/{image['seq_name']}" in text for text in said)


def test_damaged_annotation_is_named(parts, tree):
    path = tree / "annotations" / "val" / "InterHand2.6M_val_joint_3d.json"
    joints = json.loads(path.read_text())
    capture, frame = next((c, f) for c, frames in joints.items() for f in frames)
    joints[capture][frame]["joint_valid"] = [[1]] * 40
    path.write_text(json.dumps(joints))
    code, output = parts("--split", "val")
    assert code == 1
    assert f"frame '{frame}' of capture '{capture}'" in output
    path.with_name("InterHand2.6M_val_MANO_NeuralAnnot.json").unlink()
    assert "InterHand2.6M_val_MANO_NeuralAnnot.json is missing" in parts("--split", "val")[1]


def test_other_datasets_have_no_parts(here, tmp_path):
    code, output = here("carpus", "parts", "msra", f"dataset.root={tmp_path}")
    assert code == 1
    assert "msra is msra: part masks" in output
