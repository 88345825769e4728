"""AGORA's cameras: seven kinds of scenes, people placed in Unreal's world, and where pixels see them.

The world of a scene is Unreal's: centimetres, x forward, y right, z up, angles in degrees. A person's body
model stands in its own frame: metres, y up. Everything that leads from a model to a camera is one rotation
and one shift (:class:`Placement`), so parameters of a body model can be brought into the camera's frame
exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.geometry.camera import Camera

PUBLISHED_WH = (3840, 2160)
"""Width and height that labels are given for; the small pictures are a third of it."""
SENSOR_MM = (36.0, 20.25)

_TO_AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Unreal's axes to x right, y down, z forward."""
_MODEL_TO_AXES = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class SceneKind:
    """What is fixed for a kind of scene.

    Args:
        name: what a picture's name contains; empty for the kind that all other names are of.
        focal_mm: of the lens, for a sensor of 36 x 20.25 mm.
        position_cm: of the camera in the world; None where every picture has its own, with its own yaw.
        yaw_deg: of the camera, where the position is fixed.
        pitch_deg: of the camera.
        ground_m: what is added to people's places, x right, y down, z forward.
    """

    name: str
    focal_mm: float
    position_cm: tuple[float, float, float] | None
    yaw_deg: float
    pitch_deg: float
    ground_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


SCENE_KINDS = (
    SceneKind("hdri", 50.0, (0.0, 0.0, 170.0), 0.0, 0.0),
    SceneKind("cam00", 18.0, (400.0, -275.0, 265.0), 135.0, 30.0),
    SceneKind("cam01", 18.0, (400.0, 225.0, 265.0), -135.0, 30.0),
    SceneKind("cam02", 18.0, (-490.0, 170.0, 265.0), -45.0, 30.0),
    SceneKind("cam03", 18.0, (-490.0, -275.0, 265.0), 45.0, 30.0),
    SceneKind("ag2", 28.0, (0.0, 0.0, 170.0), 0.0, 15.0),
    SceneKind("", 28.0, None, 0.0, 0.0, (0.0, 1.7, 0.0)),
)
"""In the order in which a picture's name is compared with them."""


