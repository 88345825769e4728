"""Where AGORA keeps its pictures, and where what is parsed of it goes: the tree that Hand4Whole reads.

Everything lies in a folder that is the root or ``data`` below it. Names that the published programs and their
descriptions give differently are all looked for.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from carpus.errors import ConfigError, DataError

SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""The publisher's names of the splits."""
LARGE, SMALL = "3840x2160", "1280x720"
RESOLUTIONS = {"2160x3840": LARGE, "720x1280": SMALL}
"""Height and width, as programs name a resolution, and the folders of pictures."""
SCALE = 3
"""Large pictures over small ones."""
CROP_HW = (512, 384)
TEST_BOXES = "AGORA_test_bbox.json"


def base_folder(root: Path) -> Path:
    """The folder everything lies in: ``data`` below the root where there is one, else the root."""
    return root / "data" if (root / "data").is_dir() else root


def annotation_names(split: str) -> tuple[str, ...]:
    """File names of a split's annotation below the base folder.

    Example:
        >>> annotation_names("val")
        ('AGORA_validation.json', 'AGORA_validation_SMPLX.json')
    """
    published = SPLITS[split]
    return f"AGORA_{published}.json", f"AGORA_{published}_SMPLX.json"


def small_name(image: str) -> str:
    """File name of the small picture of a large one.

    Example:
        >>> small_name("ag_trainset_hdri_1.png")
        'ag_trainset_hdri_1_1280x720.png'
    """
    return f"{Path(image).stem}_{SMALL}.png"


def picture_name(size: str, folder: str, image: str) -> str:
    """Path of a picture below the base folder.

    Args:
        size: :data:`LARGE` or :data:`SMALL`.
        folder: ``train_0`` …, ``validation`` or ``test``.
        image: file name of the large picture.
    """
    return f"images_{size}/{folder}/{small_name(image) if size == SMALL else image}"


def crop_name(picture: str, person: int) -> str:
    """Path of a person's crop below the base folder.

    Args:
        picture: path of the large picture below it.
        person: number in the picture.
    Example:
        >>> crop_name("images_3840x2160/train_0/ag_1.png", 2)
        'images_3840x2160/train_0_crop/ag_1_person_id_2.png'
    """
    path = Path(picture)
    return f"{path.parent}_crop/{path.stem}_person_id_{person}.png"


def find_picture(base: Path, name: str) -> str:
    """The path below the base folder at which a picture is, which may begin with or without ``images_``.

    Args:
        base: see :func:`base_folder`.
        name: path as annotated.
    Returns:
        ``name`` where it is nowhere.
    """
    top, _, rest = name.partition("/")
    other = top.removeprefix("images_") if top.startswith("images_") else f"images_{top}"
    return name if (base / name).is_file() or not (base / other / rest).is_file() else f"{other}/{rest}"


def params_name(folder: str, image: str, person: int) -> str:
    """Path of a person's body parameters below the base folder."""
    return f"smplx_params_cam/{folder}/{Path(image).stem}/{person}.json"


def camera_name(folder: str, image: str) -> str:
    """Path of a picture's camera below the base folder."""
    return f"cam_params/{folder}/{Path(image).stem}.json"


def truth_name(folder: str, image: str) -> str:
    """Path of the true joints of a picture's people below the base folder."""
    return f"gt_joints/{folder}/{Path(image).stem}.npz"


def find_frames(base: Path, split: str, folder: Path | None = None) -> list[Path]:
    """The data frames of a split, in the order of their numbers.

    Of a frame with and one without joints the former is taken, of those for SMPL-X and SMPL that for SMPL-X.

    Args:
        base: see :func:`base_folder`.
        split: ``train`` or ``val``.
        folder: where to look; the base folder and the one above it by default.
    Raises:
        DataError: if there is none, or which of several is meant cannot be told.
    """
    published = SPLITS[split]
    places = [folder] if folder is not None else list(dict.fromkeys([base, base.parent]))
    found = {
        path
        for place in places
        for depth in ("", "*/", "*/*/")
        for path in place.glob(f"{depth}{published}*.pkl")
        if frame_folder(path, split) is not None
    }
    if not found:
        raise DataError(
            f"no data frame {published}_0_withjv.pkl or {published}_0.pkl in "
            f"{' or '.join(map(str, places))}; unpack AGORA's camera archive there, or name its folder with "
            "--frames"
        )
    frames = _chosen(sorted(found))
    return [frames[stem] for stem in sorted(frames, key=lambda stem: int("0" + stem.rpartition("_")[2]))]


def _chosen(paths: list[Path]) -> dict[str, Path]:
    """Stem without ``_withjv`` to the frame to be read."""
    chosen: dict[str, Path] = {}
    for stem in dict.fromkeys(_plain_stem(path) for path in paths):
        same = [path for path in paths if _plain_stem(path) == stem]
        for wish in (lambda p: p.stem.endswith("_withjv"), lambda p: "smplx" in str(p).lower()):
            same = [path for path in same if wish(path)] or same
        if len(same) > 1:
            raise DataError(
                f"several data frames {stem}: {', '.join(map(str, same))}; say which with --frames"
            )
        chosen[stem] = same[0]
    return chosen


def _plain_stem(path: Path) -> str:
    return path.stem.removesuffix("_withjv")


def frame_folder(path: Path, split: str) -> str | None:
    """Folder of the pictures of a data frame; None for a file that is none.

    Example:
        >>> frame_folder(Path("d/train_3_withjv.pkl"), "train"), frame_folder(Path("validation_1.pkl"), "val")
        ('train_3', 'validation')
    """
    name, number = _plain_stem(path).rpartition("_")[::2]
    if name != SPLITS[split] or not number.isdigit():
        return None
    return f"{name}_{number}" if split == "train" else name


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: naming the file that is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run carpus agora parse") from None
    except ValueError as error:
        raise DataError(f"{path}: damaged or not JSON ({error})") from None


def write_json(path: Path, content: Any) -> None:
    """A JSON file, complete or not at all."""
    write_bytes(path, json.dumps(content, separators=(",", ":")).encode())


def write_bytes(path: Path, data: bytes) -> None:
    """A file, complete or not at all.

    Raises:
        DataError: if the disk is full or the folder read-only.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}; make room or make the folder writable, "
            "and run the same command: it continues"
        ) from None


def check_split(split: str, allowed: tuple[str, ...]) -> str:
    """A split by Carpus' or the publisher's name.

    Raises:
        ConfigError: listing the splits.
    Example:
        >>> check_split("validation", ("train", "val"))
        'val'
    """
    own = {published: name for name, published in SPLITS.items()}.get(split, split)
    if own not in allowed:
        raise ConfigError(f"split '{split}': one of {', '.join(allowed)} is expected")
    return own
