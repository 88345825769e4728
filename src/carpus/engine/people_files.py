"""Result files that servers and published evaluations of people and hands take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from carpus.data.results.agora_check import check_agora_results
from carpus.data.results.agora_results import AgoraResultWriter
from carpus.data.results.freihand_results import write_freihand
from carpus.engine.build import Experiment
from carpus.engine.folder import RunFolder
from carpus.geometry.agora_camera import published_pixels
from carpus.methods.fitted import FittedPerson
from carpus.metrics.collector import Collected

_ROWS = 128
_FAULTS = 5
"""How many are told."""
AGORA, FREIHAND = "agora", "freihand"


def write_people_files(
    experiment: Experiment, run: RunFolder, label: str, split: str, collected: Collected
) -> list[str]:
    """The published result files of a dataset that has some.

    Args:
        experiment: of a method that fits a body model.
        run: where they go.
        label: what they are called after.
        split: what was predicted.
        collected: all predictions.
    Returns:
        What was written, for the user.
    """
    module, params = experiment.module, collected.body_params
    if not isinstance(module, FittedPerson) or params is None:
        return []
    dataset = experiment.dataset.source_type.name
    if dataset == AGORA and module.layout.model in ("smplx", "smpl"):
        return _agora(experiment, module, run.result / f"{label}_agora", split, collected)
    if dataset.startswith(FREIHAND) and module.layout.one_hand:
        posed = list(_posed(module, params))
        joints, vertices = (torch.cat([made[name] for made in posed]) for name in ("joints_m", "vertices_m"))
        file = run.result / f"{label}_pred.json"
        write_freihand(file, 1000.0 * joints.numpy(), 1000.0 * vertices.numpy(), count=None)
        return [f"  {file}: FreiHAND's result file"]
    return []


def _agora(
    experiment: Experiment, module: FittedPerson, folder: Path, split: str, collected: Collected
) -> list[str]:
    """A file per person, and the archive of them."""
    assert collected.body_params is not None
    samples = experiment.dataset.open(split)
    writer = AgoraResultWriter(folder / "predictions", module.layout.model, overwrite=True)
    row = 0
    for made, params in zip(
        _posed(module, collected.body_params), _blocks(collected.body_params), strict=True
    ):
        keys = [str(key) for key in collected.keys[row : row + len(made["joints_m"])]]
        row += len(keys)
        records = [samples[samples.position(key)] for key in keys]
        maps = np.stack([np.asarray(record.fields["published_to_image"], float) for record in records])
        pixels = published_pixels(_seen(made["joints_m"], params), maps)
        names = [key.split("/") for key in keys]
        people = [int(number) for *_, number in names]
        writer.write_people([name[-2] for name in names], people, pixels, params)
    archive = writer.zip(folder.with_suffix(".zip"))
    faults = check_agora_results(archive, module.layout.model)
    told = f"  {archive}: AGORA's result files of {row:,} people"
    return [told, *(f"warning: {fault}" for fault in faults[:_FAULTS])]


def _seen(joints_m: Tensor, params: dict[str, Tensor]) -> np.ndarray:
    """Joints in pixels of the record's picture."""
    # As the method projects them, which never divides by a depth of exactly 0.
    flat = joints_m[..., :2] / (joints_m[..., 2:] + 1e-4)
    return (flat * params["focal_px"][:, None] + params["princpt_px"][:, None]).numpy()


def _blocks(params: dict[str, np.ndarray]) -> Iterator[dict[str, Tensor]]:
    count = len(next(iter(params.values())))
    for first in range(0, count, _ROWS):
        yield {name: torch.from_numpy(value[first : first + _ROWS]) for name, value in params.items()}


@torch.no_grad()
def _posed(module: FittedPerson, params: dict[str, np.ndarray]) -> Iterator[dict[str, Tensor]]:
    for block in _blocks(params):
        made = module.posed({name: value.to(module.device) for name, value in block.items()})
        yield {name: value.cpu() for name, value in made.items()}
