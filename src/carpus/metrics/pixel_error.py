"""Means, medians and PCK of many columns of errors at once, exact over any number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from carpus.metrics.base import SumMetric
from carpus.metrics.functional.errors import full_mask, masked_sums
from carpus.metrics.functional.pixels import joint_medians
from carpus.metrics.functional.success import counts_within

BINS, PER_OCTAVE, SMALLEST = 4096, 256, 2.0**-4
"""Bins of the median of large splits: 256 for each doubling, from 1/16 to 4096; they are 0.27 % wide."""


class ErrorFigures(NamedTuple):
    """Figures of K columns over all rows of all processes.

    ``mean`` and ``median`` ``(K,)`` float64, ``shares`` ``(K, T)`` float64 within each threshold, all NaN for
    a column without a valid error; ``counts`` ``(K,)`` int64 valid errors; ``rows`` their number; ``exact``
    bool: whether the medians are those of the errors themselves and not of bins.
    """

    mean: Tensor
    median: Tensor
    shares: Tensor
    counts: Tensor
    rows: Tensor
    exact: Tensor


class ErrorTable(SumMetric):
    """Accumulates rows of K errors, such as those of J joints after several alignments.

    Medians need all errors, so rows are kept, up to a number that holds every published test split; of larger
    splits medians come from logarithmic bins and are right to 0.14 %. Everything else is exact always.

    Args:
        columns: number of errors K of a row.
        thresholds: ascending, in the unit of the errors.
        keep_rows: rows each process keeps; memory is 8 K bytes per row.
    Example:
        >>> table = ErrorTable(columns=2, thresholds=[2.0, 5.0])
        >>> table.update(torch.tensor([[1.0, 9.0], [3.0, 0.0]]), torch.tensor([[True, True], [True, False]]))
        >>> found = table.compute()
        >>> found.mean.tolist(), found.median.tolist(), found.shares.tolist()
        ([2.0, 9.0], [2.0, 9.0], [[0.5, 1.0], [0.0, 0.0]])
    """

    total: Tensor
    count: Tensor
    within: Tensor
    histogram: Tensor
    rows: Tensor
    kept: list[Tensor] | Tensor
    thresholds: Tensor

    def __init__(
        self, columns: int, thresholds: Sequence[float], keep_rows: int = 8192, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        at = torch.tensor(list(thresholds), dtype=torch.float64)
        if len(at) == 0 or bool((at.diff() <= 0).any()):
            raise ValueError(f"thresholds must ascend and not be empty, got {list(thresholds)}")
        self.register_buffer("thresholds", at, persistent=False)
        self.columns, self.keep_rows = columns, keep_rows
        self.add_sum("total", columns)
        self.add_count("count", columns)
        self.add_count("within", columns, len(at))
        self.add_count("histogram", columns * BINS)
        self.add_count("rows")
        self.add_state("kept", [], dist_reduce_fx="cat")

    def update(self, errors: Tensor, valid: Tensor | None = None) -> None:
        """Add rows: ``(N, K)`` errors, of which those with ``valid`` ``(N, K)`` bool count."""
        mask = full_mask(errors, valid)
        exact = torch.where(mask, errors.double(), 0.0)
        total, count = masked_sums(exact, mask)
        self.total += total
        self.count += count
        self.within += counts_within(exact, mask, self.thresholds)
        place = ((exact / SMALLEST).log2() * PER_OCTAVE).floor().clamp(0, BINS - 1).long()
        place = place + torch.arange(self.columns, device=errors.device) * BINS
        self.histogram.index_add_(0, place.flatten(), mask.flatten().long())
        self.rows += len(errors)
        free = self.keep_rows - sum(len(part) for part in self.kept)
        if free > 0:
            # Copied: a slice would keep the whole batch alive.
            self.kept.append(torch.where(mask, exact, torch.nan)[:free].clone())  # type: ignore[union-attr]

    def compute(self) -> ErrorFigures:
        """Figures over all rows."""
        kept = dim_zero_cat(self.kept) if len(self.kept) else self.total.new_zeros(0, self.columns)
        exact = len(kept) == self.rows
        median = joint_medians(kept, ~kept.isnan()) if exact else self._binned_medians()
        counted = self.count.double()
        shares = self.within / counted[:, None]
        mean, count, rows = self.total / counted, self.count.clone(), self.rows.clone()
        return ErrorFigures(mean, median, shares, count, rows, torch.as_tensor(exact))

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """As torchmetrics does; a process without rows takes part with none of them, in the right shape."""
        if not len(self.kept):
            self.kept = [self.total.new_zeros(0, self.columns)]
        super().sync(*args, **kwargs)

    def _binned_medians(self) -> Tensor:
        """``(K,)`` medians from bins; the geometric middle of a bin, 0 for the first."""
        running = self.histogram.view(self.columns, BINS).cumsum(1)
        count = running[:, -1:]
        middle = torch.cat(((count + 1) // 2, count // 2 + 1), 1)
        bins = torch.searchsorted(running, middle).clamp_max(BINS - 1)
        values = SMALLEST * torch.exp2((bins + 0.5) / PER_OCTAVE)
        values = torch.where(bins > 0, values, 0.0).double().mean(1)
        return torch.where(count[:, 0] > 0, values, torch.nan)
