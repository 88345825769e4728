"""``carpus track``: the joints of a hand in every frame of a depth stream."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from carpus.data.streams import (
    CAMERA_FILE,
    Stream,
    StreamFrame,
    StreamInfo,
    StreamOptions,
    StreamWriter,
    open_stream,
    read_joints,
    timestamped,
    write_info,
)
from carpus.engine.estimator import Estimate, HandEstimator
from carpus.engine.folder import now, write_json
from carpus.engine.locators import load_localiser, make_locator
from carpus.engine.track_sums import TrackSums, TrueJoints
from carpus.geometry.locator import LocatorLimits
from carpus.reports.track import Film, draw_frame, draw_views, open_film
from carpus.skeletons import Skeleton, get_skeleton

NO_RUN = "none"
"""Instead of a key: the hand is only located."""


@dataclass(frozen=True)
class TrackOptions:
    """What the command line says.

    Args:
        key: run, a unique prefix of its key, or :data:`NO_RUN`.
        stream: see :func:`~carpus.data.streams.open_stream`.
        read: how the stream is read.
        locator: one of :data:`~carpus.engine.locators.LOCATORS`.
        boxes: file of boxes, for the locator ``box``.
        truth: file of true joints, for the locator ``truth``; with any locator errors are reported too.
        localiser: key of a localiser's run, for the locator ``model``.
        reach_mm: how far away the front of a hand may be for the priors.
        smooth: whether the centre is filtered; None: unless it was given, by boxes or the truth.
        overlay: ``png``, ``mp4``, ``gif`` or None for no pictures.
        views: whether the cube's orthographic views stand beside each picture.
        record: folder in which a new one gets the frames that were seen.
        record_to: folder that gets them itself.
        overwrite: whether ``record_to`` may hold an earlier recording.
        out: folder of the results; None for one in the run's folder.
        device: of the network.
        precision: of the network.
    """

    key: str
    stream: Path
    read: StreamOptions = field(default_factory=StreamOptions)
    locator: str = "shape_prior"
    boxes: Path | None = None
    truth: Path | None = None
    localiser: str | None = None
    reach_mm: float = 480.0
    smooth: bool | None = None
    overlay: str | None = None
    views: bool = False
    record: Path | None = None
    record_to: Path | None = None
    overwrite: bool = False
    out: Path | None = None
    device: str = "cpu"
    precision: str = "32"


def track(options: TrackOptions, logs: Path, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Follow a hand and write ``track.jsonl``, ``summary.json``, ``camera.json`` and pictures.

    An interruption (Ctrl-C) ends the stream; what was seen so far is kept and summed up.

    Args:
        options: what to do.
        logs: folder of the runs.
        progress: called with frames done and frames in all, where their number is known.
    Returns:
        lines for the user: what was assumed, what was found, how fast, the files.
    Raises:
        ConfigError: for a run, locator or option that cannot work.
        DataError: if the stream cannot be read.
    """
    notes: list[str] = []
    stream = open_stream(options.stream, options.read, notes.append)
    estimator = _estimator(options, logs, stream.info)
    session = _Session(options, estimator, stream)
    session.sums.warm_up_s = estimator.warm_up(stream.info)
    try:
        session.follow(stream, progress)
    finally:
        written = session.close()
    return [*(f"note: {text}" for text in notes), *session.sums.lines(), *(f"  {path}" for path in written)]


def _estimator(options: TrackOptions, logs: Path, info: StreamInfo) -> HandEstimator:
    near, far = info.z_range_mm
    limits = LocatorLimits(near, far, reach_mm=options.reach_mm)
    localiser = load_localiser(options.localiser, logs, options.device) if options.localiser else None
    smooth = options.locator not in ("box", "truth") if options.smooth is None else options.smooth
    common = {
        "locator": make_locator(options.locator, limits, options.boxes, options.truth, localiser),
        "smooth": smooth,
        "z_range_mm": info.z_range_mm,
    }
    if options.key == NO_RUN:
        return HandEstimator(None, **common)
    return HandEstimator.from_run(options.key, logs, options.device, options.precision, **common)