@dataclass(frozen=True)
class Placement:
    """From a person's own frame to the camera's: ``rotation @ point + shift_m``.

    Args:
        rotation: ``(3, 3)`` float64, proper.
        shift_m: ``(3,)`` float64.
    """

    rotation: np.ndarray
    shift_m: np.ndarray

    def __call__(self, points_m: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of the person's frame in the camera's, metres."""
        return np.asarray(points_m, np.float64) @ self.rotation.T + self.shift_m

    def inverse(self) -> Placement:
        """From the camera's frame to the person's."""
        return Placement(self.rotation.T, -self.rotation.T @ self.shift_m)


@dataclass(frozen=True)
class SceneCamera:
    """The camera of one picture.

    Args:
        kind: of its scene.
        position_cm: ``(3,)`` in Unreal's world.
        yaw_deg: of the camera in that world.
    """

    kind: SceneKind
    position_cm: tuple[float, float, float]
    yaw_deg: float

    @property
    def lens(self) -> Camera:
        """Intrinsics for the published size of 3840 x 2160."""
        fx, fy = (2 * self.kind.focal_mm / s * c / 2 for s, c in zip(SENSOR_MM, PUBLISHED_WH, strict=True))
        return Camera(fx, fy, PUBLISHED_WH[0] / 2, PUBLISHED_WH[1] / 2)

    @property
    def rotation(self) -> np.ndarray:
        """``(3, 3)`` from the world's axes right, down, forward to the camera's."""
        return _about_x(self.kind.pitch_deg) @ _about_y(-self.yaw_deg)

    @property
    def position_m(self) -> np.ndarray:
        """``(3,)`` where it is, right, down, forward."""
        return axes_of_unreal(self.position_cm)

    def place(self, position_cm: Sequence[float] | np.ndarray, yaw_deg: float) -> Placement:
        """Where a person stands.

        Args:
            position_cm: ``(3,)`` in Unreal's world.
            yaw_deg: of the person in that world.
        """
        stand = self.stand(position_cm, yaw_deg)
        view = self.rotation
        return Placement(view @ stand.rotation, view @ (stand.shift_m - self.position_m))

    def stand(self, position_cm: Sequence[float] | np.ndarray, yaw_deg: float) -> Placement:
        """From a person's own frame to the world's axes right, down, forward; see :meth:`place`."""
        shift = axes_of_unreal(position_cm) + self.kind.ground_m
        return Placement(_about_y(yaw_deg - 90) @ _MODEL_TO_AXES, shift)


def scene_kind(image: str) -> SceneKind:
    """The kind of scene of a picture's name; a folder before it does not count.

    Example:
        >>> scene_kind("train_0/ag_trainset_renderpeople_bfh_hdri_50mm_5_10_00001.png").focal_mm
        50.0
        >>> scene_kind("hdri/ag_trainset_3dpeople_bfh_archviz_5_10_cam02_00001.png").name
        'cam02'
    """
    name = image.replace("\\", "/").rsplit("/", 1)[-1]
    return next(kind for kind in SCENE_KINDS if kind.name in name)


def scene_camera(image: str, position_cm: Sequence[float] | np.ndarray, yaw_deg: float) -> SceneCamera:
    """The camera of a picture.

    Args:
        image: the picture's name, which tells the kind of scene.
        position_cm: ``(3,)`` published with the picture; used where the kind has no fixed place.
        yaw_deg: published with it, likewise.
    Example:
        >>> scene_camera("ag2_scene.png", (0, 0, 0), 0).lens.fx
        2986.6666666666665
    """
    kind = scene_kind(image)
    if kind.position_cm is not None:
        return SceneCamera(kind, kind.position_cm, kind.yaw_deg)
    x, y, z = (float(value) for value in position_cm)
    return SceneCamera(kind, (x, y, z), float(yaw_deg))


def axes_of_unreal(points_cm: Sequence[float] | np.ndarray) -> np.ndarray:
    """Points ``(*, 3)`` of Unreal's world in metres with axes right, down, forward.

    Example:
        >>> axes_of_unreal([300.0, 100.0, 170.0]).tolist()
        [1.0, -1.7, 3.0]
    """
    return np.asarray(points_cm, np.float64) / 100 @ _TO_AXES.T


def camera_frame_root(
    placement: Placement, root_pose: np.ndarray, trans_m: np.ndarray, pelvis_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Root rotation and translation of a body model that stands in the camera's frame.

    A body model turns about its pelvis, which does not lie in the origin: the shift depends on it.

    Args:
        placement: of the person.
        root_pose: ``(*, 3)`` axis-angle in the person's frame.
        trans_m: ``(*, 3)`` translation there.
        pelvis_m: ``(*, 3)`` the model's pelvis without translation.
    Returns:
        Axis-angle and translation ``(*, 3)`` float64; every joint and vertex of the model lies where
        ``placement`` takes it.
    Example:
        >>> turn = Placement(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 3.0]))
        >>> root, trans = camera_frame_root(turn, np.zeros(3), np.ones(3), np.array([0.0, -0.35, 0.0]))
        >>> trans.round(6).tolist()
        [1.0, -0.3, 2.0]
    """
    turned = Rotation.from_matrix(placement.rotation) * Rotation.from_rotvec(
        np.asarray(root_pose, np.float64)
    )
    pelvis = np.asarray(pelvis_m, np.float64)
    return turned.as_rotvec(), placement(pelvis + trans_m) - pelvis


def rigid_fit(points: np.ndarray, target: np.ndarray) -> Placement:
    """The rotation and shift, no scale, that bring points closest to their targets.

    Args:
        points, target: ``(J, 3)`` metres, at least three that are not on a line.
    Example:
        >>> rigid_fit(np.eye(3), np.eye(3) + [0.0, 0.0, 5.0]).shift_m.round(6).tolist()
        [0.0, 0.0, 5.0]
    """
    middle, goal = points.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((target - goal).T @ (points - middle))
    rotation = (u * [1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return Placement(rotation, goal - rotation @ middle)


def camera_in_crop(camera: np.ndarray, image_to_crop: np.ndarray) -> np.ndarray:
    """Intrinsics of a crop that is neither turned nor sheared.

    Args:
        camera: ``(4,)`` fx, fy, cx, cy of the image.
        image_to_crop: ``(2, 3)``.
    Example:
        >>> camera_in_crop(np.array([100.0, 100.0, 50.0, 40.0]), np.array([[0.5, 0, 1], [0, 0.5, -2]]))
        array([50., 50., 26., 18.])
    """
    fx, fy, cx, cy = np.asarray(camera, np.float64)
    a = np.asarray(image_to_crop, np.float64)
    return np.array([fx * a[0, 0], fy * a[1, 1], cx * a[0, 0] + a[0, 2], cy * a[1, 1] + a[1, 2]])


def published_pixels(points_px: np.ndarray, published_to_image: np.ndarray) -> np.ndarray:
    """Points of a record's picture in pixels of the large picture, in which results are scored.

    Args:
        points_px: ``(*, J, 2)`` in the crop or the small picture.
        published_to_image: ``(*, 2, 3)`` of the record.
    Example:
        >>> third = np.array([[1 / 3, 0, 0], [0, 1 / 3, 0]])
        >>> published_pixels(np.array([[10.0, 20.0]]), third).round(6).tolist()
        [[30.0, 60.0]]
    """
    linear, shift = published_to_image[..., :2], published_to_image[..., None, :, 2]
    return (points_px - shift) @ np.linalg.inv(linear.astype(np.float64)).swapaxes(-1, -2)


def _about_x(angle_deg: float) -> np.ndarray:
    return Rotation.from_euler("x", angle_deg, degrees=True).as_matrix()


def _about_y(angle_deg: float) -> np.ndarray:
    return Rotation.from_euler("y", angle_deg, degrees=True).as_matrix()
