"""``carpus demo`` for photographs: the files, the numbers in them, and what a user can get wrong."""

from __future__ import annotations

import json
import shutil
import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from carpus.data.rgb_images import decode_labels
from carpus.engine import evaluate
from carpus.engine.build import build, build_experiment, build_module
from carpus.engine.config import compose_config, load_config, save_config
from carpus.engine.demo_options import PhotoOptions
from carpus.engine.demo_rgb import PhotoPredictor, demo_photos
from carpus.engine.digit_files import write_digit_files
from carpus.engine.entry import train_main
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.geometry.camera import Camera
from carpus.types import Batch, Predictions, collate
from interhand_tree import write_tree

PICTURES = {
    "hm_segm_kp_r": (2000, 1000),
    "hm_segm_kp_l": (2000, 1000),
    "segm_rgb_0": (1500, 800),
    "2d_2p5d_views": (1456, 1000),
    "2d_cam_views": (1456, 1000),
}
KEY = "d1610000a"


@pytest.fixture(scope="module")
def digit(world):
    """The run of a narrow DIGIT, one epoch on three real frames."""
    root = world.folder / "interhand"
    for split in ("train", "val", "test"):
        write_tree(root, split, masks=split == "test")
    small = "backbone.name=resnet18 backbone.channels=8 method.module.net.width=0.0625 batch_size=2 workers=0"
    where = (
        f"paths.data={world.folder}/data paths.logs={world.logs} dataset.root={root} dataset.trans_test=gt"
    )
    few = "trainer=cpu trainer.max_epochs=1 mean_pose_samples=0"
    words = f"method=digit dataset=interhand26m {small} {where} {few}".split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARPUS_SWEEP", "")
        patch.delenv("CARPUS_SWEEP")
        patch.setenv("CARPUS_KEY", KEY)
        patch.setattr(sys, "argv", ["train.py", *words])
        patch.setattr(evaluate, "_write_report", lambda experiment, run, *_: run.path / "report.html")
        train_main()
    return RunFolder(world.logs / KEY)


@pytest.fixture
def demo(here, world, digit, tmp_path):
    """``demo(image, *options) -> (exit code, output, folder)``."""

    def call(image, *options, key=KEY):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        where = ["--logs", str(world.logs), "--out", str(out)]
        return *here("carpus", "demo", key, str(image), *where, *options), out

    return call


@pytest.fixture
def frame(digit, world):
    """A record of the test split and its picture's file."""
    experiment = build_experiment(load_config(digit.config_file), 2)
    record = next(r for r in experiment.dataset.open("test") if "image69148" in r.key)
    return record, world.folder / "interhand" / str(record.fields["image"])


def told(file):
    return json.loads(file.read_text())


def words(values):
    return ",".join(f"{float(v):.6f}" for v in values)


def test_a_published_frame_gives_what_scoring_gives(demo, digit, frame):
    record, file = frame
    options = [f"--bbox={words(record.fields['bbox_xywh_px'])}", "--camera", words(record.fields["camera"])]
    options += ["--wrist-depth", words(record.fields["root_depth_mm"])]
    code, output, out = demo(file, *options)
    assert code == 0, output
    cfg = load_config(digit.config_file)
    module = build_module(cfg)
    module.load_state_dict(read_state(digit.last))
    inputs = build(cfg.method.inputs)(record, np.random.default_rng(0), False)
    with torch.inference_mode():
        found = module.eval().predict_batch(collate([(record.key, inputs)]))
    (box,) = told(out / "image69148.json")["boxes"]
    np.testing.assert_allclose(box["crop_xywh_px"], record.fields["crop_xywh_px"], atol=2e-3)
    np.testing.assert_allclose(box["joints_px"], found.joints_px[0], atol=0.01)
    np.testing.assert_allclose(box["joints_cam_mm"], found.joints_cam_mm[0], atol=0.05)
    np.testing.assert_allclose(list(box["hand_presence"].values()), found.hand_type_prob[0], atol=1e-4)
    assert box["rel_wrist_depth_mm"] == pytest.approx(float(found.rel_root_depth_mm[0]), abs=0.01)
    camera = Camera.from_array(np.asarray(record.fields["camera"]))
    np.testing.assert_allclose(camera.project(np.array(box["joints_cam_mm"])), box["joints_px"], atol=0.02)
    assert box["wrist_depth_source"].startswith("given")
    assert decode_labels((out / "image69148_mask.png").read_bytes()).shape == (512, 334)
    for suffix, (width, height) in PICTURES.items():
        assert cv2.imread(str(out / f"image69148_{suffix}.png")).shape == (height, width, 3)
    assert (out / "hands.html").stat().st_size > 10_000
    assert ("one studio" in output, "no box" in output) == (True, False)


