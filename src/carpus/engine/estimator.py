"""From a depth image of any camera to the joints of the hand in it, frame after frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from carpus.data.streams import StreamInfo
from carpus.engine.demo import DemoOptions, DepthPredictor
from carpus.engine.folder import RunFolder
from carpus.engine.keys import find_run
from carpus.engine.locators import Locator, make_locator
from carpus.engine.weights import run_of_checkpoint
from carpus.errors import ConfigError, unknown
from carpus.geometry import Camera
from carpus.geometry.cube import Cube
from carpus.geometry.locator import LocatorLimits, MotionFilter

OK = "ok"
STAGES = ("locate", "inputs", "net", "decode")
_DTYPES = {"32": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
PRECISIONS = tuple(_DTYPES)


class Estimate(NamedTuple):
    """What is known of one image.

    Args:
        joints_cam_mm: ``(J, 3)`` camera frame, y down; None if no hand was found or nobody asked for joints.
        cube: what the network looked into, or None.
        status: ``ok``, or why there is no hand.
    """

    joints_cam_mm: np.ndarray | None
    cube: Cube | None
    status: str


class HandEstimator:
    """A hand's joints in depth images, one after the other.

    Three lines are a program::

        hands = HandEstimator.from_run("2e8c")
        joints_cam_mm, cube, status = hands.estimate(depth_mm, camera)
        print(status if joints_cam_mm is None else joints_cam_mm)

    Args:
        predictor: a run's network; None to locate only.
        locator: where the hand is; None for the nearest thing and the shape prior.
        smooth: whether the centre is filtered over the frames.
        half_mm: half the side of the cube; None for the network's, or 120.
        z_range_mm: valid depth, both ends excluded; other pixels are taken for no measurement.
    """

    def __init__(
        self,
        predictor: DepthPredictor | None,
        locator: Locator | None = None,
        smooth: bool = True,
        half_mm: float | None = None,
        z_range_mm: tuple[float, float] = (100.0, 1060.0),
    ) -> None:
        near, far = z_range_mm
        self.predictor = predictor
        self.locator = locator or make_locator("shape_prior", LocatorLimits(near, far))
        self.half_mm = half_mm or (predictor.cfg.dataset.cube_mm / 2 if predictor else 120.0)
        self.z_range_mm = z_range_mm
        self.filter = MotionFilter() if smooth else None
        self.ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        """Milliseconds of each stage of the last image."""
        self._clock = _NetClock(predictor) if predictor else None
        self._precision: Callable[[], AbstractContextManager[Any]] = nullcontext

    @classmethod
    def from_run(
        cls, key: str, logs: Path | str = "logs", device: str = "cpu", precision: str = "32", **options: Any
    ) -> HandEstimator:
        """The estimator of a run.

        Args:
            key: of a run of a depth method, a unique prefix, or the path of one of its checkpoints.
            logs: folder of the runs.
            device: ``cpu`` or ``cuda``.
            precision: one of :data:`PRECISIONS`.
            options: ``locator``, ``smooth``, ``half_mm``, ``z_range_mm``.
        Raises:
            ConfigError: if there is no such run, device or precision, or it does not read depth images.
        """
        if precision not in _DTYPES:
            raise ConfigError(unknown("precision", precision, PRECISIONS))
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError(f"device {device}: there is no CUDA device here; use cpu")
        file = Path(key) if key.endswith(".ckpt") else None
        run = run_of_checkpoint(file) if file else RunFolder(find_run(key, Path(logs)))
        estimator = cls(DepthPredictor(run, DemoOptions(key, Path(), device=device), file), **options)
        dtype = _DTYPES[precision]
        if dtype is not None:
            estimator._precision = lambda: torch.autocast(torch.device(device).type, dtype)
        return estimator

    def estimate(self, depth_mm: np.ndarray, camera: Camera | None = None, name: str = "frame") -> Estimate:
        """Joints of the next image.

        Args:
            depth_mm: ``(H, W)`` millimetres, 0 = no measurement.
            camera: its intrinsics; None for the camera of the run's dataset.
            name: of the image, for locators that look it up.
        Raises:
            ConfigError: without a camera, if there is no run either.
        """
        camera = camera or (self.predictor.camera if self.predictor else None)
        if camera is None:
            raise ConfigError("estimate: without a run the camera of the image must be given")
        self.ms = dict.fromkeys(STAGES, 0.0)
        began = time.perf_counter()
        found = self.locator(depth_mm, camera, name)
        if self.filter is not None:
            found = self.filter.follow(found)
        self.ms["locate"] = 1e3 * (time.perf_counter() - began)
        if found.center_mm is None:
            return Estimate(None, None, found.message)
        x, y, z = (float(value) for value in found.center_mm)
        cube = Cube((x, y, z), self.half_mm)
        return Estimate(self._joints(depth_mm, camera, name, cube.center), cube, OK)

    def warm_up(self, info: StreamInfo) -> float:
        """Do everything once, so that the first frame of a stream is as quick as the others.

        Args:
            info: of the stream.
        Returns:
            seconds it took.
        """
        began = time.perf_counter()
        width, height = info.size_wh
        near, far = self.z_range_mm
        distance = min(max(350.0, near + 1), (near + far) / 2)
        slope = np.add.outer(np.arange(height), np.arange(width)) % 64
        depth = (distance + slope).astype(np.float32)
        self.locator(depth, info.camera, "")
        middle = info.camera.unproject(np.array([width, height]) / 2, np.array(distance + 32))
        for _ in range(2):
            self._joints(depth, info.camera, "warm-up", middle)
        return time.perf_counter() - began

    def _joints(
        self, depth_mm: np.ndarray, camera: Camera, name: str, center_mm: np.ndarray
    ) -> np.ndarray | None:
        """The network's answer, and what it cost."""
        if self.predictor is None or self._clock is None:
            return None
        self._clock.start()
        near, far = self.z_range_mm
        valid = np.where((depth_mm > near) & (depth_mm < far), depth_mm, 0).astype(np.float32)
        with self._precision():
            frame = self.predictor.predict_at(name, valid, center_mm, camera)
        self.ms |= self._clock.stop()
        return frame.joints_cam_mm


class _NetClock:
    """Times what comes before, in and after the network's forward pass."""

    def __init__(self, predictor: DepthPredictor) -> None:
        self._cuda = predictor.options.device.startswith("cuda")
        self._times: list[float] = []
        predictor.module.register_forward_pre_hook(self._mark)
        predictor.module.register_forward_hook(self._mark)

    def _mark(self, *_: Any) -> None:
        if self._cuda:
            torch.cuda.synchronize()
        self._times.append(time.perf_counter())

    def start(self) -> None:
        """Begin with a new image."""
        self._times = [time.perf_counter()]

    def stop(self) -> dict[str, float]:
        """Milliseconds of ``inputs``, ``net`` and ``decode``; the joints are on the CPU by now."""
        end, times = time.perf_counter(), self._times
        first, last = (times[1], times[-1]) if len(times) > 1 else (end, end)
        return {
            "inputs": 1e3 * (first - times[0]),
            "net": 1e3 * (last - first),
            "decode": 1e3 * (end - last),
        }
