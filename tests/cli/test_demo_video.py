"""``carpus demo`` of videos: numbers of photographs line by line, a film, and what can go wrong."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from carpus.data.own_videos import Video
from carpus.geometry import Camera
from demo_runs import (
    CLIP_WH,
    COUNT,
    FPS,
    RUNS,
    lines_of,
    pictures_of,
    posed,
)

BOX = "--bbox=30,10,80,90"


def values(out, name, box=0):
    return np.array([line["boxes"][box][name] for line in lines_of(out)], float)


def near(one, other, path=""):
    """Equal but for rounding: which frames share a batch changes the last digits."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for name, value in one.items():
            near(value, other[name], f"{path}.{name}")
    elif isinstance(one, list) and one and not isinstance(one[0], str):
        np.testing.assert_allclose(
            np.array(one, float), np.array(other, float), rtol=1e-4, atol=0.02, err_msg=path
        )
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-4, abs=0.02), path
    else:
        assert one == other, path


@pytest.mark.parametrize(
    ("kind", "frames", "options"),
    [
        ("digit", "10:16", ["--camera", "200,200,80,60"]),
        # Its untrained maps have several highest places, of which rounding in larger batches chooses.
        ("flow", "13:14", ["--hand", "left"]),
        ("smpl", "4:", ["--bbox=5,5,60,100"]),
        ("mano", "9:17", ["--hand", "left"]),
    ],
)
def test_a_frame_gives_what_it_gives_as_a_photograph(demo, clip, tmp_path, kind, frames, options):
    code, output, out = demo(kind, clip, BOX, *options, "--frames", frames)
    assert code == 0, output
    summary = json.loads((out / "summary.json").read_text())
    frame = next(line for line in lines_of(out) if line["frame"] == 13)
    assert (frame["frame"], frame["time_s"]) == (13, 0.52)
    tracks = [box.pop("track") for box in frame["boxes"]]
    assert tracks == list(range(1, len(tracks) + 1))
    photo = tmp_path / "frame.png"
    Image.fromarray(next(iter(Video(clip).frames(13, 14))).image).save(photo)
    page = "people.html" if kind in RUNS else "hands.html"
    assert {file.name for file in out.iterdir()} == {"frames.jsonl", "summary.json", "overlay.mp4", page}
    code, output, out = demo(kind, photo, BOX, *options, *(["--pictures=0"] if kind == "digit" else []))
    assert code == 0, output
    if kind in RUNS:
        contents = [json.loads(file.read_text()) for file in sorted((out / "frame").glob("params*.json"))]
        heads, boxes = contents[0], contents
    else:
        heads = json.loads((out / "frame.json").read_text())
        boxes = heads["boxes"]
    assert len(boxes) == len(frame["boxes"])
    for found, expected in zip(frame["boxes"], boxes, strict=True):
        near(found, {name: expected[name] for name in found})
        missing = set(expected) - set(found) - {"photo"}
        assert {name: summary[name] for name in missing} == {name: expected[name] for name in missing}
    for name in ("run", "method", "image_wh", "skeleton", "joints", "space"):
        assert summary[name] == heads[name]


def test_every_and_frames_choose_and_the_film_keeps_its_pace(demo, clip):
    code, output, out = demo("smpl", clip, BOX, "--every", "4", "--frames", "2:15")
    assert code == 0, output
    assert [line["frame"] for line in lines_of(out)] == [2, 6, 10, 14]
    assert [line["time_s"] for line in lines_of(out)] == [0.08, 0.24, 0.4, 0.56]
    fps, pictures = pictures_of(out / "overlay.mp4")
    assert fps == pytest.approx(FPS / 4, abs=0.01)
    assert pictures.shape == (4, *CLIP_WH[::-1], 3)
    summary = json.loads((out / "summary.json").read_text())
    chosen = {name: summary[name] for name in ("first", "stop", "every", "frames", "smooth", "ended")}
    assert chosen == {
        "first": 2, "stop": 15, "every": 4, "frames": 4, "smooth": None, "ended": "with the video",
    }  # fmt: skip
    assert "clip.avi: 4 of 20 frames, 160 x 120, 25 per second; 4 boxes" in output
    assert "ms per frame: read" in output


