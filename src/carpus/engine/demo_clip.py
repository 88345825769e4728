"""``carpus demo`` of videos: frame after frame through the network that photographs go through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from carpus.data.own_photos import WHOLE
from carpus.data.own_videos import FrameBoxes, Video, VideoFrame
from carpus.engine.demo import demo_meta
from carpus.engine.demo_options import RgbOptions
from carpus.engine.demo_shots import AT_ONCE, Progress, Shot, Subject, asked_of, out_folder, warned
from carpus.engine.folder import RunFolder
from carpus.errors import DataError
from carpus.geometry.box_tracks import BoxTracks
from carpus.reports.clip import ClipPage, FramePlace

_STAGES = ("read", "boxes", "network", "write")


@dataclass(frozen=True)
class _Seen:
    """A frame that waits for its batch to be full."""

    frame: VideoFrame
    shot: Shot


def demo_clip(
    load: Callable[[], Subject[Any]], run: RunFolder, options: RgbOptions, progress: Progress | None = None
) -> list[str]:
    """Predict, write and draw a video. An interruption ends it; what was seen so far is kept.

    Args:
        load: gives the network; called when the video and the boxes were found to be there.
        run: that it belongs to.
        options: video, and where to look in it.
        progress: called with (done, total), where the number of frames is known.
    Returns:
        lines for the user: what was seen, how fast, warnings, then the files.
    Raises:
        DataError: for a video that cannot be read or in which nobody is found, no frames in the range, or
            boxes that show nothing.
    """
    video, clip = Video(options.images), options.clip
    chosen = video.numbers(clip.first, clip.stop, clip.every)
    named = FrameBoxes(options.box_file, video) if options.box_file else None
    subject = load()
    total = None if chosen is None else len(chosen)
    page = subject.clip_page(
        out_folder(run, options), demo_meta(run, subject.cfg), total, video.fps / clip.every
    )
    session = _Session(subject, page, video, named)
    try:
        session.follow(progress, total)
        session.check()
        written = page.finish(session.summary())
    except BaseException:
        page.abandon()
        raise
    return [*session.lines(), *warned(session.warnings(total)), *(f"  {path}" for path in written)]


class _Session:
    """One pass over a video: boxes, predictions, filters, sums."""

    def __init__(self, subject: Subject[Any], page: ClipPage, video: Video, named: FrameBoxes | None) -> None:
        self.subject, self.page, self.video, self.named = subject, page, video, named
        self.clip, self.tracks = subject.options.clip, BoxTracks()
        self._smoothers: dict[int, Callable[[Any, float], Any]] = {}
        self.frames, self.boxes, self.empty, self.whole = 0, 0, 0, 0
        self.seconds: dict[str, float] = dict.fromkeys(_STAGES, 0.0)
        self.doubts: list[str] = []
        self.doubtful = 0
        self.interrupted = False

    def follow(self, progress: Progress | None, total: int | None) -> None:
        """Every chosen frame, until the video ends or the user does."""
        try:
            for some in self._batches():
                self._one_batch(some)
                if progress is not None and total:
                    progress(self.frames, max(total, self.frames))
        except KeyboardInterrupt:
            if not self.frames:
                raise
            self.interrupted = True

    def _batches(self) -> Iterator[list[_Seen]]:
        """Frames in groups that fill a batch of the network; more are never in memory."""
        waiting: list[_Seen] = []
        for frame in self._read():
            waiting.append(_Seen(frame, self._shot(frame)))
            if sum(max(1, len(seen.shot.boxes)) for seen in waiting) >= AT_ONCE:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _read(self) -> Iterator[VideoFrame]:
        frames = self.video.frames(self.clip.first, self.clip.stop, self.clip.every)
        while True:
            with self._timed("read"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def _shot(self, frame: VideoFrame) -> Shot:
        name = f"{self.video.path.name} frame {frame.number}"
        with self._timed("boxes"):
            boxes = self.subject.boxes(name, frame.image, self.named.at(frame.number) if self.named else ())
        return Shot(name, frame.image, boxes)

    def _one_batch(self, some: Iterable[_Seen]) -> None:
        some = list(some)
        asked = [one for seen in some for one in asked_of(seen.shot)]
        with self._timed("network"):
            answers = iter(self.subject.predict(asked) if asked else ())
        for seen in some:
            self._one_frame(seen, [next(answers) for _ in seen.shot.boxes])

    def _one_frame(self, seen: _Seen, found: list[Any]) -> None:
        frame, shot = seen.frame, seen.shot
        tracks = self.tracks.number([box.xywh_px for box in shot.boxes], frame.time_s)
        if self.clip.smooth is not None:
            with self._timed("network"):
                found = [
                    self._smoother(track)(one, frame.time_s) for track, one in zip(tracks, found, strict=True)
                ]
        with self._timed("write"):
            self.subject.write_frame(self.page, shot, found, FramePlace(frame.number, frame.time_s, tracks))
        self._count(shot)

    def _smoother(self, track: int) -> Callable[[Any, float], Any]:
        assert self.clip.smooth is not None
        if track not in self._smoothers:
            self._smoothers[track] = self.subject.smoother(self.clip.smooth)
        return self._smoothers[track]

    def _count(self, shot: Shot) -> None:
        self.frames += 1
        self.boxes += len(shot.boxes)
        self.empty += not shot.boxes
        self.whole += bool(shot.boxes) and shot.boxes[0].source == WHOLE
        doubts = self.subject.doubts(shot)
        self.doubts, self.doubtful = self.doubts or doubts, self.doubtful + bool(doubts)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began

    def check(self) -> None:
        """Stop where there is nothing to show.

        Raises:
            DataError: if no frame was read, or nobody found in any.
        """
        name, clip = self.video.path.name, self.clip
        if not self.frames:
            said = f"--frames {clip.first}:{'' if clip.stop is None else clip.stop}"
            raise DataError(f"{name}: no frame of {said} can be read; the video ends before, or is damaged")
        if self.empty == self.frames:
            raise DataError(f"{name}: {self.subject.nobody} in {self.frames} frames; give --bbox x,y,w,h")

    def summary(self) -> dict[str, Any]:
        """What holds for the whole video."""
        clip, video = self.clip, self.video
        return {
            "video": video.path.name,
            "fps": round(video.fps, 6),
            "frames_in_file": video.count,
            "first": clip.first,
            "stop": clip.stop,
            "every": clip.every,
            "frames": self.frames,
            "ended": "by interruption" if self.interrupted else "with the video",
            "smooth": None if clip.smooth is None else asdict(clip.smooth),
            "ms_per_frame": self._ms(),
        }

    def _ms(self) -> dict[str, float]:
        return {stage: round(1e3 * self.seconds[stage] / self.frames, 2) for stage in _STAGES}

    def lines(self) -> list[str]:
        """What was seen, and how fast."""
        video, (width, height) = self.video, self.video.size_wh
        of = f" of {video.count}" if video.count is not None else ""
        seen = f"{video.path.name}: {self.frames}{of} frames, {width} x {height}, {video.fps:g} per second"
        speed = self.frames / max(sum(self.seconds.values()), 1e-9)
        times = ", ".join(f"{stage} {ms:.0f}" for stage, ms in self._ms().items())
        return [f"{seen}; {self.boxes} boxes", f"{speed:.1f} frames per second; ms per frame: {times}"]

    def warnings(self, total: int | None) -> list[str]:
        """What the user should know of the results."""
        said, name = self.subject.warnings(), self.video.path.name
        if self.interrupted:
            said.append(f"{name}: interrupted after {self.frames} frames, which are kept")
        elif total is not None and self.frames < total - max(2, total // 100):
            said.append(f"{name}: only {self.frames} of {total} frames can be read; the file may be cut off")
        if not self.video.fps_known:
            said.append(f"{name}: the file has no frame rate; {self.video.fps:g} per second are assumed")
        if self.empty:
            said.append(f"{name}: {self.subject.nobody} in {self.empty} of {self.frames} frames")
        said += self.doubts
        if self.doubtful > 1:
            said.append(
                f"{name}: boxes are doubtful in {self.doubtful} of {self.frames} frames; see the first above"
            )
        return [*said, *self.subject.summed_up(self.whole, f"{self.frames} frames")]
