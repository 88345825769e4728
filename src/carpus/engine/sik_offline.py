"""Joints that a trained lifting network finds in a dataset's pictures, as the files of SIK-offline."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from omegaconf import DictConfig

from carpus.data.joint_arrays import file_hash
from carpus.data.joint_sets import EPOCHS
from carpus.data.loading import InputSamples, make_loader
from carpus.data.packed_dataset import AnyDataset
from carpus.data.sik import OFFLINE_SETS, offline_files, write_sik_offline
from carpus.data.splits import parse_split
from carpus.engine.build import build, build_module, check_needs
from carpus.engine.config import load_config, plain
from carpus.engine.folder import RunFolder
from carpus.engine.sik_looks import LookOrder, Looks
from carpus.engine.weights import read_state
from carpus.errors import ConfigError, unknown
from carpus.methods.handflow2d.module import HandFlow2D
from carpus.types import Batch

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SikJob:
    """What is wanted.

    Args:
        out: the file, if it ends in ``.pkl``, or its folder.
        split: of the dataset; a training split is looked at with augmentation.
        epochs: looks at every picture; None for the published number, or one outside training.
        name: the set the file is of; None for the dataset's name.
        batch_size: pictures per forward pass.
        workers: loader processes.
        force: replace a complete file.
    """

    out: Path
    split: str = "train"
    epochs: int | None = None
    name: str | None = None
    batch_size: int = 32
    workers: int = 2
    force: bool = False


class SikFile(NamedTuple):
    """A file that was written.

    Args:
        path: the file.
        hands: how many it holds.
        skipped: looks at hands without a full label, which are left out.
        error_mm: mean distance of found from true joints about the root; NaN without a hand.
        settings: see :func:`read_with`.
    """

    path: Path
    hands: int
    skipped: int
    error_mm: float
    settings: str


class LiftedHands:
    """The seed and the lifting stage of a trained run.

    Args:
        run: of ``handflow2d/lift`` or a method that has this stage; a hand model's stage is left out, and no
            file of one is needed.
        dataset: its configuration.
        augment: configuration of what is drawn for training pictures; any that has ``dataset.joints_cam_mm``.
        device: of the network.
    Raises:
        ConfigError: if the run lifts nothing, or the dataset does not offer what it needs.
    """

    def __init__(self, run: RunFolder, dataset: DictConfig, augment: DictConfig, device: str) -> None:
        cfg = load_config(run.config_file)
        if "lift" not in (cfg.method.get("stages") or []):
            raise ConfigError(
                f"run {run.key} is of {cfg.method.name}, which finds no joints in space; train "
                "method=handflow2d/lift"
            )
        cfg.dataset, self.checkpoint = dataset, run.need_checkpoint()
        check_needs(cfg)
        cfg.method.module.net.stages, cfg.method.module.net.frozen = ["seed", "lift"], []
        # Nothing is learnt here, and terms of a stage that is left out would be refused.
        cfg.loss.terms = {}
        module = build_module(cfg)
        assert isinstance(module, HandFlow2D)
        state = {k: v for k, v in read_state(self.checkpoint).items() if not k.startswith("net.siknet.")}
        module.load_state_dict(state)
        # The files are of joints about the true root: a stage trained on them is given it, too.
        module.root_source = "gt"
        self.module, self.device, self.seed, self.key = (
            module.eval().to(device),
            device,
            int(cfg.seed),
            run.key,
        )
        self.settings = {
            **plain(cfg.method.inputs),
            "skeleton": dataset.skeleton,
            "augment": plain(augment),
        }
        self.inputs = build(self.settings)

    def joints_m(self, batch: Batch) -> np.ndarray:
        """``(2, n, 21, 3)`` float32: found and true joints about the true root, metres, of the hands of a
        batch that are labelled wholly.
        """
        with torch.inference_mode():
            prepared = self.module.prepare(batch.to(self.device))
            found = self.module(prepared)["l_joint"][-1].float() - prepared["root_m"][:, None]
            true = prepared["joint"] - prepared["joint_root"][:, None]
            whole = prepared["joint_known"] & prepared["kp_valid"].all(1)
            return torch.stack((found[whole], true[whole])).cpu().numpy()


def write_sik(
    lifted: LiftedHands, dataset: AnyDataset, job: SikJob, progress: Progress | None = None
) -> SikFile:
    """Look at every picture of a split, so many times, and write what was found beside the truth.

    Every look is kept on its own until the file is complete, so that an interrupted job goes on where it
    stopped; the same job gives the same hands, with any number of workers.

    Args:
        lifted: the network.
        dataset: whose pictures; packed first where it is not.
        job: what is wanted.
        progress: called with looks done and in all.
    Raises:
        ConfigError: for an unknown set or split, a job that makes no sense, or a file that is there already.
    """
    base, _ = parse_split(job.split)
    train = base == "train"
    epochs = (EPOCHS if train else 1) if job.epochs is None else job.epochs
    if epochs < 1 or (epochs > 1 and not train):
        why = (
            "one at least is needed" if epochs < 1 else f"nothing is drawn for {job.split}, all are the same"
        )
        raise ConfigError(f"--epochs {epochs}: {why}")
    path = target(job, dataset.name, epochs)
    if path.exists() and not job.force:
        raise ConfigError(f"{path} is there already; give another --out, or --force to replace it")
    samples = dataset.open(job.split)
    looks = Looks(path, _identity(lifted, dataset, job))
    todo = [epoch for epoch in range(epochs) if not looks.has(epoch)]
    done, total = (epochs - len(todo)) * len(samples), epochs * len(samples)
    order = LookOrder(len(samples), todo, job.batch_size)
    if todo:
        source = InputSamples(samples, lifted.inputs, lifted.seed, train)
        parts: list[np.ndarray] = []
        for batch, epoch in zip(make_loader(source, order, None, job.workers), order.ends(), strict=True):
            parts.append(lifted.joints_m(batch))
            done += batch.size
            if epoch is not None:
                looks.keep(epoch, np.concatenate(parts, axis=1))
                parts = []
            if progress is not None:
                progress(done, total)
    return _joined(path, looks, epochs, total)


def target(job: SikJob, dataset: str, epochs: int) -> Path:
    """The file of a job.

    Args:
        job: what is wanted.
        dataset: its name.
        epochs: looks at every picture.
    Raises:
        ConfigError: if no set has that name.
    Example:
        >>> str(target(SikJob(Path("files"), "test"), "rhd_synthetic", 1))
        'files/sik_test_rhd.pkl'
    """
    if job.out.suffix == ".pkl":
        return job.out
    name = job.name or dataset.removesuffix("_synthetic")
    if name not in OFFLINE_SETS:
        raise ConfigError(f"{unknown('set of SIK-offline', name, OFFLINE_SETS)}; name one with --set")
    return offline_files(job.out, parse_split(job.split)[0], name, epochs)[0]


def _joined(path: Path, looks: Looks, epochs: int, total: int) -> SikFile:
    """The file of all epochs."""
    parts = [looks.read(epoch) for epoch in range(epochs)]
    hands = write_sik_offline(path, (part[0] for part in parts), (part[1] for part in parts))
    apart = sum(float(np.linalg.norm(part[0] - part[1], axis=-1).sum(dtype=np.float64)) for part in parts)
    looks.forget()
    joints = hands * parts[0].shape[2]
    error_mm = 1000.0 * apart / joints if joints else float("nan")
    return SikFile(path, hands, total - hands, error_mm, read_with(path))


def read_with(path: Path) -> str:
    """What ``dataset=sik_offline`` needs to read a file alone, as the command line writes it.

    Example:
        >>> read_with(Path("files/sik_train_rhd_5epoch.pkl"))
        'dataset.root=files dataset.sets=[rhd] dataset.epochs=5'
        >>> read_with(Path("files/hands.pkl"))
        'dataset.root=files, once it has a published name such as sik_train_rhd_100epoch.pkl'
    """
    named = re.fullmatch(rf"sik_(?:train|test)_({'|'.join(OFFLINE_SETS)})(?:_(\d+)epochs?)?\.pkl", path.name)
    if named is None:
        return f"dataset.root={path.parent}, once it has a published name such as sik_train_rhd_100epoch.pkl"
    epochs = f" dataset.epochs={named[2]}" if named[2] not in (None, str(EPOCHS)) else ""
    return f"dataset.root={path.parent} dataset.sets=[{named[1]}]{epochs}"


def _identity(lifted: LiftedHands, dataset: AnyDataset, job: SikJob) -> dict[str, Any]:
    """What a look depends on."""
    return {
        "run": lifted.key,
        "checkpoint": file_hash(lifted.checkpoint),
        "seed": lifted.seed,
        "inputs": lifted.settings,
        **dataset.conditions(job.split),
    }
