"""``carpus compare``: several experiments side by side."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from carpus.commands.common import add_logs, logs_folder, out
from carpus.errors import ConfigError

EXAMPLE = """examples:
  carpus compare 2e8c 77d1 --split test
  carpus compare 2e8c 77d1 5a0f --pictures comparison --metric legacy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, which split."""
    parser.add_argument("keys", nargs="+", help="experiment keys")
    parser.add_argument(
        "--split", default="test", help="split whose results are compared; test@rhd: of another dataset"
    )
    parser.add_argument("--pictures", type=Path, default=None, help="folder for curves and bars of all runs")
    parser.add_argument(
        "--metric", default="euclid", help="euclid | legacy: of the published pictures and their summary"
    )
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print differing settings and all metrics."""
    from omegaconf import OmegaConf

    from carpus.engine.config import flat_keys
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run
    from carpus.reports.tables import comparison_rows, text_table

    runs = [RunFolder(find_run(key, logs_folder(arguments))) for key in arguments.keys]
    configs = {r.key: flat_keys(OmegaConf.load(r.config_file)) for r in runs}
    names = dict.fromkeys(name for config in configs.values() for name in config)
    differing = [n for n in names if len({str(c.get(n)) for c in configs.values()}) > 1]
    settings = [{"setting": n, **{key: str(c.get(n)) for key, c in configs.items()}} for n in differing]
    out(text_table(settings, width=shutil.get_terminal_size().columns))
    results = {r.key: r.read_result(arguments.split) for r in runs}
    missing = [key for key, result in results.items() if not result]
    if missing:
        split, _, dataset = arguments.split.partition("@")
        hint = f"python test.py key={missing[0]} eval_on={split}" + (f" dataset={dataset}" if dataset else "")
        raise ConfigError(f"{', '.join(missing)} has no result on {arguments.split}; make it with: {hint}")
    numbers = {
        key: {n: v for n, v in (result or {}).items() if isinstance(v, float)}
        for key, result in results.items()
    }
    out("\n" + text_table(comparison_rows(numbers)))
    if arguments.pictures is not None:
        from carpus.engine.comparing import draw_comparison

        summary, files = draw_comparison(runs, arguments.split, arguments.pictures, arguments.metric)
        out("\n".join(["", summary, *(f"  {file}" for file in files)]))
