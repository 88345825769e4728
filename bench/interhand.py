"""InterHand2.6M: crops, part masks and scores per second, and a generated annotation of a million images.

python bench/interhand.py [--images 1000000] [--json FILE]     everything
python bench/interhand.py --only crops --folder tests/samples/interhand2.6m
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.data.augment_rgb import RgbAugmentation, tinted
from carpus.data.part_masks import BODY_MODELS, make_part_masks
from carpus.data.rgb_images import decode_rgb, encode_labels
from carpus.data.rgb_inputs import hand_inputs
from carpus.metrics.protocols.interhand import InterHandProtocol
from carpus.skeletons import INTERHAND
from carpus.synthetic import make
from carpus.types import Batch, Predictions, Record
from interhand_scale import picture, scale

FILE = "annotations/train/InterHand2.6M_train_data.json"
WHAT = ("scale", "crops", "parts", "scores")


def example(data: bytes) -> Record:
    """A record of one picture, with a mask of blocks."""
    height, width = decode_rgb(data).shape[:2]
    rows, columns = np.mgrid[:height, :width] // 16
    fields = {
        "crop_xywh_px": np.array([40.0, 120.0, 230.0, 230.0], np.float32),
        "camera": np.array([1200.0, 1200.0, width / 2, height / 2]),
        "hand_type": np.ones(2, bool),
        "root_depth_mm": np.full(2, 1000.0, np.float32),
        "joints_cam_mm": np.full((42, 3), 1000.0, np.float32),
        "joint_valid": np.ones(42, bool),
        "segm_valid": 1,
    }
    mask = encode_labels(((rows * 7 + columns * 3) % 33).astype(np.uint8))
    return Record("bench", {"rgb": data, "segm": mask}, fields)


def rate(work: Callable[[int], object], seconds: float = 1.0) -> float:
    """Calls per second, the best of three."""
    best = 0.0
    for _ in range(3):
        begun, calls = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            work(calls)
            calls += 1
        best = max(best, calls / (time.perf_counter() - begun))
    return best


def crops(pictures: list[bytes], seconds: float = 1.0) -> dict[str, float]:
    """Augmented crops per second on one core, beside what decoding and one warp alone reach."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    records = [example(data) for data in pictures]
    without = [Record(r.key, {"rgb": r.images["rgb"]}, r.fields) for r in records]
    augment, rng = RgbAugmentation(), np.random.default_rng(0)
    matrix = np.float32([[1.1, 0.1, -20], [-0.1, 1.1, -100]])

    def bare(i: int) -> None:
        image = cv2.imdecode(np.frombuffer(pictures[i % len(pictures)], np.uint8), cv2.IMREAD_COLOR)
        cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)

    def whole(chosen: list[Record]) -> Callable[[int], object]:
        return lambda i: hand_inputs(chosen[i % len(chosen)], augment.draw(rng), INTERHAND)

    def coloured(i: int) -> None:
        made = hand_inputs(without[i % len(without)], augment.draw(rng), INTERHAND)
        np.clip(made["rgb"] * made["colour"], 0, 255)

    batch = torch.randint(0, 255, (32, 256, 256, 3), dtype=torch.uint8)
    factors = torch.ones(32, 3)
    found = {
        "decode_and_warp_per_s": rate(bare, seconds),
        "crops_per_s": rate(whole(without), seconds),
        "crops_with_mask_per_s": rate(whole(records), seconds),
        "crops_coloured_by_the_worker_per_s": rate(coloured, seconds),
        "tinted_by_the_batch_per_s": 32 * rate(lambda _: tinted(batch, factors), seconds),
    }
    return found | {"share_of_decode_and_warp": found["crops_per_s"] / found["decode_and_warp_per_s"]}


def parts(frames: int = 320) -> dict[str, float]:
    """Part masks of two-handed 334x512 images per second on one core: posed, drawn, encoded and stored."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        make("interhand26m", root, frames=frames)
        count = len(json.loads((root / FILE).read_text())["images"])
        make_part_masks(root, "val", root / BODY_MODELS, force=True)  # compiles
        begun = time.perf_counter()
        make_part_masks(root, "train", root / BODY_MODELS, force=True)
        return {"part_masks_per_s": count / (time.perf_counter() - begun)}


def scores(samples: int = 100_000, batch: int = 64) -> dict[str, float]:
    """Seconds the whole protocol takes for so many samples, in batches, without and with the part masks."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    truth = torch.randn(batch, 42, 3, generator=rng) * 50 + torch.tensor([0.0, 0.0, 900.0])
    fields = {
        "joints_cam_mm": truth,
        "joint_valid": torch.rand(batch, 42, generator=rng) > 0.1,
        "hand_type": torch.rand(batch, 2, generator=rng) > 0.3,
        "root_depth_mm": truth[:, list(INTERHAND.roots), 2],
    }
    masks = torch.randint(0, 33, (batch, 128, 128), generator=rng, dtype=torch.uint8)
    found = {}
    for name, extra in (("scores", {}), ("scores_with_masks", {"segm_target": masks})):
        given = Batch([""] * batch, fields | extra)
        predictions = Predictions(
            given.keys_,
            joints_cam_mm=truth + torch.randn(truth.shape, generator=rng),
            hand_type_prob=torch.rand(batch, 2, generator=rng),
            rel_root_depth_mm=torch.zeros(batch),
            segm_labels=masks.long() if extra else None,
        )
        protocol, begun = InterHandProtocol(), time.perf_counter()
        for _ in range(-(-samples // batch)):
            protocol.update(predictions, given)
        protocol.compute()
        found[f"{name}_of_{samples}_s"] = time.perf_counter() - begun
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--only", choices=WHAT)
    parser.add_argument("--folder", type=Path, help="JPEG pictures to crop; invented ones by default")
    parser.add_argument("--tmp", type=Path, help="where the generated tree is put for the time")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.jpg")) if arguments.folder else []
    pictures = [path.read_bytes() for path in paths] or [picture()]
    runs: dict[str, Callable[[], dict[str, float]]] = {
        "crops": lambda: crops(pictures),
        "parts": parts,
        "scores": scores,
        "scale": lambda: scale(arguments.images, arguments.tmp),
    }
    found: dict[str, float] = {}
    for name in [arguments.only] if arguments.only else runs:
        found |= runs[name]()
    for name, value in found.items():
        print(f"{name:36} {value:,.2f}")
    if arguments.json:
        rounded = {name: round(value, 3) for name, value in found.items()}
        arguments.json.write_text(json.dumps(rounded, indent=1) + "\n")


if __name__ == "__main__":
    main()
