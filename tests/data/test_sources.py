import pickle

import numpy as np
import pytest

from carpus.data.depth_images import decode_depth
from carpus.data.sources import HANDS17, ICVL, ITOP, MSRA, NYU, source_options
from carpus.data.sources.nyu import EVALUATED_OF_36
from carpus.errors import DataError
from golden_cases import golden_paths, msra_folds

SOURCES = {"MSRA": MSRA, "ICVL": ICVL, "NYU": NYU, "HANDS2017": HANDS17, "ITOP": ITOP}


@pytest.mark.parametrize("path", golden_paths("v2v", "geometry"))
@pytest.mark.parametrize("name", SOURCES)
def test_published_cameras_project_as_the_reference(path, name):
    golden, camera = np.load(path), SOURCES[name].published_camera()
    np.testing.assert_allclose(camera.uvd_to_xyz(golden[f"{name}_uvd"]), golden[f"{name}_xyz"], rtol=1e-9)
    np.testing.assert_allclose(camera.project(golden[f"{name}_xyz"]), golden[f"{name}_uv_back"], rtol=1e-9)
    intrinsics = np.abs(camera.to_array())
    np.testing.assert_allclose(intrinsics, golden[f"{name}_intr"], rtol=1e-9)


@pytest.mark.parametrize("path", golden_paths("v2v", "msra_mini"))
def test_msra_mini_is_read_in_the_published_order(path, tmp_path):
    golden, root, parts = msra_folds(path, tmp_path)
    for prefix, fold, mode in parts:
        source = MSRA(root, mode, test_subject=fold)
        records = {f"{r.key}_depth.bin": r for r in source}
        names = [str(name) for name in golden[f"{prefix}_names"]]
        # Frames whose centre is invalid are not listed; the others stand in source order.
        assert [name for name in records if name in set(names)] == names
        joints = np.stack([records[name].fields["joints_cam_mm"] for name in names])
        np.testing.assert_allclose(joints * (1, -1, 1), golden[f"{prefix}_joints"][: len(names)], atol=1e-4)


def test_msra_frames_carry_subject_gesture_and_depth(tiny, tmp_path):
    truth = tiny.msra(tmp_path, subjects=[0, 4], frames=2)
    source = MSRA(tmp_path, subjects=[0, 4])
    assert len(source) == source.lines == 2 * 17 * 2
    record = source[35]
    assert record.key == "P4/1/000001"
    assert (record.fields["subject"], record.fields["gesture"], record.fields["line"]) == (4, "1", 1)
    np.testing.assert_allclose(record.fields["joints_cam_mm"], truth[4][1], atol=1e-3)
    assert decode_depth(record.images["depth"], record.fields["depth_coding"]).max() > 100


def test_msra_y_points_down(tiny, tmp_path):
    """The hand's pixels lie where its joints project to, without a switch."""
    tiny.msra(tmp_path, subjects=[0])
    record = MSRA(tmp_path, subjects=[0])[0]
    rows, _ = np.nonzero(decode_depth(record.images["depth"], "msra_bin"))
    projected = MSRA.camera.project(record.fields["joints_cam_mm"])[:, 1]
    assert abs(projected.mean() - rows.mean()) < 15
    assert rows.mean() > 125


def test_icvl_leaves_missing_training_images_out_and_keeps_line_numbers(tiny, tmp_path):
    truth = tiny.icvl(tmp_path)
    (tmp_path / "Training/Depth/a/image_0002.png").unlink()
    train, test = ICVL(tmp_path, "train"), ICVL(tmp_path, "test")
    assert (len(train), train.lines, len(test)) == (4, 5, 5)
    assert [record.fields["line"] for record in train] == [0, 1, 3, 4]
    assert train[2].key == "train/a/image_0003"
    assert test[3].key == "test/seq_2/image_0000"
    np.testing.assert_allclose(train[2].fields["joints_cam_mm"], truth["train"][3], atol=1e-2)
    np.testing.assert_allclose(test[4].fields["joints_cam_mm"], truth["test"][4], atol=1e-2)


def test_icvl_refuses_a_missing_test_image(tiny, tmp_path):
    tiny.icvl(tmp_path)
    (tmp_path / "Testing/Depth/seq_2/image_0001.png").unlink()
    with pytest.raises(DataError, match=r"seq_2/image_0001\.png is missing"):
        ICVL(tmp_path, "test")


def test_nyu_takes_the_front_view_and_the_evaluated_joints(tiny, tmp_path):
    truth = tiny.nyu(tmp_path)
    source = NYU(tmp_path, "train")
    record = source[1]
    assert record.key == "train/depth_1_0000002"
    expected = truth["train"][1][list(EVALUATED_OF_36)] * (1, -1, 1)
    np.testing.assert_allclose(record.fields["joints_cam_mm"], expected, atol=1e-3)
    assert 650 < decode_depth(record.images["depth"], "nyu_png").max() < 750


def test_torch7_raw_files_are_an_option(tiny, tmp_path):
    tiny.nyu(tmp_path, {"train": 1})
    png = decode_depth(NYU(tmp_path, "train")[0].images["depth"], "nyu_png")
    (tmp_path / "train/parsed").mkdir()
    (tmp_path / "train/parsed/depth_1_0000001.bin").write_bytes(png.astype("<f4").tobytes())
    raw = NYU(tmp_path, "train", images="raw")[0]
    assert raw.fields["depth_coding"] == "raw_f32:640x480"
    np.testing.assert_array_equal(decode_depth(raw.images["depth"], raw.fields["depth_coding"]), png)


