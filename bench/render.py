"""Speed of the software z-buffer and of the synthetic worlds: `python bench/render.py`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.bodies.hand_parts import parts_from_weights
from carpus.bodies.mano import load_mano
from carpus.bodies.standin import standin_model
from carpus.geometry.camera import Camera
from carpus.render import part_labels, rasterize
from carpus.render.parts import part_mask
from carpus.synthetic import make
from carpus.synthetic.hand import sample_frame, sample_subject
from carpus.synthetic.views import MSRA_VIEW


def milliseconds(work: Callable[[], object], repeats: int = 30) -> float:
    """Best of three means, after one call that compiles."""
    work()
    means = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        means.append((time.perf_counter() - start) / repeats)
    return round(1000 * min(means), 3)


def numpy_depth(vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """The plain way, the baseline: a vectorised test of each face's bounding box."""
    width, height = size
    depth = np.full((height, width), np.inf)
    uv, inverse = camera.project(vertices), 1 / vertices[:, 2]
    for face in faces:
        a, b, c = uv[face]
        low = np.maximum(np.ceil(np.min([a, b, c], axis=0)), 0).astype(int)
        high = np.minimum(np.floor(np.max([a, b, c], axis=0)), (width - 1, height - 1)).astype(int)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if (high < low).any() or area == 0:
            continue
        u, v = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        w0 = ((b[0] - u) * (c[1] - v) - (b[1] - v) * (c[0] - u)) / area
        w1 = ((c[0] - u) * (a[1] - v) - (c[1] - v) * (a[0] - u)) / area
        w2 = 1 - w0 - w1
        z = np.where(
            (w0 >= 0) & (w1 >= 0) & (w2 >= 0), 1 / (np.stack([w0, w1, w2], -1) @ inverse[face]), np.inf
        )
        box = depth[low[1] : high[1] + 1, low[0] : high[0] + 1]
        np.minimum(box, z, out=box)
    return depth


def grid_body(count: int = 102) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface with about 10,400 vertices and 20,600 faces, the size of a body model."""
    theta, phi = np.meshgrid(np.linspace(0.01, 3.13, count), np.linspace(0, 6.28, count), indexing="ij")
    unit = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1)
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = (x.ravel() for x in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return unit.reshape(-1, 3) * (350, 850, 200) + (0, 0, 2600), faces


def part_mask_rates() -> dict[str, float]:
    """Part masks of two near stand-in hands at InterHand2.6M's image size, on one core."""
    torch.set_num_threads(1)
    parts = parts_from_weights(standin_model("mano", "right"))
    camera, size, batch = Camera(1260.0, 1260.0, 167.0, 256.0), (334, 512), 64
    turn = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    centres = {"right": torch.tensor([10.0, 60.0, -450.0]), "left": torch.tensor([-10.0, -60.0, -450.0])}
    hands = {side: load_mano("", side, standin=True) for side in centres}
    given = (torch.zeros(batch, 48), torch.zeros(batch, 10), torch.zeros(batch, 3))

    def posed() -> list[np.ndarray]:
        return [hands[s](*given, turn, centres[s] @ turn).vertices_cam_mm.numpy() for s in hands]

    right, left = (vertices[0] for vertices in posed())
    share = (part_mask(right, left, parts, camera, size).labels > 0).mean()
    drawing = milliseconds(lambda: part_mask(right, left, parts, camera, size))
    posing = milliseconds(posed, 3) / batch
    return {
        "part_masks_334x512_share_of_hands": round(float(share), 2),
        "part_masks_334x512_per_s": round(1000 / drawing),
        "part_masks_334x512_from_mano_pose_per_s": round(1000 / (drawing + posing)),
    }


def main() -> None:
    rng = np.random.default_rng(0)
    rig = sample_subject(rng)
    frame = sample_frame(rig, MSRA_VIEW, rng, "5")
    hand = (frame.vertices, frame.faces, MSRA_VIEW.camera, MSRA_VIEW.size_wh)
    body, body_faces = grid_body()
    camera = Camera(600.0, 600.0, 256.0, 256.0)
    labels = np.arange(len(body_faces), dtype=np.int16) % 33
    report: dict[str, float] = {
        "hand_320x240_ms": milliseconds(lambda: rasterize(*hand)),
        "hand_320x240_numpy_ms": milliseconds(lambda: numpy_depth(*hand), 2),
        "hand_sampled_and_rendered_ms": milliseconds(lambda: sample_frame(rig, MSRA_VIEW, rng, "5")),
        "body_10k_vertices_512x512_ms": milliseconds(lambda: rasterize(body, body_faces, camera, (512, 512))),
        "part_label_images_per_s": round(
            1000 / milliseconds(lambda: part_labels(rasterize(body, body_faces, camera, (512, 512)), labels)),
        ),
    }
    report |= part_mask_rates()
    report["z_buffer_against_numpy"] = round(report["hand_320x240_numpy_ms"] / report["hand_320x240_ms"], 1)
    for dataset, frames, count in (("msra", 2, 306), ("icvl", 80, 100), ("nyu", 80, 100), ("itop", 40, 50)):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            make(dataset, Path(folder) / dataset, frames=frames)
            report[f"{dataset}_frames_written_per_s"] = round(count / (time.perf_counter() - start))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
