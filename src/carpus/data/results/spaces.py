"""In which space, unit and order each dataset's result files hold joints, and the way to and from ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from carpus.errors import ConfigError, DataError, unknown
from carpus.geometry.camera import Camera
from carpus.skeletons import HANDS17, ICVL, ITOP, MSRA, NYU, Skeleton

SPACES: Mapping[str, str] = {
    "cam": "camera space of Carpus: mm, x right, y down, z forward",
    "xyz": "camera space as the dataset publishes it: its unit, its direction of y, z forward",
    "xyz_negated": "mm, y up and z negative, as in MSRA's joint.txt and in files made from it",
    "uvd": "pixel column, pixel row, depth in the dataset's unit",
}
CONSTANTS = ("data", "evaluator")


@dataclass(frozen=True)
class Convention:
    """How result files of a dataset are laid out.

    Args:
        dataset: its name.
        skeleton: joints in file order.
        data_camera: intrinsics that belong to the images, in our frame (y down).
        evaluator_camera: intrinsics the public evaluator applies to prediction and truth alike.
        y_up: whether published camera-space joints have y up.
        unit_mm: millimetres per published unit.
        named: whether each line of a submission starts with the image name (tab-separated).
        frames: known numbers of test frames, and what each means.
    """

    dataset: str
    skeleton: Skeleton
    data_camera: Camera
    evaluator_camera: Camera
    y_up: bool
    unit_mm: float = 1.0
    named: bool = False
    frames: Mapping[int, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """``mm`` or ``m``."""
        return "m" if self.unit_mm == 1000.0 else "mm"

    def camera(self, constants: str) -> Camera:
        """The camera behind the name ``data`` or ``evaluator``."""
        if constants not in CONSTANTS:
            raise ConfigError(unknown("camera constants", constants, CONSTANTS))
        return self.evaluator_camera if constants == "evaluator" else self.data_camera


_MSRA_CAMERA = Camera(241.42, 241.42, 160.0, 120.0)
_HANDS17_CAMERA = Camera(475.065948, 475.065857, 315.944855, 245.287079)
_ITOP_CAMERA = Camera(1 / 0.0035, 1 / 0.0035, 160.0, 120.0)

CONVENTIONS: Mapping[str, Convention] = {
    entry.dataset: entry
    for entry in (
        Convention(
            "msra",
            MSRA,
            _MSRA_CAMERA,
            _MSRA_CAMERA,
            y_up=True,
            frames={
                76_391: "the newer release (centre files and V2V's figures)",
                76_375: "the older release (public test list, yaw and pitch file, other methods' files)",
            },
        ),
        Convention(
            "icvl",
            ICVL,
            _MSRA_CAMERA,
            Camera(240.99, 240.96, 160.0, 120.0),
            y_up=False,
            frames={1_596: "both test sequences", 702: "test sequence 1", 894: "test sequence 2"},
        ),
        Convention(
            "nyu",
            NYU,
            Camera(588.036865, 587.075073, 320.0, 240.0),
            Camera(588.03, 587.07, 320.0, 240.0),
            y_up=True,
            frames={8_252: "the test split", 72_757: "the training split"},
        ),
        Convention(
            "hands17",
            HANDS17,
            _HANDS17_CAMERA,
            _HANDS17_CAMERA,
            y_up=False,
            named=True,
            frames={295_510: "the frame-based test set", 957_032: "the training set"},
        ),
        Convention(
            "itop",
            ITOP,
            _ITOP_CAMERA,
            _ITOP_CAMERA,
            y_up=True,
            unit_mm=1000.0,
            frames={10_501: "all test frames of a view", 4_863: "the valid test frames of the side view"},
        ),
    )
}


def convention(dataset: str) -> Convention:
    """The convention of a dataset, or of the dataset a twin such as ``msra_synthetic`` imitates.

    Raises:
        ConfigError: naming the nearest one that exists.
    Example:
        >>> convention("itop_side").unit
        'm'
    """
    name = dataset if dataset in CONVENTIONS else dataset.split("_")[0]
    if name not in CONVENTIONS:
        raise ConfigError(unknown("dataset of result files", dataset, CONVENTIONS))
    return CONVENTIONS[name]


def check_space(space: str) -> None:
    """Refuse a space nobody knows.

    Raises:
        ConfigError: naming the nearest one that exists.
    """
    if space not in SPACES:
        raise ConfigError(unknown("space", space, SPACES))


def to_cam_mm(values: np.ndarray, rules: Convention, space: str, constants: str = "data") -> np.ndarray:
    """Joints of a file in our frame.

    Args:
        values: ``(N, J, 3)`` as in the file.
        rules: the dataset's convention.
        space: one of :data:`SPACES`.
        constants: whose intrinsics to use for pixels, ``data`` or ``evaluator``.
    Returns:
        ``(N, J, 3)`` float64 mm, x right, y down, z forward.
    Example:
        >>> to_cam_mm(np.array([[[1.0, 2.0, 300.0]]]), convention("nyu"), "xyz")
        array([[[  1.,  -2., 300.]]])
    """
    check_space(space)
    values = np.asarray(values, dtype=np.float64)
    if space == "cam":
        return values
    if space == "uvd":
        scaled = values * np.array([1.0, 1.0, rules.unit_mm])
        return rules.camera(constants).uvd_to_xyz(scaled)
    return values * _axis_factors(rules, space)


def from_cam_mm(
    joints_cam_mm: np.ndarray, rules: Convention, space: str, constants: str = "data"
) -> np.ndarray:
    """Joints of our frame as a file of that space holds them; the inverse of :func:`to_cam_mm`.

    Args:
        joints_cam_mm: ``(N, J, 3)``.
        rules: the dataset's convention.
        space: one of :data:`SPACES`.
        constants: whose intrinsics to use for pixels, ``data`` or ``evaluator``.
    Returns:
        ``(N, J, 3)`` float64.
    """
    check_space(space)
    joints = np.asarray(joints_cam_mm, dtype=np.float64)
    if space == "cam":
        return joints
    if space == "uvd":
        return rules.camera(constants).xyz_to_uvd(joints) / np.array([1.0, 1.0, rules.unit_mm])
    return joints / _axis_factors(rules, space)


def _axis_factors(rules: Convention, space: str) -> np.ndarray:
    """``(3,)`` what a file's x, y, z are multiplied by to become ours."""
    if space == "xyz_negated":
        return np.array([1.0, -1.0, -1.0])
    return rules.unit_mm * np.array([1.0, -1.0 if rules.y_up else 1.0, 1.0])


