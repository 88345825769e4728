"""Stereo Hand Pose Tracking Benchmark."""

from carpus.data.sources.stb.source import STB

__all__ = ["STB"]
