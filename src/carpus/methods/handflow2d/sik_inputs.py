"""A hand without a picture, for the stage that fits a hand model: its record's fields as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from carpus.types import Inputs, Record


class SikInputs:
    """Ships fields of a record; everything else is made of them on the device.

    Args:
        fields: their names.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one hand."""
        del rng, train
        return {name: np.asarray(record.fields[name]) for name in self.fields}

    def many(self, fields: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays of n hands at once, of fields with n rows."""
        return {name: fields[name] for name in self.fields}
