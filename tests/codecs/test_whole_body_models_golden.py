"""Fitted body models as targets, against golden values of the published program on the formula models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.whole_body import LAYOUTS, PersonCodec, one_root_layout
from carpus.skeletons import SMPL_24
from formula_people import FormulaModels, batch_of, crop_of, plain_fields, smplx_fields
from golden_cases import golden_paths

BODY_24 = one_root_layout("body24", (512, 384), (8, 8, 6), SMPL_24, "smpl", 2.0)


@pytest.fixture(scope="module")
def models():
    return FormulaModels()


def cases(golden, kind):
    return sorted(
        key.removesuffix("_pose_out") for key in golden if key.endswith("_pose_out") and kind in key
    )


def near(found, wanted, tolerance, what):
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=tolerance, err_msg=what)


def check_joints(targets, golden, prefix, i, model):
    near(targets[f"{model}_joint_img"][i], golden[f"{prefix}_joint_img"], 2e-4, f"{prefix} joint_img")
    near(targets[f"{model}_joint_cam"][i], golden[f"{prefix}_joint_cam"], 2e-4, f"{prefix} joint_cam")
    # Published programs multiply by validity afterwards.
    inside = targets[f"{model}_joint_trunc"][i].numpy()
    valid = targets[f"{model}_joint_valid"][i].numpy()
    np.testing.assert_array_equal(inside, golden[f"{prefix}_trunc"] * valid)
    near(targets[f"{model}_shape"][i], golden[f"{prefix}_shape_out"], 1e-6, f"{prefix} shape")


@pytest.mark.parametrize("path", golden_paths("hand4whole", "human_model"))
def test_whole_bodies_become_the_published_targets(path, models):
    golden, layout = np.load(path), LAYOUTS["whole_body"]
    prefixes = sorted(
        key.removesuffix("_pose") for key in golden if key.startswith("smplx") and key[7:] == "_pose"
    )
    width = int(golden["img_shape_hw"][1])
    fields = [smplx_fields(golden, prefix) for prefix in prefixes]
    batch = batch_of(fields, [crop_of(golden, prefix, width) for prefix in prefixes], layout)
    targets = PersonCodec(layout, models).encode_with_mesh(batch)
    assert len(prefixes) >= 6
    assert (np.abs(golden["smplx_2_shape"]) > 3).any()
    for i, prefix in enumerate(prefixes):
        check_joints(targets, golden, prefix, i, "smplx")
        near(targets["smplx_pose"][i], golden[f"{prefix}_pose"], 1e-3, f"{prefix} pose")
        near(targets["smplx_expr"][i], golden[f"{prefix}_expr_out"], 1e-6, f"{prefix} expr")
        valid = targets["smplx_pose_valid"][i].view(53, 3)
        np.testing.assert_array_equal(valid, np.tile(golden[f"{prefix}_rotation_valid"][:, None], 3))
        np.testing.assert_array_equal(targets["smplx_joint_valid"][i, :, 0], golden[f"{prefix}_coord_valid"])
        assert bool(targets["smplx_expr_valid"][i]) == bool(golden[f"{prefix}_expr_valid"])
        mesh = targets["target_vertices_mm"][i, ::25] / 1000
        near(mesh, golden[f"{prefix}_mesh_every_25th"], 2e-4, f"{prefix} mesh")
    assert targets.pop("target_vertices_valid").all()
    assert all(value.dtype == torch.float32 for value in targets.values())
    assert not any(value.requires_grad for value in targets.values())


@pytest.mark.parametrize("path", golden_paths("hand4whole", "human_model"))
def test_smpl_bodies_become_the_published_targets(path, models):
    golden = np.load(path)
    prefixes = cases(golden, "smpl_")
    assert len(prefixes) >= 6
    width = int(golden["img_shape_hw"][1])
    of_camera = [prefix.replace("smpl_", "smplx_") for prefix in prefixes]
    fields = [plain_fields(golden, p, "smpl", c) for p, c in zip(prefixes, of_camera, strict=True)]
    batch = batch_of(fields, [crop_of(golden, c, width) for c in of_camera], BODY_24)
    targets = PersonCodec(BODY_24, models).encode_with_mesh(batch)
    for i, prefix in enumerate(prefixes):
        check_joints(targets, golden, prefix, i, "smpl")
        near(targets["smpl_pose"][i], golden[f"{prefix}_pose_out"], 1e-3, f"{prefix} pose")
        mesh = targets["target_vertices_mm"][i, ::25] / 1000
        near(mesh, golden[f"{prefix}_mesh_every_25th"], 2e-4, f"{prefix} mesh")


@pytest.mark.parametrize("path", golden_paths("hand4whole", "pose2pose_mano"))
def test_hands_become_the_published_targets(path, models):
    golden, layout = np.load(path), LAYOUTS["hand"]
    prefixes = cases(golden, "mano")
    assert {str(golden[f"{p}_hand_type"]) for p in prefixes} == {"right", "left"}
    width = int(golden["img_shape_hw"][1])
    fields = [plain_fields(golden, prefix, "mano", prefix) for prefix in prefixes]
    sides = [[str(golden[f"{p}_hand_type"]) == side for side in ("right", "left")] for p in prefixes]
    crops = [crop_of(golden, prefix, width) for prefix in prefixes]
    batch = batch_of(fields, crops, layout, hand_types=sides)
    targets = PersonCodec(layout, models).encode_with_mesh(batch)
    for i, prefix in enumerate(prefixes):
        check_joints(targets, golden, prefix, i, "mano")
        near(targets["mano_pose"][i], golden[f"{prefix}_pose_out"], 1e-3, f"{prefix} pose")
        mesh = targets["target_vertices_mm"][i, ::5] / 1000
        near(mesh, golden[f"{prefix}_mesh_every_5th"], 2e-4, f"{prefix} mesh")
