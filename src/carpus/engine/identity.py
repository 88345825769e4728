"""One key for all processes of a run, whoever started them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from carpus.engine.keys import new_key

KEY_VARIABLE = "CARPUS_KEY"


def agree_on_key(logs: Path) -> str:
    """The key of this run, the same in every process.

    Lightning starts further processes with this process' environment; torchrun starts all at once, so the
    first one tells the others; SLURM's job and step numbers name the run in every task.
    """
    key = os.environ.get(KEY_VARIABLE)
    if key is None:
        key = _external_key(logs) or new_key(logs)
        os.environ[KEY_VARIABLE] = key
    return key


def _external_key(logs: Path) -> str | None:
    if os.environ.get("SLURM_PROCID") and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        names = ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")
        text = "/".join(os.environ.get(name, "") for name in names)
        return hashlib.sha1(text.encode()).hexdigest()[:9]
    if "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _broadcast_key(logs)
    return None


def _broadcast_key(logs: Path) -> str:
    import torch.distributed as dist

    dist.init_process_group("gloo")
    try:
        box = [new_key(logs) if dist.get_rank() == 0 else None]
        dist.broadcast_object_list(box, src=0)
    finally:
        dist.destroy_process_group()
    return str(box[0])
