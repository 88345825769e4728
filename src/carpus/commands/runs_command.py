"""``carpus runs``: what has been trained, and how well."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

from carpus.commands.common import add_logs, logs_folder, out

EXAMPLE = "example:\n  carpus runs --sort mean_error_mm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and in which order."""
    parser.add_argument("--sort", metavar="METRIC", help="order by this metric (default: newest first)")
    parser.add_argument("--descending", action="store_true", help="with --sort: largest first")
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print one line per run."""
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import list_runs
    from carpus.reports.tables import runs_rows

    rows = [summary(RunFolder(folder)) for folder in list_runs(logs_folder(arguments))]
    if not rows:
        out(f"no runs in {logs_folder(arguments)}; start one with: python train.py")
        return
    ordered = runs_rows(rows, arguments.sort, arguments.descending)
    columns = ["key", "status", "method", "loss", "dataset", "split", "start"]
    metrics = dict.fromkeys(str(row["headline"]) for row in rows if row.get("headline"))
    if arguments.sort:
        metrics.setdefault(arguments.sort)
    chosen = [*columns, *(m for m in metrics if m not in columns)]
    out(_that_fits(ordered, chosen, shutil.get_terminal_size().columns))


def _that_fits(rows: list[dict[str, Any]], columns: list[str], width: int) -> str:
    """The table without the least important columns that would make its lines too long."""
    from carpus.reports.tables import text_table

    elsewhere = any("@" in str(row.get("split")) for row in rows)
    for name in (None, "start", "split", "loss"):
        # A score on another dataset would be taken for one on the run's own.
        columns = [column for column in columns if column != name or (name == "split" and elsewhere)]
        table = text_table(rows, columns)
        if len(table.splitlines()[1]) <= width:
            break
    return table


def summary(run: Any) -> dict[str, Any]:
    """A run as one row: what it is and every metric of the split scored last."""
    from omegaconf import OmegaConf

    from carpus.engine.mixed_config import dataset_name

    meta = run.read_meta()
    cfg = OmegaConf.load(run.config_file) if run.config_file.is_file() else OmegaConf.create()
    scored = meta.get("scored")
    return {
        **((run.read_result(scored) or {}) if scored else {}),
        "key": run.key,
        "status": meta.get("status"),
        "method": OmegaConf.select(cfg, "method.name"),
        "loss": OmegaConf.select(cfg, "loss.name"),
        "dataset": dataset_name(cfg) if "dataset" in cfg else None,
        "split": scored,
        "start": str(meta.get("start", ""))[:16].replace("T", " ") or None,
    }
