"""Mean of the predictions of several checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, DataError, unknown
from carpus.methods.base import Outputs, PoseModule
from carpus.types import Batch, Predictions

SPACES = ("world", "pixel")
AVERAGED = ("joints_cam_mm", "joints_px", "joint_scores", "hand_type_prob", "rel_root_depth_mm")
"""What of several predictions is averaged; masks and meshes are not."""


def average(
    members: Sequence[Predictions], space: str = "world", camera: Tensor | None = None
) -> Predictions:
    """Joint positions averaged over models.

    Args:
        members: predictions of the same samples in the same order.
        space: ``world`` averages camera-space xyz, ``pixel`` averages u, v, depth and projects back.
        camera: ``(B, 4)`` fx, fy, cx, cy; needed for ``pixel``.
    Returns:
        What every member has of ``joints_cam_mm``, ``joints_px``, ``joint_scores``, ``hand_type_prob`` and
            ``rel_root_depth_mm``.
    Raises:
        ConfigError: for an unknown space, or ``pixel`` without a camera.
        DataError: if there is nothing to average or the members are not of the same samples.
    Example:
        >>> make = lambda x: Predictions(["a"], joints_cam_mm=torch.tensor([[[x, 0.0, 400.0]]]))
        >>> average([make(0.0), make(10.0)]).joints_cam_mm.tolist()
        [[[5.0, 0.0, 400.0]]]
    """
    if space not in SPACES:
        raise ConfigError(unknown("ensemble space", space, SPACES))
    _check_same_samples(members)
    mean = {name: _mean(members, name) for name in AVERAGED if all(name in m.offered() for m in members)}
    if not mean:
        raise DataError(f"ensemble: the members have nothing in common of {', '.join(AVERAGED)}")
    if "joints_cam_mm" in mean and space == "pixel":
        if camera is None:
            raise ConfigError("ensemble space 'pixel' needs the camera of every sample")
        mean["joints_cam_mm"] = _pixel_mean(members, camera[:, None])
    return Predictions(list(members[0].keys), **{name: value.float() for name, value in mean.items()})


def _check_same_samples(members: Sequence[Predictions]) -> None:
    if not members:
        raise DataError("ensemble: no predictions to average")
    for number, member in enumerate(members):
        if list(member.keys) != list(members[0].keys):
            raise DataError(
                f"ensemble: member {number} does not predict the same samples in the same order as member 0"
            )


def _mean(members: Sequence[Predictions], name: str) -> Tensor:
    return torch.stack([getattr(member, name).to(torch.float64) for member in members]).mean(0)


def _pixel_mean(members: Sequence[Predictions], camera: Tensor) -> Tensor:
    """Joints at the mean place in the picture and the mean depth."""
    joints = [m.joints_cam_mm for m in members if m.joints_cam_mm is not None]
    return _to_xyz(torch.stack([_to_uvd(xyz.to(torch.float64), camera) for xyz in joints]).mean(0), camera)


def _to_uvd(xyz: Tensor, camera: Tensor) -> Tensor:
    z = xyz[..., 2:]
    return torch.cat((xyz[..., :2] / z * camera[..., :2] + camera[..., 2:], z), -1)


def _to_xyz(uvd: Tensor, camera: Tensor) -> Tensor:
    z = uvd[..., 2:]
    return torch.cat(((uvd[..., :2] - camera[..., 2:]) / camera[..., :2] * z, z), -1)


class Ensemble(PoseModule):
    """Several networks of one method whose predictions are averaged; for scoring only.

    Args:
        module: the method; each member's network takes the place of its own.
        states: module states of the members, as checkpoints hold them.
        space: ``world`` or ``pixel``.
    """

    def __init__(
        self, module: PoseModule, states: Sequence[Mapping[str, Tensor]], space: str = "world"
    ) -> None:
        nets = []
        for state in states:
            module.load_state_dict(state)
            nets.append(deepcopy(module.net))
        super().__init__(nn.ModuleList(nets), module.terms, module._optimizer)
        self.space = space
        # In a list, so that the method's own network is not registered a second time.
        self._method = [module]

    def prepare(self, batch: Batch) -> Batch:
        """As the method prepares it."""
        return self._method[0].prepare(batch)

    def forward(self, batch: Batch) -> Outputs:
        """``<member>.<name>``: the outputs of every member."""
        outputs: Outputs = {}
        for number, net in enumerate(self.members()):
            self._method[0].net = net
            outputs |= {f"{number}.{name}": value for name, value in self._method[0](batch).items()}
        return outputs

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """The mean of what the members predict."""
        decoded = []
        for number in range(len(self.members())):
            prefix = f"{number}."
            own = {n.removeprefix(prefix): v for n, v in outputs.items() if n.startswith(prefix)}
            decoded.append(self._method[0].decode(own, batch))
        return average(decoded, self.space, batch.get("camera"))

    def members(self) -> list[nn.Module]:
        """The networks."""
        return list(self.net.children())
