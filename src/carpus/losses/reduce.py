"""Means that leave out what is not annotated."""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over the valid entries; 0 if there is none.

    Args:
        values: ``(B, J)``.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        Scalar.
    Example:
        >>> import torch
        >>> masked_mean(torch.tensor([[1.0, 5.0]]), torch.tensor([[True, False]])).item()
        1.0
    """
    if valid is None:
        return values.mean()
    return values.masked_fill(~valid, 0.0).sum() / valid.sum().clamp(min=1)
