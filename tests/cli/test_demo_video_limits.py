"""``carpus demo`` of videos: people who come and go, bounded memory, interruptions, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image

from carpus.engine.config import compose_config, save_config
from carpus.engine.demo_detector import PersonDetector
from carpus.engine.demo_people import PeoplePredictor
from carpus.engine.folder import RunFolder
from demo_runs import COUNT, lines_of, pictures_of

BOX = "--bbox=30,10,80,90"


class Found(torch.nn.Module):
    """Sees two people who change places in its list, nobody in every third picture."""

    def __init__(self, ever=True):
        super().__init__()
        self.count, self.ever = 0, ever

    def forward(self, pictures):
        self.count += 1
        boxes = torch.tensor([[10.0, 10, 60, 110], [90, 10, 140, 110]])[[0, 1] if self.count % 2 else [1, 0]]
        there = self.ever and self.count % 3 > 0
        kept = slice(None) if there else slice(0)
        return [
            {"boxes": boxes[kept], "labels": torch.ones(2)[kept], "scores": torch.tensor([0.9, 0.8])[kept]}
        ]


def test_the_detector_looks_at_every_frame_and_memory_is_bounded(demo, clip, monkeypatch):
    asked, predict = [], PeoplePredictor.predict
    monkeypatch.setattr(
        PeoplePredictor, "predict", lambda self, some: asked.append(len(some)) or predict(self, some)
    )
    monkeypatch.setattr(PersonDetector, "of_weights", classmethod(lambda cls, *_: cls(Found())))
    code, output, out = demo("smpl", clip, "--detector", "torchvision", "--all-persons", "--smooth")
    assert code == 0, output
    lines = lines_of(out)
    left = [box["track"] for line in lines for box in line["boxes"] if box["bbox_xywh_px"][0] == 10]
    assert (set(left), len(left)) == ({1}, 14)
    assert [len(line["boxes"]) for line in lines[:6]] == [2, 2, 0, 2, 2, 0]
    assert "nobody with a score of 0.5 in 6 of 20 frames" in output
    assert sum(asked) == 28
    assert max(asked) <= 9
    assert len(pictures_of(out / "overlay.mp4")[1]) == COUNT
    monkeypatch.setattr(PersonDetector, "of_weights", classmethod(lambda cls, *_: cls(Found(ever=False))))
    code, output, out = demo("smpl", clip, "--detector", "torchvision")
    assert code == 1
    assert "clip.avi: the detector finds nobody with a score of 0.5 in 20 frames; give --bbox" in output
    assert list(out.iterdir()) == []


def test_an_interruption_keeps_what_was_seen(demo, clip, monkeypatch):
    predict, calls = PeoplePredictor.predict, []

    def interrupted(self, asked):
        calls.append(len(asked))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(self, asked)

    monkeypatch.setattr(PeoplePredictor, "predict", interrupted)
    code, output, out = demo("smpl", clip, BOX)
    assert code == 0, output
    assert "clip.avi: interrupted after 16 frames, which are kept" in output
    assert len(lines_of(out)) == len(pictures_of(out / "overlay.mp4")[1]) == 16
    assert json.loads((out / "summary.json").read_text())["ended"] == "by interruption"
    calls[:] = [0, 0]
    code, _, out = demo("smpl", clip, BOX)
    assert (code, list(out.iterdir())) == (130, [])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("broken.mp4", [], "broken.mp4: the video cannot be opened; is it complete?"),
        ("gone.mkv", [], "gone.mkv: no such file"),
        ("clip.mpg", [], "neither a picture (.jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff) nor a video (.mp4"),
        (
            "clip.avi",
            ["--frames", "20:30"],
            "clip.avi has 20 frames, counted from 0: --frames 20:30 takes none",
        ),
        ("clip.avi", ["--frames", "9:5"], "--frames 9:5: give FIRST:STOP"),
        ("clip.avi", ["--frames", "7"], "--frames 7: give FIRST:STOP"),
        ("clip.avi", ["--every", "0"], "--every 0: 1 or more is needed"),
        ("clip.avi", ["--beta", "3"], "--beta: for the filter of --smooth, which is not given"),
        ("clip.avi", ["--smooth", "--min-cutoff", "0"], "--min-cutoff, --beta: min_cutoff_hz is 0"),
        ("clip.avi", ["--pictures", "3"], "--pictures: for photographs; of clip.avi a film is drawn"),
        ("clip.avi", ["--bbox=500,10,50,50"], "clip.avi frame 0: box 500,10,50,50 lies outside"),
        ("photo.png", ["--every", "2", "--smooth"], "--every, --smooth: for videos (.mp4, .avi"),
    ],
)
def test_a_wrong_option_or_file_is_answered_in_one_line(demo, clip, tmp_path, name, options, message):
    (tmp_path / "broken.mp4").write_bytes(b"no film" * 99)
    (tmp_path / "clip.mpg").write_bytes(b"no film" * 99)
    Image.new("RGB", (60, 60)).save(tmp_path / "photo.png")
    file = clip if name == "clip.avi" else tmp_path / name
    code, output, out = demo("digit", file, *options)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert message in line
    assert not out.exists() or list(out.iterdir()) == []


def test_a_run_of_depth_images_refuses_a_video(here, world, clip):
    run = RunFolder(world.logs / "e0e0e0007").create()
    save_config(compose_config(["experiment=quickstart"]), run.config_file)
    where = ["--logs", str(world.logs)]
    code, output = here("carpus", "demo", run.key, str(clip), *where)
    again, said = here("carpus", "demo", run.key, str(clip), "--every", "2", *where)
    shutil.rmtree(run.path)
    assert (code, again) == (1, 1)
    assert "is a video, but run e0e0e0007 reads depth images: carpus track takes" in output
    assert "--every: for photographs" in said
