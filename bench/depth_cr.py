"""Speed of the depth CR family's prepared types, against a plain formulation measured in the same run.

python bench/depth_cr.py [FRAME.npz] [--repeats N] [--stored FRAMES] [--json FILE]

Without a file a synthetic hand-sized surface in front of a wall is used; a file holds frame, pose and resce.
Then every type is stored for some frames of a synthetic HANDS 2017 tree: bytes beside the published format's,
and milliseconds to read a stored row beside those to compute it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from carpus.data.dataset import Dataset
from carpus.data.prepared import Frame, parse_key, prepare
from carpus.data.prepared.folders import prepared_folder
from carpus.data.prepared.hdf5_files import compress_row
from carpus.data.prepared.making import Work, make_stores
from carpus.data.prepared.published import PUBLISHED_KIB
from carpus.data.prepared.stores import PreparedStore
from carpus.data.sources import HANDS17
from carpus.data.splits import Published
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from carpus.synthetic import make

CAMERA = Camera(475.065948, 475.065857, 315.944855, 245.287079)
RANGE_MM = (100.0, 1060.0)
CHAINS = {
    "clean_128": (["clean_128"], 3.0),
    "super_edt2m": (["pose_c", "clean_128", "edt2m_32"], 8.0),
    "super_ov3edt2m": (["pose_c", "clean_128", "ortho3_128", "ov3edt2m_32"], 40.0),
    "tsdf3_64": (["tsdf3_64"], 25.0),
}
"""Types per claim, and the claim in ms per frame."""
PUBLISHED_KB = {"clean_128": 7, "super_edt2m": 122, "super_ov3edt2m": 590, "tsdf3_64": 353}
"""Stored by the published program per frame (lzf): the maps of each chain."""


def synthetic() -> Frame:
    """A bumpy star of about ten thousand points in front of a wall, with 21 joints in it."""
    v, u = np.indices((480, 640))
    x, y = (u - 310.0) / 52, (v - 250.0) / 60
    lobes = 1 + 0.25 * np.cos(5 * np.arctan2(y, x))
    blob = 520 - 60 * np.sqrt(np.maximum(0, 1 - (x**2 + y**2) / lobes)) + 6 * np.sin(u / 11) * np.cos(v / 13)
    depth = np.where(x**2 + y**2 < lobes, blob, 900).astype(np.uint16)
    rng = np.random.default_rng(0)
    place = np.argwhere(depth < 600)
    place = place[rng.integers(0, len(place), 21)]
    joints = CAMERA.unproject(place[:, ::-1].astype(float), depth[tuple(place.T)] + 10.0)
    return Frame(depth, CAMERA, Cube.around(joints, 120.0), RANGE_MM, joints)


def loaded(path: Path) -> Frame:
    """A frame from a file, HANDS 2017 constants."""
    case = np.load(path)
    return Frame(case["frame"], CAMERA, Cube.from_array(case["resce"]), RANGE_MM, case["pose"])


class Plain:
    """The same arrays as one writes them first: whole image, whole grids, joint by joint, cell by cell."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.cube = frame, frame.cube

    def points(self) -> np.ndarray:
        """Back-project every pixel, then pick."""
        row, col = np.nonzero((self.frame.depth_mm > RANGE_MM[0]) & (self.frame.depth_mm < RANGE_MM[1]))
        depth = self.frame.depth_mm[row, col].astype(float)
        points = CAMERA.unproject(np.stack([col, row], -1).astype(float), depth)
        return points[self.cube.contains(points)]

    def image(self, points: np.ndarray, view: int, side: int = 128) -> np.ndarray:
        """Paint points in order."""
        coordinates, value = self.cube.view(points, view)
        image = np.zeros((side, side))
        image[tuple(np.floor(coordinates * side).astype(int).T)] = value
        return image

    def clean_128(self) -> np.ndarray:
        """The front view."""
        return self.image(self.points(), 0)

    def edt2(self, image: np.ndarray, view: int) -> np.ndarray:
        """One march per joint, in Python's heap."""
        small = image[::4, ::4]
        pixels = self.cube.pixels(self.frame.joints_cam_mm, view, 32)
        maps = []
        for row, col in pixels:
            active = small >= 1e-4
            active[row, col] = True
            distance = march(np.where(active, 1.0, np.nan), [(row, col)])
            reached = np.isfinite(distance)
            largest = max(distance[reached].max(), 1e-9)
            maps.append(np.where(reached & (small >= 1e-4), (largest - distance) / largest, 0))
        return np.nan_to_num(np.stack(maps, -1), posinf=0, neginf=0)

    def super_edt2m(self) -> np.ndarray:
        """``edt2 * closeness`` with every pixel's distance to every joint."""
        image = self.clean_128()
        small = image[::4, ::4]
        rowcol = np.stack(np.meshgrid(*[np.arange(32) / 32] * 2, indexing="ij"), -1)
        return self.edt2(image, 0) * self.closeness(self.cube.from_view(rowcol, small), small >= 1e-4)

    def closeness(self, places: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Closeness of all places, then void."""
        r = np.linalg.norm(self.frame.joints_cam_mm - places[..., None, :], axis=-1)
        return np.where(used[..., None], (240 - np.clip(r, 0.01, 240)) / 240, 0)

    def density(self, side: int) -> np.ndarray:
        """Counts over their largest."""
        grid = np.zeros((side,) * 3)
        np.add.at(grid, tuple(self.cube.cells(self.points(), side).T), 1)
        return grid / grid.max()

    def super_ov3edt2m(self) -> np.ndarray:
        """Every cell's distance and direction, three views."""
        points = self.points()
        points = points[np.argsort(points[:, 2])]
        edt = np.concatenate([self.edt2(self.image(points, view), view) for view in range(3)], -1)
        blocks = self.density(128).reshape(32, 4, 32, 4, 32, 4).sum((1, 3, 5))
        places = np.stack(np.meshgrid(*self.cube.cell_centers(32).T, indexing="ij"), -1)
        near = self.closeness(places, blocks >= 0.01)
        offset = self.frame.joints_cam_mm - places[..., None, :]
        offset /= np.linalg.norm(offset, axis=-1, keepdims=True)
        views = [near.max(2).transpose(1, 0, 2), near.max(1), near.max(0).transpose(1, 0, 2)]
        return edt * np.concatenate(views, -1)

    def tsdf3_64(self) -> np.ndarray:
        """Marching every channel over the whole grid in Python's heap."""
        occupied = self.density(64) > 0
        channels = []
        for axis in (1, 0, 2):
            seen = np.maximum.accumulate(occupied, axis=axis)
            edge = seen & ~np.roll(seen, 1, axis=axis)
            channels.append(march(np.ones(seen.shape), np.argwhere(edge).tolist(), 0.3))
        return np.stack(channels, -1)


def march(speed: np.ndarray, seeds: list, band: float = np.inf, step: float = 0.1) -> np.ndarray:
    """First-order marching cell by cell."""
    distance = np.full(speed.shape, np.inf)
    heap = [(0.0, tuple(seed)) for seed in seeds]
    for _, seed in heap:
        distance[seed] = 0
    done = np.isnan(speed)
    while heap:
        value, cell = heapq.heappop(heap)
        if done[cell] or value > band:
            continue
        done[cell] = True
        for near in neighbours(cell, speed.shape):
            if not done[near]:
                found = solve(distance, near, step)
                if found < distance[near]:
                    distance[near] = found
                    heapq.heappush(heap, (found, near))
    return distance


def neighbours(cell: tuple, shape: tuple) -> list:
    """Cells beside a cell."""
    moved = [
        (*cell[:axis], cell[axis] + move, *cell[axis + 1 :]) for axis in range(len(cell)) for move in (-1, 1)
    ]
    return [near for near in moved if all(0 <= c < s for c, s in zip(near, shape, strict=True))]


def solve(distance: np.ndarray, cell: tuple, step: float) -> float:
    """Godunov's update from the nearer neighbour of each axis."""
    best = sorted(
        min(
            (distance[near] for near in neighbours(cell, distance.shape) if near[axis] != cell[axis]),
            default=np.inf,
        )
        for axis in range(distance.ndim)
    )
    found = best[0] + step
    for count in range(2, len(best) + 1):
        used = np.array(best[:count])
        if found <= used[-1]:
            break
        total, square = used.sum(), (used**2).sum()
        found = (total + np.sqrt(max(total**2 - count * (square - step**2), 0))) / count
    return found


def best_ms(run: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the best run; what other processes do only ever adds time."""
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times[1:] or times)


def fresh(frame: Frame) -> Frame:
    """The frame without cached points."""
    return Frame(frame.depth_mm, frame.camera, frame.cube, frame.depth_range_mm, frame.joints_cam_mm)


def measure(frame: Frame, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds per frame of each chain from the decoded image on, the plain one, their ratio, bytes."""
    plain, found = Plain(frame), {}
    for name, (types, limit) in CHAINS.items():
        ours = best_ms(lambda types=types: prepare(fresh(frame), types), repeats)
        slow = best_ms(getattr(plain, name), 1 if name != "clean_128" else repeats)
        found[name] = {"ms": ours, "limit_ms": limit, "plain_ms": slow, "ratio": slow / ours}
        found[name]["published_kB"] = PUBLISHED_KB[name]
        found[name]["raw_kB"] = sum(parse_key(t).row_bytes(frame.joints) for t in types) / 1e3
    row, end_row, col, end_col = frame.cube.window(frame.camera, frame.image_size)
    crop_kb = 2 * (end_row - row) * (end_col - col) / 1e3
    found["depth crop"] = {"kB": crop_kb, "points": float(len(frame.points_mm))}
    return found


def stored(frames: int) -> dict[str, dict[str, float]]:
    """KiB per frame and ms to read, of every type whose published size is known; ms to compute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(dataset="hands17", out=folder / "tree", frames=frames, seed=0)
        splits = Published(val_fraction=0.5)
        dataset = Dataset(
            "hands17", folder / "tree", HANDS17, splits, folder / "packs", 240, RANGE_MM, center_source="gt"
        )
        work = Work.of(dataset, "train", PUBLISHED_KIB)
        make_stores(work)
        return {key.name: stored_row(work, key) for key in work.keys}


def stored_row(work: Work, key) -> dict[str, float]:
    """One type: sizes and times over all frames, in the same random order."""
    store = PreparedStore(prepared_folder(work.folder, key))
    order = np.random.default_rng(0).permutation(len(store)).tolist()
    frames = [work.maker.frame(position) for position in order]
    read = best_ms(lambda: [store[position] for position in order], 5)
    compute = best_ms(lambda: [prepare(fresh(frame), [key]) for frame in frames], 3)
    data = sum(len(store.data(position)) for position in order)
    lzf = sum(len(compress_row(store[position])[1]) for position in order)
    return {
        "KiB": data / 1024 / len(order),
        "lzf_KiB": lzf / 1024 / len(order),
        "published_KiB": PUBLISHED_KIB[key.name],
        "read_ms": read / len(order),
        "compute_ms": compute / len(order),
    }


def print_stored(found: dict[str, dict[str, float]]) -> None:
    print(f"{'per frame':28s} {'KiB':>8} {'lzf':>8} {'publ.':>6} {'read ms':>8} {'compute ms':>11}")
    for name, row in found.items():
        sizes = f"{row['KiB']:8.2f} {row['lzf_KiB']:8.2f} {row['published_KiB']:6.0f}"
        print(f"{name:28s} {sizes} {row['read_ms']:8.3f} {row['compute_ms']:11.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frame", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--stored", type=int, default=40, help="frames to store; 0 for none")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    frame = loaded(args.frame) if args.frame else synthetic()
    found = measure(frame, args.repeats)
    crop = found.pop("depth crop")
    print(f"{crop['points']:.0f} points; stored is only the depth crop, {crop['kB']:.0f} kB raw")
    for name, row in found.items():
        print(
            f"{name:15s} {row['ms']:7.2f} ms (limit {row['limit_ms']:.0f}), plain {row['plain_ms']:8.1f} ms: "
            f"{row['ratio']:6.1f} x; published stores {row['published_kB']} kB, ours 0"
        )
    rows = stored(args.stored) if args.stored else {}
    print_stored(rows)
    if args.json:
        args.json.write_text(json.dumps({"depth crop": crop, **found, "stored": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
