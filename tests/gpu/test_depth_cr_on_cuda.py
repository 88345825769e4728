"""What a GPU makes of the prepared arrays, and predicts from them, is what the processor does."""

from __future__ import annotations

import pytest
import torch

from carpus.nets.depth_cr import COMPOSITIONS
from methods.depth_cr.overfit import batch_of, module_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
MODELS = ("super_edt2m", "super_ov3edt2m", "dense_regre", "voxel_detect", "direc_tsdf", "localizer2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cuda")


@pytest.mark.parametrize("name", MODELS)
def test_inputs_targets_and_joints_equal_the_processor(name, folder):
    module = module_of(COMPOSITIONS[name]).eval()
    batch = batch_of(module.model, folder)
    with torch.no_grad():
        on_cpu, cpu = module.prepare(batch), module.predict_batch(batch).joints_cam_mm
        module.cuda()
        on_gpu, gpu = module.prepare(batch.to("cuda")), module.predict_batch(batch.to("cuda")).joints_cam_mm
    for key in ("net_input", "guide_target", "pose_target_mm", "label_target"):
        if key in on_cpu:
            assert torch.allclose(on_cpu[key].float(), on_gpu[key].float().cpu(), atol=1e-5)
    assert (cpu - gpu.cpu()).norm(dim=-1).median() < 0.5


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_step_is_finite(name, dtype, folder):
    module = module_of(COMPOSITIONS[name]).cuda().train()
    prepared = module.prepare(batch_of(module.model, folder).to("cuda"))
    with torch.autocast("cuda", dtype=dtype):
        terms = module.losses(module(prepared), prepared)
    total = torch.stack([module.terms[n].weight * v for n, v in terms.items()]).sum()
    total.backward()
    assert torch.isfinite(total)
