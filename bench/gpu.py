"""V2V on a GPU: step time by precision, memory format and compilation, as ratios to plain float32.

python bench/gpu.py [--batch 12] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "gpu"))
from test_v2v_on_cuda import make_batch

from carpus.engine.build import build, build_module
from carpus.engine.config import compose_config

VARIANTS = {
    "float32": {},
    "float32 tf32": {"tf32": True},
    "float32 tf32 channels_last": {"tf32": True, "channels_last": True},
    "bf16": {"dtype": torch.bfloat16},
    "bf16 channels_last": {"dtype": torch.bfloat16, "channels_last": True},
    "bf16 channels_last compiled": {"dtype": torch.bfloat16, "channels_last": True, "compiled": True},
}


def step_ms(batch_size: int, dtype=None, channels_last=False, tf32=False, compiled=False, rounds=20):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    cfg = compose_config(["method=v2v", "dataset=msra", "loss=integral"])
    module = build_module(cfg).cuda()
    if channels_last:
        module.net.to(memory_format=torch.channels_last_3d)
    if compiled:
        module.net.compile()
    optimizer = build(cfg.optimizer)(module.net.parameters())
    batch = make_batch(batch_size).to("cuda")
    torch.cuda.reset_peak_memory_stats()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for i in range(rounds + 5):
        if i == 5:
            begin.record()
        optimizer.zero_grad()
        prepared = module.prepare(batch)
        with torch.autocast("cuda", dtype=dtype or torch.float16, enabled=dtype is not None):
            total = sum(module.losses(module(prepared), prepared).values())
        total.backward()
        optimizer.step()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / rounds, torch.cuda.max_memory_allocated() / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: nothing measured")
        return
    rows, base = {}, None
    for name, options in VARIANTS.items():
        ms, memory = step_ms(arguments.batch, **options)
        base = base or ms
        rows[name] = {"ms": ms, "ratio": base / ms, "memory_gb": memory}
        print(f"{name:<30} {ms:8.1f} ms/step  {base / ms:5.2f} x  {memory:5.2f} GB")
    if arguments.json:
        device = {"device": torch.cuda.get_device_name(0), "torch": torch.__version__}
        arguments.json.write_text(json.dumps({**device, "batch": arguments.batch, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
