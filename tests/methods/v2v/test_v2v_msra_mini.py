"""Published MSRA files through the inputs with all switches of the port: the same voxels."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from carpus.codecs import Occupancy
from carpus.geometry.voxels import VoxelGrid
from carpus.methods.v2v.inputs import V2VInputs
from carpus.methods.v2v.module import transform_of, unproject_ragged
from carpus.types import Record, collate
from golden_cases import golden_paths

sys.path.insert(0, str(Path(__file__).parent))
from v2v_world import CAMERA


@pytest.mark.parametrize("path", golden_paths("v2v", "msra_mini"))
def test_voxels_of_published_files_equal_the_ports(path, tmp_path):
    data = np.load(path)
    with tarfile.open(path.with_suffix(".tar.gz")) as tree:
        tree.extractall(tmp_path, filter="data")
    database = next(p for p in tmp_path.rglob("db") if p.is_dir())
    grid = VoxelGrid(200.0, lower_face="truncate", y_up=True)
    make = V2VInputs(grid, pixel_offset=1, background="plane", background_mm=700.0)
    compared = 0
    for name in (n for n in data if n.endswith("_voxel_ijk")):
        fold, which = name.removesuffix("_voxel_ijk").rsplit("_", 1)
        index = 0 if which == "s0" else -1
        frame = next(database.parent.rglob(str(data[f"{fold}_names"][index])))
        center = data[f"{fold}_refpts"][index] * (1, -1, 1)
        fields = {"camera": CAMERA, "depth_coding": "msra_bin", "center_mm": center}
        record = Record("a", {"depth": frame.read_bytes()}, fields)
        batch = collate([("a", make(record, np.random.default_rng(0), False))])
        points = unproject_ragged(
            batch["pixels"], batch["depth"], batch["depth_length"], torch.from_numpy(CAMERA)[None]
        )
        volume = Occupancy(grid).encode(
            points, batch["depth_length"], torch.from_numpy(center)[None], transform_of(batch)
        )
        found = {tuple(v) for v in torch.nonzero(volume[0, 0]).tolist()}
        assert found == {tuple(v) for v in data[name].tolist()}, name
        compared += 1
    if not compared:
        pytest.skip("no voxels in this file")
