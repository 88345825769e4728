"""BiHand's second stage: volumes of places in a crop and a depth box, and a depth map, from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from carpus.geometry.uvd import UvdBox, mean_uvd
from carpus.nets.handflow2d.seed import Outputs
from carpus.nets.handflow2d.stacks import Answer, Answers, BisectedStacks, kaiming

NEEDED = ("joint_root", "joint_bone", "intr")
"""What must be known of a crop to place its joints in the camera frame."""


class LiftNet(BisectedStacks):
    """Heat maps, mask and features to joints in 3D and a depth map.

    Entries of the state dict have the names of the published weights.

    Args:
        joints: J.
        cells: depth cells of each stack's volume; as many stacks as numbers.
        blocks: residual blocks per step of an hourglass.
        depth: times an hourglass halves its sides.
        channels: width C, that of the seed network's ``enc``.
        crop_px: side of the crop the intrinsics belong to.
        depth_bones: depth of the box, in lengths of the reference bone.
        nearest_bones: where it begins, relative to the root.
    Raises:
        ConfigError: if a size is not allowed.
    """

    def __init__(
        self,
        joints: int = 21,
        cells: Sequence[int] = (32, 64),
        blocks: int = 1,
        depth: int = 4,
        channels: int = 256,
        crop_px: float = 256.0,
        depth_bones: float = 3.0,
        nearest_bones: float = -1.5,
    ) -> None:
        super().__init__()
        self.joints, self.channels = joints, channels
        self.box = UvdBox(crop_px, depth_bones, nearest_bones)
        self._hm_prev = nn.Conv2d(joints, channels, 1)
        self._mask_prev = nn.Conv2d(1, channels, 1)
        volume = Answer("hm3d", [joints * count for count in cells], positive=True)
        surface = Answer("dep", [1] * len(cells), positive=True)
        self.add_stacks("hg3d2b", volume, surface, channels=channels, depth=depth, blocks=blocks)
        kaiming(self)

    def forward(
        self, heatmap: Tensor, mask: Tensor, enc: Tensor, infos: Mapping[str, Tensor] | None = None
    ) -> Outputs:
        """Outputs of the seed network's last answers.

        Args:
            heatmap: ``(B, J, H, W)``.
            mask: ``(B, 1, H, W)`` logits.
            enc: ``(B, C, H, W)``.
            infos: ``joint_root`` ``(B, 3)`` and ``joint_bone`` ``(B, 1)`` in metres, ``intr`` ``(B, 3, 3)``
                or ``(B, 4)`` fx, fy, cx, cy of the crop; None if camera space is not wanted.
        Returns:
            ``l_uvd`` of ``(B, J, 3)`` from 0 to 1 and ``l_dep`` of ``(B, 1, H, W)``, one per stack;
            ``latent`` of the last hourglass; with ``infos``, ``l_joint`` of ``(B, J, 3)`` in metres.
        Raises:
            ValueError: if ``infos`` lacks one of :data:`NEEDED`.
        """
        found = self.answers(heatmap, mask, enc)
        uvds = [mean_uvd(volume) for volume in found.first]
        outputs: Outputs = {"l_uvd": uvds, "l_dep": found.second, "latent": found.latent}
        if infos is None:
            return outputs
        missing = [name for name in NEEDED if name not in infos]
        if missing:
            raise ValueError(
                f"LiftNet: infos lacks {', '.join(missing)}; it has {', '.join(infos) or 'nothing'}"
            )
        known = [infos[name].to(uvds[0].dtype) for name in NEEDED]
        return outputs | {"l_joint": [self.box.to_camera(uvd, *known) for uvd in uvds]}

    def answers(self, heatmap: Tensor, mask: Tensor, enc: Tensor) -> Answers:
        """What every stack finds: first volumes of mass ``(B, J, D, H, W)``, second depth maps."""
        found = self.run_stacks(self._hm_prev(heatmap) + self._mask_prev(mask) + enc)
        return found._replace(first=[maps.unflatten(1, (self.joints, -1)) for maps in found.first])
