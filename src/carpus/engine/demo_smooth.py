"""What is found in a video, filtered over time: nothing in it moves by more than what was seen did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from carpus.geometry import Camera
from carpus.geometry.one_euro import OneEuro, OneEuroRotations, OneEuroSettings
from carpus.reports.digit_photo_hands import PhotoHands
from carpus.reports.digit_space import to_own_wrist, weak_perspective
from carpus.reports.people_found import FoundPerson
from carpus.skeletons import HandPair

HAND_MM = 200.0
"""Movement in depth that counts as much as one across the whole crop: the length of a hand."""
Posed = Callable[[Mapping[str, np.ndarray]], tuple[np.ndarray, np.ndarray]]


class HandSmoother:
    """Filters one pair of hands. A hand that is not there begins anew when it comes back.

    Places in the picture and depths are filtered, one by one; joints in space follow of both, so that they
    still lie on the rays of their pixels.

    Args:
        settings: of the filters; a unit of speed is the side of the first crop, or 200 mm of depth, in a
            second.
        skeleton: of the joints.
        camera: of the video, or None.
    """

    def __init__(self, settings: OneEuroSettings, skeleton: HandPair, camera: Camera | None) -> None:
        self.settings, self.skeleton, self.camera = settings, skeleton, camera
        self._depth, self._between = OneEuro(settings, HAND_MM), OneEuro(settings, HAND_MM)
        self._pixels: OneEuro | None = None

    def __call__(self, hands: PhotoHands, time_s: float) -> PhotoHands:
        """The filtered hands.

        Args:
            hands: of a frame.
            time_s: of it.
        """
        if self._pixels is None:
            self._pixels = OneEuro(self.settings, float(hands.crop_xywh_px[2]))
        there = hands.shown[list(self.skeleton.hand_of)]
        pixels = _filtered(self._pixels, hands.joints_px, there[:, None], time_s)
        between, both = hands.rel_wrist_mm, bool(hands.shown.all())
        if between is not None:
            between = float(_filtered(self._between, np.array(between), np.array(both), time_s))
        moved = replace(hands, joints_px=pixels, rel_wrist_mm=between)
        if hands.joints_cam_mm is not None and self.camera is not None:
            return self._in_space(moved, there, time_s)
        depth = hands.depth_mm
        if depth is not None:
            depth = _filtered(self._depth, depth, there, time_s)
        flat = weak_perspective(pixels, depth, hands.shown, between if both else None, self.skeleton)
        return replace(moved, depth_mm=depth, view_mm=flat)

    def _in_space(self, hands: PhotoHands, there: np.ndarray, time_s: float) -> PhotoHands:
        """The same hands with filtered distances from the camera."""
        assert self.camera is not None
        assert hands.joints_cam_mm is not None
        before = hands.joints_cam_mm[:, 2]
        after = _filtered(self._depth, before, there, time_s)
        joints, wrists = self.camera.unproject(hands.joints_px, after), hands.wrists_mm
        if wrists is not None:
            roots = [self.skeleton.root_of[self.skeleton.hand_of.index(hand)] for hand in (0, 1)]
            wrists = wrists + (after - before)[roots]
        depth = to_own_wrist(after, self.skeleton)
        return replace(hands, joints_cam_mm=joints, view_mm=joints, depth_mm=depth, wrists_mm=wrists)


def _filtered(smooth: OneEuro, values: np.ndarray, there: np.ndarray, time_s: float) -> np.ndarray:
    """Values filtered where they are there; elsewhere they stay, and begin anew later."""
    made = smooth(np.where(there, values, np.nan), time_s)
    return np.where(np.isfinite(made), made, values)


class PersonSmoother:
    """Filters the parameters of one body, hand or face; joints and surface follow of them.

    The place before the virtual camera is filtered as it looks in the picture, by its pixel and its size,
    since every box has a camera of its own.

    Args:
        settings: of the filters; a unit of speed is the longer side of the first crop, a radian, a
            coefficient or a factor e of size in a second.
        posed: joints and surface of parameters, in mm before the camera.
    """

    def __init__(self, settings: OneEuroSettings, posed: Posed) -> None:
        self.settings, self.posed = settings, posed
        self._filters: dict[str, OneEuro | OneEuroRotations] = {}
        self._size = OneEuro(settings)
        self._pixel: OneEuro | None = None

    def __call__(self, person: FoundPerson, time_s: float) -> FoundPerson:
        """The filtered person.

        Args:
            person: of a frame.
            time_s: of it.
        """
        if self._pixel is None:
            self._pixel = OneEuro(self.settings, float(max(person.crop_xywh_px[2:])))
        parameters = {
            name: self._place(person, value, time_s)
            if name == "cam_trans"
            else self._parameter(name, value, time_s)
            for name, value in person.parameters.items()
        }
        joints, vertices = self.posed(parameters)
        return replace(
            person,
            parameters=parameters,
            joints_cam_mm=joints,
            vertices_cam_mm=vertices,
            joints_px=person.camera.project(np.asarray(joints, np.float64)),
        )

    def _parameter(self, name: str, value: np.ndarray, time_s: float) -> np.ndarray:
        rotations = name.endswith("_pose")
        if name not in self._filters:
            self._filters[name] = (OneEuroRotations if rotations else OneEuro)(self.settings)
        shape = (-1, 3) if rotations else (-1,)
        return self._filters[name](value.reshape(shape), time_s).reshape(value.shape).astype(np.float32)

    def _place(self, person: FoundPerson, cam_trans: np.ndarray, time_s: float) -> np.ndarray:
        assert self._pixel is not None
        place, camera = np.asarray(cam_trans, np.float64), person.camera
        pixel = self._pixel(camera.project(place), time_s)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = camera.fx / np.exp(self._size(np.log(camera.fx / place[2]), time_s))
        moved = camera.unproject(pixel, depth)
        # Behind the camera nothing can be seen or filtered.
        return np.where(np.isfinite(moved).all(), moved, place).astype(np.float32)
