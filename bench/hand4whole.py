"""Hand4Whole: samples of a loader, targets, meshes drawn, steps and their memory.

python bench/hand4whole.py [--json FILE]               everything
python bench/hand4whole.py --only crops,draw

Time is that spent at work on one core: other programs do not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.bodies.library import BodyModels
from carpus.codecs.whole_body import PersonCodec
from carpus.data.augment_person import PersonAugmentation
from carpus.data.person_inputs import PersonInputs
from carpus.geometry.camera import Camera
from carpus.render.mesh import draw_meshes
from carpus.skeletons.whole_body_datasets import MSCOCO
from carpus.types import Record, collate

WHAT = ("crops", "targets", "draw", "steps")
MIB = 2.0**20
BATCHES = (2, 6)


def picture(height: int = 1080, width: int = 1920) -> bytes:
    """A JPEG of that size with detail everywhere."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def person(data: bytes, size_wh: tuple[int, int] = (1920, 1080)) -> Record:
    """A record with everything a whole-body dataset can publish."""
    rng = np.random.default_rng(1)
    fields = {
        "image": "bench.jpg",
        "image_wh": np.array(size_wh),
        "bbox_xywh_px": np.array([500.0, 50.0, 200.0, 450.0], np.float32),
        "joints_px": rng.uniform(200, 900, (len(MSCOCO), 2)).astype(np.float32),
        "joint_valid": np.ones(len(MSCOCO), bool),
        "part_boxes_xyxy_px": np.array([[700, 500, 780, 580]] * 3, np.float32),
        "part_box_valid": np.ones(3, bool),
        "model": "smplx",
        "model_pose": rng.normal(0, 0.2, 159).astype(np.float32),
        "model_shape": np.zeros(10, np.float32),
        "model_expr": np.zeros(10, np.float32),
        "model_trans_m": np.array([0, 0, 4.0], np.float32),
        "model_camera": np.array([1500.0, 1500.0, 960.0, 540.0], np.float32),
    }
    return Record("bench", {"rgb": data}, fields)


def rate(work: Callable[[], object], seconds: float) -> float:
    """Calls per second, the best of three."""
    work()
    best = 0.0
    for _ in range(3):
        begun, calls = time.process_time(), 0
        while time.process_time() - begun < seconds:
            work()
            calls += 1
        best = max(best, calls / (time.process_time() - begun))
    return best


def crops(seconds: float) -> dict[str, float]:
    """Augmented samples per second on one core, beside what decoding and one warp alone reach."""
    cv2.setNumThreads(0)
    data = picture()
    record, rng = person(data), np.random.default_rng(0)
    inputs = PersonInputs(MSCOCO, "whole_body", PersonAugmentation())
    matrix = np.float32([[0.5, 0.05, -300], [-0.05, 0.5, -60]])

    def bare() -> None:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        cv2.warpAffine(image, matrix, (384, 512), flags=cv2.INTER_LINEAR)

    own, alone = rate(lambda: inputs(record, rng, True), seconds), rate(bare, seconds)
    return {"samples_per_s": own, "decode_and_warp_per_s": alone, "share": own / alone}


def targets(seconds: float) -> dict[str, float]:
    """Targets made of batches of 24 on one core."""
    inputs, rng = PersonInputs(MSCOCO, "whole_body", PersonAugmentation()), np.random.default_rng(0)
    batch = collate([(str(i), inputs(person(picture(540, 960), (960, 540)), rng, True)) for i in range(24)])
    codec = PersonCodec("whole_body", BodyModels("nowhere", standin=True))
    return {"targets_per_s": 24 * rate(lambda: codec.encode(batch), seconds)}


def draw(seconds: float) -> dict[str, float]:
    """Bodies of 10,475 vertices drawn per second on one core."""
    body = BodyModels("nowhere", standin=True).smplx("neutral")
    vertices = body(torch.zeros(1, 159), torch.zeros(1, 10)).vertices_m[0].numpy() * [1, -1, -1] + [0, 0, 3.0]
    rates = {}
    for name, (height, width) in {"crop_512x384": (512, 384), "full_hd": (1080, 1920)}.items():
        image = np.zeros((height, width, 3), np.uint8)
        camera = Camera(1.2 * height, 1.2 * height, width / 2, height / 2)
        work = lambda i=image, c=camera: draw_meshes(i, [1000.0 * vertices], body.faces, c)  # noqa: E731
        rates[f"{name}_per_s"] = rate(work, seconds)
    return rates


def steps(_seconds: float) -> dict[str, float]:
    """Published network: seconds of a training step and memory that a further sample needs."""
    runs = {size: json.loads(_alone("--step", str(size))) for size in BATCHES}
    few, many = (runs[size] for size in BATCHES)
    more = BATCHES[1] - BATCHES[0]
    return {
        "seconds_per_sample": many["seconds"] / BATCHES[1],
        "memory_mib_per_sample": (many["peak_mib"] - few["peak_mib"]) / more,
        f"peak_mib_batch_{BATCHES[0]}": few["peak_mib"],
    }


def _alone(*arguments: str) -> str:
    """What this program prints in a process of its own, whose peak memory is nobody else's."""
    words = [sys.executable, __file__, *arguments]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1]


def one_step(size: int) -> dict[str, float]:
    """A training step of the published network, in float32 on one core."""
    torch.set_num_threads(1)
    from carpus.engine.build import build_module
    from carpus.engine.config import compose_config
    from carpus.engine.progress import peak_resident_bytes
    from carpus.types import Batch

    words = ["method=hand4whole", "dataset=mscoco", "method.module.standin=true"]
    module = build_module(compose_config(words))
    inputs, rng = PersonInputs(MSCOCO, "whole_body"), np.random.default_rng(0)
    batch = collate([(str(i), inputs(person(picture(540, 960), (960, 540)), rng, True)) for i in range(size)])
    optimizer = torch.optim.Adam(module.net.parameters())
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        prepared = module.prepare(Batch(batch.keys_, dict(batch)))
        loss = sum(module.losses(module(prepared), prepared).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.process_time() - begun)
    return {"seconds": min(seconds), "peak_mib": peak_resident_bytes() / MIB}


def main() -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(WHAT), help=f"some of {', '.join(WHAT)}")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--json", type=Path, default=None, help="where to keep the figures")
    parser.add_argument("--step", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(one_step(arguments.step)))
        return
    found = {}
    for name in arguments.only.split(","):
        torch.set_num_threads(1)
        found[name] = globals()[name](arguments.seconds)
        print(name, " ".join(f"{key} {value:.3g}" for key, value in found[name].items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
