"""Runs with random weights for demonstrations: what they see is wrong, what is written of it is not."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import torch

from carpus.bodies.library import body_models
from carpus.engine.build import build_module
from carpus.engine.config import compose_config, save_config
from carpus.engine.folder import RunFolder

_NARROW = "{0}.name=resnet10 {0}.width=16 {0}.init_std=null"
_WHOLE = (
    "method=hand4whole dataset=human36m_synthetic method.crop_hw=[256,192] method.module.net.features=32 "
    "method.module.net.box_width=32 method.module.net.sizes={hand_px:128,face_px:96} "
    + " ".join(_NARROW.format(f"method.module.net.{part}backbone") for part in ("", "hand_", "face_"))
)
_PART = "method=pose2pose/{} dataset={} " + _NARROW.format("method.module.net.backbone")
RUNS = {
    "smplx": ("e0e0e0001", _WHOLE),
    "smpl": ("e0e0e0002", _PART.format("body", "human36m_synthetic")),
    "mano": ("e0e0e0003", _PART.format("hand", "freihand_mano_synthetic")),
    "flame": ("e0e0e0004", _PART.format("face", "ffhq_synthetic")),
}
POSES = {
    "smplx": ("root_pose", "body_pose", "lhand_pose", "rhand_pose", "jaw_pose"),
    "smpl": ("root_pose", "body_pose"),
    "mano": ("root_pose", "hand_pose"),
    "flame": ("root_pose", "jaw_pose"),
}
SIZES = {"smplx": [3, 63, 45, 45, 3], "smpl": [3, 69], "mano": [3, 45], "flame": [3, 3]}
HAND_RUNS = {
    "digit": (
        "e0e0e0005",
        "method=digit dataset=interhand26m_synthetic backbone.name=resnet18 backbone.channels=8 "
        "method.module.net.width=0.0625",
    ),
    "flow": (
        "e0e0e0006",
        "method=handflow2d dataset=rhd_synthetic seednet.channels=8 seednet.image_px=64 "
        "method.inputs.map_px=16 method.module.imagenet=null",
    ),
}


def make_run(world, key, words, seed=3):
    """A run of a narrow network with random weights."""
    run = RunFolder(world.logs / key).create()
    cfg = compose_config([*words.split(), f"paths.data={world.folder}/data", "trainer=cpu"])
    save_config(cfg, run.config_file)
    torch.manual_seed(seed)
    run.last.parent.mkdir(exist_ok=True)
    torch.save({"state_dict": build_module(cfg).state_dict()}, run.last)
    return run


def posed(kind, content, world):
    """Vertices and joints that anyone gets of the file's parameters, in metres."""
    variant = content["hand"] or "neutral"
    layer = body_models(world.folder / "nowhere", True).layer(kind, variant)
    given = {name: torch.tensor([content[name]]) for name in ("shape", "expr") if name in content}
    pose = torch.cat([torch.tensor([content[name]]) for name in POSES[kind]], 1)
    made = layer(pose=pose, **given)
    joints = layer.supervised(made.joints_m) if kind == "smplx" else made.joints_m
    if kind == "smpl":
        joints = layer.joints_33(made.vertices_m)
    place = np.array(content["cam_trans"])
    return made.vertices_m[0].numpy() + place, joints[0].numpy() + place


COUNT, FPS, CLIP_WH = 20, 25.0, (160, 120)
ALL_RUNS = HAND_RUNS | RUNS


def write_clip(file):
    """A bright patch that moves to the right before a noisy ground."""
    rng, (width, height) = np.random.default_rng(0), CLIP_WH
    film = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), FPS, CLIP_WH)
    for number in range(COUNT):
        picture = rng.integers(60, 120, (height, width, 3)).astype(np.uint8)
        picture[30:90, 30 + 2 * number : 80 + 2 * number] = (90, 140, 220)
        film.write(picture)
    film.release()
    return file


def demonstration(here, world, out):
    """``demo(kind, images, *options) -> (exit code, output, folder)``."""

    def call(kind, images, *options):
        key, words = ALL_RUNS[kind]
        if not RunFolder(world.logs / key).last.is_file():
            make_run(world, key, words)
        shutil.rmtree(out, ignore_errors=True)
        where = ["--logs", str(world.logs), "--out", str(out)]
        return *here("carpus", "demo", key, str(images), *where, *options), out

    return call


def lines_of(out):
    """What is told of every frame."""
    return [json.loads(line) for line in (out / "frames.jsonl").read_text("utf-8").splitlines()]


def pictures_of(file):
    """Frames per second and pictures ``(N, H, W, 3)`` of a film, blue first."""
    capture, pictures = cv2.VideoCapture(str(file)), []
    fps = capture.get(cv2.CAP_PROP_FPS)
    while (read := capture.read())[0]:
        pictures.append(read[1])
    return fps, np.stack(pictures)
