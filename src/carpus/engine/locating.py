"""A localiser at work: cubes of depth images, and centre files of whole datasets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from carpus.data.centers import write_centers
from carpus.data.dataset import Dataset
from carpus.data.depth_images import encode_depth
from carpus.data.loading import Failed, MakeInputs, collate_samples, quiet_worker
from carpus.data.splits import BASES
from carpus.data.store import Store
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.errors import CarpusError, ConfigError, DataError
from carpus.geometry import Camera
from carpus.methods.depth_cr.module import DepthCR
from carpus.types import Batch, Inputs, Record, collate

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CenterFile:
    """A centre file that was written.

    Args:
        path: the file.
        lines: its lines.
        invalid: lines without a centre.
        error_mm: mean distance from the middle of the true joints, None where none are public.
    """

    path: Path
    lines: int
    invalid: int
    error_mm: float | None


class HandLocator:
    """The network of a trained localiser.

    Args:
        run: its experiment.
        device: of the network.
        least_score: cubes of a smaller score are taken for none; from 0 to 1 for the 2D localiser.
    Raises:
        ConfigError: if the run is of a model that finds joints, not cubes.
    """

    def __init__(self, run: RunFolder, device: str = "cpu", least_score: float = -np.inf) -> None:
        self.cfg = load_config(run.config_file)
        module = build_module(self.cfg)
        if not (isinstance(module, DepthCR) and module.model.locates):
            raise ConfigError(
                f"run {run.key} is of {self.cfg.method.name}, which finds joints in a given cube; a "
                "localiser is needed: train one with method=depth_cr/localizer2 or method=depth_cr/localizer3"
            )
        module.load_state_dict(read_state(run.need_checkpoint()))
        self.module: DepthCR = module.eval().to(device)
        self.inputs = build(self.cfg.method.inputs)
        self.device, self.least_score = device, least_score

    @property
    def half_mm(self) -> float:
        """Half the edge of the cubes it was trained to find."""
        return self.module.half_mm

    def locate(self, depth_mm: np.ndarray, camera: Camera) -> tuple[np.ndarray | None, str]:
        """The middle of the cube in one image.

        Args:
            depth_mm: ``(H, W)``, 0 = no measurement.
            camera: its intrinsics.
        Returns:
            ``(3,)`` mm, and an empty message; or None, and why there is none.
        """
        # Uncompressed: a compressed image would cost more than the network.
        coding = f"raw_f32:{depth_mm.shape[1]}x{depth_mm.shape[0]}"
        fields = {"depth_coding": coding, "camera": camera.to_array()}
        record = Record("frame", {"depth": encode_depth(depth_mm, coding)}, fields)
        inputs = self.inputs(record, np.random.default_rng(0), False)
        center = self.centers_mm(collate([("frame", inputs)]))[0]
        return (center, "") if np.isfinite(center).all() else (None, "center not found")

    def centers_mm(self, batch: Batch) -> np.ndarray:
        """``(B, 3)`` middles of the cubes of a batch of inputs; NaN where the score is too small."""
        with torch.inference_mode():
            prepared = self.module.prepare(batch.to(self.device))
            found = self.module.locate(self.module(prepared), prepared)
        centers = found.center_mm.float().cpu().numpy()
        centers[found.score.float().cpu().numpy() < self.least_score] = np.nan
        return centers


class _Frames(TorchDataset[Any]):
    """A localiser's inputs of every record of a store; what the record says of the hand is not looked at."""

    def __init__(self, store: Store, inputs: MakeInputs) -> None:
        self.store, self.inputs = store, inputs

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, position: int) -> tuple[str, Inputs] | Failed:
        record = self.store[position]
        fields = {n: v for n, v in record.fields.items() if n not in ("center_mm", "joints_cam_mm")}
        try:
            blind = Record(record.key, record.images, fields)
            return record.key, self.inputs(blind, np.random.default_rng(0), False)
        except CarpusError as error:
            return Failed(DataError(f"record '{record.key}': {error}"))


def write_center_files(
    locator: HandLocator,
    dataset: Dataset,
    folder: Path,
    progress: Progress | None = None,
    batch_size: int = 32,
    workers: int = 2,
    bases: tuple[str, ...] = BASES,
) -> list[CenterFile]:
    """Centre files of a dataset as its publisher numbers the frames, ready for ``center_source=file``.

    Args:
        locator: the localiser.
        dataset: whose frames; packed first where it is not.
        folder: receives the files under the names the dataset's splits look for.
        progress: called with (done, total) of each store.
        batch_size: frames per forward pass.
        workers: loader processes.
        bases: splits whose files are wanted.
    """
    written = []
    found: dict[str, np.ndarray] = {}
    for mode, physical in dict.fromkeys(
        (dataset.splits.center_mode(b), dataset.splits.store_of(b)) for b in bases
    ):
        if not dataset.is_packed(physical):
            dataset.pack(physical, progress)
        store = Store(dataset.folder(physical))
        if physical not in found:
            found[physical] = _all_centers(locator, store, batch_size, workers, progress)
        positions, lines, expected = dataset.splits.center_lines(mode, store)
        table = np.full((expected, 3), np.nan)
        table[lines] = dataset.source_type.to_published(found[physical][positions])
        path = folder / dataset.splits.center_file(mode)
        write_centers(path, table)
        truth = np.asarray(store.column("gt_mm"))[positions]
        distance = np.linalg.norm(found[physical][positions] - truth, axis=1)
        known = distance[np.isfinite(distance)]
        invalid = int((~np.isfinite(table).all(1)).sum())
        written.append(CenterFile(path, expected, invalid, float(known.mean()) if known.size else None))
    return written


def _all_centers(
    locator: HandLocator, store: Store, batch_size: int, workers: int, progress: Progress | None
) -> np.ndarray:
    """``(N, 3)`` float32 centres of every record of a store."""
    loader = DataLoader(
        _Frames(store, locator.inputs),
        batch_size,
        num_workers=workers,
        collate_fn=collate_samples,
        worker_init_fn=quiet_worker if workers else None,
    )
    parts: list[np.ndarray] = []
    for batch in loader:
        if isinstance(batch, Failed):
            raise batch.error
        parts.append(locator.centers_mm(batch))
        if progress is not None:
            progress(sum(map(len, parts)), len(store))
    return np.concatenate(parts)
