"""One RGB record to the crop around its hands, the part mask and the truth."""

from __future__ import annotations

import numpy as np

from carpus.data.augment import NoAugmentation
from carpus.data.augment_rgb import NoRgbAugmentation, RgbAugmentation
from carpus.data.rgb_crops import crop_box
from carpus.data.rgb_inputs import hand_inputs
from carpus.errors import ConfigError
from carpus.geometry.camera import Camera
from carpus.skeletons import Skeleton, get_skeleton
from carpus.types import Inputs, Record

_FOR_SCORES = ("joints_px", "joint_visible")


class DigitInputs:
    """What :func:`~carpus.data.rgb_inputs.hand_inputs` ships of a record, with the middle of its box.

    Args:
        skeleton: the dataset's joints, or their name; one hand or two.
        crop_px: side of the crop.
        mask_px: side of the part mask.
        augment: what is drawn for training samples; None for nothing.
    Raises:
        ConfigError: if the mask does not divide the crop.
    """

    def __init__(
        self,
        skeleton: Skeleton | str,
        crop_px: int = 256,
        mask_px: int = 128,
        augment: RgbAugmentation | NoAugmentation | None = None,
    ) -> None:
        if crop_px % mask_px or crop_px % 32:
            raise ConfigError(
                f"crop_px {crop_px}: must be a multiple of 32 and of mask_px {mask_px}, as the masks are "
                "every so manieth row and column of the crop"
            )
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        self.crop_px, self.mask_px = crop_px, mask_px
        if augment is not None and not isinstance(augment, RgbAugmentation | NoAugmentation):
            raise ConfigError(
                f"augment: {type(augment).__name__} is for depth; RGB crops take augment=digit or none"
            )
        self.augment = augment if isinstance(augment, RgbAugmentation) else NoRgbAugmentation()

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample, in training without what only scoring needs; reproducible by ``rng``."""
        augment = self.augment if train else NoRgbAugmentation()
        inputs = hand_inputs(record, augment.draw(rng), self.skeleton, self.crop_px, self.mask_px)
        if train:
            # Not every dataset has them: samples of several could not share a batch.
            inputs = {name: value for name, value in inputs.items() if name not in _FOR_SCORES}
        return {**inputs, "center_mm": _center_mm(record, np.asarray(inputs["hand_type"]))}


def _center_mm(record: Record, hand_type: np.ndarray) -> np.ndarray:
    """``(3,)`` float32: the middle of the box at the mean depth of the wrists that are there."""
    box = crop_box(record)
    depths = np.asarray(record.fields["root_depth_mm"], np.float64)
    depth = depths[hand_type.astype(bool)].mean() if hand_type.any() else depths.mean()
    camera = Camera.from_array(np.asarray(record.fields["camera"], np.float64))
    return camera.unproject(box[:2] + box[2:] / 2, np.asarray(depth)).astype(np.float32)
