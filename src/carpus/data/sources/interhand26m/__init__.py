"""InterHand2.6M: readers of its tree, and of what DIGIT makes beside it."""

from carpus.data.sources.interhand26m.source import InterHand26M

__all__ = ["InterHand26M"]
