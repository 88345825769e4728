"""The readers of large JSON files, of DIGIT's pickles and of its databases."""

from __future__ import annotations

import gc
import json
import os
import pickle
import weakref

import numpy as np
import pytest

from carpus.data.rgb_dataset import RgbDataset
from carpus.data.rgb_files import FolderFiles, LmdbFiles, open_files
from carpus.data.rgb_images import decode_labels, decode_rgb
from carpus.data.sources.interhand26m import InterHand26M
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.interhand26m.pickle_stream import read_entries
from carpus.errors import DataError
from interhand_tree import formula_mask, invented, write_image_lmdb, write_json, write_lmdb, write_tree

CONTENT = {"a": [1, 2.5, -3e4, "x, ]}", None, True], "b": {"c": {"d": []}, "ü": {}}, "e": [], "f": {}}


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_values_do_not_depend_on_where_blocks_end(tmp_path, block, indent):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, indent=indent, ensure_ascii=False))
    with JsonStream(path, block) as stream:
        found = {}
        for name in stream.members():
            found[name] = (
                list(stream.values())
                if name in "ae"
                else {inner: stream.value() for inner in stream.members()}
            )
    assert found == CONTENT


BROKEN = [
    ('{"a": [1, 2', "ends too early"),
    ('{"a": [1 2]}', "',' was expected"),
    ('{"a": [1,]}', "Expecting value"),
    ('{"a": [tru]}', "Expecting value"),
    ("{3: [1]}", "a name was expected"),
    ('{"a" [1]}', "':' was expected"),
    ("[1]", "'{' was expected"),
    ("", "ends too early"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_broken_json_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text("\n\n" + text)

    def walk():
        with JsonStream(path, 4) as stream:
            for _ in stream.members():
                list(stream.values())

    with pytest.raises(DataError, match=message) as failure:
        walk()
    assert f"{path}, line 3, character" in str(failure.value)


def test_a_mistake_early_in_a_large_file_is_found_without_reading_on(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [{"b": oops}, ' + "1, " * 500_000 + "1]}")
    with JsonStream(path, 1 << 14) as stream:
        next(stream.members())
        next(stream.elements())
        with pytest.raises(DataError, match="Expecting value"):
            stream.value()
        assert stream._passed + len(stream._text) < 1 << 15


def test_a_missing_json_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.json cannot be read: No such file"):
        JsonStream(tmp_path / "none.json")


def entries(count):
    """What DIGIT's ``data.pkl`` holds."""
    data = invented(count)["data"]
    pairs = zip(data["images"], data["annotations"], strict=True)
    return {image["id"]: {**image, "anno": truth} for image, truth in pairs}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("count", [0, 1, 1100])
def test_entries_of_pickles_of_every_protocol(tmp_path, protocol, count):
    path, content, found = tmp_path / "a.pkl", entries(count), []
    path.write_bytes(pickle.dumps(content, protocol))
    read_entries(path, found.extend)
    assert dict(found) == content


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_numbers_of_numpy_in_pickles(tmp_path, kind):
    content = {f"val/{i}.jpg": {"right_fit_err": kind(i / 3), "imsize": (334, 512)} for i in range(1100)}
    content["val/none.jpg"] = {"right_fit_err": None}
    path, found = tmp_path / "a.pkl", []
    path.write_bytes(pickle.dumps(content))
    read_entries(path, found.extend)
    assert dict(found) == content


def test_pickles_are_read_in_bounded_memory(tmp_path):
    """Batches are given away and forgotten, all but the last few."""
    path, alive = tmp_path / "a.pkl", []
    values = {i: {"name": f"image{i}", "valid": np.full(9, i)} for i in range(14_000)}
    path.write_bytes(pickle.dumps(values))
    batches = []

    def take(batch):
        if len(batches) > 9:
            gc.collect()
        batches.append([weakref.ref(entry["valid"]) for _, entry in batch])
        alive.append(sum(ref() is not None for refs in batches for ref in refs))

    read_entries(path, take)
    assert len(alive) == 14
    assert max(alive[-4:]) <= 11_000


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def test_pickles_that_run_something_are_refused(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({1: Evil()}))
    with pytest.raises(DataError, match=r"a\.pkl: not read, it asks for '.*system'"):
        read_entries(path, lambda _: None)
    path.write_bytes(pickle.dumps({1: {"a": [1] * 1000}})[:-40])
    with pytest.raises(DataError, match="damaged after 0 entries"):
        read_entries(path, lambda _: None)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="holds list"):
        read_entries(path, lambda _: None)
    with pytest.raises(DataError, match="cannot be read"):
        read_entries(tmp_path / "none.pkl", lambda _: None)


def as_pickle(root, split, content):
    """Replace the data file by DIGIT's pickle of it."""
    write_json(root, split, content)
    folder = root / "annotations" / split
    (folder / f"InterHand2.6M_{split}_data.json").unlink()
    pairs = zip(content["data"]["images"], content["data"]["annotations"], strict=True)
    whole = {image["id"]: {**image, "anno": truth} for image, truth in pairs}
    (folder / f"InterHand2.6M_{split}_data.pkl").write_bytes(pickle.dumps(whole, 3))


def same(a, b):
    return a.key == b.key and all(np.array_equal(a.fields[name], b.fields[name]) for name in a.fields)


def test_the_pickle_of_digit_gives_the_records_of_the_json(tmp_path):
    content = write_tree(tmp_path, "val", invented(9))
    published = list(InterHand26M(tmp_path, "val"))
    as_pickle(tmp_path, "val", content)
    assert all(same(a, b) for a, b in zip(InterHand26M(tmp_path, "val"), published, strict=True))


def test_fits_are_those_of_meta_dict_without_neural_annot(tmp_path):
    content = write_tree(tmp_path, "val", invented(9))
    published = [record.fields["mano_valid"] for record in InterHand26M(tmp_path, "val")]
    (tmp_path / "annotations/val/InterHand2.6M_val_MANO_NeuralAnnot.json").unlink()
    errors = {}
    for image, truth in zip(content["data"]["images"], content["data"]["annotations"], strict=True):
        both = truth["hand_type"] == "interacting"
        known = [3.0 if both or truth["hand_type"] == side else None for side in ("right", "left")]
        errors[f"val/{image['file_name']}"] = dict(zip(("right_fit_err", "left_fit_err"), known, strict=True))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/meta_dict_val.pkl").write_bytes(pickle.dumps(errors))
    assert [record.fields["mano_valid"] for record in InterHand26M(tmp_path, "val")] == published == [1] * 9


def test_the_databases_of_digit(tmp_path):
    content = write_tree(tmp_path / "tree", "val")
    write_image_lmdb(tmp_path / "tree", content["data"], "val")
    make = RgbDataset("interhand26m", tmp_path / "tree", InterHand26M, tmp_path / "packs", images="lmdb")
    for record in make.open("val"):
        published = (tmp_path / "tree" / str(record.fields["image"])).read_bytes()
        found = decode_rgb(record.images["rgb"], record.fields["rgb_coding"])
        assert np.array_equal(found, decode_rgb(published))
        labels = decode_labels(record.images["segm"])
        assert np.array_equal(labels, formula_mask(*labels.shape))


def test_folders_and_databases_look_alike(tmp_path):
    write_lmdb(tmp_path / "db", {"a/b.png": b"1"})
    (tmp_path / "folder" / "a").mkdir(parents=True)
    (tmp_path / "folder" / "a" / "b.png").write_bytes(b"1")
    for path, kind in ((tmp_path / "db", LmdbFiles), (tmp_path / "folder", FolderFiles)):
        files = open_files(path)
        assert isinstance(files, kind)
        assert (files.get("a/b.png"), files.get("a/c.png")) == (b"1", None)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="broken cannot be opened"):
        LmdbFiles(tmp_path / "broken").get("a")
    with pytest.raises(DataError, match="none is missing"):
        open_files(tmp_path / "none")
