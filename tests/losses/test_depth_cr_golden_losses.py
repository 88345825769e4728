"""Every published loss on random maps, and the properties the published code shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.losses.depth_cr import AnchorError, build_terms, loss_preset
from carpus.nets.depth_cr import COMPOSITIONS
from golden_cases import golden_paths

MAPS = {
    **dict.fromkeys(("super_edt2", "super_edt2m", "super_hmap2", "super_dist2"), ("map",)),
    "super_udir2": ("udir",),
    "dense_regre": ("hm", "udir"),
    "super_ov3edt2": ("ov",),
    **dict.fromkeys(("super_dist3", "super_edt3"), ("vx",)),
    **dict.fromkeys(("voxel_regre", "voxel_offset"), ("vu",)),
    **dict.fromkeys(("voxel_detect", "super_vxhit"), ("logit",)),
}


def case(data, name):
    """Outputs and batch of one published loss."""

    def tensor(key):
        return torch.from_numpy(np.asarray(data[key], np.float32))

    def stack(end):
        return torch.cat([tensor(f"{part}_{end}") for part in MAPS[name]], -1).movedim(-1, 1)

    joints = (3, 21, 3)
    outputs = {"joints_centered_mm": tensor("pred_pose").view(joints)}
    batch = {"pose_target_mm": tensor("gt_pose").view(joints)}
    if name.startswith("localizer"):
        which = f"loc{name[-1]}"
        return {"anchors": tensor(f"{which}_pred")}, {"anchor_target": tensor(f"{which}_gt")}
    if name in MAPS:
        outputs |= {"maps_0": stack("a"), "maps_1": stack("b")}
        if "logit" in MAPS[name]:
            batch["label_target"] = torch.from_numpy(data["label"]).long()
        else:
            batch["guide_target"] = stack("gt")
    return outputs, batch


@pytest.mark.parametrize("path", golden_paths("depth_cr", "models_losses"))
def test_every_loss_equals_the_reference(path):
    data = np.load(path)
    names = [key.removeprefix("loss_") for key in data if key.startswith("loss_")]
    for name in names:
        model, (outputs, batch) = COMPOSITIONS[name], case(data, name)
        terms = build_terms(loss_preset("ref", model.loss), model.guide, torch.nn.Identity())
        found = [fn(outputs, batch).item() for term, (fn, _) in terms.items() if term != "l2"]
        # The last number of a file is the slot of the penalty, empty here.
        np.testing.assert_allclose(found, data[f"loss_{name}"][:-1], rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("path", golden_paths("depth_cr", "models_losses"))
def test_smooth_l1_equals_the_reference(path):
    data = np.load(path)
    x = torch.from_numpy(data["smooth_l1_x"])
    found = torch.nn.functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none")
    np.testing.assert_allclose(found, data["smooth_l1_y"], rtol=2e-6, atol=1e-12)


def test_anchor_errors_follow_their_dimension():
    anchors = {"anchors": torch.zeros(2, 256)}
    target = {"anchor_target": torch.zeros(2, 256)}
    assert AnchorError(2, "mean")(anchors, target).item() == pytest.approx(np.log(2), rel=1e-6)
    assert AnchorError(3, "sum")(anchors, target).item() == 0
