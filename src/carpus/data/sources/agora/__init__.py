"""AGORA."""

from carpus.data.sources.agora.source import AGORA

__all__ = ["AGORA"]
