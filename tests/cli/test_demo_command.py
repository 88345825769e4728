"""``carpus demo``: depth images of every coding, from any camera."""

import json
import shutil

import cv2
import numpy as np
import pytest

CAMERA = "241.42,241.42,160,120"


@pytest.fixture
def hand():
    """``(240, 320)`` mm: a patch 300 mm away, off the middle."""
    depth = np.zeros((240, 320), np.float32)
    depth[90:150, 170:230] = 300 + np.arange(60)[:, None] // 4
    return depth


@pytest.fixture
def demo(here, world, trained, tmp_path):
    """``demo(image, *options) -> (exit code, output, joints or None)``."""

    def call(image, *options):
        out = tmp_path / "pictures"
        shutil.rmtree(out, ignore_errors=True)
        code, output = here(
            "carpus", "demo", "aaaa0", str(image), "--logs", str(world.logs), "--out", str(out), *options
        )
        joints = np.loadtxt(out / "joints.txt", ndmin=2) if (out / "joints.txt").is_file() else None
        return code, output, joints

    call.out = tmp_path / "pictures"
    return call


def write(folder, kind, depth):
    """A depth image in one of the codings people have."""
    file = folder / f"frame_{kind}"
    if kind == "png16":
        file = file.with_suffix(".png")
        cv2.imwrite(str(file), depth.astype(np.uint16))
    elif kind == "nyu":
        file = file.with_suffix(".png")
        whole = depth.astype(np.uint16)
        cv2.imwrite(str(file), np.stack((whole & 255, whole >> 8, whole * 0), -1).astype(np.uint8))
    elif kind == "bin":
        file = file.with_suffix(".bin")
        rows, columns = np.nonzero(depth)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        crop = depth[box[1] : box[3], box[0] : box[2]]
        file.write_bytes(np.array([320, 240, *box], np.int32).tobytes() + crop.astype(np.float32).tobytes())
    else:
        file = file.with_suffix(".npy")
        np.save(file, depth)
    return file


def test_every_coding_of_one_frame_gives_the_same_joints(demo, hand, tmp_path):
    found = {}
    for kind in ("png16", "nyu", "bin", "npy"):
        code, output, joints = demo(write(tmp_path, kind, hand), "--camera", CAMERA)
        assert code == 0, output
        assert joints.shape == (1, 63)
        found[kind] = joints
    for kind, joints in found.items():
        np.testing.assert_allclose(joints, found["png16"], atol=1e-3, err_msg=kind)
    assert "centre" in output


def test_a_real_frame_of_nyu_is_found_and_drawn(demo, samples):
    frame = samples / "nyu/dataset/test/depth_1_0000001.png"
    camera = "588.036865,587.075073,320,240"
    code, output, joints = demo(frame, "--camera", camera, "--range", "300,1200")
    assert code == 0, output
    depth = joints.reshape(-1, 3)[:, 2]
    assert (depth > 300).all()
    assert (depth < 1200).all()
    assert (demo.out / "hand.html").stat().st_size > 10_000
    picture = cv2.imread(str(demo.out / "depth_1_0000001_overlay.png"))
    assert picture is not None
    content = json.loads((demo.out / "joints.json").read_text())
    assert "depth_1_0000001.png" in json.dumps(content)


def test_a_folder_is_drawn_frame_by_frame(demo, hand, tmp_path):
    folder = tmp_path / "recording"
    folder.mkdir()
    for kind in ("png16", "npy"):
        write(folder, kind, hand)
    code, output, joints = demo(folder)
    assert code == 0, output
    assert joints.shape == (2, 63)
    assert output.count("centre") == 2
    assert len(list(demo.out.glob("*_overlay.png"))) == 2


def test_a_given_centre_is_used(demo, hand, tmp_path):
    code, output, _ = demo(write(tmp_path, "npy", hand), "--camera", CAMERA, "--center", "30,-5,305.5")
    assert code == 0, output
    assert "centre 30.0, -5.0, 305.5 mm" in output


def test_metres_are_not_taken_for_millimetres(demo, hand, tmp_path):
    file = write(tmp_path, "npy", hand / 1000)
    code, output, _ = demo(file)
    assert code == 1
    assert "metres" in output
    assert str(file) in output
    code, output, _ = demo(file, "--coding", "npy_m")
    assert code == 0, output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--range", "600,700"], "nothing between 600 and 700 mm; give --range or --center"),
        (["--coding", "png17"], "did you mean 'png16_mm'"),
        (["--range", "100"], "give 2 numbers"),
    ],
)
def test_a_frame_without_a_hand_or_a_wrong_option_is_explained(demo, hand, tmp_path, options, message):
    code, output, joints = demo(write(tmp_path, "npy", hand), *options)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert message in line
    assert joints is None


def test_a_picture_without_depth_and_a_truncated_file_are_refused(demo, hand, tmp_path):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((24, 32, 3), 77, np.uint8))
    code, output, _ = demo(photo)
    assert code == 1
    assert "neither 16-bit depth in mm nor NYU's coding" in output
    half = write(tmp_path, "bin", hand)
    half.write_bytes(half.read_bytes()[:500])
    code, output, _ = demo(half)
    assert code == 1
    assert "frame_bin.bin" in output
