"""What the runs behind a recipe's published numbers had, and this run has not."""

from __future__ import annotations

from omegaconf import DictConfig

from carpus.engine.mixed_config import dataset_names


def departures(cfg: DictConfig, processes: int, iter_batch: int) -> list[str]:
    """Facts that a recipe cannot bring by itself, such as four GPUs, where this run differs in them.

    Args:
        cfg: of the run; its entry ``published`` has ``processes`` and ``iter_batch`` of the published run,
            ``start``: what its weights started from, and ``datasets``: what is missed by who leaves one out.
        processes: of this run.
        iter_batch: samples per forward pass of one of them.
    Returns:
        a sentence each; none without an entry ``published``.
    Example:
        >>> cfg = DictConfig({"dataset": {"name": "ehf"}, "published": {"processes": 4, "iter_batch": 24}})
        >>> departures(cfg, processes=1, iter_batch=96)
        ['published: batch statistics of 24 samples in each of 4 process(es); here: of 96 in each of 1']
        >>> departures(cfg, processes=4, iter_batch=24)
        []
    """
    published = cfg.get("published") or {}
    told = []
    theirs = published.get("processes", processes), published.get("iter_batch", iter_batch)
    if theirs != (processes, iter_batch):
        told.append(
            f"published: batch statistics of {theirs[1]} samples in each of {theirs[0]} process(es); "
            f"here: of {iter_batch} in each of {processes}"
        )
    started = cfg.get("init_from") or cfg.get("load_from")
    if "start" in published and not started:
        told.append(f"published: started from {published.start}; here: init_from and load_from are not given")
    here = dataset_names(cfg)
    told += [
        f"published: also trained on {name}; here it is left out: {missed}"
        for name, missed in published.get("datasets", {}).items()
        if name not in here and f"{name}_synthetic" not in here
    ]
    return told
