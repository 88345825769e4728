"""Carpus: one experiment framework for hand- and body-pose estimation."""

__version__ = "0.1.0"
