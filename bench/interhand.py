"""InterHand2.6M: a generated annotation of a million images, and augmented crops per second.

python bench/interhand.py [--images 1000000] [--json FILE]     everything
python bench/interhand.py --only crops --folder tests/samples/interhand2.6m
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from carpus.data.augment_rgb import RgbAugmentation, tinted
from carpus.data.rgb_images import decode_rgb, encode_labels
from carpus.data.rgb_inputs import hand_inputs
from carpus.skeletons import INTERHAND
from carpus.types import Record

SPLIT, CAMERAS, CAPTURES, BATCH = "train", 80, 27, 32
FILE = "annotations/train/InterHand2.6M_train_{}.json"
KINDS = ("right", "left", "interacting")

PACK = """
import json, resource, sys, time
from pathlib import Path
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.sources.interhand26m import InterHand26M

def anonymous_mb():
    return int(next(l for l in open('/proc/self/status') if l.startswith('RssAnon')).split()[1]) / 1024

before, peak, start = anonymous_mb(), [0.0], time.perf_counter()
first = []
def progress(done, total):
    first or first.append(time.perf_counter() - start)
    peak[0] = max(peak[0], anonymous_mb())
root = Path(sys.argv[1])
RgbDataset('interhand26m', root, InterHand26M, root / 'packs', images='tree').pack('train', progress)
highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({'pack_s': time.perf_counter() - start, 'parse_s': first[0], 'before_mb': before,
                  'packing_anonymous_mb': peak[0], 'packing_highest_mb': highest}))
"""

FIRST_BATCH = """
import time
start = time.perf_counter()
import json, resource, sys
from functools import partial
from pathlib import Path
from carpus.data.augment_rgb import RgbAugmentation
from carpus.data.datamodule import DataModule
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.rgb_inputs import hand_inputs
from carpus.data.sources.interhand26m import InterHand26M
from carpus.skeletons import INTERHAND

def inputs(record, rng, train):
    return hand_inputs(record, RgbAugmentation().draw(rng), INTERHAND)

def highest_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

imported, imported_mb = time.perf_counter(), highest_mb()
root = Path(sys.argv[1])
dataset = RgbDataset('interhand26m', root, InterHand26M, root / 'packs', images='tree')
data = DataModule(dataset, inputs, batch_size=int(sys.argv[2]), seed=1)
batch = next(iter(data.train_dataloader()))
done = time.perf_counter()
print(json.dumps({'import_s': imported - start, 'imported_mb': imported_mb,
                  'open_and_first_batch_s': done - imported, 'open_mb': highest_mb(), 'keys': batch.keys_}))
