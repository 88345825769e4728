"""The evaluations of several datasets side by side, while one method is trained on all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from carpus.errors import ConfigError
from carpus.metrics.base import SumMetric
from carpus.metrics.protocols.base import Protocol
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.types import Batch, Predictions


class PartCounts(SumMetric):
    """Number of samples of every part.

    Args:
        parts: number of parts P.
    Example:
        >>> metric = PartCounts(2)
        >>> metric.update(1, 5)
        >>> metric.compute().tolist()
        [0, 5]
    """

    samples: Tensor

    def __init__(self, parts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_count("samples", parts)

    def update(self, part: int, count: int) -> None:
        """Add samples of a part, by its number."""
        self.samples[part] += count

    def compute(self) -> Tensor:
        """``(P,)`` int64."""
        return self.samples.clone()


class MixedProtocol(MetricProtocol):
    """Each batch goes to the protocol of the part it is of.

    Values: ``<part>/<metric>`` of every part's protocol, and :attr:`headline` of the mixture. Where all parts
    have the same headline that is their mean, weighted by samples; else it is that of the first part.

    Args:
        parts: protocols by the parts' names, in the order of the numbers in the tensor ``part``.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parts: Mapping[str, Protocol]) -> None:
        self.parts, self._counts = dict(parts), PartCounts(len(parts))
        super().__init__({"counts": self._counts})
        first = next(iter(self.parts.values()))
        self.headline, self.higher_is_better = first.headline, first.higher_is_better  # type: ignore[misc]

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch, all of one part; reads ``part`` ``(B,)``.

        Raises:
            ConfigError: if the batch does not say which part it is of, or is of several.
        """
        numbers = batch["part"].unique().tolist() if "part" in batch else []
        if len(numbers) != 1:
            raise ConfigError(
                f"a batch to be scored must be of one part, this one is of {numbers or 'none'}: the method's "
                "prepare must keep 'part'"
            )
        list(self.parts.values())[numbers[0]].update(predictions, batch)
        self.follow(batch["part"].device)
        self._counts.update(numbers[0], batch.size)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every sample of every process."""
        found = {name: dict(protocol.compute()) for name, protocol in self.parts.items()}
        headlines = [(own.headline, found[name][own.headline]) for name, own in self.parts.items()]
        values = {f"{part}/{name}": value for part, own in found.items() for name, value in own.items()}
        counts = self.reduced()["counts"].tolist()
        return {self.headline: mixed_headline(headlines, counts), **values}

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        for protocol in self.parts.values():
            protocol.reset()


def mixed_headline(headlines: Sequence[tuple[str, float | None]], counts: Sequence[int]) -> float:
    """One number for several datasets.

    Args:
        headlines: of every part the headline's name and value; None or NaN where there are no labels.
        counts: samples of every part.
    Returns:
        The mean weighted by samples if all parts have the same headline, parts without a number left out;
        else the first part's; NaN if there is none.
    Example:
        >>> mixed_headline([("mean_error_mm", 10.0), ("mean_error_mm", 20.0)], [300, 100])
        12.5
        >>> mixed_headline([("mpjpe_all", 10.0), ("epe_px", 2.0)], [300, 100])
        10.0
    """
    known = [
        (value, count)
        for (_, value), count in zip(headlines, counts, strict=True)
        if value is not None and math.isfinite(value) and count
    ]
    if len({name for name, _ in headlines}) > 1:
        first = headlines[0][1]
        return math.nan if first is None else first
    total = sum(count for _, count in known)
    return sum(value * count for value, count in known) / total if total else math.nan
