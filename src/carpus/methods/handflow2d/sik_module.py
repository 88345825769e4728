"""BiHand's hand-model stage as a training module of its own: on SIK-1M, and on joints a network found."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from carpus.methods.base import LossTerm, Outputs, PoseModule
from carpus.methods.handflow2d.sik_net import SikAlone
from carpus.methods.handflow2d.sik_turns import MeanTurnError
from carpus.nets.handflow2d.kinematics import shape_of
from carpus.types import Batch, Predictions

MM_PER_M = 1000.0


class SikStage(PoseModule):
    """Joints of a hand in; rotations, shape and joints of a hand model out.

    Joints come about the root: those that were found (``joints_found_m``) where the dataset has them, else
    the true ones. What is predicted is placed at the true root with the true reference bone, as published.

    Args:
        net: the stage.
        losses: name to term.
        optimizer: partial that takes the parameters.
        scheduler: partial that takes the optimiser, or None.
        epsilon: added to bone lengths before directions are divided by them.
        pose_to_learn: False leaves the hand model out of training steps; for losses of rotations alone.
    """

    def __init__(
        self,
        net: SikAlone,
        losses: Mapping[str, LossTerm],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], Any] | None = None,
        epsilon: float = 0.0,
        pose_to_learn: bool = True,
    ) -> None:
        super().__init__(net, losses, optimizer, scheduler)
        self.epsilon, self.pose_to_learn = epsilon, pose_to_learn
        self.turns = MeanTurnError()
        """Of rotations against true ones; see :meth:`watched`."""

    def prepare(self, batch: Batch) -> Batch:
        """Adds the true hand, and what the network is given of the one it is shown."""
        true_m = (batch["joints_cam_mm"] - batch["center_mm"][:, None]) / MM_PER_M
        origin = torch.zeros_like(true_m[:, 0])
        found = batch.get("joints_found_m", true_m)
        given, true = shape_of(found, origin, self.epsilon), shape_of(true_m, origin, self.epsilon)
        made = {
            "given_joints": given.joints,
            "given_chain": given.chain,
            "joints_rs_target": true.joints,
            "kin_len_target": true.lengths,
            "bone_mm": MM_PER_M * true.bone,
        }
        if "quat" in batch:
            made["quat_target"] = batch["quat"]
        return batch.plus(**made)

    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs of a prepared batch; posed unless a training step can do without."""
        net = self.net
        assert isinstance(net, SikAlone)
        return net(batch["given_joints"], batch["given_chain"], pose=self.pose_to_learn or not self.training)

    def decode(self, outputs: Outputs, batch: Batch) -> Predictions:
        """Joints of the hand model, of the true size at the true root."""
        joints = outputs["jointRS"].float() * batch["bone_mm"][:, None] + batch["center_mm"][:, None]
        return Predictions(batch.keys_, joints_cam_mm=joints)

    def watch(self, stage: str, outputs: Outputs, batch: Batch) -> None:
        """Add angles between rotations, where the true ones are known."""
        del stage
        if "quat_target" in batch:
            self.turns.to(outputs["quat"].device).update(outputs["quat"], batch["quat_target"])

    def watched(self, stage: str) -> dict[str, float]:
        """``standin_hand``: 1 if the hand model is a stand-in, so that errors in mm are of no published hand;
        ``rotation_error_deg`` where true rotations are known.
        """
        del stage
        net = self.net
        assert isinstance(net, SikAlone)
        told = {"standin_hand": float(net.standin)}
        with warnings.catch_warnings():
            # Every process takes part in the reduction, also where no rotations are known.
            warnings.filterwarnings("ignore", message=".*was called before the ``update`` method.*")
            angle = float(self.turns.compute())
        self.turns.reset()
        return told if math.isnan(angle) else {**told, "rotation_error_deg": angle}
