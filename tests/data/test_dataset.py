import multiprocessing
import pickle

import numpy as np
import pytest

from carpus.data.dataset import Dataset
from carpus.data.sources import HANDS17, ICVL, ITOP, MSRA, NYU
from carpus.data.splits import LeaveOneSubjectOut, Published
from carpus.errors import ConfigError, DataError, StoreError
from golden_cases import golden_paths, msra_folds

FOLD0_TEST = 17 * 2


def edit(path, change):
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_a_split_is_packed_on_first_use_and_then_only_opened(msra, tmp_path):
    dataset = msra()
    samples = dataset.open("test")
    assert len(samples) == FOLD0_TEST
    record = samples[3]
    assert record.key == samples.key(3) == "P0/2/000001"
    assert samples.position("P0/2/000001") == 3
    joints = record.fields["joints_cam_mm"]
    np.testing.assert_allclose(record.fields["center_mm"], (joints.min(0) + joints.max(0)) / 2, atol=1e-3)
    np.testing.assert_array_equal(samples.column("subject"), 0)
    np.testing.assert_allclose(samples.centers_mm()[3], record.fields["center_mm"])
    (tmp_path / "tree").rename(tmp_path / "gone")
    assert len(msra().open("train")) == 2 * FOLD0_TEST
    assert msra().open("train").key(0) == "P1/1/000000"
    with pytest.raises(KeyError, match="not in the split 'test'"):
        samples.position("P1/1/000000")
    with pytest.raises(IndexError, match="has 34"):
        samples[34]


def test_samples_travel_by_pickle_without_their_arrays(msra):
    samples = msra().open("train")
    _ = samples[0]
    data = pickle.dumps(samples)
    assert len(data) < 4000
    assert pickle.loads(data)[5].key == samples[5].key


@pytest.mark.parametrize("path", golden_paths("v2v", "msra_mini"))
def test_msra_mini_with_its_centre_files(path, tmp_path):
    golden, root, parts = msra_folds(path, tmp_path)
    for prefix, fold, mode in parts:
        splits = LeaveOneSubjectOut(fold)
        folders = {"root": root, "packs": tmp_path / "packs", "center_dir": root.parent / "center"}
        samples = Dataset(
            "m", source=MSRA, splits=splits, cube_mm=200, depth_range_mm=(100, 700), **folders
        ).open(mode)
        names = [str(name) for name in golden[f"{prefix}_names"]]
        assert len(samples) == len(names)
        if f"{prefix}_n_valid" in golden:
            assert len(samples) == int(golden[f"{prefix}_n_valid"])
        assert [f"{record.key}_depth.bin" for record in samples] == names
        flip = np.array([1, -1, 1])
        joints = np.stack([record.fields["joints_cam_mm"] for record in samples])
        np.testing.assert_allclose(joints * flip, golden[f"{prefix}_joints"][: len(names)], atol=1e-4)
        centers = np.stack([record.fields["center_mm"] for record in samples])
        np.testing.assert_allclose(centers * flip, golden[f"{prefix}_refpts"][: len(names)], atol=1e-4)


def test_invalid_centre_lines_shorten_the_split_consistently(msra, tmp_path):
    path = tmp_path / "center/center_test_0_refined.txt"
    whole = msra().open("test")
    keys, centers = [whole.key(i) for i in range(len(whole))], whole.centers_mm()
    edit(path, lambda lines: ["invalid" if i in (0, 7, 33) else line for i, line in enumerate(lines)])
    samples = msra().open("test")
    keep = [i for i in range(FOLD0_TEST) if i not in (0, 7, 33)]
    assert [record.key for record in samples] == [keys[i] for i in keep]
    np.testing.assert_allclose(samples.centers_mm(), centers[keep])
    assert len(whole) == FOLD0_TEST  # opened before the file changed
    assert len(msra(center_source="gt").open("test")) == FOLD0_TEST


@pytest.mark.parametrize("source", ["com", "gt"])
def test_centres_without_a_file(msra, source):
    samples = msra(center_source=source, center_dir=None).open("minitest")
    record = samples[0]
    joints = record.fields["joints_cam_mm"]
    assert np.abs(record.fields["center_mm"] - joints.mean(0)).max() < 40


