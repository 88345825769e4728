"""A split's annotation in the published JSON schema, with the gaps the published set has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.mano import SIDES
from carpus.data.sources.interhand26m.layout import annotation_file, rootnet_file, skeleton_file
from carpus.geometry.crops import square_box
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED
from carpus.synthetic.two_hands.moment import HandFit, Moment
from carpus.synthetic.two_hands.schedule import Sequence
from carpus.synthetic.two_hands.studio import StudioCamera

PLACEHOLDER_MM = 1.0
"""Every coordinate of a missing joint."""
BOX_MARGIN = 1.2
_MISSING_JOINT = 0.015
_DEPTH_SIGMA_MM = 20.0
_FIRST_ID, _ID_STEP = 17, 3


class SplitLabels:
    """Collects a split's annotation and writes its files.

    Some joints are missing, now and then a wrist; some frames have no fit, or one hand has none; fits are a
    millimetre off, in val sometimes far more; both forms of ``joint_valid`` occur.

    Args:
        split: ``train``, ``val`` or ``test``.
    """

    def __init__(self, split: str) -> None:
        self.split = split
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.cameras: dict[str, dict[str, dict[str, Any]]] = {}
        self.joints: dict[str, dict[str, Any]] = {}
        self.fits: dict[str, dict[str, Any]] = {}
        self.rootnet: list[dict[str, Any]] = []
        self._moments = 0

    def add_moment(self, sequence: Sequence, frame: int, moment: Moment, rng: np.random.Generator) -> None:
        """Joints and fits of a moment; its images are added after it.

        Args:
            sequence: it belongs to.
            frame: its number.
            moment: the truth.
            rng: of what is missing.
        """
        capture, name, number = str(sequence.capture), str(frame), self._moments
        self._moments += 1
        world = np.full((len(INTERHAND), 3), PLACEHOLDER_MM)
        valid = np.zeros(len(INTERHAND), bool)
        for side, joints in moment.joints_mm.items():
            rows = [hand == SIDES.index(side) for hand in INTERHAND.hand_of]
            world[rows] = joints
            valid[rows] = rng.uniform(size=len(joints)) >= _MISSING_JOINT
            if number % 31 == 19:
                valid[INTERHAND.roots[SIDES.index(side)]] = False
        world[~valid] = PLACEHOLDER_MM
        self.joints.setdefault(capture, {})[name] = {
            "world_coord": world.round(4).tolist(),
            "joint_valid": valid[:, None].tolist(),
            "hand_type": hand_type(sequence.sides),
            "hand_type_valid": number % 29 != 11,
        }
        fits = self.fits.setdefault(capture, {})
        if number % 23 != 7:
            fits[name] = self._published_fits(moment, number, rng)

    def add_image(
        self, sequence: Sequence, frame: int, camera: StudioCamera, rng: np.random.Generator
    ) -> str:
        """One image of the moment added for that frame; its path below ``images/<split>``."""
        truth = self.joints[str(sequence.capture)][str(frame)]
        number, place = _FIRST_ID + _ID_STEP * len(self.images), str(sequence.capture)
        path = f"Capture{place}/{sequence.name}/cam{camera.name}/image{frame}.jpg"
        width, height = camera.size_wh
        self.images.append(
            {
                "id": number,
                "file_name": path,
                "width": width,
                "height": height,
                "capture": sequence.capture,
                "subject": sequence.person,
                "seq_name": sequence.name,
                "camera": camera.name,
                "frame_idx": frame,
            }
        )
        valid = np.array(truth["joint_valid"])[:, 0]
        joints = camera.to_camera(np.array(truth["world_coord"]))
        box = _box(camera.camera.project(joints[valid]))
        listed = [int(v) for v in valid] if len(self.images) % 5 == 3 else [[int(v)] for v in valid]
        self.annotations.append(
            {
                "id": number,
                "image_id": number,
                "bbox": box.tolist(),
                "joint_valid": listed,
                "hand_type": truth["hand_type"],
                "hand_type_valid": int(truth["hand_type_valid"]),
            }
        )
        self._add_camera(place, camera)
        if self.split != "train":
            self._add_rootnet(number, box, joints, valid, rng)
        return path

    def write(self, root: Path, rng: np.random.Generator) -> None:
        """All files of the split.

        Args:
            root: the tree.
            rng: of RootNet's order.
        """
        contents = {
            "data": {"images": self.images, "annotations": self.annotations},
            "camera": self.cameras,
            "joint_3d": self.joints,
            "MANO_NeuralAnnot": self.fits,
        }
        for kind, content in contents.items():
            _write_json(annotation_file(root, self.split, kind), content)
        if self.split != "train":
            order = rng.permutation(len(self.rootnet))
            file = rootnet_file(root / "rootnet_output", self.split)
            _write_json(file, [self.rootnet[place] for place in order])

    def _published_fits(self, moment: Moment, number: int, rng: np.random.Generator) -> dict[str, Any]:
        fits: dict[str, Any] = dict.fromkeys(SIDES)
        for side, fit in moment.fits.items():
            shift = rng.normal(0, 4e-4, 3)
            if self.split == "val" and number % 17 == 9:
                shift += 0.04 * np.array([0.6, 0.0, 0.8])
            turned = fit.pose + rng.normal(0, 0.008, fit.pose.shape)
            fits[side] = _fit_json(HandFit(turned, fit.shape, fit.trans_m + shift))
        if len(moment.fits) == 2 and number % 23 == 15:
            fits[SIDES[number % 2]] = None
        return fits

    def _add_camera(self, capture: str, camera: StudioCamera) -> None:
        parts = self.cameras.setdefault(capture, {"campos": {}, "camrot": {}, "focal": {}, "princpt": {}})
        lens = camera.camera
        parts["campos"][camera.name] = camera.position_mm.tolist()
        parts["camrot"][camera.name] = camera.rotation.tolist()
        parts["focal"][camera.name] = [lens.fx, lens.fy]
        parts["princpt"][camera.name] = [lens.cx, lens.cy]

    def _add_rootnet(
        self, number: int, box: np.ndarray, joints: np.ndarray, valid: np.ndarray, rng: np.random.Generator
    ) -> None:
        """The true box as methods crop it; wrist depths some centimetres off, also for an absent hand."""
        roots = np.array(INTERHAND.roots)
        seen = joints[valid, 2].mean() if valid.any() else PLACEHOLDER_MM
        depth = np.where(valid[roots], joints[roots, 2], seen) + rng.normal(0, _DEPTH_SIGMA_MM, 2)
        square = [float(value) for value in square_box(box)]
        self.rootnet.append({"annot_id": number, "bbox": square, "abs_depth": depth.round(3).tolist()})


def hand_type(sides: tuple[str, ...]) -> str:
    """The published word for the hands that are shown."""
    return "interacting" if len(sides) == 2 else sides[0]


def write_tables(root: Path, people: dict[str, list[int]]) -> None:
    """``skeleton.txt`` and ``subject.txt``.

    Args:
        root: the tree.
        people: split to the person of every capture.
    """
    joints = zip(INTERHAND_PUBLISHED, INTERHAND.parents, strict=True)
    lines = ["# joint_name joint_id parent_id", *(f"{n} {i} {p}" for i, (n, p) in enumerate(joints))]
    path = skeleton_file(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    rows = [f"{split} Capture{c} {p}" for split, found in people.items() for c, p in enumerate(found)]
    path.with_name("subject.txt").write_text("\n".join(["# split capture subject", *rows]) + "\n")


def _fit_json(fit: HandFit) -> dict[str, list[float]]:
    parts = {"pose": fit.pose, "shape": fit.shape, "trans": fit.trans_m}
    return {name: values.round(6).tolist() for name, values in parts.items()}


def _box(pixels: np.ndarray) -> np.ndarray:
    """``(4,)`` the tight box of pixels ``(n, 2)``, enlarged about its centre."""
    if not len(pixels):
        return np.zeros(4)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    size = BOX_MARGIN * (high - low)
    return np.concatenate([0.5 * (low + high) - 0.5 * size, size])


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")))
