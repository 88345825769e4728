"""ActNorm's first batch, alone and in two processes, and the block of the figure."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from carpus.nets.flows import ActNorm, FlowSequence, GlowStep


def coloured(batch=6, channels=5):
    x = torch.randn(batch, channels, 4, 4)
    return x * torch.arange(1, channels + 1).view(1, -1, 1, 1) + torch.linspace(-9, 9, channels).view(
        1, -1, 1, 1
    )


def test_the_first_training_batch_leaves_with_mean_0_and_deviation_1():
    norm, x = ActNorm(5), coloured()
    y, log_det = norm(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.std((0, 2, 3), correction=0), torch.ones(5))
    expected = -16 * x.std((0, 2, 3), correction=0).log().sum()
    torch.testing.assert_close(log_det, expected.expand(6))


def test_later_batches_are_not_learned_from():
    norm, x = ActNorm(5), coloured()
    norm(x)
    kept = {name: value.clone() for name, value in norm.state_dict().items()}
    norm(3 * x + 1)
    torch.testing.assert_close(norm.state_dict(), kept, rtol=0, atol=0)


def test_validation_before_training_and_the_way_back_learn_nothing():
    norm, x = ActNorm(5), coloured()
    norm.inverse(x)
    y, log_det = norm.eval()(x)
    torch.testing.assert_close(y, x)
    assert not norm.initialised
    assert log_det.tolist() == [0.0] * 6


def test_a_loaded_layer_keeps_its_statistics():
    norm, x = ActNorm(5), coloured()
    wanted = norm(x)
    other = ActNorm(5)
    other.load_state_dict(norm.state_dict())
    torch.testing.assert_close(other(2 * x), norm(2 * x))
    fresh = ActNorm(5)
    fresh.load_state_dict(ActNorm(5).state_dict())
    torch.testing.assert_close(fresh(x), wanted)


def test_dead_channels_and_broken_batches_are_survived():
    norm, x = ActNorm(5), coloured()
    x[:, 2] = 7.0
    norm(torch.full_like(x, torch.nan))
    assert not norm.initialised
    y, log_det = norm(x)
    assert norm.initialised
    assert torch.isfinite(y).all()
    assert torch.isfinite(log_det).all()
    assert float(y[:, 2].detach().abs().max()) < 1e-4


def test_a_new_step_only_normalises_and_permutes():
    step, x = GlowStep(5), coloured()
    y, _ = step(x)
    torch.testing.assert_close(y, step.permutation(step.norm(x)[0]))


def grown(clamp):
    step = GlowStep(4, clamp=clamp).eval()
    with torch.no_grad():
        for subnet in (step.subnet1, step.subnet2):
            subnet[-1].bias.fill_(200.0)
    return step


def test_clamp_bounds_what_the_plain_exponential_does_not():
    x = torch.randn(2, 4, 3, 3)
    assert not torch.isfinite(grown(None)(x)[0]).all()
    step = grown(1.5)
    y, log_det = step(x)
    torch.testing.assert_close(log_det, torch.full((2,), 4 * 9 * 1.5))
    torch.testing.assert_close(step.inverse(y)[0], x, rtol=0, atol=1e-3)


def test_both_halves_are_updated():
    step = GlowStep(4).eval()
    with torch.no_grad():
        for subnet in (step.subnet1, step.subnet2):
            subnet[-1].bias.fill_(0.5)
    x = torch.randn(2, 4, 3, 3)
    assert not (step(x)[0] == step.permutation(x)).any()


@pytest.mark.slow
def test_processes_start_from_their_common_statistics(tmp_path):
    workers = [subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)]) for rank in (0, 1)]
    assert [worker.wait(timeout=400) for worker in workers] == [0, 0]
    states = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
    torch.manual_seed(0)
    chain = FlowSequence(5, 2, block="glow2")
    chain(coloured())
    torch.testing.assert_close(states[0], dict(chain.state_dict()), rtol=1e-5, atol=1e-5)


def one_process(rank, folder):
    """Two unequal shares of one batch: four samples and two."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=300)
    )
    torch.manual_seed(0)
    chain = FlowSequence(5, 2, block="glow2")
    share = coloured().split((4, 2))[rank]
    parallel = torch.nn.parallel.DistributedDataParallel(chain)
    for _ in range(2):
        z, log_det = parallel(share)
    (z.square().mean() - log_det.mean()).backward()
    torch.save(chain.state_dict(), Path(folder, f"{rank}.pt"))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    one_process(int(sys.argv[1]), sys.argv[2])
