"""Values per joint, left and right averaged."""

from __future__ import annotations

from torch import Tensor

from carpus.skeletons import Skeleton


def part_means(skeleton: Skeleton, per_joint: Tensor) -> dict[str, float]:
    """Means over left and right of values ``(J,)``, by the joint's name without its side, in joint order.

    Example:
        >>> import torch
        >>> from carpus.skeletons import ITOP
        >>> part_means(ITOP, torch.arange(15.0))["shoulder"]
        2.5
    """
    part_of = [joint.removeprefix("left_").removeprefix("right_") for joint in skeleton.joints]
    order = dict.fromkeys(part_of)
    members = {part: [j for j, name in enumerate(part_of) if name == part] for part in order}
    return {part: float(per_joint[index].nanmean()) for part, index in members.items()}