def test_too_few_centre_lines_name_subject_and_gesture(msra, tmp_path):
    edit(tmp_path / "center/center_test_0_refined.txt", lambda lines: lines[:21])
    with pytest.raises(DataError, match=r"has 21 lines.*34 test frames.*the file ends in P0/IP") as error:
        msra().open("test")
    assert "neither release" in str(error.value)
    assert "newer" in str(error.value).splitlines()[1]


def test_centres_of_another_release_are_named(msra, tmp_path):
    edit(tmp_path / "center/center_test_0_refined.txt", lambda lines: (lines * 300)[:8499])
    with pytest.raises(DataError, match=r"has 8499 lines.*belong to the newer release"):
        msra().open("test")


def test_centres_of_another_fold_are_refused(msra, tmp_path):
    folder = tmp_path / "center"
    (folder / "center_test_0_refined.txt").write_text((folder / "center_test_1_refined.txt").read_text())
    with pytest.raises(DataError, match=r"1\d\d mm .*joints of P0/1.*another fold"):
        msra().open("test")


def test_a_missing_centre_folder_is_a_question_of_configuration(msra, tmp_path):
    with pytest.raises(ConfigError, match="center_dir"):
        msra(center_dir=None)
    with pytest.raises(ConfigError, match="did you mean 'com'"):
        msra(center_source="con")
    with pytest.raises(DataError, match=r"center_test_0_refined\.txt is missing"):
        msra(center_dir=tmp_path / "nowhere").open("test")


def test_a_held_out_subject_takes_its_centres_from_the_training_file(msra):
    samples = msra(splits=LeaveOneSubjectOut(test_subject=0, val_subject=2)).open("val")
    record = samples[4]
    assert record.key == "P2/3/000000"
    joints = record.fields["joints_cam_mm"]
    np.testing.assert_allclose(record.fields["center_mm"], (joints.min(0) + joints.max(0)) / 2, atol=1e-3)


def test_a_store_with_other_options_is_refused(msra):
    msra().pack("all")
    with pytest.raises(StoreError, match=r"packed with subjects=\[0, 1, 2\].*carpus pack msra"):
        msra(source=MSRA).open("test")
    with pytest.raises(StoreError, match=r"com_cube_mm=200\.0.*250\.0"):
        msra(center_source="com", cube_mm=250).open("test")
    assert len(msra(cube_mm=250).open("test")) == FOLD0_TEST
    msra(center_source="com", cube_mm=250).pack("all")  # packs anew what does not fit
    assert len(msra(center_source="com", cube_mm=250).open("test")) == FOLD0_TEST


def test_packing_again_does_nothing_unless_the_tree_changed(msra, tmp_path):
    dataset, seen = msra(), []
    dataset.pack("all", progress=lambda *p: seen.append(p))
    count = len(seen)
    dataset.pack("all", progress=lambda *p: seen.append(p))
    assert len(seen) == count
    edit(tmp_path / "tree/P1/1/joint.txt", lambda lines: [lines[0], *lines[:0:-1]])
    dataset.pack("all", progress=lambda *p: seen.append(p))
    assert len(seen) > count


def test_a_missing_tree_says_where_and_what_else(msra, tmp_path):
    with pytest.raises(DataError, match=r"docs/datasets/msra\.md.*dataset=msra_synthetic"):
        msra(root=tmp_path / "nowhere").open("train")
    with pytest.raises(ConfigError, match="did you mean 'val'"):
        msra().open("vall")


def test_a_synthetic_tree_is_made_once_and_whole(msra, tiny, tmp_path):
    calls = []

    def synth(out):
        calls.append(out)
        if len(calls) == 1:
            (out / "P0").mkdir(parents=True)
            raise KeyboardInterrupt
        tiny.msra(out)

    dataset = msra(name="twin", root=tmp_path / "twin", synth=synth, center_source="gt")
    with pytest.raises(KeyboardInterrupt):
        dataset.open("train")
    assert not (tmp_path / "twin").exists()
    assert len(dataset.open("train")) == 34
    assert len(dataset.open("test")) == 17
    assert len(calls) == 2


def open_in_process(dataset, queue):
    queue.put(len(dataset.open("train")))


