"""One depth record to the prepared arrays a model reads, computed here and sent without their empty cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from carpus.data.augment import CubeAugmentation, CubeMove, NoAugmentation
from carpus.data.depth_images import decode_depth
from carpus.data.fields import center_of, truth_of
from carpus.data.prepared import Frame, Key, MovedFrame, prepare
from carpus.data.prepared.records import FIELD, WHOLE_MM_CODINGS
from carpus.data.results import frame_numbers
from carpus.errors import ConfigError, unknown
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from carpus.methods.depth_cr.model import guide_keys, guide_maps, input_key
from carpus.methods.depth_cr.wire import compact
from carpus.nets.depth_cr import Composition
from carpus.types import Inputs, Record

OUTSIDE = ("error", "mask")


class DepthCRInputs:
    """Decodes a depth image and prepares the network's input and the targets of its maps.

    Per sample: ``net_input`` and ``guide`` as :func:`~carpus.methods.depth_cr.wire.compact` sends them,
    ``label_target`` ``(J,)`` int64 with ``label_valid`` ``(J,)``; ``camera`` ``(4,)``, ``center_mm``
    ``(3,)``, ``image_size`` ``(2,)`` (H, W); and what the record offers of ``joints_cam_mm`` ``(J, 3)``
    and ``joint_valid`` ``(J,)``. What the record brings from a store of prepared types is not computed again.

    Args:
        model: the composition.
        cube_mm: edge of the hand's cube.
        depth_range_mm: valid depth, both ends excluded.
        augment: what is drawn for training samples; None for nothing, as published.
        outside: training joints outside the cube that need a voxel are an ``error``, or ``mask`` leaves
            them out of the loss, as it always is when scoring.
        corrected_z, unit_peak: draw ``udir2`` and ``hmap2`` otherwise than published, see
            :class:`~carpus.data.prepared.Frame`.
        decode: from bytes and their coding to ``(H, W)`` float32 mm, 0 where nothing was measured.
    Raises:
        ConfigError: for an unknown ``outside``, or an augmentation the network's input cannot show.
    """

    def __init__(
        self,
        model: Composition,
        cube_mm: float,
        depth_range_mm: tuple[float, float],
        augment: CubeAugmentation | NoAugmentation | None = None,
        outside: str = "error",
        corrected_z: bool = False,
        unit_peak: bool = False,
        decode: Callable[[bytes, str], np.ndarray] = decode_depth,
    ) -> None:
        if outside not in OUTSIDE:
            raise ConfigError(unknown("outside", outside, OUTSIDE))
        self.model, self.outside = model, outside
        self.half_mm = cube_mm / 2
        self.depth_range_mm = (float(depth_range_mm[0]), float(depth_range_mm[1]))
        self.input, self.guides = input_key(model), guide_keys(model)
        self.augment = self._checked(augment)
        self.corrected_z, self.unit_peak = corrected_z, unit_peak
        self._decode = decode

    @property
    def prepared_types(self) -> list[Key]:
        """What the network reads and its maps are compared with."""
        return [self.input, *self.guides]

    @property
    def stored_types(self) -> list[Key]:
        """What a store may bring: none of it if something is drawn otherwise than stores hold it."""
        return [] if self.augment or self.corrected_z or self.unit_peak else self.prepared_types

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample."""
        truth = _center_as_joint(record) if self.model.locates else truth_of(record)
        move = self.augment.draw(rng) if train and self.augment else None
        frame, label_valid = self._frame(record, truth, train, move)
        wanted = self.prepared_types if frame.joints else [self.input]
        made = prepare(frame, wanted, self._stored(record))
        seen = made[self.input.name]
        channels = (*(self.model.input.side,) * self.model.input.dim, self.model.input.channels)
        return {
            **compact("net_input", seen.reshape(channels), self.input.type),
            **(self._targets(made, label_valid) if frame.joints else {}),
            "camera": frame.camera.to_array().astype(np.float32),
            "center_mm": frame.cube.center.astype(np.float32),
            "image_size": np.array(frame.image_size, np.int64),
            **truth,
        }

    def frame(self, record: Record) -> Frame:
        """The record as prepared types read it, for pictures; its number is that of its key."""
        frame, _ = self._frame(record, truth_of(record), train=False)
        return replace(frame, index=int(frame_numbers([record.key])[0]))

    def _frame(
        self, record: Record, truth: Inputs, train: bool, move: CubeMove | None = None
    ) -> tuple[Frame, np.ndarray]:
        """The record as prepared types read it, and which joints can have a voxel; a move changes ``truth``.

        Joints that are not to count lie in the cube's middle, where every type is defined.
        """
        coding = str(record.fields["depth_coding"])
        cube = self._cube(record)
        if move is not None:
            cube = replace(cube, center_mm=tuple((cube.center + move.shift_mm).tolist()))
            if "joints_cam_mm" in truth:
                moved = move.apply(np.asarray(truth["joints_cam_mm"], np.float64), cube.center)
                truth["joints_cam_mm"] = moved.astype(np.float32)
        joints, counted = np.zeros((0, 3)), np.zeros(0, bool)
        if "joints_cam_mm" in truth and not self.model.locates:
            joints, counted = np.asarray(truth["joints_cam_mm"], np.float64), np.asarray(truth["joint_valid"])
            # What the data has outside is an error, what a draw has put there is not.
            lenient = self.outside == "mask" or not train or move is not None
            if "label" in self.model.guide.parts and lenient:
                counted = counted & cube.contains(np.where(counted[:, None], joints, cube.center))
            joints = np.where(counted[:, None], joints, cube.center)
        frame = MovedFrame(
            depth_mm=self._decode(record.images["depth"], coding),
            camera=Camera.from_array(np.asarray(record.fields["camera"], np.float64)),
            cube=cube,
            depth_range_mm=self.depth_range_mm,
            joints_cam_mm=joints,
            whole_mm=coding in WHOLE_MM_CODINGS,
            corrected_z=self.corrected_z,
            unit_peak=self.unit_peak,
            move=move,
        )
        return frame, counted

    def _checked(self, augment: CubeAugmentation | NoAugmentation | None) -> CubeAugmentation | None:
        """The augmentation, or None where nothing is drawn."""
        if augment is None or isinstance(augment, NoAugmentation):
            return None
        if not isinstance(augment, CubeAugmentation):
            raise ConfigError(
                f"augment: {type(augment).__name__} moves a voxel grid; depth CR takes augment=cube or none"
            )
        if self.model.locates or (augment.turns and self.model.input.kind == "crop2"):
            raise ConfigError(
                f"augment: input {self.model.input.name} shows the image as it is; use augment=none"
                + ("" if self.model.locates else ", or augment.angle_deg=0 'augment.scale_percent=[100,100]'")
            )
        return augment

    def _cube(self, record: Record) -> Cube:
        """The hand's cube; a localiser that is to find one gets the middle of the range."""
        if self.model.locates and "center_mm" not in record.fields:
            return Cube((0.0, 0.0, sum(self.depth_range_mm) / 2), self.half_mm)
        return Cube.from_array(np.array([self.half_mm, *center_of(record)]))

    def _stored(self, record: Record) -> dict[Key, np.ndarray]:
        """What the record brings from stores."""
        fields = record.fields
        return {
            key: np.asarray(fields[FIELD + key.name])
            for key in self.stored_types
            if FIELD + key.name in fields
        }

    def _targets(self, made: Mapping[str, np.ndarray], label_valid: np.ndarray) -> Inputs:
        """Label numbers, or the guide's maps with the channels it asks for."""
        if "label" in self.model.guide.parts:
            labels = made[self.guides[0].name].astype(np.int64)
            return {"label_target": labels, "label_valid": label_valid}
        if not guide_maps(self.model):
            return {}
        maps = np.concatenate([made[key.name] for key in self.guides], axis=-1)
        return compact("guide", maps[..., : len(label_valid) * self.model.guide.channels_per_joint])


def _center_as_joint(record: Record) -> Inputs:
    """What a localiser should find, in the place of joints."""
    if "center_mm" not in record.fields:
        return {}
    return {"joints_cam_mm": center_of(record)[None].astype(np.float32), "joint_valid": np.ones(1, bool)}
