"""From a configuration to the objects of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from carpus.data.datamodule import DataModule
from carpus.data.mixed_datamodule import MixedDataModule
from carpus.data.packed_dataset import AnyDataset
from carpus.engine.config import choices, plain
from carpus.engine.console import packing_progress
from carpus.engine.mixed_config import grouped, part_configs
from carpus.engine.paths import conf_dir
from carpus.errors import ConfigError
from carpus.methods.base import PoseModule
from carpus.metrics.protocols.base import Protocol
from carpus.metrics.protocols.mixed import MixedProtocol
from carpus.skeletons import Skeleton, get_skeleton


@dataclass
class Experiment:
    """What one configuration describes, instantiated."""

    cfg: DictConfig
    dataset: AnyDataset
    data: DataModule
    module: PoseModule
    new_protocol: Callable[[], Protocol]
    skeleton: Skeleton
    """Of what the method predicts: the dataset's joints, or the one point of a localiser."""
    part: str | None = None
    """Name, if this is one of the datasets of a mixture."""
    trained_on: str | None = None
    """What the run's own data are called, if its weights are scored on another dataset."""

    @property
    def parts(self) -> tuple[Experiment, ...]:
        """What is scored by itself: this."""
        return (self,)

    def label(self, split: str, models: int = 1) -> str:
        """What the result files of a split are called.

        Args:
            split: its name.
            models: number of checkpoints whose mean is scored.
        """
        name = split if self.part is None else f"{split}_{self.part}"
        if self.trained_on is not None:
            name = f"{split}@{self.cfg.dataset.name}"
        return name if models == 1 else f"{name}_mean{models}"


@dataclass
class MixedExperiment:
    """What the configuration of several datasets describes, instantiated."""

    cfg: DictConfig
    parts: tuple[Experiment, ...]
    """Every dataset alone, with the same module; each is scored by itself."""
    data: MixedDataModule
    module: PoseModule

    def new_protocol(self) -> Protocol:
        """The protocols of all parts, for validation."""
        return MixedProtocol({str(part.part): part.new_protocol() for part in self.parts})

    def label(self, split: str, models: int = 1) -> str:
        """What the summary over all parts is called."""
        return split if models == 1 else f"{split}_mean{models}"


AnyExperiment = Experiment | MixedExperiment


def check_needs(cfg: DictConfig) -> None:
    """Stop before any data is read if the dataset does not offer what the method needs.

    Raises:
        ConfigError: naming what is missing and the datasets that have it.
    """
    needs, offers = cfg.method.needs, cfg.dataset
    missing = [name for name in needs.fields if name not in offers.offers]
    if needs.kind == offers.kind and not missing:
        return
    what = f"kind {needs.kind}" if needs.kind != offers.kind else f"the fields {', '.join(missing)}"
    fitting = fitting_datasets(cfg)
    raise ConfigError(
        f"method {cfg.method.name} needs {what}; dataset {offers.name} is of kind {offers.kind} and offers "
        f"{', '.join(offers.offers)}. The method can be combined with: "
        f"{', '.join(fitting) or 'none of the datasets here'}"
    )


def fitting_datasets(cfg: DictConfig, skeleton: str | None = None) -> list[str]:
    """Choices of ``dataset`` that offer what a configuration's method needs.

    Args:
        cfg: of any dataset.
        skeleton: name of the joints they must have; None for any.
    """
    needs, found = cfg.method.needs, []
    for name, dataset in _dataset_files().items():
        offers = dataset.get("kind") == needs.kind and all(f in dataset.offers for f in needs.fields)
        if offers and skeleton in (None, dataset.skeleton):
            found.append(name)
    return found


def _dataset_files() -> dict[str, DictConfig]:
    """Every choice of ``dataset`` as its file and those it begins with say; to compose all takes seconds."""
    folder = conf_dir() / "dataset"
    files: dict[str, Any] = {name: OmegaConf.load(folder / f"{name}.yaml") for name in choices("dataset")}

    def whole(name: str) -> Any:
        first = [base for base in files[name].get("defaults", []) if isinstance(base, str) and base in files]
        return OmegaConf.merge(*map(whole, first), files[name])

    return {name: OmegaConf.create({"dataset": whole(name)}).dataset for name in files}


def check_combination(cfg: DictConfig) -> None:
    """:func:`check_needs` of the dataset, or of every part of a mixture."""
    for alone in part_configs(cfg).values() or [cfg]:
        check_needs(alone)


def build_experiment(cfg: DictConfig, iter_batch: int) -> AnyExperiment:
    """Dataset, loaders, module and protocol of a configuration, or of every part of a mixture.

    Args:
        cfg: composed or saved configuration.
        iter_batch: samples per forward pass of one process.
    """
    check_combination(cfg)
    views = part_configs(cfg)
    if not views:
        return _one_dataset(cfg, iter_batch, build_module(cfg))
    module = build_module(cfg)
    parts = {name: _one_dataset(view, iter_batch, module, name) for name, view in views.items()}
    groups = grouped(plain(cfg)["datasets"], cfg.mix)
    data = MixedDataModule({name: part.data for name, part in parts.items()}, groups, cfg.mix)
    return MixedExperiment(cfg, tuple(parts.values()), data, module)


def _one_dataset(cfg: DictConfig, iter_batch: int, module: PoseModule, part: str | None = None) -> Experiment:
    """The experiment of one dataset with a module that is there already."""
    dataset: AnyDataset = build(cfg.dataset.spec)
    data = DataModule(
        dataset=dataset,
        inputs=build(cfg.method.inputs),
        batch_size=iter_batch,
        eval_batch_size=cfg.eval_batch_size,
        workers=cfg.workers,
        timeout_s=cfg.worker_timeout_s,
        start_method=cfg.worker_start,
        progress=packing_progress(part or cfg.dataset.name),
        seed=cfg.seed,
        shuffle=cfg.get("shuffle", True),
        drop_last=cfg.get("drop_last", False),
        train_split=cfg.train_split,
        val_split=cfg.val_split,
        test_split=cfg.eval_on,
    )
    protocol = cfg.method.get("protocol") or cfg.dataset.protocol
    skeleton = get_skeleton(cfg.method.get("skeleton") or cfg.dataset.skeleton)
    return Experiment(cfg, dataset, data, module, lambda: build(protocol), skeleton, part)


def build_module(cfg: DictConfig) -> PoseModule:
    """The method's module with its losses, optimiser and schedule."""
    # Completed by hand: Hydra would turn dataclasses among its arguments into containers.
    make = build({**plain(cfg.method.module), "_partial_": True})
    return make(
        losses={name: build(term) for name, term in cfg.loss.terms.items() if term is not None},
        optimizer=build(cfg.optimizer),
        scheduler=build(cfg.scheduler) if cfg.scheduler else None,
    )


def build(node: Any, **extra: Any) -> Any:
    """Instantiate a config node; what goes wrong inside a constructor is shown without Hydra's frame.

    Raises:
        ConfigError: if an argument is not known to the constructor.
    """
    from hydra.errors import InstantiationException

    try:
        return instantiate(plain(node) if isinstance(node, DictConfig) else node, **extra, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, TypeError) or cause is None:
            raise ConfigError(str(error).replace("\n", " ")) from error
        raise cause from None
