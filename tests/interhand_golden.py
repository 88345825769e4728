"""Golden items of DIGIT: what they hold, and the published entries they were made of."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from carpus.data.sources.interhand26m.records import to_world


def load(path):
    data = np.load(path)
    return SimpleNamespace(id=int(path.stem.split("_")[-1]), **{name: data[name] for name in data})


def before_cropping(path):
    """The item without augmentation, which alone holds the state before cropping."""
    plain = path.with_name(f"dataset_gt_{path.stem.split('_')[-1]}.npz")
    return load(plain) if plain.is_file() else None


def knows_before(path):
    """Whether the state before cropping of an item is known."""
    return before_cropping(path) is not None or "dataset" in path.name


def entries_of(path):
    """Image, annotation, camera and world joints of an item that is not among the real frames."""
    item = before_cropping(path) or load(path)
    _, file_name = str(item.m_im_path).split("/images/")[1].split("/", 1)
    height, width = item.m_hw_size.tolist()
    box = item.pre_bbox.astype(np.float64)
    side = box[2] / 1.25
    centre = box[:2] + box[2:] / 2
    image = {"id": item.id, "file_name": file_name, "width": width, "height": height, "subject": 0}
    image |= {"capture": int(item.m_capture), "camera": str(item.m_cam), "frame_idx": int(item.m_frame)}
    truth = {"id": item.id, "image_id": item.id, "bbox": [*(centre - side / 2), side, side]}
    truth |= {"joint_valid": item.pre_joint_valid.astype(int).tolist(), "hand_type": str(item.pre_hand_type)}
    rotation, position = item.m_camrot[None], item.m_campos[None]
    world = to_world(item.pre_joint_cam[None].astype(np.float64), rotation, position)[0]
    camera = {
        "campos": item.m_campos,
        "camrot": item.m_camrot,
        "focal": item.m_focal,
        "princpt": item.m_princpt,
    }
    return {**image, "seq_name": file_name.split("/")[1]}, {**truth, "hand_type_valid": 1}, camera, world


def add_items(content, paths):
    """The items' entries, put before the real frames: that is how the published items were numbered."""
    known = {image["id"] for image in content["data"]["images"]}
    for path in paths:
        image, truth, camera, world = entries_of(path)
        if image["id"] in known:
            continue
        known.add(image["id"])
        content["data"]["images"].insert(0, image)
        content["data"]["annotations"].insert(0, truth)
        capture = str(image["capture"])
        for name, value in camera.items():
            content["camera"].setdefault(capture, {}).setdefault(name, {})[image["camera"]] = value.tolist()
        frames = content["joint_3d"].setdefault(capture, {})
        frames[str(image["frame_idx"])] = {"world_coord": world.tolist(), "joint_valid": [[1]] * 42}
