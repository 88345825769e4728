"""Where InterHand2.6M v1.0 at 5 frames per second keeps its files, and how many images it has."""

from __future__ import annotations

from pathlib import Path

SPLITS = ("train", "val", "test")
SINGLE = {"train": 687_548, "val": 234_183, "test": 488_968}
"""Images of one hand."""
INTERACTING = {"train": 673_514, "val": 145_942, "test": 360_192}
"""Images of two hands."""
FIRST_RELEASE = {"train": 738_602, "val": 184_287, "test": 352_897}
"""Images of v0.0, for messages."""
FITTED_FRAMES = {"train": 18_718, "val": 2_736, "test": 6_890}
"""Distinct (capture, frame) pairs with a MANO fit."""
FITTED_IMAGES = {"train": 1_340_326, "val": 379_947, "test": 848_297}

IMAGES = "images"
IMAGE_LMDB = "images/interhand.lmdb"
MASKS = ("segm_32.lmdb", "segm_32")
"""DIGIT's database of part masks, or a folder of PNG files under the pictures' names."""


def annotation_file(root: Path, split: str, kind: str) -> Path:
    """One of the JSON files.

    Args:
        root: the tree.
        split: ``train``, ``val`` or ``test``.
        kind: ``data``, ``camera``, ``joint_3d`` or ``MANO_NeuralAnnot``.
    Example:
        >>> annotation_file(Path("d"), "val", "camera").as_posix()
        'd/annotations/val/InterHand2.6M_val_camera.json'
    """
    return root / "annotations" / split / f"InterHand2.6M_{split}_{kind}.json"


def skeleton_file(root: Path) -> Path:
    """The table of joints."""
    return root / "annotations" / "skeleton.txt"


def rootnet_file(folder: Path, split: str) -> Path:
    """RootNet's boxes and wrist depths, below ``rootnet_output``."""
    return folder / f"rootnet_interhand2.6m_output_{split}.json"


def data_pickle(root: Path, split: str) -> Path:
    """DIGIT's form of the ``data`` file."""
    return root / "annotations" / split / f"InterHand2.6M_{split}_data.pkl"


def meta_pickle(root: Path, split: str) -> Path:
    """DIGIT's fit errors."""
    return root / "cache" / f"meta_dict_{split}.pkl"


def image_name(capture: int, sequence: str, camera: str, file_name: str) -> str:
    """Path of a picture below ``images/<split>``; some excerpts publish the bare file name.

    Example:
        >>> image_name(3, "0390_dh_touchROM", "400026", "image69148.jpg")
        'Capture3/0390_dh_touchROM/cam400026/image69148.jpg'
    """
    if "/" in file_name:
        return file_name
    return f"Capture{capture}/{sequence}/cam{camera}/{file_name}"
