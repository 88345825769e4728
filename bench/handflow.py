"""2DHandFlow: what the flows add to a training step, and crops per second of one loader process.

python bench/handflow.py [--device cuda --bf16 --batch 32] [--json FILE]     everything
python bench/handflow.py --only crops

On a processor the time is that spent at work, summed over its threads: other programs do not count. A step
is forward, backward and Adam of the default network on 256-pixel images; without flows the backbone's
normalised maps go to the same head (1 would be flows that cost nothing). Crops are those of 320 x 320 and
640 x 480 pictures, labels included, against decoding and one warp alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.data.hand_sample_rules import HandAugmentation, NoHandAugmentation
from carpus.geometry import Camera
from carpus.losses.handflow2d import FlowNLL, HeatmapMSE, MaskBCE
from carpus.methods.base import LossTerm
from carpus.methods.handflow2d.inputs import HandFlowInputs
from carpus.methods.handflow2d.module import HandFlow2D
from carpus.nets.backbones.features import feature_maps
from carpus.nets.handflow2d import FlowSeed, HandFlowNet
from carpus.skeletons import RHD_HAND
from carpus.types import Record, collate

SIZES = {"320": (320, 320), "640": (480, 640)}
"""Height and width of RHD's and STB's pictures."""


class NoFlow(nn.Module):
    """Hands its map on."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The map itself, and log-determinants of zero."""
        return x, x.new_zeros(len(x))


def picture(size_hw: tuple[int, int]) -> bytes:
    """PNG of smooth colours with a little noise, as hard to decode as a photograph's."""
    height, width = size_hw
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 20, width // 20, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noisy = image.astype(np.int16) + rng.integers(-4, 5, image.shape)
    return cv2.imencode(".png", np.clip(noisy, 0, 255).astype(np.uint8))[1].tobytes()


def record(data: bytes, size_hw: tuple[int, int]) -> Record:
    """A left hand of about a third of the picture's height."""
    height, width = size_hw
    camera = Camera(600.0, 600.0, width / 2, height / 2)
    points = np.random.default_rng(1).uniform(-60, 60, (21, 3)) + np.array([0.0, 0.0, 600.0])
    fields = {
        "camera": camera.to_array(),
        "joints_cam_mm": points.astype(np.float32),
        "joints_px": camera.project(points).astype(np.float32),
        "joint_valid": np.ones(21, bool),
        "hand_type": np.array([False, True]),
        "root_depth_mm": np.full(2, 600.0, np.float32),
        "crop_xywh_px": np.array([width / 4, height / 4, height / 2, height / 2], np.float32),
    }
    return Record("bench", {"rgb": data}, fields)


def crops(seconds: float = 1.0) -> dict[str, float]:
    """Crops per second of one process, and as shares of decoding and one warp."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    ways = {
        "plain": HandFlowInputs(RHD_HAND, augment=NoHandAugmentation()),
        "augmented": HandFlowInputs(RHD_HAND, augment=HandAugmentation()),
        "augmented_faithful": HandFlowInputs(RHD_HAND, "faithful", augment=HandAugmentation()),
    }
    matrix, rng = np.float32([[0.8, 0.1, -20], [-0.1, 0.8, -10]]), np.random.default_rng(0)
    found = {}
    for name, size in SIZES.items():
        data = picture(size)
        item, bytes_ = record(data, size), np.frombuffer(data, np.uint8)

        def bare(bytes_: np.ndarray = bytes_) -> None:
            image = cv2.imdecode(bytes_, cv2.IMREAD_COLOR)
            cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)

        contenders: dict[str, Callable[[], object]] = {"decode_and_warp": bare}
        for way, inputs in ways.items():
            contenders[way] = lambda inputs=inputs, item=item: inputs(item, rng, True)
        best = race(seconds, "cpu", contenders)
        found |= {f"{way}_{name}_per_s": 1 / cost for way, cost in best.items()}
        shares = {way: best["decode_and_warp"] / best[way] for way in ways}
        found |= {f"{way}_{name}_share_of_decode_and_warp": share for way, share in shares.items()}
    return found


def race(seconds: float, device: str, contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Shortest seconds of each contender, on a processor those it was at work; they take turns."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    best, begun, rounds = dict.fromkeys(contenders, float("inf")), clock(), 0
    while rounds < 4 or clock() - begun < seconds * len(contenders):
        for name, work in contenders.items():
            start = clock()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            if rounds:
                best[name] = min(best[name], clock() - start)
        rounds += 1
    return best


def step_of(flows: bool, args: argparse.Namespace) -> Callable[[], object]:
    """One training step of the default network, with its flows or with none."""
    torch.manual_seed(0)
    seed = FlowSeed(feature_maps("resnet18"))
    if not flows:
        seed.nf_flows = nn.ModuleList(NoFlow() for _ in seed.nf_flows)
    terms = {"heatmap": LossTerm(HeatmapMSE(), 100.0), "mask": LossTerm(MaskBCE())}
    terms["flow"] = LossTerm(FlowNLL("per_dim", 0.01), 0.01)
    module = HandFlow2D(HandFlowNet(seed), Heatmap2D(), terms, torch.optim.Adam).to(args.device).train()
    if args.channels_last:
        module.to(memory_format=torch.channels_last)
    inputs, item = HandFlowInputs(RHD_HAND), record(picture(SIZES["320"]), SIZES["320"])
    batch = collate([("bench", inputs(item, np.random.default_rng(0), True))] * args.batch).to(args.device)
    optimizer = module.configure_optimizers()

    def step() -> None:
        prepared = module.prepare(batch)
        with torch.autocast(args.device, torch.bfloat16) if args.bf16 else nullcontext():
            found = module.losses(module(prepared), prepared)
            loss = torch.stack([terms[name].weight * value for name, value in found.items()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def steps(args: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of a step with and without flows, and their ratio."""
    best = race(
        args.seconds, args.device, {name: step_of(name == "flows", args) for name in ("flows", "none")}
    )
    return {
        "step_with_flows_ms": 1e3 * best["flows"],
        "step_without_flows_ms": 1e3 * best["none"],
        "flows_cost_ratio": best["flows"] / best["none"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("steps", "crops"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0, help="per contender, at least")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    runs: dict[str, Callable[[], dict[str, float]]] = {
        "steps": lambda: steps(args),
        "crops": lambda: crops(args.seconds),
    }
    found: dict[str, float] = {}
    for name in [args.only] if args.only else runs:
        found |= runs[name]()
    for name, value in found.items():
        print(f"{name:48} {value:,.2f}")
    if args.json:
        rounded = {name: round(value, 3) for name, value in found.items()}
        args.json.write_text(json.dumps(rounded, indent=1) + "\n")


if __name__ == "__main__":
    main()
