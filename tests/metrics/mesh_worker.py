"""Meshes in a known order, and what each of two processes makes of its share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from carpus.metrics.mesh_tables import MeshTables
from carpus.metrics.protocols.freihand_mesh import FreiHANDMeshProtocol
from carpus.metrics.protocols.human36m import Human36mProtocol
from carpus.metrics.protocols.interhand_mesh import InterHandMeshProtocol
from carpus.metrics.protocols.pw3d import PW3DProtocol
from carpus.metrics.protocols.whole_body import AgoraProtocol, EHFProtocol
from carpus.types import Batch, Predictions

COUNT = 5
PROTOCOLS = ("ehf", "agora", "pw3d", "human36m", "freihand", "interhand")


def weights(joints: int, vertices: int, seed: int) -> np.ndarray:
    """Rows that sum to one, of eight vertices each."""
    draw = np.random.default_rng(seed)
    rows = np.zeros((joints, vertices))
    for row in rows:
        row[draw.choice(vertices, 8, replace=False)] = 1 / 8
    return rows


def tables() -> MeshTables:
    order = np.random.default_rng(9).permutation(10475)
    return MeshTables(
        weights(55, 10475, 1), order[:778], order[778:1556], order[1556:6579], weights(14, 10475, 2)
    )


REGRESSORS = {"smplx": weights(17, 10475, 3), "smpl": weights(17, 6890, 4)}
HAND = weights(21, 778, 5)


def protocol(name: str):
    made = {
        "ehf": lambda: EHFProtocol(tables(), REGRESSORS),
        "agora": lambda: AgoraProtocol(tables()),
        "pw3d": lambda: PW3DProtocol(REGRESSORS),
        "human36m": lambda: Human36mProtocol(REGRESSORS),
        "freihand": lambda: FreiHANDMeshProtocol(HAND),
        "interhand": lambda: InterHandMeshProtocol(HAND),
    }
    return made[name]()


def samples(name: str, count: int = COUNT, seed: int = 0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Predicted meshes in mm and the truth of a protocol."""
    draw = torch.Generator().manual_seed(seed)
    vertices = {"ehf": 10475, "agora": 10475, "human36m": 10475, "pw3d": 6890}.get(name, 778)
    true = torch.randn(count, vertices, 3, generator=draw) * 200 + torch.tensor([100.0, -50.0, 3000.0])
    found = true + 30 * torch.randn(count, vertices, 3, generator=draw) + 200
    if name == "ehf":
        return found, {"vertices_m": true / 1000}
    if name in ("agora", "pw3d"):
        return found, {"target_vertices_mm": true}
    if name == "human36m":
        joints = torch.from_numpy(REGRESSORS["smplx"]) @ true.double()
        valid = torch.ones(count, 17, dtype=torch.bool)
        valid[1, 7] = valid[2, 4] = False
        return found, {"joints_cam_mm": joints, "joint_valid": valid, "target_vertices_mm": true}
    joints = torch.from_numpy(HAND) @ true.double()
    if name == "freihand":
        return found, {"vertices_cam_mm": true, "joints_cam_mm": joints}
    left = torch.arange(count) % 2 == 1
    truth = {"joints_cam_mm": joints[:, TO_INTERHAND], "hand_type": torch.stack((~left, left), -1)}
    truth["joint_valid"] = torch.rand(count, 21, generator=draw) > 0.1
    truth["joint_valid"][:, -1] = True
    return found, {**truth, "target_vertices_mm": true}


TO_INTERHAND = [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17, 0]


def fed(made, found, truth, index=None, batch_size=2):
    """The protocol's values of some samples."""
    index = list(range(len(found))) if index is None else index
    for chosen in torch.tensor(index, dtype=torch.int64).split(batch_size) if index else []:
        keys = [f"person{i}" for i in chosen.tolist()]
        batch = Batch(keys, {name: value[chosen] for name, value in truth.items()})
        made.update(Predictions(keys, vertices_cam_mm=found[chosen]), batch)
    return made.compute()


def work(rank: int, folder: str) -> None:
    """One of two processes: each takes every second sample; then one of them takes all."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    everything = list(range(COUNT))
    found = {}
    for name in PROTOCOLS:
        case = samples(name)
        found[name] = {
            "shared": fed(protocol(name), *case, everything[rank::2]),
            "one_sided": fed(protocol(name), *case, everything if rank == 0 else []),
        }
    Path(folder, f"rank{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()
