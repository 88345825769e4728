"""Tiny published trees of whole-body datasets with random content, in their publishers' formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from carpus.data.sources import source_class
from carpus.data.whole_body_dataset import WholeBodyDataset
from carpus.data.whole_body_splits import PersonSplits

WIDTH, HEIGHT = 64, 48
CAMERA = {"focal": [900.0, 910.0], "princpt": [31.5, 23.5]}


def write_json(path: Path, content: Any) -> Path:
    """A JSON file, its folder made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_picture(path: Path, width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> bytes:
    """A JPEG or PNG picture; its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    data = cv2.imencode(path.suffix, pixels)[1].tobytes()
    path.write_bytes(data)
    return data


def image(number: int, name: str, **more: Any) -> dict[str, Any]:
    """An entry of ``images``."""
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT, **more}


def person(number: int, image_id: int, bbox: Any = (5.0, 6.0, 30.5, 35.25), **more: Any) -> dict[str, Any]:
    """An entry of ``annotations``."""
    return {"id": number, "image_id": image_id, "bbox": list(bbox), **more}


def smplx_fit(seed: int = 0, **more: Any) -> dict[str, Any]:
    """Parameters of SMPL-X as NeuralAnnot publishes them."""
    rng = np.random.default_rng(seed)
    sizes = {"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45, "jaw_pose": 3}
    sizes |= {"shape": 10, "expr": 10, "trans": 3}
    numbers = {name: rng.normal(0, 0.3, size).tolist() for name, size in sizes.items()}
    return {**numbers, "lhand_valid": True, "rhand_valid": False, "face_valid": True, **more}


def smpl_fit(seed: int = 0, **more: Any) -> dict[str, Any]:
    """Parameters of SMPL."""
    rng = np.random.default_rng(seed)
    sizes = {"pose": 72, "shape": 10, "trans": 3}
    return {**{name: rng.normal(0, 0.3, size).tolist() for name, size in sizes.items()}, **more}


def mano_fit(seed: int = 0) -> dict[str, Any]:
    """Parameters of MANO."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.3, n).tolist() for name, n in (("pose", 48), ("shape", 10), ("trans", 3))}


def flame_fit(seed: int = 0) -> dict[str, Any]:
    """Parameters of FLAME."""
    rng = np.random.default_rng(seed)
    sizes = {"root_pose": 3, "jaw_pose": 3, "shape": 10, "expr": 10, "trans": 3}
    return {name: rng.normal(0, 0.3, size).tolist() for name, size in sizes.items()}


def keypoints(seed: int, count: int, hidden: tuple[int, ...] = ()) -> list[float]:
    """u, v and visibility of some points, flat."""
    points = np.random.default_rng(seed).uniform(2, 40, (count, 3)).round(2)
    points[:, 2] = 2
    points[list(hidden)] = 0
    return points.reshape(-1).tolist()


def coco_person(number: int, image_id: int, seed: int = 0, **more: Any) -> dict[str, Any]:
    """A person of COCO-WholeBody with a valid left hand and face, without a right hand."""
    return person(
        number,
        image_id,
        **{"iscrowd": 0, "num_keypoints": 17, "keypoints": keypoints(seed, 17)},
        **{"foot_kpts": keypoints(seed + 1, 6), "face_kpts": keypoints(seed + 2, 68)},
        **{"lefthand_kpts": keypoints(seed + 3, 21), "righthand_kpts": [0.0] * 63},
        **{"lefthand_box": [3.0, 4.0, 10.5, 11.5], "righthand_box": [0.0] * 4},
        **{"face_box": [20.0, 2.0, 8.0, 9.0]},
        **{"lefthand_valid": True, "righthand_valid": False, "face_valid": True, "foot_valid": True},
    ) | dict(more)


def write_mscoco(root: Path) -> dict[str, Any]:
    """Five training people in two images, one of them a crowd; fits of two."""
    names = ["000000000009.jpg", "000000000025.jpg"]
    for seed, name in enumerate(names):
        write_picture(root / "images/train2017" / name, seed=seed)
    people = [
        coco_person(11, 9),
        coco_person(12, 25, 5),
        coco_person(13, 25, 9, iscrowd=1),
        coco_person(14, 9, 7, num_keypoints=0),
        coco_person(15, 25, 8),
    ]
    images = [image(9, names[0]), image(25, names[1])]
    content = {"info": {}, "images": images, "annotations": people}
    write_json(root / "annotations/coco_wholebody_train_v1.0.json", content)
    fits = {str(n): {"smplx_param": smplx_fit(n), "cam_param": CAMERA} for n in (11, 15, 99)}
    del fits["15"]["smplx_param"]["lhand_valid"], fits["15"]["smplx_param"]["rhand_valid"]
    write_json(root / "annotations/MSCOCO_train_SMPLX_all_NeuralAnnot.json", fits)
    hands = {
        str(n): {"left": {"mano_param": mano_fit(n), "cam_param": CAMERA}, "right": None} for n in (11, 12)
    }
    write_json(root / "annotations/MSCOCO_train_MANO_NeuralAnnot.json", hands | {"15": {"left": None}})
    smpl = {str(n): {"smpl_param": smpl_fit(n), "cam_param": CAMERA} for n in (11, 15)}
    write_json(root / "annotations/MSCOCO_train_SMPL_NeuralAnnot.json", smpl)
    faces = {str(n): {"flame_param": flame_fit(n), "cam_param": CAMERA} for n in (11, 12)}
    write_json(root / "annotations/MSCOCO_train_FLAME_NeuralAnnot.json", faces)
    by_id = {entry["id"]: entry for entry in people}
    return {"people": by_id, "fits": fits, "hands": hands, "smpl": smpl, "faces": faces}


def write_mpii(root: Path) -> dict[str, Any]:
    """Two people in COCO's form, a fit of one."""
    folder = root / "data"
    for seed in (1, 2):
        write_picture(folder / f"images/00{seed}.jpg", seed=seed)
    people = [person(n, n, keypoints=keypoints(n, 16, hidden=(n,))) for n in (1, 2)]
    content = {"images": [image(n, f"images/00{n}.jpg") for n in (1, 2)], "annotations": people}
    write_json(folder / "annotations/train.json", content)
    fits = {"2": {"smplx_param": smplx_fit(2), "cam_param": CAMERA}}
    write_json(folder / "annotations/MPII_train_SMPLX_NeuralAnnot.json", fits)
    smpl = {"2": {"smpl_param": smpl_fit(2), "cam_param": CAMERA}}
    write_json(folder / "annotations/MPII_train_SMPL_NeuralAnnot.json", smpl)
    return {"people": people, "fits": fits, "smpl": smpl}


def world_camera(seed: int, names: tuple[str, str, str, str]) -> dict[str, Any]:
    """A camera that looks at the world's origin from three metres away."""
    rng = np.random.default_rng(seed)
    rotation, _ = cv2.Rodrigues(rng.normal(0, 1, 3))
    values = (rotation.tolist(), [20.0 * seed, -30.0, 3000.0], [100.0, 101.0], [32.0, 24.0])
    return dict(zip(names, values, strict=True))


def write_human36m(root: Path, subjects: tuple[int, ...], frames: range = range(0, 11)) -> dict[str, Any]:
    """Frames of one action seen by cameras 1 and 4."""
    made: dict[str, Any] = {}
    for subject in subjects:
        images, people, number = [], [], 0
        for camera in (1, 4):
            for frame in frames:
                name = f"s_{subject:02d}_act_02_subact_01_ca_{camera:02d}/{frame:06d}.jpg"
                write_picture(root / "images" / name, seed=number)
                place = {"subject": subject, "action_idx": 2, "subaction_idx": 1, "cam_idx": camera}
                images.append(image(number, name, frame_idx=frame, **place))
                people.append(person(1000 * subject + number, number))
                number += 1
        rng = np.random.default_rng(subject)
        joints = {str(f): rng.uniform(-700, 700, (17, 3)).round(3).tolist() for f in frames}
        fits = {str(f): smplx_fit(f, lhand_valid=False) for f in frames}
        cameras = {str(c): world_camera(c, ("R", "t", "f", "c")) for c in (1, 4)}
        smpl = {str(f): smpl_fit(f) for f in frames}
        kinds = {"camera": cameras, "joint_3d": {"2": {"1": joints}}, "SMPLX_NeuralAnnot": {"2": {"1": fits}}}
        kinds |= {"SMPL_NeuralAnnot": {"2": {"1": smpl}}, "data": {"images": images, "annotations": people}}
        for kind, content in kinds.items():
            write_json(root / f"annotations/Human36M_subject{subject}_{kind}.json", content)
        made[str(subject)] = {"joints": joints, "fits": fits, "cameras": cameras, "smpl": smpl}
    return made


def write_3dhp(root: Path) -> dict[str, Any]:
    """Frames 0 to 6 of one sequence, seen by camera 8."""
    folder = root / "data"
    images, people = [], []
    for frame in range(7):
        name = f"img_S1_Seq2_V8_{frame:06d}.jpg"
        write_picture(folder / "images_1k/S1/Seq2/imageSequence" / name, seed=frame)
        images.append(image(frame, name, subject_idx=1, seq_idx=2, cam_idx=8, frame_idx=frame))
        people.append(person(frame, frame))
    rng = np.random.default_rng(1)
    joints = {str(f): rng.uniform(-700, 700, (17, 3)).round(3).tolist() for f in range(7)}
    camera, fits = world_camera(8, ("R", "t", "focal", "princpt")), {str(f): smplx_fit(f) for f in range(7)}
    names = {"1k": {"images": images, "annotations": people}, "joint_3d": {"1": {"2": joints}}}
    names |= {"camera_1k": {"1": {"2": {"8": camera}}}, "SMPLX_NeuralAnnot": {"1": {"2": fits}}}
    smpl = {str(f): smpl_fit(f) for f in range(7)}
    names["SMPL_NeuralAnnot"] = {"1": {"2": smpl}}
    for name, content in names.items():
        write_json(folder / f"MPI-INF-3DHP_{name}.json", content)
    return {"joints": joints, "camera": camera, "fits": fits, "smpl": smpl}


def write_pw3d(root: Path, split: str = "test") -> list[dict[str, Any]]:
    """Two people of both genders in one picture."""
    write_picture(root / "imageFiles/downtown/image_00000.jpg")
    images = [image(3, "image_00000.jpg", sequence="downtown", cam_param=CAMERA)]
    people = [person(n, 3, smpl_param=smpl_fit(n, gender=g)) for n, g in ((1, "male"), (2, "female"))]
    write_json(root / f"data/3DPW_{split}.json", {"images": images, "annotations": people})
    return people


def dataset_of(source: Any, root: Path, packs: Path, splits: Any = None, **options: Any) -> WholeBodyDataset:
    """A dataset made of a tree."""
    chosen = splits or PersonSplits(train="train", val="train", test="train", val_fraction=0.5)
    name = options.pop("name", None) or source_class(source).name
    return WholeBodyDataset(name, root, source, packs, chosen, **options)


def posed_m(fields, layer):
    """Vertices and joints of a record's fit in the camera's frame, metres, by the model's layer."""

    def row(values):
        return torch.tensor(np.asarray(values, np.float32).reshape(1, -1))

    names = ("pose", "shape", "trans_m", "expr")
    made = layer(**{name: row(fields[f"model_{name}"]) for name in names if f"model_{name}" in fields})
    vertices, joints = (np.float64(values[0]) for values in (made.vertices_m, made.joints_m))
    if "model_rotation" in fields:
        turn, shift = fields["model_rotation"], fields["model_translation_m"]
        return vertices @ turn.T + shift, joints @ turn.T + shift
    return vertices, joints