def detect_space(values: np.ndarray, rules: Convention, where: str = "the file") -> str:
    """Tell pixels from camera space by the sign of coordinates, and refuse another unit.

    A hand or body filmed by a centred camera has negative x or y in some joint of some frame, pixels do not.

    Args:
        values: ``(N, J, 3)``.
        rules: the dataset's convention.
        where: the file, for the error.
    Returns:
        ``uvd``, ``xyz`` or ``xyz_negated``.
    Raises:
        DataError: if the depths cannot be in the dataset's unit.
    """
    depth = float(np.nanmedian(values[..., 2])) if np.isfinite(values[..., 2]).any() else float("nan")
    _check_unit(abs(depth), rules, where)
    if depth < 0:
        return "xyz_negated"
    negative = (values[..., :2] < 0).any(axis=-1)
    # Single joints predicted beyond the image border are still pixels.
    return "xyz" if negative.mean() > 0.02 else "uvd"


def _check_unit(depth: float, rules: Convention, where: str) -> None:
    low, high = (0.2, 20.0) if rules.unit == "m" else (50.0, 20_000.0)
    if not low <= depth <= high:
        raise DataError(
            f"{where}: the median depth is {depth:g}, which cannot be {rules.unit}, the unit of "
            f"{rules.dataset}; convert the file to {rules.unit}, or name its space if that is not depth"
        )
