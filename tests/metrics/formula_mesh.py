"""The formula meshes of the golden metrics, and what a model folder would give their evaluation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from carpus.metrics.mesh_tables import MeshTables
from formula_bodies import formula_companions, formula_content


@lru_cache(maxsize=1)
def smplx():
    """``(10475, 3)`` template as float32 holds it, and the ``(55, 10475)`` joint regressor."""
    content = formula_content("smplx", "neutral")
    return content["v_template"].astype(np.float32).astype(np.float64), content["J_regressor"]


@lru_cache(maxsize=1)
def arguments():
    """The arguments of MeshTables."""
    files = formula_companions("smplx")
    hands = files["MANO_SMPLX_vertex_ids.pkl"]
    return {
        "joint_regressor": smplx()[1],
        "left_hand": hands["left_hand"],
        "right_hand": hands["right_hand"],
        "face": files["SMPL-X__FLAME_vertex_ids.npy"],
        "body_regressor": files["SMPLX_to_J14.pkl"],
    }


@lru_cache(maxsize=1)
def tables():
    return MeshTables(**arguments())


def meshes(case):
    """``(k, 10475, 3)`` predicted and published true meshes in metres."""
    base, found, true = smplx()[0], [], []
    for k, numbers in zip(case["k_index"], case["deform_params"], strict=True):
        to_true, to_found, turn = (numbers[at : at + 9].reshape(3, 3) for at in (0, 9, 24))
        true.append(base + np.sin((3 + k) * base) @ to_true + numbers[18:21])
        moved = base + np.sin((3.5 + k) * base) @ to_found + numbers[21:24]
        found.append(1.03 * moved @ turn.T @ case["ehf_R"].T)
    return np.stack(found), np.stack(true)
