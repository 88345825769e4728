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
    """The first process tells the others through the launcher's store.

    A process group would leave its addresses in that store, where Lightning's then finds them.
    """
    from torch.distributed import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, rank, processes = next(rendezvous("env://"))
    shared = PrefixStore(f"carpus/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    if rank == 0:
        shared.set("key", new_key(logs))
    key = shared.get("key").decode()
    # Nobody leaves before all have read, for the store may end with the first process' hold on it.
    if shared.add("readers", 1) == processes:
        shared.set("done", "1")
    shared.wait(["done"])
    return key
