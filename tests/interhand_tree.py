"""InterHand2.6M trees in the published layout: of the real sample frames, and invented ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import lmdb
import numpy as np

from carpus.data.rgb_dataset import RgbDataset
from carpus.data.sources.interhand26m import InterHand26M
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED

SAMPLES = Path(__file__).parent / "samples" / "interhand2.6m"
SPLIT = "InterHand2.6M_{split}_{kind}.json"


def load_samples() -> dict:
    """The three JSON files of the real frames."""
    folder = SAMPLES / "annotations" / "test"
    kinds = ("data", "camera", "joint_3d")
    return {kind: json.loads((folder / SPLIT.format(split="test", kind=kind)).read_text()) for kind in kinds}


def picture_of(image: dict) -> Path | None:
    """The real picture of an image entry, if it is among the samples."""
    path = SAMPLES / "images" / "test" / image["file_name"]
    return path if path.is_file() else None


def write_json(root: Path, split: str, content: dict) -> None:
    """Annotation files ``kind -> content``."""
    folder = root / "annotations" / split
    folder.mkdir(parents=True, exist_ok=True)
    for kind, value in content.items():
        (folder / SPLIT.format(split=split, kind=kind)).write_text(json.dumps(value))


def write_skeleton(root: Path) -> Path:
    """``skeleton.txt`` as published: a comment, an empty line, and one line per joint."""
    path = root / "annotations" / "skeleton.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    joints = zip(INTERHAND_PUBLISHED, range(42), INTERHAND.parents, strict=True)
    lines = [f"{name} {number} {parent}" for name, number, parent in joints]
    path.write_text("# name index parent\n\n" + "\n".join(lines) + "\n")
    return path


def fit(seed: int = 0) -> dict:
    """Parameters of one fitted hand."""
    rng = np.random.default_rng(seed)
    return {"pose": rng.normal(0, 0.2, 48).tolist(), "shape": [0.1] * 10, "trans": [0.01, 0.02, 1.1]}


def fits_of(data: dict) -> dict:
    """A NeuralAnnot file in which every image has the hands of its label."""
    found: dict = {}
    for image, truth in zip(data["images"], data["annotations"], strict=True):
        kind = truth["hand_type"]
        hands = {side: fit() if kind in (side, "interacting") else None for side in ("right", "left")}
        found.setdefault(str(image["capture"]), {})[str(image["frame_idx"])] = hands
    return found


def formula_mask(height: int, width: int) -> np.ndarray:
    """The made-up mask of the golden items."""
    rows, columns = np.mgrid[:height, :width] // 16
    return ((rows * 7 + columns * 3) % 33).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def write_lmdb(folder: Path, content: dict[str, bytes]) -> None:
    """A database as DIGIT writes it, with its two further entries."""
    folder.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(folder), map_size=1 << 27) as env, env.begin(write=True) as txn:
        for key, value in content.items():
            txn.put(key.encode(), value)
        txn.put(b"__keys__", json.dumps(list(content)).encode())
        txn.put(b"__len__", b"\x80\x03K\x03.")


def write_masks(root: Path, data: dict, split: str, three: bool = True) -> None:
    """``segm_32.lmdb`` of formula masks, three equal channels as DIGIT stores them."""
    content = {}
    for image in data["images"]:
        mask = formula_mask(image["height"], image["width"])
        key = str(Path(split, image["file_name"]).with_suffix(".png"))
        content[key] = png(np.dstack([mask] * 3) if three else mask)
    write_lmdb(root / "segm_32.lmdb", content)


def write_image_lmdb(root: Path, data: dict, split: str) -> None:
    """``images/interhand.lmdb``: PNG whose red and blue are exchanged, of the tree's JPEG files."""
    content = {}
    for image in data["images"]:
        key = f"{split}/{image['file_name']}"
        bgr = cv2.imread(str(root / "images" / key), cv2.IMREAD_COLOR)
        content[key] = png(np.ascontiguousarray(bgr[..., ::-1]))
    write_lmdb(root / "images" / "interhand.lmdb", content)


def write_pictures(root: Path, data: dict, split: str) -> None:
    """Real pictures where there are, flat grey ones elsewhere."""
    for image in data["images"]:
        target = root / "images" / split / image["file_name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        real = picture_of(image)
        if real is not None:
            shutil.copyfile(real, target)
        else:
            cv2.imwrite(str(target), np.full((image["height"], image["width"]), 90, np.uint8))


def write_tree(root: Path, split: str = "val", content: dict | None = None, masks: bool = True) -> dict:
    """A whole tree of one split; returns the content of its JSON files."""
    content = content or load_samples()
    content.setdefault("MANO_NeuralAnnot", fits_of(content["data"]))
    write_json(root, split, content)
    write_skeleton(root)
    write_pictures(root, content["data"], split)
    if masks:
        write_masks(root, content["data"], split)
    return content


def write_rootnet(root: Path, split: str, entries: list[dict]) -> Path:
    """RootNet's output."""
    path = root / "rootnet_output" / f"rootnet_interhand2.6m_output_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))
    return path


def invented(count: int, seed: int = 0, both: str | None = None) -> dict:
    """The JSON content of ``count`` images: three cameras show each moment; two captures take turns.

    Moments show a right hand, a left hand, both, and so on; or always ``both``.
    """
    rng = np.random.default_rng(seed)
    cameras, kinds = [400001, 400002, 410003], ("right", "left", "interacting")
    content = {"data": {"images": [], "annotations": []}, "camera": {}, "joint_3d": {"0": {}, "1": {}}}
    for capture in ("0", "1"):
        values = {"campos": [0.0, 0.0, -1000.0], "focal": [1200.0, 1210.0], "princpt": [167.0, 256.0]}
        values["camrot"] = np.eye(3).tolist()
        content["camera"][capture] = {name: {str(c): v for c in cameras} for name, v in values.items()}
    for i in range(count):
        moment, camera = i // 3, cameras[i % 3]
        capture, frame, kind = moment % 2, 10 * moment, both or kinds[moment % 3]
        if str(frame) not in content["joint_3d"][str(capture)]:
            world = rng.uniform(-60, 60, (42, 3)).round(4).tolist()
            values = {"world_coord": world, "joint_valid": [[1]] * 42, "hand_type": kind}
            content["joint_3d"][str(capture)][str(frame)] = values
        sequence = f"000{moment % 5}_seq"
        name = f"Capture{capture}/{sequence}/cam{camera}/image{frame}.jpg"
        image = {"id": 100 + i, "file_name": name, "width": 334, "height": 512, "capture": capture}
        image |= {"subject": 1, "seq_name": sequence, "camera": str(camera), "frame_idx": frame}
        valid = [1 if kind in ("interacting", side) else 0 for side in ("right", "left") for _ in range(21)]
        truth = {"id": 100 + i, "image_id": 100 + i, "bbox": [100.0, 120.5, 80.0, 90.25]}
        truth |= {"joint_valid": [[v] for v in valid] if i % 2 else valid, "hand_type": kind}
        content["data"]["images"].append(image)
        content["data"]["annotations"].append({**truth, "hand_type_valid": 1})
    return content


class InterHandWorld:
    """A tree, and the dataset that reads it with other options each time it is called.

    Args:
        root: the tree; stores lie beside it, one folder per place of the pictures.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, **options) -> RgbDataset:
        packs = self.root.parent / f"packs_{options.get('images', 'packed')}"
        return RgbDataset("interhand26m", self.root, InterHand26M, packs, **options)
