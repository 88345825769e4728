"""Which loss term moves a network: gradient norms at one weight, and terms without influence."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def gradient_norms(terms: Mapping[str, Tensor], weight: Tensor) -> dict[str, float]:
    """Length of each term's gradient with respect to one weight; the graph stays usable.

    Args:
        terms: scalars of one forward pass, already weighted.
        weight: for instance ``net.last_stem_weight()``.
    Returns:
        Name to norm; 0 for a term that does not depend on the weight.
    Example:
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> gradient_norms({"a": w.square().sum() / 2, "b": (w * 0.0).sum()}, w)
        {'a': 5.0, 'b': 0.0}
    """
    norms = {}
    for name, term in terms.items():
        gradient = None
        if term.requires_grad:
            (gradient,) = torch.autograd.grad(term, weight, retain_graph=True, allow_unused=True)
        norms[name] = 0.0 if gradient is None else gradient.norm().item()
    return norms


def inert_terms(norms: Mapping[str, float], limit: float = 1e-3) -> list[str]:
    """Names of the terms that contribute less than ``limit`` of the sum of all gradient norms.

    Example:
        >>> inert_terms({"pose": 4e5, "map": 0.5})
        ['map']
    """
    total = sum(norms.values())
    return [name for name, norm in norms.items() if norm < limit * total]