"""


def write_annotation(root: Path, images: int, seed: int = 0) -> None:
    """JSON files of so many images of invented hands, as long as the published ones; no picture."""
    rng = np.random.default_rng(seed)
    folder = root / "annotations" / SPLIT
    folder.mkdir(parents=True, exist_ok=True)
    frames = -(-images // CAMERAS)
    _write_cameras(root)
    with (root / FILE.format("joint_3d")).open("w") as joints:
        joints.write("{")
        for capture in range(CAPTURES):
            mine = range(capture, frames, CAPTURES)
            joints.write(("," if capture else "") + f'"{capture}": {{')
            for number, frame in enumerate(mine):
                world = json.dumps(rng.uniform(-100, 100, (42, 3)).round(4).tolist())
                valid = json.dumps([[1]] * 42)
                joints.write(
                    ("," if number else "")
                    + f'"{frame}": {{"world_coord": {world}, "joint_valid": {valid}, "hand_type": "right", '
                    f'"hand_type_valid": true}}'
                )
            joints.write("}")
        joints.write("}")
    with (root / FILE.format("data")).open("w") as data:
        data.write('{"images": [')
        data.writelines(("," if i else "") + _image(i) for i in range(images))
        data.write('], "annotations": [')
        valid = json.dumps([[1]] * 42)
        data.writelines(("," if i else "") + _truth(i, valid) for i in range(images))
        data.write("]}")


def _write_cameras(root: Path) -> None:
    names = [str(400000 + i) for i in range(CAMERAS)]
    one = {
        "campos": {name: [0.0, 0.0, -1000.0] for name in names},
        "camrot": {name: np.eye(3).tolist() for name in names},
        "focal": {name: [1200.0, 1200.0] for name in names},
        "princpt": {name: [167.0, 256.0] for name in names},
    }
    text = json.dumps({str(capture): one for capture in range(CAPTURES)})
    (root / FILE.format("camera")).write_text(text)


def _place(i: int) -> tuple[int, int, int, str]:
    frame, camera = divmod(i, CAMERAS)
    capture = frame % CAPTURES
    name = f"Capture{capture}/0{frame % 200:03d}_sequence/cam{400000 + camera}/image{frame}.jpg"
    return frame, camera, capture, name


def _image(i: int) -> str:
    frame, camera, capture, name = _place(i)
    return (
        f'{{"id": {i}, "file_name": "{name}", "width": 334, "height": 512, "capture": {capture}, '
        f'"subject": 3, "seq_name": "0{frame % 200:03d}_sequence", "camera": "{400000 + camera}", '
        f'"frame_idx": {frame}}}'
    )


def _truth(i: int, valid: str) -> str:
    return (
        f'{{"id": {i}, "image_id": {i}, "bbox": [67.12345, 156.54321, 200.98765, 190.12345], '
        f'"joint_valid": {valid}, "hand_type": "{KINDS[i % 3]}", "hand_type_valid": 1}}'
    )


def write_first_pictures(root: Path, images: int, batch: int, seed: int = 1) -> None:
    """The pictures of the first batch of the first epoch, and of no other image."""
    single = [i for i in range(images) if KINDS[i % 3] != "interacting"]
    order = np.array(single + [i for i in range(images) if KINDS[i % 3] == "interacting"])
    drawn = order[np.random.default_rng((seed, 0)).permutation(images)[:batch]]
    data = picture()
    for i in drawn:
        path = root / "images" / SPLIT / _place(int(i))[3]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def picture(width: int = 334, height: int = 512) -> bytes:
    """A JPEG of about the published size: a smooth picture with some grain."""
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.integers(0, 255, (16, 10, 3), dtype=np.uint8), (width, height))
    grain = rng.normal(0, 3, rough.shape)
    image = np.clip(rough * 0.6 + grain, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def scale(images: int, folder: Path | None = None) -> dict[str, float]:
    """Packing the annotation of so many images, and the first batch, each in a process of its own."""
    root = Path(tempfile.mkdtemp(dir=folder, prefix="interhand"))
    try:
        begun = time.perf_counter()
        write_annotation(root, images)
        print(f"wrote the annotation of {images:,} images in {time.perf_counter() - begun:.0f} s")
        bytes_of = sum(path.stat().st_size for path in (root / "annotations").rglob("*.json"))
        found = {"images": images, "annotation_mb": bytes_of / 2**20, **_python(PACK, root)}
        write_first_pictures(root, images, BATCH)
        opened = _python(FIRST_BATCH, root, BATCH)
        if len(opened.pop("keys")) != BATCH:
            raise SystemExit("the first batch is not whole")
        store = root / "packs" / "interhand26m" / SPLIT
        found["store_mb"] = (store / "data.mdb").stat().st_size / 2**20
        return found | opened
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _python(program: str, *arguments: object) -> dict:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def example(data: bytes) -> Record:
    """A record of one picture, with a mask of blocks."""
    height, width = decode_rgb(data).shape[:2]
    rows, columns = np.mgrid[:height, :width] // 16
    fields = {
        "crop_xywh_px": np.array([40.0, 120.0, 230.0, 230.0], np.float32),
        "camera": np.array([1200.0, 1200.0, width / 2, height / 2]),
        "hand_type": np.ones(2, bool),
        "root_depth_mm": np.full(2, 1000.0, np.float32),
        "joints_cam_mm": np.full((42, 3), 1000.0, np.float32),
        "joint_valid": np.ones(42, bool),
        "segm_valid": 1,
    }
    mask = encode_labels(((rows * 7 + columns * 3) % 33).astype(np.uint8))
    return Record("bench", {"rgb": data, "segm": mask}, fields)


def rate(work: Callable[[int], object], seconds: float = 1.0) -> float:
    """Calls per second, the best of three."""
    best = 0.0
    for _ in range(3):
        begun, calls = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            work(calls)
            calls += 1
        best = max(best, calls / (time.perf_counter() - begun))
    return best


def crops(pictures: list[bytes], seconds: float = 1.0) -> dict[str, float]:
    """Augmented crops per second on one core, beside what decoding and one warp alone reach."""
    import torch

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    records = [example(data) for data in pictures]
    without = [Record(r.key, {"rgb": r.images["rgb"]}, r.fields) for r in records]
    augment, rng = RgbAugmentation(), np.random.default_rng(0)
    matrix = np.float32([[1.1, 0.1, -20], [-0.1, 1.1, -100]])

    def bare(i: int) -> None:
        image = cv2.imdecode(np.frombuffer(pictures[i % len(pictures)], np.uint8), cv2.IMREAD_COLOR)
        cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)

    def whole(chosen: list[Record]) -> Callable[[int], object]:
        return lambda i: hand_inputs(chosen[i % len(chosen)], augment.draw(rng), INTERHAND)

    def coloured(i: int) -> None:
        made = hand_inputs(without[i % len(without)], augment.draw(rng), INTERHAND)
        np.clip(made["rgb"] * made["colour"], 0, 255)

    batch = torch.randint(0, 255, (32, 256, 256, 3), dtype=torch.uint8)
    factors = torch.ones(32, 3)
    found = {
        "decode_and_warp_per_s": rate(bare, seconds),
        "crops_per_s": rate(whole(without), seconds),
        "crops_with_mask_per_s": rate(whole(records), seconds),
        "crops_coloured_by_the_worker_per_s": rate(coloured, seconds),
        "tinted_by_the_batch_per_s": 32 * rate(lambda _: tinted(batch, factors), seconds),
    }
    return found | {"share_of_decode_and_warp": found["crops_per_s"] / found["decode_and_warp_per_s"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("scale", "crops"))
    parser.add_argument("--folder", type=Path, help="JPEG pictures to crop; invented ones by default")
    parser.add_argument("--tmp", type=Path, help="where the generated tree is put for the time")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found: dict[str, float] = {}
    if arguments.only != "crops":
        found |= scale(arguments.images, arguments.tmp)
    if arguments.only != "scale":
        paths = sorted(arguments.folder.rglob("*.jpg")) if arguments.folder else []
        found |= crops([path.read_bytes() for path in paths] or [picture()])
    for name, value in found.items():
        print(f"{name:36} {value:,.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
