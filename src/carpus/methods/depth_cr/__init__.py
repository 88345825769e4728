"""Depth coordinate regression: 28 published models as compositions of input, net, guide, decoder and loss."""

from carpus.methods.depth_cr.model import compose

__all__ = ["compose"]
