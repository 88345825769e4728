"""Fixed channel permutations: indices in a buffer, drawn from a generator of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from carpus.errors import DataError

PermSeed = int | np.random.RandomState
"""A seed, or a stream that several modules draw from one after the other."""


def permutation_stream(seed: PermSeed) -> np.random.RandomState:
    """The stream of a seed; a stream is handed back as it is.

    NumPy's old generator, because its numbers never change between releases and because published flows drew
    from it.

    Example:
        >>> permutation_stream(11).permutation(6)
        array([4, 2, 5, 3, 0, 1])
    """
    return seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)


def take_channels(x: Tensor, index: Tensor) -> Tensor:
    """``x[:, index]`` of ``(B, C, H, W)`` in the memory format of ``x``."""
    if x.ndim == 4 and x.stride(1) == 1:
        last = x.permute(0, 2, 3, 1)
        return last.gather(3, index.expand(last.shape)).permute(0, 3, 1, 2)
    return x.index_select(1, index)


class _Reorder(torch.autograd.Function):
    """``take_channels`` whose gradient is taken by the inverse permutation instead of being scattered.

    Reverse mode only: a function with a rule for forward mode cannot be compiled.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        return take_channels(x, index)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        index, inverse = ctx.saved_tensors
        return _Reorder.apply(grad, inverse, index), None, None


class ChannelPermutation(nn.Module):
    """Output channel i is input channel ``index[i]``; the volume does not change.

    The indices are saved with the weights, so a checkpoint never depends on a generator.

    Args:
        channels: length of the permutation.
        seed: seed, or the stream to draw the next permutation from.
    """

    index: Tensor
    inverse_index: Tensor

    def __init__(self, channels: int, seed: PermSeed = 0) -> None:
        super().__init__()
        drawn = torch.tensor(permutation_stream(seed).permutation(channels), dtype=torch.long)
        self.register_buffer("index", drawn)
        self.register_buffer("inverse_index", drawn.argsort(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape."""
        return _Reorder.apply(x, self.index, self.inverse_index)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo :meth:`forward`."""
        return _Reorder.apply(y, self.inverse_index, self.index)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        given = state_dict.get(f"{prefix}index")
        if given is not None and not given.is_meta:
            check_permutation(given, f"{prefix}index")
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.inverse_index = self.index.argsort()

    def extra_repr(self) -> str:
        """Size for ``print(net)``."""
        return f"{len(self.index)}"


def check_permutation(index: Tensor, name: str) -> None:
    """Refuse indices that are no permutation.

    Args:
        index: ``(C,)`` integers.
        name: key to name in the message.
    Raises:
        DataError: if a channel is missing or taken twice.
    """
    if index.ndim != 1 or not torch.equal(index.sort().values.cpu(), torch.arange(len(index), device="cpu")):
        raise DataError(f"{name}: not a permutation of its {index.numel()} channels; the weights are damaged")


def index_from_matrix(matrix: Tensor, name: str = "w_perm") -> Tensor:
    """Indices of a permutation matrix as FrEIA 0.2 stores it: row i has its one in the column taken for i.

    Args:
        matrix: ``(C, C)`` or ``(C, C, 1, 1)``.
        name: key to name in the message.
    Returns:
        ``(C,)`` int64.
    Raises:
        DataError: if the matrix is not a permutation, for example a soft one or indices of a later FrEIA.
    Example:
        >>> index_from_matrix(torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]))
        tensor([1, 2, 0])
    """
    square = matrix.reshape(len(matrix), -1)
    hard = square.shape == (len(matrix), len(matrix)) and bool(((square == 0) | (square == 1)).all())
    if not (hard and bool((square.sum(0) == 1).all()) and bool((square.sum(1) == 1).all())):
        raise DataError(
            f"{name}: {tuple(matrix.shape)} is not a matrix of one 1 per row and column; only hard "
            "permutations of FrEIA 0.2 can be read (later releases store indices and scale otherwise)"
        )
    return square.argmax(1)
