"""A generated annotation of a million InterHand2.6M images: packing it, and the first batch.

python bench/interhand_scale.py [--images 1000000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

SPLIT, CAMERAS, CAPTURES, BATCH = "train", 80, 27, 32
FILE = "annotations/train/InterHand2.6M_train_{}.json"
KINDS = ("right", "left", "interacting")

# Not getrusage: there a process begins with the peak of the one that started it.
MEMORY_MB = """
def memory_mb(what):
    return int(next(l for l in open('/proc/self/status') if l.startswith(what)).split()[1]) / 1024
"""

PACK = """
import json, sys, time
from pathlib import Path
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.sources.interhand26m import InterHand26M

before, peak, start = memory_mb('RssAnon'), [0.0], time.perf_counter()
first = []
def progress(done, total):
    first or first.append(time.perf_counter() - start)
    peak[0] = max(peak[0], memory_mb('RssAnon'))
root = Path(sys.argv[1])
RgbDataset('interhand26m', root, InterHand26M, root / 'packs', images='tree').pack('train', progress)
print(json.dumps({'pack_s': time.perf_counter() - start, 'parse_s': first[0], 'before_mb': before,
                  'packing_anonymous_mb': peak[0], 'packing_highest_mb': memory_mb('VmHWM')}))
"""

FIRST_BATCH = """
import time
start = time.perf_counter()
import json, sys
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

imported, imported_mb = time.perf_counter(), memory_mb('VmHWM')
root = Path(sys.argv[1])
dataset = RgbDataset('interhand26m', root, InterHand26M, root / 'packs', images='tree')
data = DataModule(dataset, inputs, batch_size=int(sys.argv[2]), seed=1)
batch = next(iter(data.train_dataloader()))
done = time.perf_counter()
print(json.dumps({'import_s': imported - start, 'imported_mb': imported_mb,
                  'open_and_first_batch_s': done - imported, 'open_mb': memory_mb('VmHWM'),
                  'keys': batch.keys_}))
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
        found = {"images": images, "annotation_mb": bytes_of / 2**20, **_python(MEMORY_MB + PACK, root)}
        write_first_pictures(root, images, BATCH)
        opened = _python(MEMORY_MB + FIRST_BATCH, root, BATCH)
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--tmp", type=Path, help="where the generated tree is put for the time")
    arguments = parser.parse_args()
    print(json.dumps(scale(arguments.images, arguments.tmp), indent=1))


if __name__ == "__main__":
    main()
