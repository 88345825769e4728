"""The one point a localiser finds, as a joint set, so that it is scored and drawn like any other."""

from __future__ import annotations

from carpus.skeletons.skeleton import Skeleton

CUBE_CENTER = Skeleton(
    name="cube_center", joints=("cube_center",), parents=(-1,), colours=((255, 140, 0),), sides=("none",)
)
