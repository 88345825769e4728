"""What the command line says of photographs and videos."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from carpus.data.own_photos import HAND_TYPES
from carpus.errors import ConfigError, unknown
from carpus.geometry.one_euro import OneEuroSettings

HANDS = ("auto", *HAND_TYPES)
"""What ``--hand`` may say of pairs of hands."""
SIDES = ("right", "left")
"""What it may say of single ones."""
NO_DETECTOR = "none"
"""What ``--detector`` says to take whole pictures."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ClipOptions:
    """What is done with a video.

    Args:
        every: take every so manieth frame.
        first: frame to begin with, from 0.
        stop: frame before which to end; None for the last one.
        smooth: filter over time, or None.
    """

    every: int = 1
    first: int = 0
    stop: int | None = None
    smooth: OneEuroSettings | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"--every {self.every}: 1 or more is needed")
        if self.first < 0 or (self.stop is not None and self.stop <= self.first):
            said = f"{self.first}:{'' if self.stop is None else self.stop}"
            raise ConfigError(f"--frames {said}: give FIRST:STOP, counted from 0, STOP above FIRST")


@dataclass(frozen=True)
class RgbOptions:
    """What photographs and videos of hands and of people have in common.

    Args:
        images: photograph, folder of them, or video.
        boxes: boxes ``(x, y, width, height)``, in every picture.
        box_file: JSON file of boxes by file name, or by frame.
        enlarge: factor on boxes; None for the published one.
        out: folder for the files; None for one in the run's folder.
        device: of the networks.
        clip: what is done with a video.
    """

    images: Path
    boxes: tuple[Box, ...] = ()
    box_file: Path | None = None
    enlarge: float | None = None
    out: Path | None = None
    device: str = "cpu"
    clip: ClipOptions = field(default_factory=ClipOptions)

    def __post_init__(self) -> None:
        if self.boxes and self.box_file is not None:
            raise ConfigError("--bbox and --bbox-file both say where to look: give one of them")
        if self.enlarge is not None and not self.enlarge > 0:
            raise ConfigError(f"--enlarge {self.enlarge}: a factor above 0 is needed")


@dataclass(frozen=True)
class PhotoOptions(RgbOptions):
    """What the command line says of pictures of hands.

    Args:
        camera: fx, fy, cx, cy of the upright pictures, or None.
        wrists_mm: depth of the right and the left wrist, or None.
        hand: one of :data:`HANDS`; auto: those that the method says are there.
        pictures: of how many boxes the method's own pictures are drawn, where it has any.
    """

    camera: Box | None = None
    wrists_mm: tuple[float, float] | None = None
    hand: str = "auto"
    pictures: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hand not in HANDS:
            raise ConfigError(unknown("--hand", self.hand, HANDS))
        if self.wrists_mm is not None and self.camera is None:
            raise ConfigError("--wrist-depth says nothing without --camera fx,fy,cx,cy")
        if self.wrists_mm is not None and not min(self.wrists_mm) > 0:
            raise ConfigError(f"--wrist-depth {self.wrists_mm}: right and left depth in mm, both above 0")
        if self.camera is not None and not min(self.camera[:2]) > 0:
            raise ConfigError(f"--camera {self.camera}: fx,fy,cx,cy in pixels, fx and fy above 0")


@dataclass(frozen=True)
class PeopleOptions(RgbOptions):
    """What the command line says of pictures of people, or of parts of them.

    Args:
        hand: ``right`` or ``left`` for methods that look at a hand; None for right.
        detector: file of weights of torchvision's detector, ``torchvision`` for its cache, or
            :data:`NO_DETECTOR`; None: without boxes the cache's, if it has any.
        all_persons: take all that the detector finds, not only the surest.
    """

    hand: str | None = None
    detector: str | None = None
    all_persons: bool = False

    def __post_init__(self) -> None:
        detector = self.detector if self.detector != NO_DETECTOR else None
        said = [("--bbox", self.boxes), ("--bbox-file", self.box_file), ("--detector", detector)]
        given = [option for option, value in said if value]
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(given)} all say where people are: give one of them")
        super().__post_init__()
        if self.hand is not None and self.hand not in SIDES:
            raise ConfigError(f"--hand {self.hand}: this method looks at one hand: give right or left")
