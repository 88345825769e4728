"""Depth streams: every form on disk, what is assumed of them, recording and replay."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from carpus.data.sources import HANDS17
from carpus.data.streams import (
    DEFAULT_CAMERA,
    StreamFrame,
    StreamInfo,
    StreamOptions,
    StreamWarning,
    StreamWriter,
    open_stream,
    timestamped,
    write_info,
)
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera

CAMERA = Camera(80.0, 81.0, 30.5, 25.0)
INFO = StreamInfo(CAMERA, (64, 48), fps=25.0, z_range_mm=(150.0, 900.0), source="desk")


@pytest.fixture
def stack():
    """``(5, 48, 64)`` whole mm, left and right told apart."""
    rng = np.random.default_rng(0)
    depth = rng.integers(200, 800, (5, 48, 64)).astype(np.uint16)
    depth[:, :, 40:] = 0
    return depth


@pytest.fixture
def folder(tmp_path, stack):
    """The stack as a recording of frames 3 to 7."""
    writer = StreamWriter(tmp_path / "recording", INFO)
    for place, depth in enumerate(stack):
        writer.write(StreamFrame(place + 3, 0.0, depth.astype(np.float32), ""))
    return writer.folder


def depths(path, **options):
    return np.stack([frame.depth_mm for frame in open_stream(path, StreamOptions(**options))])


def test_a_recording_is_read_with_its_camera_numbers_and_times(folder, stack):
    stream = open_stream(folder)
    frames = list(stream)
    assert (stream.info, len(stream)) == (INFO, 5)
    assert [frame.number for frame in frames] == [3, 4, 5, 6, 7]
    assert frames[2].time_s == pytest.approx(2 / 25)
    assert frames[0].name == "image_D00000003.png"
    assert frames[0].depth_mm.dtype == np.float32
    np.testing.assert_array_equal([frame.depth_mm for frame in frames], stack)


def test_stacks_and_single_images_hold_the_same_frames(tmp_path, folder, stack):
    np.save(tmp_path / "a.npy", stack)
    np.savez(tmp_path / "b.npz", depth_mm=stack, camera=CAMERA.to_array())
    np.savez(tmp_path / "c.npz", whatever=stack.astype(float), number=np.arange(5))
    np.save(tmp_path / "one.npy", stack[0])
    write_info(tmp_path / "camera.json", INFO)
    for name in ("a.npy", "b.npz", "c.npz"):
        np.testing.assert_array_equal(depths(tmp_path / name), stack)
        assert open_stream(tmp_path / name).info.camera == CAMERA
    np.testing.assert_array_equal(depths(tmp_path / "one.npy"), stack[:1])
    np.testing.assert_array_equal(depths(folder / "image_D00000005.png"), stack[2:3])


def test_numbers_order_the_frames_whatever_their_digits(tmp_path):
    write_info(tmp_path / "camera.json", replace(INFO, z_range_mm=(1.0, 900.0)))
    for number in (10, 9, 100, 1):
        cv2.imwrite(str(tmp_path / f"image_D{number}.png"), np.full((48, 64), number, np.uint16))
    assert [int(depth.max()) for depth in depths(tmp_path)] == [1, 9, 10, 100]
    (tmp_path / "other").mkdir()
    for number in (10, 9):
        cv2.imwrite(str(tmp_path / "other" / f"depth {number}.png"), np.full((48, 64), 200, np.uint16))
    with pytest.warns(StreamWarning, match="without camera.json"):
        assert [frame.name for frame in open_stream(tmp_path / "other")] == ["depth 9.png", "depth 10.png"]


def test_a_folder_of_hands_2017_brings_its_camera(tmp_path):
    images = tmp_path / "frame" / "images"
    images.mkdir(parents=True)
    cv2.imwrite(str(images / "image_D00000001.png"), np.full((480, 640), 500, np.uint16))
    (tmp_path / "frame" / "BoundingBox.txt").write_text("image_D00000001.png\t10 20\t30 40\n")
    for path in (images, tmp_path / "frame", tmp_path):
        assert open_stream(path).info.camera == HANDS17.camera
    (tmp_path / "training" / "images").mkdir(parents=True)
    with pytest.raises(DataError, match=r"several recordings.*training"):
        open_stream(tmp_path)


def test_without_a_camera_the_published_one_is_assumed_and_said(tmp_path):
    np.save(tmp_path / "full.npy", np.full((1, 480, 640), 500, np.uint16))
    np.save(tmp_path / "half.npy", np.full((1, 240, 320), 500, np.uint16))
    with pytest.warns(StreamWarning, match="RealSense SR300 are assumed; give --camera"):
        info = open_stream(tmp_path / "full.npy").info
    assert (info.camera, info.z_range_mm) == (DEFAULT_CAMERA, (100.0, 1060.0))
    with pytest.warns(StreamWarning, match="scaled to 320x240"):
        small = open_stream(tmp_path / "half.npy").info.camera
    assert small.fx == pytest.approx(DEFAULT_CAMERA.fx / 2)
    notes = []
    assert (
        open_stream(tmp_path / "full.npy", StreamOptions(camera=CAMERA), notes.append).info.camera == CAMERA
    )
    assert notes == []


def test_unit_gain_mirror_and_range_change_frames_and_camera_together(folder, stack):
    options = StreamOptions(unit_mm=0.5, gain=0.8, mirror=True, z_range_mm=(50.0, 500.0))
    stream = open_stream(folder, options)
    np.testing.assert_allclose(next(iter(stream)).depth_mm, stack[0, :, ::-1] * 0.4, rtol=1e-6)
    info = stream.info
    assert (info.mirrored, info.depth_gain, info.z_range_mm) == (True, 0.8, (50.0, 500.0))
    assert info.camera.cx == 63 - CAMERA.cx
    # A point keeps its distance from the optical axis, on the other side.
    assert info.camera.unproject(np.array([63.0, 0.0]), np.array(300.0))[0] == pytest.approx(
        -CAMERA.unproject(np.array([0.0, 0.0]), np.array(300.0))[0]
    )


def test_start_stop_and_every_take_a_slice(folder, stack):
    np.testing.assert_array_equal(depths(folder, start=1, stop=5, every=2), stack[1:5:2])
    assert len(open_stream(folder, StreamOptions(stop=100))) == 5
    with pytest.raises(DataError, match="has 5 frames, none from 5 on"):
        open_stream(folder, StreamOptions(start=5))
    for wrong in ({"every": 0}, {"start": -1}, {"start": 4, "stop": 4}):
        with pytest.raises(ConfigError, match="every at least 1"):
            StreamOptions(**wrong)


def test_what_cannot_be_depth_in_millimetres_is_hinted_at_once(tmp_path, folder):
    notes = []
    np.save(tmp_path / "metres.npy", np.full((3, 48, 64), 0.4))
    list(open_stream(tmp_path / "metres.npy", StreamOptions(camera=CAMERA), notes.append))
    assert len(notes) == 1
    assert "100 % of the pixels lie outside 100 to 1060 mm (typical: 0.4 mm)" in notes[0]
    list(open_stream(tmp_path / "metres.npy", StreamOptions(camera=CAMERA, unit_mm=1000.0), notes.append))
    list(open_stream(folder, note=notes.append))
    # What published recordings put in place of no measurement says nothing about the unit.
    clipped = np.full((1, 48, 64), 1060, np.uint16)
    clipped[0, :4, :4] = 400
    np.save(tmp_path / "clipped.npy", clipped)
    list(open_stream(tmp_path / "clipped.npy", StreamOptions(camera=CAMERA), notes.append))
    assert len(notes) == 1


def test_no_numbers_and_negative_ones_are_no_measurements(tmp_path):
    depth = np.full((1, 48, 64), 300.0)
    depth[0, 0, :3] = np.nan, np.inf, -5
    np.save(tmp_path / "odd.npy", depth)
    frame = next(iter(open_stream(tmp_path / "odd.npy", StreamOptions(camera=CAMERA))))
    assert frame.depth_mm[0, :4].tolist() == [0, 0, 0, 300]


@pytest.mark.parametrize("unit", [1.0, 0.125, 0.1])
def test_the_writer_hands_back_what_its_replay_will_give(tmp_path, unit):
    info = replace(INFO, depth_unit_mm=unit, mirrored=True, depth_gain=0.8)
    depth = np.random.default_rng(1).uniform(150, 900, (48, 64)).astype(np.float32)
    writer = StreamWriter(tmp_path / "r", info)
    kept = writer.write(StreamFrame(7, 0.3, depth, "live"))
    stream = open_stream(tmp_path / "r")
    replayed = next(iter(stream))
    np.testing.assert_array_equal(replayed.depth_mm, kept.depth_mm)
    assert np.abs(kept.depth_mm - depth).max() <= 0.501 * unit
    assert (stream.info, replayed.name, replayed.number) == (info, kept.name, 7)


def test_a_recording_is_not_overwritten_by_chance(folder, tmp_path):
    with pytest.raises(DataError, match="not empty: give another folder, or --overwrite"):
        StreamWriter(folder, INFO)
    assert len(open_stream(folder)) == 5
    again = StreamWriter(folder, INFO, overwrite=True)
    again.write(StreamFrame(0, 0.0, np.full((48, 64), 300, np.float32), ""))
    assert len(open_stream(folder)) == 1
    first = timestamped(tmp_path)
    StreamWriter(first, INFO)
    assert timestamped(tmp_path) != first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON file"),
        ("[1]", "must hold an object"),
        ('{"fx": 1, "fy": 1}', "cx, cy missing"),
        ('{"fx": "1", "fy": 1, "cx": 0, "cy": 0}', 'fx is "1", a number is expected'),
        ('{"fx": 0, "fy": 1, "cx": 0, "cy": 0}', "must be above 0"),
        ('{"fx": 1, "fy": 1, "cx": 0, "cy": 0, "width": 640}', "images of 640x48"),
        ('{"fx": 1, "fy": 1, "cx": 0, "cy": 0, "z_min": 900, "z_max": 200}', "900 to 200 mm is empty"),
    ],
)
def test_a_damaged_camera_file_is_named(folder, content, message):
    (folder / "camera.json").write_text(content)
    with pytest.raises(DataError, match=message):
        open_stream(folder)


def test_files_that_are_no_stream_are_named(tmp_path, folder, stack):
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((4, 4), np.uint8))
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "deep.npy", np.zeros((1, 2, 3, 4)))
    np.savez(tmp_path / "two.npz", a=stack, b=stack)
    (tmp_path / "film.avi").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    wrong = {
        "grey.png": "16 bits per pixel, this one 8",
        "cut.npy": "cannot be read",
        "deep.npy": r"expected numbers \(T, H, W\)",
        "two.npz": "holds a, b; name the frames",
        "film.avi": "a stream is a folder",
        "empty": "holds no image_D",
        "nothing": "no such file or folder",
    }
    for name, message in wrong.items():
        with pytest.raises(DataError, match=message):
            open_stream(tmp_path / name)
    image = folder / "image_D00000005.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(DataError, match=r"image_D00000005.png: .*truncated"):
        list(open_stream(folder))
