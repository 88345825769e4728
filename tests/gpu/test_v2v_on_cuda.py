"""What runs on a GPU must give what it gives on the processor."""

import numpy as np
import pytest
import torch

from carpus.engine.build import build, build_module
from carpus.engine.config import compose_config
from carpus.types import Batch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def make_batch(samples: int = 4, pixels: int = 3000) -> Batch:
    rng = np.random.default_rng(0)
    center = torch.tensor([[0.0, 0.0, 400.0]]).repeat(samples, 1)
    return Batch(
        [f"s{i}" for i in range(samples)],
        {
            "pixels": torch.from_numpy(rng.integers(100, 220, (samples * pixels, 2)).astype(np.int16)),
            "depth": torch.from_numpy(rng.integers(320, 480, samples * pixels).astype(np.int16)),
            "depth_length": torch.full((samples,), pixels),
            "camera": torch.tensor([[241.42, 241.42, 160.0, 120.0]]).repeat(samples, 1),
            "center_mm": center,
            "aug_scale": torch.ones(samples),
            "aug_angle": torch.linspace(-0.5, 0.5, samples),
            "aug_shift": torch.full((samples, 3), 3.0),
            "joints_cam_mm": center[:, None] + torch.from_numpy(rng.normal(0, 30, (samples, 21, 3))).float(),
            "joint_valid": torch.ones(samples, 21, dtype=torch.bool),
        },
    )


@pytest.mark.parametrize("loss", ["gauss", "integral"])
def test_prepare_and_decode_equal_the_processor(loss):
    cfg = compose_config(["method=v2v", "dataset=msra", f"loss={loss}", "method.module.net.init_std=0.05"])
    module = build_module(cfg).eval()
    with torch.no_grad():
        on_cpu = module.prepare(make_batch())
        cpu = module.predict_batch(make_batch()).joints_cam_mm
        module.cuda()
        on_gpu = module.prepare(make_batch().to("cuda"))
        gpu = module.predict_batch(make_batch().to("cuda")).joints_cam_mm
    different = (on_cpu["occupancy"] != on_gpu["occupancy"].cpu()).float().mean()
    assert different < 1e-5  # a coordinate on a voxel's face may round to either side
    assert (cpu - gpu.cpu()).norm(dim=-1).median() < 0.5


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_a_training_step_runs_and_is_finite(precision, tmp_path):
    cfg = compose_config(["method=v2v", "dataset=msra", "loss=integral"])
    module = build_module(cfg).cuda()
    kind = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)
    optimizer = build(cfg.optimizer)(module.net.parameters())
    with torch.autocast("cuda", dtype=kind, enabled=kind is not None):
        batch = module.prepare(make_batch().to("cuda"))
        terms = module.losses(module(batch), batch)
    total = sum(terms.values())
    total.backward()
    optimizer.step()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p).all() for p in module.net.parameters())