def test_the_film_shows_frames_with_what_was_found(demo, clip):
    code, output, out = demo("flow", clip, BOX)
    assert code == 0, output
    fps, pictures = pictures_of(out / "overlay.mp4")
    assert (fps, len(pictures)) == (FPS, COUNT)
    seen = cv2.resize(pictures[11], CLIP_WH, interpolation=cv2.INTER_AREA).astype(int)
    frame = next(iter(Video(clip).frames(11, 12))).image[..., ::-1].astype(int)
    apart = np.abs(seen - frame).max(-1)
    assert np.median(apart) < 40
    assert (apart > 60).mean() > 0.005
    assert '"index": 19' in (out / "hands.html").read_text("utf-8").replace('"index":', '"index": ')


@pytest.mark.parametrize("kind", ["smplx", "smpl", "mano"])
def test_smoothed_people_are_quieter_and_still_what_their_parameters_say(demo, world, clip, kind):
    options = [BOX, "--hand", "left"] if kind == "mano" else [BOX]
    options += ["--frames", ":9"]
    _, _, out = demo(kind, clip, *options)
    raw = values(out, "joints_px"), values(out, "root_pose")
    code, output, out = demo(kind, clip, *options, "--smooth", "--min-cutoff", "0.3", "--beta", "0")
    assert code == 0, output
    smooth = values(out, "joints_px"), values(out, "root_pose")
    np.testing.assert_allclose(smooth[0][0], raw[0][0], atol=0.1)
    for before, after in zip(raw, smooth, strict=True):
        assert np.abs(np.diff(after, axis=0)).mean() < 0.5 * np.abs(np.diff(before, axis=0)).mean()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["smooth"] == {"min_cutoff_hz": 0.3, "beta": 0.0, "speed_cutoff_hz": 1.0}
    content = {"hand": None, **lines_of(out)[-1]["boxes"][0]}
    _, joints = posed(kind, content, world)
    np.testing.assert_allclose(1000 * joints, content["joints_cam_mm"], atol=0.1)
    camera = Camera(*content["focal_px"], *content["princpt_px"])
    np.testing.assert_allclose(camera.project(joints), content["joints_px"], atol=0.01)


def test_smoothed_hands_are_quieter_and_stay_on_their_rays(demo, clip):
    options = [BOX, "--frames", ":9", "--hand", "both", "--camera", "200,200,80,60"]
    _, _, out = demo("digit", clip, *options)
    raw = values(out, "joints_px")
    code, output, out = demo("digit", clip, *options, "--smooth", "--min-cutoff", "0.3", "--beta", "0")
    assert code == 0, output
    smooth, joints = values(out, "joints_px"), values(out, "joints_cam_mm")
    np.testing.assert_allclose(smooth[0], raw[0], atol=0.01)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(raw, axis=0)).mean()
    np.testing.assert_allclose(Camera(200, 200, 80, 60).project(joints), smooth, atol=0.02)


def test_boxes_by_frame_and_frames_without(demo, clip, tmp_path):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"3": [20, 10, 60, 90], "9": [[24, 10, 60, 90], [90, 20, 50, 60]]}))
    code, output, out = demo("digit", clip, "--bbox-file", str(file), "--smooth")
    assert code == 0, output
    lines = lines_of(out)
    assert [[box["track"] for box in line["boxes"]] for line in lines[8:10]] == [[2], [2, 3]]
    assert [line["boxes"][0]["bbox_source"] for line in lines[2:4]] == ["whole image", "file"]
    assert lines[8]["boxes"][0]["bbox_xywh_px"] == [20, 10, 60, 90]
    assert "no box for 3 of 20 frames" in output
