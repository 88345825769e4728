"""``carpus demo``: joints and pictures of depth images that belong to no dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from carpus.data.depth_images import decode_depth, npz_bytes
from carpus.data.own_images import find_center, find_images, read_own_image
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.folder import RunFolder, environment, now
from carpus.engine.keys import find_run
from carpus.engine.weights import read_state
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.methods.base import PoseModule
from carpus.reports.build import ReportMeta
from carpus.reports.demo import DemoFrame, write_demo
from carpus.skeletons import get_skeleton
from carpus.types import Record, collate


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says.

    Args:
        key: run, or a unique prefix of its key.
        images: depth image or folder of them.
        camera: fx, fy, cx, cy; None for the camera of the run's dataset.
        coding: how pixels hold depth; None to tell by content.
        center_mm: centre of the hand, y down; None to look for it.
        depth_range_mm: where it is looked for; None for the dataset's range.
        out: folder for the files; None for one in the run's folder.
        device: of the network.
    """

    key: str
    images: Path
    camera: tuple[float, float, float, float] | None = None
    coding: str | None = None
    center_mm: tuple[float, float, float] | None = None
    depth_range_mm: tuple[float, float] | None = None
    out: Path | None = None
    device: str = "cpu"


def demo(options: DemoOptions, logs: Path) -> list[str]:
    """Write joints and pictures.

    Returns:
        lines for the user: one per image, then the files.

    Raises:
        ConfigError: if the run's method does not read depth images.
        DataError: for an unreadable image, or one in which no hand is found.
    """
    run = RunFolder(find_run(options.key, logs))
    cfg = load_config(run.config_file)
    if cfg.method.needs.kind != "depth":
        raise ConfigError(f"run {run.key} is of method {cfg.method.name}, which does not read depth images")
    module = build_module(cfg)
    module.load_state_dict(read_state(run.need_checkpoint()))
    module.eval().to(options.device)
    inputs = build(cfg.method.inputs)
    camera = _camera(options, cfg)
    depth_range = options.depth_range_mm or tuple(cfg.dataset.depth_range_mm)
    frames, lines = [], []
    for path in find_images(options.images):
        depth_mm = read_own_image(path, options.coding)
        center = options.center_mm or find_center(depth_mm, camera, depth_range, cfg.dataset.cube_mm)
        center_mm = np.asarray(center, np.float32)
        if not np.isfinite(center_mm).all():
            raise DataError(
                f"{path}: nothing between {depth_range[0]:g} and {depth_range[1]:g} mm; give --range or --center"
            )
        frames.append(_predict(module, inputs, path.name, depth_mm, camera, center_mm, options.device))
        lines.append(f"{path.name}: centre {', '.join(f'{v:.1f}' for v in center_mm)} mm")
    out = options.out or run.path / "vis" / f"demo_{options.images.stem}"
    meta = ReportMeta(
        key=run.key, method=cfg.method.name, dataset=cfg.dataset.name, split="demo", date=now(),
        commit=environment()["commit"], cube_mm=cfg.dataset.cube_mm, checkpoint=run.last.name,
    )  # fmt: skip
    written = write_demo(out, frames, get_skeleton(cfg.dataset.skeleton), meta)
    return [*lines, *(f"  {path}" for path in written.values())]


def _predict(
    module: PoseModule,
    inputs: Any,
    name: str,
    depth_mm: np.ndarray,
    camera: Camera,
    center_mm: np.ndarray,
    device: str,
) -> DemoFrame:
    """One image through the method's own inputs, as a record of a dataset would go."""
    record = Record(
        key=name,
        images={"depth": npz_bytes(depth_mm, 1.0)},
        fields={"depth_coding": "npz_mm", "camera": camera.to_array(), "center_mm": center_mm},
    )
    batch = collate([(name, inputs(record, np.random.default_rng(0), False))]).to(device)
    with torch.inference_mode():
        predictions = module.predict_batch(batch)
    if predictions.joints_cam_mm is None:
        raise ConfigError("this method predicts no joints in camera space")
    scores = predictions.joint_scores
    return DemoFrame(
        name=name,
        image=decode_depth(record.images["depth"], "npz_mm"),
        joints_cam_mm=predictions.joints_cam_mm[0].cpu().numpy(),
        camera=camera,
        center_mm=center_mm,
        scores=None if scores is None else scores[0].cpu().numpy(),
    )


def _camera(options: DemoOptions, cfg: Any) -> Camera:
    """The camera given, or that of the dataset the run was trained on."""
    if options.camera is not None:
        return Camera(*options.camera)
    source = build(cfg.dataset.spec.source)
    return source.func.camera
