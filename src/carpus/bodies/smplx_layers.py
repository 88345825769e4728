"""The layers of the smplx package on models that are in memory already: checked, and read without pickles.

The package reads SMPL-X and FLAME from files only, with ``pickle`` and ``np.load(allow_pickle=True)``. Here
its classes get the content; what they compute stays theirs.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import smplx
import torch
from smplx.body_models import SMPL, SMPLH, find_joint_kin_chain
from smplx.utils import Struct
from smplx.vertex_ids import vertex_ids
from torch import nn

from carpus.bodies.models import BodyModel
from carpus.errors import ConfigError, unknown

SHAPE_COEFFICIENTS, EXPRESSION_COEFFICIENTS = 10, 10
_ALL_SHAPES = 300
_NO_PARAMETERS: dict[str, Any] = {
    f"create_{part}": False
    for part in (
        *("betas", "global_orient", "body_pose", "transl", "left_hand_pose", "right_hand_pose"),
        *("jaw_pose", "leye_pose", "reye_pose", "expression", "hand_pose", "neck_pose"),
    )
}


def smplx_layer(model: BodyModel, *, flat_hand_mean: bool = False) -> nn.Module:
    """A model as a layer of smplx: no parameters, no principal components, buffers that are not saved.

    It has 10 shape and, for bodies with a face, 10 expression coefficients, and the landmarks of the contour.

    Args:
        model: checked content; FLAME's with its landmarks, as
            :func:`carpus.bodies.library.flame_with_landmarks` adds them.
        flat_hand_mean: whether a zero pose of a hand is the flat hand instead of the mean one.
    Raises:
        ConfigError: for a family without a layer.
    """
    makers = {"mano": _mano, "smplx": _WholeBody, "smpl": _smpl, "flame": _Head}
    if model.kind not in makers:
        raise ConfigError(unknown("body model", model.kind, makers))
    content = {
        key: value.copy() if isinstance(value, np.ndarray) else value for key, value in model.arrays.items()
    }
    # It prints what every user of 10 shape columns knows.
    with contextlib.redirect_stdout(io.StringIO()):
        layer = makers[model.kind](content, model.variant, flat_hand_mean)
    for module in layer.modules():
        module._non_persistent_buffers_set.update(module._buffers)
    return layer.requires_grad_(False)


def _mano(content: dict[str, Any], variant: str, flat_hand_mean: bool) -> nn.Module:
    return smplx.MANO(
        model_path="",
        data_struct=Struct(**content),
        is_rhand=variant == "right",
        use_pca=False,
        flat_hand_mean=flat_hand_mean,
        **_NO_PARAMETERS,
    )


def _smpl(content: dict[str, Any], variant: str, _flat_hand_mean: bool) -> nn.Module:
    return smplx.SMPL(model_path="", data_struct=Struct(**content), gender=variant, **_NO_PARAMETERS)


class _WholeBody(smplx.SMPLX):
    """SMPL-X from its content; the forward pass is the package's."""

    def __init__(self, content: dict[str, Any], variant: str, flat_hand_mean: bool) -> None:
        SMPLH.__init__(
            self,
            model_path="",
            data_struct=Struct(**content),
            vertex_ids=vertex_ids["smplx"],
            gender=variant,
            use_pca=False,
            flat_hand_mean=flat_hand_mean,
            **_NO_PARAMETERS,
        )
        _add_face(self, content)


class _Head(smplx.FLAME):
    """FLAME from its content; the forward pass is the package's."""

    def __init__(self, content: dict[str, Any], variant: str, _flat_hand_mean: bool) -> None:
        SMPL.__init__(self, model_path="", data_struct=Struct(**content), gender=variant, **_NO_PARAMETERS)
        self.vertex_joint_selector.extra_joints_idxs = torch.zeros(0, dtype=torch.long)
        _add_face(self, content)


def _add_face(layer: Any, content: Mapping[str, Any]) -> None:
    """What the classes with a face need beside those they come from: landmarks and expressions."""
    layer.use_face_contour = True
    for name in ("lmk", "dynamic_lmk"):
        faces, weights = content[f"{name}_faces_idx"], content[f"{name}_bary_coords"]
        layer.register_buffer(f"{name}_faces_idx", torch.tensor(np.asarray(faces, np.int64)))
        layer.register_buffer(f"{name}_bary_coords", torch.tensor(weights, dtype=layer.dtype))
    chain = torch.tensor(find_joint_kin_chain(layer.NECK_IDX, layer.parents), dtype=torch.long)
    layer.register_buffer("neck_kin_chain", chain)
    shapes = content["shapedirs"]
    first = SHAPE_COEFFICIENTS if shapes.shape[-1] < _ALL_SHAPES + 100 else _ALL_SHAPES
    expressions = shapes[..., first : first + EXPRESSION_COEFFICIENTS]
    layer._num_expression_coeffs = expressions.shape[-1]
    layer.register_buffer("expr_dirs", torch.tensor(expressions, dtype=layer.dtype))
