"""``carpus track``: streams of every kind become joints, one record per frame; bad frames become messages."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from carpus.data.streams import open_stream, read_info, read_joints
from carpus.engine.estimator import HandEstimator
from carpus.engine.locators import ModelLocator
from carpus.geometry.locator import OUT_OF_RANGE
from carpus.skeletons import HANDS17, MSRA
from carpus.synthetic.stream import make_stream
from golden_cases import golden_paths

FRAMES = 6


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    return make_stream(tmp_path_factory.mktemp("stream") / "hand", FRAMES, seed=1)


@pytest.fixture
def track(here, world, trained, tmp_path):
    """``track(stream, *options) -> (exit code, output, records)``; ``track.out`` is the folder."""

    def call(path, *options, key="aaaa0", out="result"):
        call.out = tmp_path / out
        code, output = here(
            "carpus", "track", key, str(path), "--logs", str(world.logs), "--out", str(call.out), *options
        )
        file = call.out / "track.jsonl"
        lines = file.read_text().splitlines() if file.is_file() else []
        return code, output, [json.loads(line) for line in lines]

    return call


def summary(track):
    return json.loads((track.out / "summary.json").read_text())


def test_every_frame_has_a_record_that_says_what_was_found_and_what_it_cost(track, stream):
    code, output, records = track(stream)
    assert code == 0, output
    assert [record["frame"] for record in records] == list(range(FRAMES))
    camera = open_stream(stream).info.camera
    for record in records:
        assert record["status"] == "ok"
        joints = np.array(record["joints_mm"])
        assert joints.shape == (21, 3)
        np.testing.assert_allclose(record["joints_px"], camera.project(joints), atol=2e-3)
        assert np.abs(joints - record["center_mm"]).max() < 2 * record["half_mm"]
        ms = record["ms"]
        assert set(ms) == {"load", "locate", "inputs", "net", "decode", "draw"}
        assert record["inference_ms"] == pytest.approx(ms["inputs"] + ms["net"] + ms["decode"], abs=0.01)
        assert min(ms["load"], ms["locate"], ms["inputs"], ms["net"], ms["decode"]) > 0
    assert [record["time"] for record in records] == pytest.approx(np.arange(FRAMES) / 30, abs=1e-5)
    content = summary(track)
    assert (content["frames"], content["found"], content["lost"]) == (FRAMES, FRAMES, {})
    assert content["ended"] == "with the stream"
    assert content["key"] == "aaaa0000a"
    assert content["joints"][0] == "wrist"
    assert f"{FRAMES} frames: found {FRAMES}, lost 0" in output
    assert not (track.out / "overlay").exists()


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "tracking_"))
def test_a_published_stream_gives_the_published_messages_and_centres(track, tmp_path, path):
    folder = tmp_path / "published"
    folder.mkdir()
    with np.load(path) as case:
        expected = list(zip(case["found"], case["message"], case["center"], strict=True))
        for number, depth in enumerate(case["frames_u16"]):
            cv2.imwrite(str(folder / f"image_D{number:08d}.png"), depth)
    code, output, records = track(folder, key="none")
    assert code == 0, output
    assert "note: " in output
    assert len(records) == len(expected)
    for record, (found, message, center) in zip(records, expected, strict=True):
        assert record["status"] == ("ok" if found else message)
        assert record["joints_mm"] is None
        if found:
            np.testing.assert_allclose(record["center_mm"], center, rtol=0, atol=0.05)


def test_frames_without_a_hand_are_recorded_and_the_next_one_starts_anew(track, tmp_path, stream):
    hand = next(iter(open_stream(stream))).depth_mm
    frames = np.stack([hand, hand * 0, hand * 0 + 1060, hand * 0 + 30, hand * np.nan, hand])
    np.save(tmp_path / "frames.npy", frames)
    code, output, records = track(tmp_path / "frames.npy", "--overlay", "png")
    assert code == 0, output
    assert [r["status"] for r in records] == ["ok", *[OUT_OF_RANGE] * 4, "ok"]
    assert all(r["joints_mm"] is None and r["center_mm"] is None for r in records[1:5])
    assert records[0]["joints_mm"] == records[5]["joints_mm"]
    assert summary(track)["lost"] == {OUT_OF_RANGE: 4}
    assert len(list((track.out / "overlay").glob("*.png"))) == 6


def test_the_replay_of_a_recording_gives_the_same_joints_as_the_stream(track, tmp_path, stream):
    floats = np.stack([frame.depth_mm for frame in open_stream(stream)]) + np.float32(0.3)
    np.savez(tmp_path / "live.npz", depth_mm=floats, camera=open_stream(stream).info.camera.to_array())
    code, output, live = track(
        tmp_path / "live.npz", "--mirror", "--gain", "0.9", "--record", str(tmp_path / "recordings")
    )
    assert code == 0, output
    (recording,) = (tmp_path / "recordings").iterdir()
    info = read_info(recording / "camera.json", (640, 480))
    assert (info.mirrored, info.depth_gain) == (True, 0.9)
    code, output, replay = track(recording, out="replay")
    assert code == 0, output
    assert [r["joints_mm"] for r in replay] == [r["joints_mm"] for r in live]
    assert [r["center_mm"] for r in replay] == [r["center_mm"] for r in live]
    code, output, _ = track(recording, "--record-to", str(recording), out="again")
    assert (code, "not empty" in output) == (1, True)


def test_mirroring_moves_the_hand_to_the_other_side_of_the_axis(track, stream):
    _, _, plain = track(stream, key="none")
    _, _, mirrored = track(stream, "--mirror", key="none", out="mirrored")
    for one, other in zip(plain, mirrored, strict=True):
        np.testing.assert_allclose(other["center_mm"], np.array(one["center_mm"]) * (-1, 1, 1), atol=0.05)


@pytest.mark.parametrize("locator", ["shape_prior", "mean", "box", "truth"])
def test_every_locator_puts_the_cube_around_the_hand(track, stream, locator):
    files = {"box": ["--boxes", str(stream / "BoundingBox.txt")]}.get(locator, [])
    code, output, records = track(
        stream, "--locator", locator, *files, "--truth", str(stream / "joints.npz"), "--no-smooth", key="none"
    )
    assert code == 0, output
    truth = read_joints(stream / "joints.npz")
    for record in records:
        joints = truth.get(record["name"])
        middle = (joints.min(0) + joints.max(0)) / 2
        assert np.linalg.norm(middle - record["center_mm"]) < (1e-3 if locator == "truth" else 60)


def test_a_known_truth_gives_errors_over_joints_of_the_same_name(track, stream):
    code, output, records = track(stream, "--truth", str(stream / "joints.npz"))
    assert code == 0, output
    truth = read_joints(stream / "joints.npz").values
    # The run predicts MSRA's order, the truth has that of HANDS 2017.
    order = MSRA.permutation(to=HANDS17)
    for record, joints in zip(records, truth, strict=True):
        distance = np.linalg.norm(np.array(record["joints_mm"])[order] - joints, axis=1)
        assert record["error_mm"] == pytest.approx(distance.mean(), abs=2e-3)
    assert summary(track)["mean_error_mm"] == pytest.approx(
        np.mean([r["error_mm"] for r in records]), abs=2e-3
    )
    assert "mean joint error" in output


def test_start_stop_and_every_choose_frames_and_keep_their_numbers(track, stream):
    _, _, records = track(stream, "--start", "1", "--stop", "6", "--every", "2", key="none")
    assert [record["frame"] for record in records] == [1, 3, 5]


def test_films_show_every_frame_in_the_image_s_size(track, stream):
    code, output, _ = track(stream, "--overlay", "mp4")
    assert code == 0, output
    film = cv2.VideoCapture(str(track.out / "overlay.mp4"))
    assert (film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FRAME_WIDTH)) == (FRAMES, 640)
    code, output, _ = track(stream, "--overlay", "gif", "--views", out="gif")
    with Image.open(track.out / "overlay.gif") as animation:
        assert animation.n_frames == FRAMES
        assert animation.width / animation.height == pytest.approx(800 / 480, rel=0.01)
    code, output, _ = track(stream, "--overlay", "png", key="none", out="png")
    picture = cv2.imread(str(track.out / "overlay" / "image_D00000003.png"))
    assert picture.shape == (480, 640, 3)
    orange = np.abs(picture.astype(int) - (0, 165, 255)).sum(-1) < 60
    assert orange.sum() > 200


def test_three_lines_estimate_one_image_and_a_network_may_locate(world, trained, stream):
    frame, info = next(iter(open_stream(stream))), open_stream(stream).info
    hands = HandEstimator.from_run(str(trained[0].last), world.logs)
    joints, cube, status = hands.estimate(frame.depth_mm, info.camera)
    assert (status, joints.shape, cube.half_mm) == ("ok", (21, 3), 100.0)
    assert hands.estimate(frame.depth_mm * 0, info.camera) == (None, None, OUT_OF_RANGE)

    class Localiser:
        def locate(self, depth_mm, camera):
            return (np.array([1.0, 2.0, 350.0]), "") if depth_mm.any() else (None, "no hand")

    hands = HandEstimator.from_run("aaaa0", world.logs, locator=ModelLocator(Localiser()))
    assert hands.estimate(frame.depth_mm, info.camera).cube.center_mm == (1.0, 2.0, 350.0)
    assert hands.estimate(frame.depth_mm * 0, info.camera).status == "no hand"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--locator", "box"], "the locator box needs --boxes FILE"),
        (["--locator", "shape"], "did you mean 'shape_prior'"),
        (["--localiser", "aaaa0"], "finds joints in a given cube"),
        (["--overlay", "avi"], "unknown overlay 'avi'"),
        (["--precision", "64"], "unknown precision '64'"),
        (["--range", "900,100"], "900 to 100 mm is empty"),
        (["--every", "0"], "every at least 1"),
        (["--gain", "0"], "must be above 0"),
        (["--boxes", "nothing.txt"], "nothing.txt is missing"),
        (["--truth", "nothing.npz"], "nothing.npz"),
        (["--camera", "1,2,3"], "--camera 1,2,3: give 4 numbers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_in_one_sentence(track, stream, options, message):
    code, output, _ = track(stream, *options)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert message in line


def test_an_interruption_keeps_what_was_seen(track, stream, monkeypatch):
    whole = HandEstimator.estimate

    def until_the_third(self, depth_mm, camera=None, name="frame"):
        if name.endswith("3.png"):
            raise KeyboardInterrupt
        return whole(self, depth_mm, camera, name)

    monkeypatch.setattr(HandEstimator, "estimate", until_the_third)
    code, output, records = track(stream)
    assert (code, len(records)) == (0, 3)
    assert summary(track)["ended"] == "by interruption"
    assert "3 frames: found 3" in output


def test_synth_writes_a_stream_that_track_reads(here, track, tmp_path):
    code, output = here("carpus", "synth", "stream", "--out", str(tmp_path / "s"), "--frames", "2")
    assert code == 0, output
    code, output, records = track(tmp_path / "s", key="none")
    assert (code, len(records)) == (0, 2)