def test_two_processes_that_need_a_store_make_it_once(msra, tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    dataset = msra(center_source="gt")
    processes = [context.Process(target=open_in_process, args=(dataset, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=60) for _ in processes] == [68, 68]
    for process in processes:
        process.join()
    assert not list((tmp_path / "packs/msra").glob(".*partial"))


def build(name, source, tmp_path, **changes):
    arguments = {
        "root": tmp_path / "tree",
        "packs": tmp_path / "packs",
        "splits": Published(),
        "cube_mm": 250.0,
    }
    return Dataset(name, source=source, depth_range_mm=(100, 5000), **{**arguments, **changes})


def test_icvl_centre_lines_are_published_lines(tiny, tmp_path):
    truth = tiny.icvl(tmp_path / "tree")["train"]
    (tmp_path / "tree/Training/Depth/a/image_0001.png").unlink()
    from carpus.data.centers import write_centers

    mid = (truth.min(1) + truth.max(1)) / 2
    mid[1] = np.nan
    write_centers(tmp_path / "c/center_train_refined.txt", mid)
    dataset = build("icvl", ICVL, tmp_path, center_dir=tmp_path / "c")
    samples = dataset.open("train")
    assert [r.fields["line"] for r in samples] == [0, 2, 3, 4]
    np.testing.assert_allclose(samples.centers_mm(), mid[[0, 2, 3, 4]], atol=1e-2)
    write_centers(tmp_path / "c/center_train_refined.txt", mid[:4])
    with pytest.raises(DataError, match="has 4 lines, but the train split of icvl has 5 published frames"):
        dataset.open("train")
    assert dataset.stats("train")["published"] == 5
    assert dataset.stats("train")["expected"] == 331_006


def test_itop_centre_files_are_metres_and_y_up(tiny, tmp_path):
    truth = tiny.itop(tmp_path / "tree")["test"]
    from carpus.data.centers import write_centers

    mid = (truth.min(1) + truth.max(1)) / 2
    published = tiny.published(ITOP, mid)
    published[1] = np.nan
    write_centers(tmp_path / "c/center_test.txt", published)
    dataset = build(
        "itop_side", ITOP, tmp_path, center_dir=tmp_path / "c", splits=Published(centers="center_{split}.txt")
    )
    samples = dataset.open("test")
    np.testing.assert_allclose(samples.centers_mm(), mid[[0, 2]], atol=1e-2)
    write_centers(tmp_path / "c/center_test.txt", published * 1000)
    with pytest.raises(DataError, match="lie"):
        dataset.open("test")


def test_hands17_has_no_true_centres_for_its_test_frames(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree")
    dataset = build("hands17", HANDS17, tmp_path, center_source="gt", splits=Published(val_fraction=0.25))
    assert (len(dataset.open("train")), len(dataset.open("val"))) == (3, 1)
    with pytest.raises(DataError, match="no labels are public"):
        dataset.open("test")
    assert len(build("hands17", HANDS17, tmp_path, center_source="com").open("test")) == 3


def test_nyu_opens_with_a_skeleton_by_name(tiny, tmp_path):
    tiny.nyu(tmp_path / "tree")
    dataset = build("nyu", NYU, tmp_path, center_source="gt", skeleton="nyu", offers=["depth"])
    assert len(dataset.skeleton) == 14
    assert dataset.offers == {"depth"}
    assert len(dataset.open("test")) == 3
    assert dataset.verify("test") == 3


def test_verify_names_the_damaged_record(msra):
    dataset = msra(center_source="gt")
    samples = dataset.open("test")
    assert dataset.verify("all") == 102
    path, depth = samples.store.folder / "data.mdb", samples[5].images["depth"]
    samples.store.close()
    data = bytearray(path.read_bytes())
    data[data.find(depth) + 30] ^= 4
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"1 of 102 records .*: 'P0/3/000001'.*carpus pack msra all"):
        dataset.verify("all")
    with pytest.raises(ConfigError, match="did you mean 'all'"):
        dataset.pack("al")


def test_scores_tell_what_they_depend_on(msra):
    conditions = msra(center_source="gt").open("test") and msra(center_source="gt").conditions("test")
    assert (conditions["dataset"], conditions["split"]) == ("msra", "test")
    assert conditions["images_in_store"] == 3 * FOLD0_TEST
    assert conditions["center_source"] == "gt"
    assert conditions["splits"]["test_subject"] == 0