def test_without_box_and_camera_assumptions_are_said(demo, frame):
    code, output, out = demo(frame[1], "--pictures", "0")
    assert code == 0, output
    assert "warning: no box for 1 of 1 photographs" in output
    content = told(out / "image69148.json")
    (box,) = content["boxes"]
    assert content["camera"] is box["joints_cam_mm"] is box["wrist_depth_mm"] is None
    assert box["bbox_xywh_px"] == [0, 0, 334, 512]
    assert box["crop_xywh_px"] == [-89, 0, 512, 512]
    assert "weak perspective" in box["view"]
    assert "weak perspective" in (out / "hands.html").read_text("utf-8")
    assert len(list(out.iterdir())) == 4


def test_a_camera_without_wrist_depths_gets_estimated_ones(demo, frame):
    code, output, out = demo(frame[1], "--camera", "1200,1200,160,250", "--hand", "both", "--pictures=0")
    assert code == 0, output
    (box,) = told(out / "image69148.json")["boxes"]
    assert box["wrist_depth_source"].split(":")[0] in ("estimated", "assumed")
    joints, depth = np.array(box["joints_cam_mm"]), np.array(box["depth_to_wrist_mm"])
    np.testing.assert_allclose(joints[:21, 2] - joints[20, 2], depth[:21], atol=0.01)
    np.testing.assert_allclose(Camera(1200, 1200, 160, 250).project(joints), box["joints_px"], atol=0.02)


def test_a_folder_of_photographs_of_every_kind(demo, frame, samples, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    photo = np.asarray(Image.open(samples / "freihand/training/rgb/00000355.jpg"))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(photo[:, :180]))).save(folder / "turned.png", exif=exif)
    Image.fromarray(photo[..., 1]).save(folder / "grey.png")
    cv2.imwrite(str(folder / "deep.png"), photo[..., 0].astype(np.uint16) * 257)
    Image.fromarray(np.dstack([photo, np.full((224, 224), 255, np.uint8)])).save(folder / "alpha.png")
    (folder / "cut.jpg").write_bytes(frame[1].read_bytes()[:9000])
    boxes = {"turned.png": [20, 30, 120, 150], "grey.png": [[10, 10, 90, 90], [100, 90, 110, 120]]}
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(boxes))
    code, output, out = demo(folder, "--bbox-file", str(file), "--tight", "--pictures", "2")
    assert code == 1
    assert "1 of 5 photographs cannot be used" in output
    assert "cut.jpg" in output
    names = {stem: told(out / f"{stem}.json") for stem in ("turned", "grey", "deep", "alpha")}
    assert [len(content["boxes"]) for content in names.values()] == [1, 2, 1, 1]
    assert names["turned"]["image_wh"] == [180, 224]
    assert names["turned"]["boxes"][0]["crop_xywh_px"] == [5, 30, 150, 150]
    assert decode_labels((out / "turned_mask.png").read_bytes()).shape == (224, 180)
    assert len(list(out.glob("*_2d_cam_views.png"))) == 2
    assert (out / "hands.html").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bbox", "1,2,3"], "--bbox 1,2,3: give 4 numbers"),
        (["--bbox", "900,10,50,50"], "image69148.jpg: box 900,10,50,50 lies outside"),
        (["--bbox", "1,2,3,4", "--bbox-file", "b.json"], "give one of them"),
        (["--bbox-file", "missing.json"], "missing.json"),
        (["--wrist-depth", "900,900"], "nothing without --camera"),
        (["--camera", "0,1,2,3"], "fx and fy above 0"),
        (["--hand", "rigth"], "did you mean 'right'"),
        (["--range", "100,900", "--coding", "nyu_png"], "--coding, --range: for depth images"),
    ],
)
def test_a_wrong_option_is_answered_in_one_line(demo, frame, options, message):
    code, output, out = demo(frame[1], *options)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert message in line
    assert not out.exists()


