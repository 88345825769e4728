"""Layers with the rules of the published TensorFlow networks: SAME padding, normalisation without scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
UP_CONV = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
MAX_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


class ShiftNorm(nn.Module):
    """Batch normalisation that learns a shift and no scale.

    In training, a batch with one value per channel cannot be normalised by itself; it uses the running
    statistics and leaves them alone.

    Args:
        channels: feature maps.
        decay: share of the running statistics that survives a step.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, decay: float = 0.9997, eps: float = 1e-3) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.decay, self.eps = decay, eps

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, *)`` to the same shape."""
        learn = self.training and x.numel() > x.shape[1]
        mean, var = self.running_mean, self.running_var
        return F.batch_norm(x, mean, var, None, self.shift, learn, 1 - self.decay, self.eps)

    def extra_repr(self) -> str:
        """Size and constants for ``print(net)``."""
        return f"{len(self.shift)}, decay={self.decay}, eps={self.eps}"


class WeightLayer(nn.Module):
    """One weight tensor and what follows it: normalisation and ReLU, or only a bias where it is linear.

    Args:
        layer: convolution, transposed convolution or dense layer; it has a bias exactly if it is linear.
        norm: normalisation, None for a linear layer.
        pad: zeros before and after each axis that ``layer`` does not add itself.
        trim: drop the last element of each spatial axis (transposed convolutions).
    """

    def __init__(
        self, layer: nn.Module, norm: ShiftNorm | None, pad: tuple[int, int] = (0, 0), trim: bool = False
    ) -> None:
        super().__init__()
        self.layer, self.norm = layer, norm
        self.pad, self.trim = pad, trim
        nn.init.xavier_uniform_(self.weight)
        if norm is None:
            nn.init.zeros_(layer.get_parameter("bias"))

    @property
    def weight(self) -> Tensor:
        """The weights in PyTorch's layout."""
        return self.layer.get_parameter("weight")

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, *)`` to ``(B, Cout, *)``."""
        if self.pad != (0, 0):
            x = F.pad(x, self.pad * (x.ndim - 2))
        x = self.layer(x)
        if self.trim:
            x = x[(..., *[slice(None, -1)] * (x.ndim - 2))]
        return x if self.norm is None else F.relu(self.norm(x), inplace=True)


def conv(
    dim: int,
    channels_in: int,
    channels_out: int,
    kernel: int | tuple[int, ...],
    stride: int = 1,
    valid: bool = False,
    linear: bool = False,
) -> WeightLayer:
    """Convolution with TensorFlow's SAME padding: the smaller half of an odd padding stands before.

    Args:
        dim: 2 or 3.
        channels_in, channels_out: feature maps.
        kernel: edge, or one edge per axis.
        stride: 1, or 2 for sides that are multiples of it.
        valid: no padding.
        linear: bias instead of normalisation and ReLU.
    """
    total = 0 if isinstance(kernel, tuple) else max(kernel - stride, 0)
    pad, padding = (0, 0), 0 if valid else "same"
    if not valid and (stride > 1 or total % 2):
        pad, padding = (total // 2, total - total // 2), 0
    layer = CONV[dim](channels_in, channels_out, kernel, stride, padding, bias=linear)
    return WeightLayer(layer, None if linear else ShiftNorm(channels_out), pad)


def up_conv(dim: int, channels_in: int, channels_out: int) -> WeightLayer:
    """Transposed 3ᵈ convolution that exactly doubles the sides."""
    layer = UP_CONV[dim](channels_in, channels_out, 3, 2, bias=False)
    return WeightLayer(layer, ShiftNorm(channels_out), trim=True)


def dense(features_in: int, features_out: int, linear: bool = False) -> WeightLayer:
    """Dense layer ``(B, Fin)`` to ``(B, Fout)``."""
    layer = nn.Linear(features_in, features_out, bias=linear)
    return WeightLayer(layer, None if linear else ShiftNorm(features_out))


def halving_pool(dim: int) -> nn.Module:
    """Maximum over 3ᵈ at stride 2; even sides n become n/2 and only their end is padded."""
    return MAX_POOL[dim](3, 2, ceil_mode=True)


def flatten_channels_last(x: Tensor) -> Tensor:
    """``(B, C, *S)`` to ``(B, S·C)`` with the channel running fastest, the order of stored weights."""
    return x.movedim(1, -1).flatten(1)


def weight_layers(net: nn.Module) -> Iterator[tuple[str, WeightLayer]]:
    """Names and weight layers of a network in creation order, the order of published weights."""
    for name, module in net.named_modules():
        if isinstance(module, WeightLayer):
            yield name, module


def penalised_parameters(net: nn.Module) -> list[nn.Parameter]:
    """The parameters under the L2 penalty: every weight and every bias, no shift."""
    return [p for _, layer in weight_layers(net) for p in layer.layer.parameters()]


def set_norm_decay(net: nn.Module, decay: float) -> None:
    """Change the decay of every :class:`ShiftNorm` of a network."""
    for module in net.modules():
        if isinstance(module, ShiftNorm):
            module.decay = decay


@torch.no_grad()
def reestimate_statistics(net: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Set the running statistics to the plain mean over the given batches.

    A network trained for fewer steps than its decay remembers is not ready for evaluation without this.

    Args:
        net: left in the mode it came in.
        inputs: batches of network inputs, on the network's device.
    """
    norms = [module for module in net.modules() if isinstance(module, ShiftNorm)]
    before, training = [norm.decay for norm in norms], net.training
    net.train()
    try:
        for seen, batch in enumerate(inputs):
            for norm in norms:
                norm.decay = seen / (seen + 1)
            net(batch)
    finally:
        net.train(training)
        for norm, decay in zip(norms, before, strict=True):
            norm.decay = decay