class _Session:
    """One pass over a stream: records, pictures, sums."""

    def __init__(self, options: TrackOptions, estimator: HandEstimator, stream: Stream) -> None:
        self.options, self.estimator, self.info = options, estimator, stream.info
        self.sums, self._ended = TrackSums(), "before its end"
        predictor = estimator.predictor
        self.skeleton: Skeleton | None = get_skeleton(predictor.cfg.dataset.skeleton) if predictor else None
        truth = read_joints(options.truth) if options.truth else None
        self._errors = TrueJoints(truth, self.skeleton) if truth and self.skeleton else None
        name = f"track_{options.stream.stem}"
        self.out = options.out or (predictor.run.path / "vis" / name if predictor else Path(name))
        self.out.mkdir(parents=True, exist_ok=True)
        self._recorder = self._open_recorder()
        self._film: Film | None = None
        if options.overlay:
            fps, (width, height) = self.info.fps / options.read.every, self.info.size_wh
            width += options.views * (height // 3)
            self._film = open_film(options.overlay, self.out, (width, height), fps)
        write_info(self.out / CAMERA_FILE, self.info)
        self._write_summary()
        self._file: TextIO = (self.out / "track.jsonl").open("w", encoding="utf-8", buffering=1)

    def follow(self, stream: Stream, progress: Callable[[int, int], None] | None) -> None:
        """Every frame of the stream, until it ends or is interrupted."""
        total = len(stream) if isinstance(stream, Sized) else 0
        began = time.perf_counter()
        try:
            for load_ms, frame in _timed(stream):
                self._one(frame, load_ms)
                if progress is not None and total:
                    progress(self.sums.frames, total)
            self._ended = "with the stream"
        except KeyboardInterrupt:
            # How one ends a live stream: what was seen so far counts.
            self._ended = "by interruption"
        finally:
            self.sums.seconds = time.perf_counter() - began

    def _one(self, frame: StreamFrame, load_ms: float) -> None:
        began = time.perf_counter()
        if self._recorder is not None:
            frame = self._recorder.write(frame)
        load_ms += 1e3 * (time.perf_counter() - began)
        found = self.estimator.estimate(frame.depth_mm, self.info.camera, frame.name)
        drawn_ms = self._draw(frame, found)
        ms = {"load": load_ms, **self.estimator.ms, "draw": drawn_ms}
        error = None
        if self._errors is not None and found.joints_cam_mm is not None:
            error = self._errors.error_mm(frame.name, found.joints_cam_mm)
        self.sums.add(found.status, ms, error)
        record = self._record(frame, found, ms) | ({} if error is None else {"error_mm": round(error, 3)})
        self._file.write(json.dumps(record, allow_nan=False) + "\n")

    def _record(self, frame: StreamFrame, found: Estimate, ms: dict[str, float]) -> dict[str, Any]:
        """One line of ``track.jsonl``."""
        joints, camera = found.joints_cam_mm, self.info.camera
        return {
            "frame": frame.number,
            "name": frame.name,
            "time": round(frame.time_s, 6),
            "status": found.status,
            "center_mm": None if found.cube is None else _numbers(found.cube.center, 4),
            "half_mm": None if found.cube is None else found.cube.half_mm,
            "joints_mm": None if joints is None else _numbers(joints, 4),
            "joints_px": None if joints is None else _numbers(camera.project(joints.astype(float)), 3),
            "inference_ms": round(ms["inputs"] + ms["net"] + ms["decode"], 3),
            "ms": {stage: round(value, 3) for stage, value in ms.items()},
        }

    def _draw(self, frame: StreamFrame, found: Estimate) -> float:
        if self._film is None:
            return 0.0
        began = time.perf_counter()
        picture = draw_frame(
            frame.depth_mm,
            self.info.camera,
            found.status,
            found.cube,
            found.joints_cam_mm,
            self.skeleton,
            self.info.z_range_mm,
        )
        if self.options.views:
            views = draw_views(frame.depth_mm, self.info.camera, found.cube, self.info.z_range_mm)
            picture = np.concatenate([picture, views], axis=1)
        self._film.add(picture, frame.number)
        return 1e3 * (time.perf_counter() - began)

    def _open_recorder(self) -> StreamWriter | None:
        options = self.options
        if options.record_to is not None:
            return StreamWriter(options.record_to, self.info, options.overwrite)
        return StreamWriter(timestamped(options.record), self.info) if options.record else None

    def close(self) -> list[Path]:
        """Complete the files; what was written."""
        self._file.close()
        films = self._film.close() if self._film else []
        self._write_summary()
        recorded = [self._recorder.folder] if self._recorder else []
        return [self.out / "track.jsonl", self.out / "summary.json", *films, *recorded]

    def context(self) -> dict[str, Any]:
        """What the numbers belong to."""
        predictor, skeleton = self.estimator.predictor, self.skeleton
        return {
            "key": predictor.run.key if predictor else None,
            "method": predictor.cfg.method.name if predictor else None,
            "stream": str(self.options.stream),
            "date": now(),
            "locator": self.options.locator,
            "smooth": self.estimator.filter is not None,
            "skeleton": skeleton.name if skeleton else None,
            "joints": list(skeleton.joints) if skeleton else None,
            "space": "camera: x right, y down, z forward, mm; pixels: column, row, first pixel centre (0, 0)",
        }

    def _write_summary(self) -> None:
        write_json(self.out / "summary.json", {**self.context(), **self.sums.to_json(), "ended": self._ended})


def _timed(stream: Stream) -> Iterator[tuple[float, StreamFrame]]:
    """Frames with the milliseconds it took to get them."""
    frames = iter(stream)
    while True:
        began = time.perf_counter()
        frame = next(frames, None)
        if frame is None:
            return
        yield 1e3 * (time.perf_counter() - began), frame


def _numbers(values: np.ndarray, digits: int) -> Any:
    """Nested lists of rounded numbers; what is not finite becomes null."""
    rounded = np.round(np.asarray(values, np.float64), digits)
    if np.isfinite(rounded).all():
        return rounded.tolist()
    return np.where(np.isfinite(rounded), rounded.astype(object), np.array(None, object)).tolist()
