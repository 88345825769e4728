"""Files of weights: the one safe way to open them, ours and those of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carpus.errors import DataError


def load_untrusted(path: Path, map_location: Any = "cpu") -> Any:
    """The content of a PyTorch file; only tensors and plain containers are read, no code is run.

    Args:
        path: the file.
        map_location: device of the tensors.
    Raises:
        DataError: if the file is missing, damaged or holds anything else.
    """
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such checkpoint or file of weights") from None
    except Exception as error:  # a damaged file may fail anywhere in PyTorch's reader
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"{path}: not a checkpoint or file of weights that can be read safely ({reason})"
        ) from error


def state_dict_of(content: Any, path: Path, entry: str = "state_dict") -> dict[str, Tensor]:
    """The named tensors of a file's content, which is a state dict or has one under ``entry``.

    Args:
        content: of :func:`load_untrusted`.
        path: the file, for the message.
        entry: name of the state dict beside an optimiser's state and the epoch.
    Raises:
        DataError: if it is neither.
    Example:
        >>> state_dict_of({"epoch": 3, "state_dict": {"bias": torch.zeros(1)}}, Path("a.pt"))
        {'bias': tensor([0.])}
    """
    state = content.get(entry, content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: neither a state dict of tensors nor a dict with '{entry}'")
    return dict(state)
