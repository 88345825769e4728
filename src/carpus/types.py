"""The few objects that travel between the parts: Record, Batch, Predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

Field = np.ndarray | float | int | str
"""What a record may hold beside image bytes: an array or a plain scalar."""


@dataclass(frozen=True)
class Record:
    """One sample as its publisher gives it, in Carpus' frame and units.

    ``fields`` of depth datasets: ``camera`` ``(4,)`` fx, fy, cx, cy in pixels; ``depth_coding`` (see
    :mod:`carpus.data.depth_images`); ``joints_cam_mm`` ``(J, 3)``, x right, y down, z forward;
    ``joint_valid`` ``(J,)`` bool. A field that a split does not offer is absent, never a magic value.
    """

    key: str
    images: Mapping[str, bytes] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)


class Ragged(NamedTuple):
    """An array whose first dimension differs from sample to sample.

    Collating concatenates it and adds ``<name>_length`` ``(B,)`` to the batch.
    """

    values: np.ndarray


Inputs = dict[str, "np.ndarray | float | int | Ragged"]
"""What ``method.inputs`` makes of one record."""


class Batch(Mapping[str, Tensor]):
    """Named tensors of B samples and their record keys.

    Example:
        >>> batch = Batch(["a", "b"], {"center_mm": torch.zeros(2, 3)})
        >>> len(batch.keys_), batch["center_mm"].shape
        (2, torch.Size([2, 3]))
    """

    def __init__(self, keys: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
        self.keys_ = list(keys)
        self._tensors = dict(tensors)

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._tensors[name]
        except KeyError:
            raise KeyError(f"the batch has no '{name}'; it has {', '.join(sorted(self._tensors))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    @property
    def size(self) -> int:
        """Number of samples B."""
        return len(self.keys_)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device; Lightning calls this."""
        return Batch(
            self.keys_, {k: v.to(device, non_blocking=non_blocking) for k, v in self._tensors.items()}
        )

    def pin_memory(self) -> Batch:
        """Page-locked copy; PyTorch's DataLoader calls this."""
        return Batch(self.keys_, {k: v.pin_memory() for k, v in self._tensors.items()})

    def plus(self, **tensors: Tensor) -> Batch:
        """A batch with further tensors; a name that exists already is refused.

        Raises:
            KeyError: if a name is already taken.
        """
        taken = sorted(set(tensors) & set(self._tensors))
        if taken:
            raise KeyError(f"the batch already has {', '.join(taken)}")
        return Batch(self.keys_, {**self._tensors, **tensors})


def collate(samples: Sequence[tuple[str, Inputs]]) -> Batch:
    """Join samples ``(key, inputs)`` to one batch: stack arrays, concatenate ragged ones.

    Example:
        >>> make = lambda n: {"points": Ragged(np.zeros((n, 3))), "center_mm": np.zeros(3)}
        >>> batch = collate([("a", make(5)), ("b", make(2))])
        >>> batch["points"].shape, batch["points_length"].tolist(), batch["center_mm"].shape
        (torch.Size([7, 3]), [5, 2], torch.Size([2, 3]))
    """
    tensors: dict[str, Tensor] = {}
    for name, first in samples[0][1].items():
        column: list[Any] = [inputs[name] for _, inputs in samples]
        if isinstance(first, Ragged):
            tensors[name] = torch.from_numpy(np.concatenate([item.values for item in column]))
            tensors[f"{name}_length"] = torch.tensor([len(item.values) for item in column])
        else:
            tensors[name] = torch.from_numpy(np.stack([np.asarray(item) for item in column]))
    return Batch([key for key, _ in samples], tensors)


@dataclass
class Predictions:
    """What a method says about B samples, under the names a protocol may ask for.

    Shapes: ``joints_cam_mm`` ``(B, J, 3)`` camera frame; ``joints_px`` ``(B, J, 2)`` in the full image;
    ``joint_scores`` ``(B, J)``; ``hand_type_prob`` ``(B, 2)`` right, left; ``rel_root_depth_mm`` ``(B,)``;
    ``segm_labels`` ``(B, H, W)``; ``vertices_cam_mm`` ``(B, V, 3)``; ``body_params`` named arrays.
    """

    keys: list[str]
    joints_cam_mm: Tensor | None = None
    joints_px: Tensor | None = None
    joint_scores: Tensor | None = None
    hand_type_prob: Tensor | None = None
    rel_root_depth_mm: Tensor | None = None
    segm_labels: Tensor | None = None
    vertices_cam_mm: Tensor | None = None
    body_params: dict[str, Tensor] | None = None

    def offered(self) -> set[str]:
        """Names of the quantities that are present."""
        return {f.name for f in fields(self) if f.name != "keys" and getattr(self, f.name) is not None}
