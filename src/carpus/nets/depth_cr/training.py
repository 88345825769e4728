"""How the published networks were trained, as numbers and pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from carpus.errors import ConfigError


def learning_rate(
    step: int, every: int = 20_000, lr: float = 1e-3, decay: float = 0.94, floor: float = 1e-6
) -> float:
    """Staircase rate max(lr · decay^⌊step / every⌋, floor).

    Example:
        >>> learning_rate(0), learning_rate(20_000), learning_rate(10**7)
        (0.001, 0.00094, 1e-06)
    """
    return max(lr * decay ** (step // every), floor)


def norm_decay(total_steps: int) -> float:
    """Decay of running statistics that a training of that many steps can follow.

    The published 0.9997 remembers 3333 steps: networks trained for fewer than 20 000 are evaluated with
    statistics near their initial values and collapse.

    Example:
        >>> norm_decay(150_000), norm_decay(5_000), norm_decay(300)
        (0.9997, 0.99, 0.9)
    """
    if total_steps >= 20_000:
        return 0.9997
    return 0.99 if total_steps >= 2_000 else 0.9


@dataclass(frozen=True)
class StopState:
    """What the stopping rule remembers.

    Args:
        best: smallest loss so far.
        misses: epochs above it since.
        reason: why training stops, None to go on.
        improved: whether the last epoch is the best one, to be saved.
    """

    best: float = float("inf")
    misses: int = 0
    reason: str | None = None
    improved: bool = False


def stop_after(state: StopState, loss: float, tolerance: float = 0.1, patience: int = 5) -> StopState:
    """The rule after one more epoch.

    Args:
        state: after the epoch before; ``StopState()`` at first.
        loss: validation loss of the epoch.
        tolerance: stop at once above best · (1 + tolerance).
        patience: stop after this many epochs above the best; an equal loss counts as improvement.
    Example:
        >>> stop_after(stop_after(StopState(), 10.0), 11.1).reason
        'the loss 11.1 is more than 10 % above the best, 10'
    """
    if patience < 1 or tolerance < 0:
        raise ConfigError(f"stop rule: patience {patience} must be >= 1 and tolerance {tolerance} >= 0")
    if loss > state.best * (1 + tolerance):
        reason = f"the loss {loss:g} is more than {100 * tolerance:g} % above the best, {state.best:g}"
        return StopState(state.best, state.misses + 1, reason)
    if loss > state.best:
        misses = state.misses + 1
        reason = f"{misses} epochs without improvement on {state.best:g}" if misses >= patience else None
        return StopState(state.best, misses, reason)
    return StopState(loss, 0, None, improved=True)