def test_options_for_photographs_are_refused_for_depth(demo, world, frame, tmp_path):
    run = RunFolder(world.logs / "d0d0d0d0d").create()
    save_config(compose_config(["experiment=quickstart"]), run.config_file)
    code, output, _ = demo(frame[1], "--bbox", "1,2,3,4", "--tight", key=run.key)
    shutil.rmtree(run.path)
    assert code == 1
    assert output.strip().endswith("--bbox, --tight: for photographs, but this run reads depth")
    code, output, _ = demo(tmp_path / "gone.jpg")
    assert (code, len(output.strip().splitlines())) == (1, 1)
    assert "gone.jpg: no such file" in output


class Flat(torch.nn.Module):
    """A method that finds one hand in the picture and nothing else."""

    def prepare(self, batch):
        one = batch["hand_type"].clone()
        one[:, 1] &= ~one[:, 0]  # looks at one hand, the right one if both are said to be there
        return Batch(
            batch.keys_, {k: v for k, v in batch.items() if k != "root_depth_mm"} | {"hand_type": one}
        )

    def forward(self, batch):
        return {"middle": batch["rgb"].float().mean((1, 2))}

    def decode(self, outputs, batch):
        joints = torch.rand(batch.size, 42, 2) * 200
        return Predictions(batch.keys_, joints_px=joints, joint_scores=torch.ones(batch.size, 42))


@pytest.mark.parametrize(("hand", "shown"), [("auto", ["right"]), ("left", ["left"])])
def test_a_method_without_depth_parts_and_presence_is_shown_flat(
    digit, frame, tmp_path, monkeypatch, hand, shown
):
    cfg = load_config(digit.config_file)
    options = PhotoOptions(frame[1], camera=(1200, 1200, 160, 250), hand=hand, out=tmp_path)
    predictor = PhotoPredictor(cfg, Flat(), build(cfg.method.inputs), options)
    monkeypatch.setattr(PhotoPredictor, "of_run", classmethod(lambda *_: predictor))
    lines = demo_photos(digit, options)
    (box,) = told(tmp_path / "image69148.json")["boxes"]
    assert box["hands"] == shown
    assert box["joints_cam_mm"] is box["hand_presence"] is box["depth_to_wrist_mm"] is None
    assert box["view"].startswith("flat")
    assert lines[0] == f"image69148.jpg: taken for a {shown[0]} hand"
    names = ["hands.html", "image69148.json", "image69148_overlay.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def test_scoring_draws_images_of_the_split(digit):
    experiment = build_experiment(load_config(digit.config_file), 2)
    experiment.module.load_state_dict(read_state(digit.last))
    (line,) = write_digit_files(experiment, digit, "test", "test")
    assert "3 images drawn" in line
    drawn = sorted(file.name for file in (digit.path / "vis" / "test").glob("images__*.png"))
    stem = "images__test__Capture3__0390_dh_touchROM__cam400026__image69148"
    own = {f"{stem}_{suffix}.png" for suffix in (*PICTURES, "segm_rgb_1") if suffix != "segm_rgb_0"}
    assert len(drawn) == 3 * 5
    assert own <= set(drawn)
    experiment.cfg.method.pictures = 0
    assert write_digit_files(experiment, digit, "test", "test") == []
