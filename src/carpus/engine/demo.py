"""``carpus demo``: joints and pictures of depth images that belong to no dataset.

Photographs and videos are taken care of in :mod:`carpus.engine.demo_rgb` and
:mod:`carpus.engine.demo_people`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from carpus.data.depth_images import encode_depth
from carpus.data.own_images import find_center, find_images, read_own_image
from carpus.data.own_videos import is_video
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.folder import RunFolder, environment, now
from carpus.engine.keys import find_run
from carpus.engine.weights import read_state
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.reports.build import ReportMeta
from carpus.reports.demo import DemoFrame, write_demo
from carpus.skeletons import get_skeleton
from carpus.types import Record, collate


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says of depth images.

    Args:
        key: run, or a unique prefix of its key.
        images: depth image or folder of them.
        camera: fx, fy, cx, cy; None for the camera of the run's dataset.
        coding: how pixels hold depth; None to tell by content.
        center_mm: centre of the hand, y down; None to look for it.
        depth_range_mm: where it is looked for; None for the dataset's range.
        refine: how often a found centre is moved to the middle of the predicted joints.
        out: folder for the files; None for one in the run's folder.
        device: of the network.
    """

    key: str
    images: Path
    camera: tuple[float, float, float, float] | None = None
    coding: str | None = None
    center_mm: tuple[float, float, float] | None = None
    depth_range_mm: tuple[float, float] | None = None
    refine: int = 2
    out: Path | None = None
    device: str = "cpu"


def reads(key: str, logs: Path) -> str:
    """What a run's method looks at, such as ``depth`` or ``rgb_hand``.

    Args:
        key: of the run, or a unique prefix.
        logs: folder of the runs.
    """
    return str(load_config(RunFolder(find_run(key, logs)).config_file).method.needs.kind)


def demo(options: DemoOptions, logs: Path) -> list[str]:
    """Write joints and pictures.

    Returns:
        lines for the user: one per image, then the files.

    Raises:
        ConfigError: if the run's method does not read depth images, or for a video.
        DataError: for an unreadable image, or one in which no hand is found.
    """
    if is_video(options.images):
        raise ConfigError(
            f"{options.images} is a video, but run {options.key} reads depth images: carpus track takes "
            "recorded depth streams"
        )
    predictor = DepthPredictor(RunFolder(find_run(options.key, logs)), options)
    frames, lines = [], []
    for path in find_images(options.images):
        frame = predictor.predict(path.name, read_own_image(path, options.coding))
        frames.append(frame)
        lines.append(f"{path.name}: centre {', '.join(f'{v:.1f}' for v in frame.center_mm)} mm")
    cfg, run = predictor.cfg, predictor.run
    out = options.out or run.path / "vis" / f"demo_{options.images.stem}"
    written = write_demo(out, frames, get_skeleton(cfg.dataset.skeleton), demo_meta(run, cfg))
    return [*lines, *(f"  {path}" for path in written.values())]


def demo_meta(run: RunFolder, cfg: DictConfig) -> ReportMeta:
    """What a demo's page says about its run."""
    return ReportMeta(
        key=run.key,
        method=cfg.method.name,
        dataset=cfg.dataset.name,
        split="demo",
        date=now(),
        commit=environment()["commit"],
        cube_mm=cfg.dataset.get("cube_mm", 400.0),
        checkpoint=run.last.name,
    )


class DepthPredictor:
    """A run's network for depth images of any camera.

    Args:
        run: a trained or imported run of a method that reads depth.
        options: camera, range, centre and device.
        checkpoint: of that run; None for its last.

    Raises:
        ConfigError: if the run's method does not read depth images.
    """

    def __init__(self, run: RunFolder, options: DemoOptions, checkpoint: Path | None = None) -> None:
        self.run, self.options = run, options
        self.cfg = load_config(run.config_file)
        if self.cfg.method.needs.kind != "depth":
            raise ConfigError(f"run {run.key} is of {self.cfg.method.name}, which does not read depth images")
        self.module = build_module(self.cfg)
        self.module.load_state_dict(read_state(checkpoint or run.need_checkpoint()))
        self.module.eval().to(options.device)
        self.inputs = build(self.cfg.method.inputs)
        # Without a camera of its own, an image is taken for one of the dataset's.
        given = options.camera
        self.camera = Camera(*given) if given else build(self.cfg.dataset.spec.source).func.camera

    def predict(self, name: str, depth_mm: np.ndarray) -> DemoFrame:
        """Joints of one image.

        Args:
            name: of the image, for messages and file names.
            depth_mm: ``(H, W)``, 0 = no measurement.

        Raises:
            DataError: if nothing lies in the depth range.
        """
        if self.options.center_mm is not None:
            return self.predict_at(name, depth_mm, np.asarray(self.options.center_mm, np.float32))
        near, far = self.options.depth_range_mm or tuple(self.cfg.dataset.depth_range_mm)
        center_mm = find_center(depth_mm, self.camera, (near, far), self.cfg.dataset.cube_mm)
        if not np.isfinite(center_mm).all():
            raise DataError(f"{name}: nothing between {near:g} and {far:g} mm; give --range or --center")
        frame = self.predict_at(name, depth_mm, center_mm)
        for _ in range(self.options.refine):
            joints = frame.joints_cam_mm
            frame = self.predict_at(name, depth_mm, (joints.min(0) + joints.max(0)) / 2)
        return frame

    def predict_at(
        self, name: str, depth_mm: np.ndarray, center_mm: np.ndarray, camera: Camera | None = None
    ) -> DemoFrame:
        """Joints in the cube around a centre ``(3,)``, through the method's own inputs.

        Args:
            name: of the image.
            depth_mm: ``(H, W)``, 0 = no measurement.
            center_mm: ``(3,)``.
            camera: of the image; None for the predictor's own.
        """
        seen_by: Camera = camera or self.camera
        # Not compressed: that would take longer than many a network.
        coding = f"raw_f32:{depth_mm.shape[1]}x{depth_mm.shape[0]}"
        record = Record(
            key=name,
            images={"depth": encode_depth(depth_mm, coding)},
            fields={"depth_coding": coding, "camera": seen_by.to_array(), "center_mm": center_mm},
        )
        inputs = self.inputs(record, np.random.default_rng(0), False)
        with torch.inference_mode():
            predictions = self.module.predict_batch(collate([(name, inputs)]).to(self.options.device))
        if predictions.joints_cam_mm is None:
            raise ConfigError("this method predicts no joints in camera space")
        scores = predictions.joint_scores
        return DemoFrame(
            name=name,
            image=depth_mm,
            joints_cam_mm=predictions.joints_cam_mm[0].float().cpu().numpy(),
            camera=seen_by,
            center_mm=center_mm,
            scores=None if scores is None else scores[0].float().cpu().numpy(),
        )
