"""Where the hand is in a frame of a stream: a prior, a box, the truth, or a trained localiser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from carpus.data.streams import FrameTable, read_boxes, read_joints
from carpus.engine.folder import RunFolder
from carpus.engine.keys import find_run
from carpus.errors import ConfigError, unknown
from carpus.geometry import Camera
from carpus.geometry.cube import Cube
from carpus.geometry.locator import NO_CENTER, PRIORS, Located, LocatorLimits, Prior, locate_hand

LOCATORS = (*PRIORS, "box", "truth", "model")
NO_BOX, NO_TRUTH = "no box for this frame", "no true joints for this frame"


class Locator(Protocol):
    """Finds the hand in one image."""

    def __call__(self, depth_mm: np.ndarray, camera: Camera, name: str) -> Located:
        """Centre of the hand, or a message.

        Args:
            depth_mm: ``(H, W)``, 0 = no measurement.
            camera: its intrinsics.
            name: of the frame.
        """
        ...


class Localiser(Protocol):
    """A network that finds hands: what a run's module must offer for ``locator=model``."""

    def locate(self, depth_mm: np.ndarray, camera: Camera) -> tuple[np.ndarray | None, str]:
        """Centre ``(3,)`` mm of the hand in an image ``(H, W)`` and an empty message, or None and why."""
        ...


@dataclass(frozen=True)
class PriorLocator:
    """The nearest thing and a prior, see :mod:`carpus.geometry.locator`.

    Args:
        prior: from points to the centre.
        limits: depths that count.
    """

    prior: Prior
    limits: LocatorLimits

    def __call__(self, depth_mm: np.ndarray, camera: Camera, name: str) -> Located:
        """See :func:`~carpus.geometry.locator.locate_hand`."""
        return locate_hand(depth_mm, camera, self.prior, self.limits)


@dataclass(frozen=True)
class BoxLocator:
    """The middle of a box at the depth of what is nearest in it.

    Args:
        boxes: left, top, width, height in pixels per frame.
        limits: valid depth; a box may be anywhere in it.
        reach_mm: what lies that far behind the front of the box's content still belongs to the hand.
    """

    boxes: FrameTable
    limits: LocatorLimits
    reach_mm: float = 160.0

    def __call__(self, depth_mm: np.ndarray, camera: Camera, name: str) -> Located:
        """Centre at the median depth of the hand in the box."""
        box = self.boxes.get(name)
        if box is None:
            return Located(None, NO_BOX)
        left, top, width, height = box
        rows = slice(max(round(top), 0), max(round(top + height) + 1, 0))
        part = depth_mm[rows, max(round(left), 0) : max(round(left + width) + 1, 0)]
        seen = part[(part > self.limits.near_mm) & (part < self.limits.far_mm)]
        if not seen.size:
            return Located(None, NO_CENTER)
        # Single stray pixels before the hand must not decide where it begins.
        few = min(seen.size - 1, max(9, seen.size // 200))
        front = float(np.partition(seen, few)[few])
        depth = np.median(seen[(seen >= front) & (seen <= front + self.reach_mm)])
        middle = np.array([left + width / 2, top + height / 2])
        return Located(camera.unproject(middle, np.asarray(depth, np.float64)))


@dataclass(frozen=True)
class TruthLocator:
    """The middle of the true joints, which published evaluations use.

    Args:
        joints: ``(J, 3)`` mm per frame.
    """

    joints: FrameTable

    def __call__(self, depth_mm: np.ndarray, camera: Camera, name: str) -> Located:
        """Centre of the joints' bounding box."""
        joints = self.joints.get(name)
        return Located(None, NO_TRUTH) if joints is None else Located(Cube.around(joints, 1.0).center)


@dataclass(frozen=True)
class ModelLocator:
    """A trained localiser.

    Args:
        localiser: the network.
    """

    localiser: Localiser

    def __call__(self, depth_mm: np.ndarray, camera: Camera, name: str) -> Located:
        """What the network says."""
        center, message = self.localiser.locate(depth_mm, camera)
        return Located(None, message or NO_CENTER) if center is None else Located(center)


def make_locator(
    name: str,
    limits: LocatorLimits,
    boxes: Path | None = None,
    truth: Path | None = None,
    localiser: Localiser | None = None,
) -> Locator:
    """A locator by its name.

    Args:
        name: one of :data:`LOCATORS`.
        limits: depths that count.
        boxes: file of boxes, for ``box``.
        truth: file of true joints, for ``truth``.
        localiser: network, for ``model``.
    Raises:
        ConfigError: for an unknown name, or if what the locator needs is missing.
    """
    if name in PRIORS:
        return PriorLocator(PRIORS[name], limits)
    if name == "box" and boxes is not None:
        return BoxLocator(read_boxes(boxes), limits)
    if name == "truth" and truth is not None:
        return TruthLocator(read_joints(truth))
    if name == "model" and localiser is not None:
        return ModelLocator(localiser)
    needs = {"box": "--boxes FILE", "truth": "--truth FILE", "model": "--localiser KEY"}
    if name in needs:
        raise ConfigError(f"the locator {name} needs {needs[name]}")
    raise ConfigError(unknown("locator", name, LOCATORS))


def load_localiser(key: str, logs: Path, device: str) -> Localiser:
    """The localiser of a run.

    Args:
        key: run, or a unique prefix of its key.
        logs: folder of the runs.
        device: of the network.
    Raises:
        ConfigError: if the run's method does not locate hands.
    """
    from carpus.engine.locating import HandLocator

    return HandLocator(RunFolder(find_run(key, logs)), device)
