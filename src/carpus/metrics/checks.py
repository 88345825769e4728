"""Predictions that cannot be scored end in an error that names their samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from carpus.errors import CarpusError


class NonFinitePredictionError(CarpusError):
    """A prediction is NaN or infinite; carries the keys of the samples at fault."""

    def __init__(self, keys: Sequence[str], total: int) -> None:
        self.keys = list(keys)
        shown = ", ".join(self.keys[:4]) + (", …" if len(self.keys) > 4 else "")
        super().__init__(
            f"{len(self.keys)} of {total} predictions are NaN or infinite: {shown}; they can neither be "
            "scored nor left out, so mend the model or its input (a diverged run gives such output)"
        )


def check_finite(joints: Tensor, valid: Tensor, keys: Sequence[str]) -> None:
    """Refuse NaN and infinite joints where the truth is known.

    Args:
        joints: ``(B, J, C)`` predicted.
        valid: ``(B, J)`` bool.
        keys: B record keys.
    Raises:
        NonFinitePredictionError: naming the samples.
    """
    # One comparison for the whole batch first: the keys are looked up only when there is something to tell.
    broken = (~torch.isfinite(joints).all(dim=-1) & valid).any(dim=-1)
    if bool(broken.any()):
        raise NonFinitePredictionError([keys[i] for i in broken.nonzero().flatten().tolist()], len(keys))
