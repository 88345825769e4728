"""Find the step at which a flow stopped being finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from carpus.errors import CarpusError


class NonFiniteFlowError(CarpusError):
    """A flow gave NaN or infinity; the message names scale and step."""


class Traceable(Protocol):
    """A flow that shows its steps."""

    def trace(self, x: Any) -> Iterator[tuple[str, list[Tensor]]]:
        """Name, maps and log-determinants of each step."""
        ...


def finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every value of every tensor is finite."""
    return all(bool(torch.isfinite(one).all()) for one in tensors)


@torch.no_grad()
def locate_non_finite(flow: Traceable, x: Tensor | Sequence[Tensor], scale: str = "") -> str | None:
    """Run a flow step by step until a value is NaN or infinite.

    Args:
        flow: a :class:`FlowSequence` or :class:`CrossScaleFlow`.
        x: what it was given.
        scale: name of its map for the sentence, such as ``scale 1``.
    Returns:
        A sentence naming the place, or None if all is finite.
    """
    where = f" of {scale}" if scale else ""
    if not finite([x] if isinstance(x, Tensor) else x):
        return f"the features{where} are not finite before they enter the flow: the network in front diverged"
    for name, values in flow.trace(x):
        if not finite(values):
            largest = max(float(v.nan_to_num(0, torch.inf, torch.inf).abs().max()) for v in values)
            return f"{name} of the flow{where} gives NaN or infinity (largest magnitude {largest:g})"
    return None


def require_finite(value: Tensor, flows: Sequence[Traceable], maps: Sequence[Tensor]) -> None:
    """Stop if a likelihood is not finite, naming scale and step.

    One comparison when all is well; the flows are run again only to find the culprit.

    Args:
        value: the likelihood or loss to look at.
        flows: one per scale.
        maps: what each flow was given ``(B, C, H, W)``.
    Raises:
        NonFiniteFlowError: if ``value`` is NaN or infinite.
    """
    if finite([value]):
        return
    found = [locate_non_finite(f, x, f"scale {i}") for i, (f, x) in enumerate(zip(flows, maps, strict=True))]
    places = [sentence for sentence in found if sentence]
    what = "; ".join(places) if places else "every step is finite by itself, only the sum overflows"
    raise NonFiniteFlowError(
        f"the flow's likelihood is {value.detach().max():g}: {what}; lower the learning rate or the weight "
        "of this term, clip gradients, or bound the log scales with clamp"
    )
