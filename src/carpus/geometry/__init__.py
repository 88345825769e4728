"""Cameras, rotations, crops, alignment and voxel grids: pure functions on arrays and tensors."""

from carpus.geometry.camera import Camera

__all__ = ["Camera"]
