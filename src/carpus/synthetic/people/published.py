"""How publishers write people down: fits, cameras, key points, boxes, lists of images and annotations."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.standin import standin_companions, standin_model
from carpus.bodies.standin_smpl import smplx_body
from carpus.geometry.camera import Camera
from carpus.synthetic.one_hand.sensor import encode_jpeg
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.figure import Fit
from carpus.synthetic.people.model import BODY, JAW, LEFT, RIGHT, file_order, placed, rest, rig
from carpus.synthetic.people.portrait import HeadFit
from carpus.synthetic.people.shot import Seen


def smplx_fit(fit: Fit) -> dict[str, Any]:
    """The numbers of an SMPL-X fit, whose frame is the caller's."""
    parts = {"root_pose": fit.turns[0], "body_pose": fit.turns[1:22], "jaw_pose": fit.turns[JAW]}
    parts |= {"lhand_pose": fit.turns[LEFT], "rhand_pose": fit.turns[RIGHT]}
    parts |= {"shape": fit.shape, "expr": fit.expression, "trans": fit.trans_m}
    return {name: numbers(values, 6) for name, values in parts.items()}


def smpl_fit(fit: Fit) -> dict[str, Any]:
    """The numbers of the SMPL fit of the same body: its rotations and coefficients, hands that are flat.

    The stand-ins' coefficients mean nearly the same in both models: joints are 0.5 mm apart in the mean, less
    than 5 mm at most.

    Args:
        fit: of SMPL-X, in the caller's frame.
    """
    turns = np.concatenate([fit.turns[BODY], np.zeros((2, 3))])
    _, joints = rest(rig("smplx", fit.gender), np.concatenate([fit.shape, fit.expression]))
    trans = joints[0] + fit.trans_m - rest(rig("smpl", fit.gender), fit.shape)[1][0]
    given = {"pose": turns, "shape": fit.shape, "trans": trans}
    return {**{name: numbers(values, 6) for name, values in given.items()}, "gender": fit.gender}


def flame_fit(head: HeadFit) -> dict[str, list[float]]:
    """The numbers of a FLAME fit, whose frame is the caller's."""
    parts = {"root_pose": head.root, "jaw_pose": head.jaw, "shape": head.shape}
    parts |= {"expr": head.expression, "trans": head.trans_m}
    return {name: numbers(values, 6) for name, values in parts.items()}


def mano_fit(fit: Fit, side: str) -> dict[str, Any]:
    """The numbers of the MANO fit of one of its hands: the nearest shape of the hand model.

    Args:
        fit: of SMPL-X in the camera's frame.
        side: ``right`` or ``left``.
    """
    ids = smplx_body().pieces[f"{side}_hand"]
    wrist, fingers = (20, LEFT) if side == "left" else (21, RIGHT)
    model = rig("smplx", fit.gender)
    vertices, joints = rest(model, np.concatenate([fit.shape, fit.expression]))
    arrays = standin_model("mano", side).arrays
    system, template = _hand_system(side)
    solved = system @ (vertices[ids] - joints[wrist] - template).ravel()
    shape = solved[:10].round(6)
    body = placed(model, file_order(fit.turns), np.concatenate([fit.shape, fit.expression]), fit.trans_m)
    turn = Rotation.from_matrix(body.turns[wrist]).as_rotvec()
    own = arrays["v_template"] + arrays["shapedirs"][..., :10] @ shape
    root = np.asarray(arrays["J_regressor"])[0] @ own
    pose = np.concatenate([turn[None], fit.turns[fingers]])
    given = {"pose": pose, "shape": shape, "trans": body.joints_m[wrist] - root}
    return {name: numbers(values, 6) for name, values in given.items()}


@lru_cache(maxsize=2)
def _hand_system(side: str) -> tuple[np.ndarray, np.ndarray]:
    """Matrix from changes of vertices about the wrist to a hand's ``(10,)`` shape; the vertices at rest."""
    arrays = standin_model("mano", side).arrays
    regressor = np.asarray(arrays["J_regressor"])[0]
    template, basis = arrays["v_template"], arrays["shapedirs"][..., :10]
    about = template - regressor @ template
    moved = (basis - np.einsum("v,vcs->cs", regressor, basis)).reshape(-1, 10)
    # Shapes that change little cost more than they gain.
    return np.linalg.solve(moved.T @ moved + 1e-6 * np.eye(10), moved.T), about


def camera_entry(camera: Camera) -> dict[str, list[float]]:
    """``focal`` and ``princpt`` of a fit's camera."""
    return {"focal": [camera.fx, camera.fy], "princpt": [camera.cx, camera.cy]}


def world_camera(view: View, to_world: np.ndarray) -> tuple[list[list[float]], list[float]]:
    """Rotation and translation in mm of a camera, as cameras of several views are published.

    Args:
        view: the camera.
        to_world: ``(3, 3)`` from the y-down world to the publisher's.
    """
    rotation = view.rotation @ to_world.T
    return rows(rotation, 10), numbers(-view.rotation @ view.position_mm, 5)


@lru_cache(maxsize=1)
def human36m_regressor() -> np.ndarray:
    """``(17, 10475)`` the stand-in's regressor of Human3.6M's joints."""
    return np.asarray(standin_companions()["Human36M/J_regressor_h36m_smplx.npy"], np.float64)


def numbers(values: np.ndarray, digits: int) -> list[float]:
    """Rounded numbers in one list."""
    return np.asarray(values, np.float64).ravel().round(digits).tolist()


def rows(values: np.ndarray, digits: int) -> list[list[float]]:
    """Rounded numbers in a list for every row."""
    return np.asarray(values, np.float64).round(digits).tolist()


class CocoLists:
    """The lists ``images`` and ``annotations`` of a file."""

    def __init__(self, first_id: int = 1) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self._next = first_id

    def image(self, name: str, size_wh: tuple[int, int], **more: Any) -> int:
        """One image; its id."""
        number = self._fresh()
        width, height = size_wh
        self.images.append({"id": number, "file_name": name, "width": width, "height": height, **more})
        return number

    def annotation(self, image: int, **more: Any) -> int:
        """One annotation of an image; its id."""
        number = self._fresh()
        self.annotations.append({"id": number, "image_id": image, "category_id": 1, **more})
        return number

    def write(self, path: Path) -> None:
        """The file."""
        category = [{"id": 1, "name": "person", "supercategory": "person"}]
        content = {"images": self.images, "annotations": self.annotations, "categories": category}
        write_json(path, content)

    def _fresh(self) -> int:
        self._next += 3
        return self._next


def box_entry(box: np.ndarray) -> list[float]:
    """x, y, width, height of a box."""
    return numbers(box, 2)


def person_entry(seen: Seen) -> dict[str, Any]:
    """What every annotation of a person has."""
    return {"bbox": box_entry(seen.box()), "area": seen.pixels, "iscrowd": 0}


def write_json(path: Path, content: Any) -> None:
    """A file without spaces, in a folder that is made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")))


def write_picture(path: Path, image: np.ndarray) -> None:
    """A JPEG in a folder that is made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(image))
