"""What a normalising flow costs beyond its convolutions: python bench/flows.py [--json FILE].

The flows of 2DHandFlow over the three maps of a 256-pixel image, forward, backward and inverse, against a
plain stack of the very same convolutions that runs as often (1 would be a flow that costs nothing else); and
a training pass of the published formulation, which permutes by a product with a matrix, against ours.
Ratios are measured in one run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.nets.flows import FlowSequence, flow_nll

MAPS = ((64, 64), (128, 32), (256, 16))
"""Channels and side of each scale of a ResNet-18 over 256 pixels."""
STEPS = 8


def race(rounds: int, device: str, **contenders: Callable[[], object]) -> dict[str, float]:
    """Shortest milliseconds of each contender; they take turns, as other load only ever adds time."""
    best = dict.fromkeys(contenders, float("inf"))
    for round_ in range(rounds + 2):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            if round_ > 1:
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


class Stack(nn.Module):
    """The subnets of a flow, each on the first half of the last one's output, and nothing else."""

    def __init__(self, flow: FlowSequence) -> None:
        super().__init__()
        self.subnets = nn.ModuleList(step.subnet for step in flow.module_list)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C/2, H, W)`` to ``(B, C, H, W)``."""
        for subnet in self.subnets:
            x = subnet(x[:, : subnet[0].in_channels])
        return x


def bench_scale(
    channels: int, side: int, args: argparse.Namespace, bf16: bool, last: bool
) -> dict[str, float]:
    """One scale in one precision and memory format: milliseconds of flow and stack."""
    form = torch.channels_last if last else torch.contiguous_format
    flow = FlowSequence(channels, STEPS, kernels=args.kernels).to(args.device, memory_format=form)
    stack = Stack(flow)
    x = torch.randn(args.batch, channels, side, side, device=args.device).to(memory_format=form)
    x.requires_grad_()
    latent = x.detach()
    run_flow, run_inverse, run_stack = flow.forward, flow.inverse, stack.forward
    if args.compile:
        run_flow, run_inverse, run_stack = (torch.compile(f) for f in (run_flow, run_inverse, run_stack))

    def precision() -> object:
        return torch.autocast(args.device, torch.bfloat16) if bf16 else nullcontext()

    def as_flow() -> None:
        with precision():
            value = flow_nll(*run_flow(x))
        value.backward()
        with precision(), torch.no_grad():
            run_inverse(latent)

    def as_stack() -> None:
        with precision():
            value = 0.5 * run_stack(x).float().square().flatten(1).sum(1).mean()
        value.backward()
        with precision(), torch.no_grad():
            run_stack(latent)

    return race(args.rounds, args.device, flow=as_flow, stack=as_stack)


def published_chain(flow: FlowSequence, x: Tensor) -> tuple[Tensor, Tensor]:
    """The same chain as commonly written: a matrix product per permutation, out-of-place everywhere."""
    total = x.new_zeros(len(x))
    for step in flow.module_list:
        index, second = step.permutation.index, step.widths[1]
        matrix = torch.eye(len(index), device=x.device)[index][:, :, None, None]
        x1, x2 = x.split(step.widths, 1)
        a = step.subnet(x1) * 0.1
        s = step.clamp * torch.tanh(a[:, :second])
        scale = 0.1 * F.softplus(step.global_scale, beta=0.5)
        joined = torch.cat((x1, x2 * torch.exp(s) + a[:, second:]), 1)
        total = total + s.sum((1, 2, 3)) + scale.log().sum() * x[0, 0].numel()
        x = F.conv2d(joined * scale + step.global_offset, matrix)
    return x, total


def bench_published(channels: int, side: int, args: argparse.Namespace) -> dict[str, float]:
    """Forward and backward in float32, the published formulation and ours; their results agree."""
    flow = FlowSequence(channels, STEPS, kernels=args.kernels).to(args.device)
    x = torch.randn(args.batch, channels, side, side, device=args.device, requires_grad=True)
    torch.testing.assert_close(published_chain(flow, x), flow(x), rtol=1e-3, atol=1e-3)
    return race(
        args.rounds,
        args.device,
        published=lambda: flow_nll(*published_chain(flow, x)).backward(),
        ours=lambda: flow_nll(*flow(x)).backward(),
    )


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Every figure in one run."""
    found: dict[str, float] = {}
    for bf16 in (False, True):
        for last in (False, True):
            name = f"{'bf16' if bf16 else 'float32'}{' channels_last' if last else ''}"
            times = [bench_scale(*scale, args, bf16, last) for scale in MAPS]
            flow, stack = (sum(t[key] for t in times) for key in ("flow", "stack"))
            found |= {
                f"{name} flow_ms": flow,
                f"{name} stack_ms": stack,
                f"{name} flow_over_stack": flow / stack,
            }
            print(f"{name:22} flow {flow:8.2f} ms, its convolutions {stack:8.2f} ms: {flow / stack:.2f} x")
    for channels, side in MAPS:
        times = bench_published(channels, side, args)
        ratio = found[f"published_over_ours {channels}x{side}x{side}"] = times["published"] / times["ours"]
        print(f"{channels}x{side}x{side}: the published formulation takes {ratio:.2f} x as long to train")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kernels", choices=["3x3", "alternate"], default="3x3")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true", help="compile flow and stack")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    found = measure(args)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
