"""The network of BiHand and 2DHandFlow: a seed, and on it lifting to 3D and a hand model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.handflow2d.csflow_seed import CsFlowSeed
from carpus.nets.handflow2d.flow_seed import FlowSeed
from carpus.nets.handflow2d.lift import LiftNet
from carpus.nets.handflow2d.seed import Outputs, SeedNet
from carpus.nets.handflow2d.sik import SIKNet
from carpus.skeletons import SNAP

Seed = SeedNet | FlowSeed | CsFlowSeed
_Stage = TypeVar("_Stage", bound=nn.Module)
STAGES = {"seed": "seednet", "lift": "liftnet", "sik": "siknet"}
"""Stage to attribute; the attributes are those of BiHand's whole checkpoints."""


class HandFlowNet(nn.Module):
    """Up to three stages, each trained on what the earlier ones find.

    Args:
        seed: image to heat maps, mask and features.
        lift: those to 3D; the network, or what makes it.
        sik: 3D joints to a hand model; the network, or what makes it.
        stages: which to build, of ``seed``, ``lift``, ``sik``; None builds what is given. What is not built
            is not made either, so that a hand model's file is asked for only where it is used.
        frozen: stages whose weights and statistics stay as they are; training a later stage as published
            freezes the earlier ones.
    Raises:
        ConfigError: for stages that do not fit together.
    Example:
        >>> net = HandFlowNet(SeedNet(channels=8), LiftNet(cells=(2,), channels=8), frozen=("seed",))
        >>> sorted(net.eval()(torch.zeros(1, 3, 64, 64)))
        ['enc', 'l_dep', 'l_hm', 'l_mask', 'l_uvd', 'latent']
        >>> {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}
        {'liftnet'}
    """

    def __init__(
        self,
        seed: Seed,
        lift: LiftNet | Callable[[], LiftNet] | None = None,
        sik: SIKNet | Callable[[], SIKNet] | None = None,
        stages: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        super().__init__()
        given = {"seed": seed, "lift": lift, "sik": sik}
        wanted = [name for name, stage in given.items() if stage is not None] if stages is None else stages
        for name in (*wanted, *frozen):
            if name not in STAGES:
                raise ConfigError(unknown("stage", name, STAGES))
        self.stages = tuple(name for name in STAGES if name in wanted)
        if self.stages != tuple(STAGES)[: len(self.stages)] or not set(frozen) <= set(self.stages):
            raise ConfigError(
                f"stages {', '.join(wanted)} with {', '.join(frozen) or 'none'} frozen: each stage works on "
                f"what the ones before it find, {', '.join(STAGES)}; only what is there can be frozen"
            )
        self.seednet = seed
        self.liftnet = _made(lift, LiftNet) if "lift" in self.stages else None
        self.siknet = _made(sik, SIKNet) if "sik" in self.stages else None
        self.frozen = tuple(frozen)
        self._check()
        for stage in self.frozen:
            self.stage(stage).requires_grad_(False)
        if self.liftnet is None and isinstance(seed, FlowSeed | CsFlowSeed) and seed.enc is not None:
            # Nothing reads these features, and data-parallel training waits for gradients of what learns.
            seed.enc.requires_grad_(False)
        self.train(self.training)

    def _check(self) -> None:
        seed, lift = self.seednet, self.liftnet
        if lift is not None and (seed.joints, seed.channels) != (lift.joints, lift.channels):
            raise ConfigError(
                f"HandFlowNet: seed gives {seed.joints} heat maps and {seed.channels} features, lift takes "
                f"{lift.joints} and {lift.channels}"
            )
        if self.siknet is not None and seed.joints != len(SNAP):
            raise ConfigError(
                f"HandFlowNet: a hand model has {len(SNAP)} joints, this network finds {seed.joints}: leave "
                "the stage sik out"
            )

    def stage(self, name: str) -> nn.Module:
        """The stage ``seed``, ``lift`` or ``sik``.

        Raises:
            ConfigError: if there is no such stage, or this network does not have it.
        """
        if name not in STAGES:
            raise ConfigError(unknown("stage", name, STAGES))
        found = getattr(self, STAGES[name])
        if found is None:
            raise ConfigError(f"this network has no stage {name}: add it")
        return found

    def train(self, mode: bool = True) -> HandFlowNet:
        """Training mode of all but frozen stages."""
        super().train(mode)
        for stage in self.frozen:
            self.stage(stage).eval()
        return self

    def forward(self, image: Tensor, infos: Mapping[str, Tensor] | None = None, nll: bool = True) -> Outputs:
        """Outputs of all stages together.

        Args:
            image: ``(B, 3, S, S)`` normalised RGB.
            infos: ``joint_root`` ``(B, 3)`` and ``joint_bone`` ``(B, 1)`` in metres and ``intr`` of the crop,
                see :class:`~carpus.nets.handflow2d.lift.LiftNet`; the seed alone needs none.
            nll: False leaves out a flow's likelihood, for inference.
        Returns:
            what the stages return; with ``sik``, ``joint_bone`` is the reference bone of the lifted joints.
        Raises:
            ValueError: if the hand model is asked for without ``infos``.
        """
        outputs = self._seed(image, nll)
        if self.liftnet is None:
            return outputs
        with self._gradient("seed", "lift"):
            lifted = self.liftnet(outputs["l_hm"][-1], outputs["l_mask"][-1], outputs["enc"], infos)
        outputs |= lifted
        if self.siknet is None:
            return outputs
        if infos is None:
            raise ValueError("HandFlowNet: the stage sik needs infos with joint_root, joint_bone and intr")
        with self._gradient("seed", "lift", "sik"):
            return outputs | self.siknet(outputs["l_joint"][-1], infos["joint_root"])

    def _seed(self, image: Tensor, nll: bool) -> Outputs:
        with self._gradient("seed"):
            return self.seednet(image) if isinstance(self.seednet, SeedNet) else self.seednet(image, nll=nll)

    def _gradient(self, *stages: str) -> torch.set_grad_enabled:
        """Gradients are kept only where one of the stages so far learns."""
        learns = any(stage not in self.frozen for stage in stages)
        return torch.set_grad_enabled(torch.is_grad_enabled() and learns)


def _made(given: _Stage | Callable[[], _Stage] | None, kind: type[_Stage]) -> _Stage:
    """The stage itself, of what makes it."""
    made = given if given is None or isinstance(given, nn.Module) else given()
    if not isinstance(made, kind):
        raise ConfigError(f"HandFlowNet: a {kind.__name__} is needed for that stage, not {made!r}")
    return made