def test_hands17_splits_at_any_white_space_and_has_no_test_labels(tiny, tmp_path):
    truth = tiny.hands17(tmp_path)
    train, test = HANDS17(tmp_path, "train"), HANDS17(tmp_path, "test")
    np.testing.assert_allclose(train[3].fields["joints_cam_mm"], truth[3], atol=1e-3)
    assert test[2].key == "test/image_D00000003"
    assert "joints_cam_mm" not in test[2].fields


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_itop_converts_metres_and_leaves_invalid_frames_out(tiny, tmp_path, dtype):
    truth = tiny.itop(tmp_path, dtype=dtype)
    source = ITOP(tmp_path, "train")
    assert (len(source), source.lines) == (3, 4)
    record = source[1]
    assert (record.key, record.fields["line"]) == ("train/00_00002", 2)
    np.testing.assert_allclose(record.fields["joints_cam_mm"], truth["train"][2], atol=1e-2)
    depth = decode_depth(record.images["depth"], record.fields["depth_coding"])
    assert depth.dtype == np.float32
    assert 2900 < depth.max() < 3100
    assert "segm" in record.images
    again = pickle.loads(pickle.dumps(source))[1]
    assert again.images == record.images


def test_options_of_a_partial_are_those_that_change_records():
    from functools import partial

    assert source_options(partial(MSRA, subjects=(0, 1))) == {"subjects": [0, 1]}
    assert source_options(NYU) == {"images": "png"}


def edit(path, change):
    path.write_text(change(path.read_text()))


def test_msra_table_of_disagreeing_counts(tiny, tmp_path):
    tiny.msra(tmp_path, subjects=[0], frames=2)
    edit(tmp_path / "P0/IP/joint.txt", lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    (tmp_path / "P0/Y/000001_depth.bin").unlink()
    with pytest.raises(DataError, match="neither release") as error:
        MSRA(tmp_path, subjects=[0])
    rows = [line.split() for line in str(error.value).splitlines()]
    assert ["P0/IP", "2", "1", "2", "2"] in rows
    assert ["P0/Y", "2", "2", "1", "1"] in rows


def test_msra_missing_gesture_folder_is_named(tiny, tmp_path):
    import shutil

    tiny.msra(tmp_path, subjects=[0])
    shutil.rmtree(tmp_path / "P0/TIP")
    with pytest.raises(DataError, match=r"P0/TIP is missing"):
        MSRA(tmp_path, subjects=[0])


def test_a_line_with_too_few_numbers_is_named(tiny, tmp_path):
    tiny.msra(tmp_path, subjects=[0], frames=2)
    edit(tmp_path / "P0/L/joint.txt", lambda text: text.rstrip().rsplit(" ", 1)[0] + "\n")
    with pytest.raises(DataError, match=r"P0/L/joint\.txt, line 3: 62 numbers, 63"):
        MSRA(tmp_path, subjects=[0])


def test_numbers_missing_in_one_line_and_spare_in_the_next_are_seen(tiny, tmp_path):
    tiny.hands17(tmp_path)
    path = tmp_path / "training/Training_Annotation.txt"
    lines = path.read_text().splitlines()
    lines[1], moved = lines[1].rsplit(" ", 1)
    lines[2] += f" {moved}"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"Training_Annotation\.txt, line 2: 62 numbers"):
        HANDS17(tmp_path, "train")


@pytest.mark.parametrize(("bad", "message"), [("nan", "not a finite"), ("abc", "not a list of numbers")])
def test_a_joint_that_is_no_number_is_named(tiny, tmp_path, bad, message):
    tiny.msra(tmp_path, subjects=[0], frames=2)
    edit(tmp_path / "P0/9/joint.txt", lambda text: text.rstrip().rsplit(" ", 1)[0] + f" {bad}\n")
    with pytest.raises(DataError, match=rf"P0/9/joint\.txt, line 3.*{message}"):
        MSRA(tmp_path, subjects=[0])


def test_labels_in_metres_are_recognised(tiny, tmp_path):
    tiny.hands17(tmp_path)

    def to_metres(text):
        rows = [line.split() for line in text.splitlines()]
        return "\n".join(" ".join([row[0], *(f"{float(x) / 1000:.6f}" for x in row[1:])]) for row in rows)

    edit(tmp_path / "training/Training_Annotation.txt", to_metres)
    with pytest.raises(DataError, match="metres"):
        HANDS17(tmp_path, "train")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"joint_data\.mat is missing"):
        NYU(tmp_path, "train")
    with pytest.raises(DataError, match=r"ITOP_top_test_labels\.h5 is missing"):
        ITOP(tmp_path, "test", view="top")
    with pytest.raises(DataError, match=r"labels\.txt is missing"):
        ICVL(tmp_path, "train")
    with pytest.raises(DataError, match=r"train.*test|did you mean"):
        NYU(tmp_path, "trian")


def test_the_real_msra14_joint_file_parses(samples):
    from carpus.data.sources.text import read_labels

    _, values = read_labels(samples / "msra/msra14_subject_unknown/joint.txt", 63, named=False, header=1)
    assert values.shape == (400, 63)
    assert (values.reshape(-1, 21, 3)[..., 2] < 0).all()
