"""``carpus show``: one experiment."""

from __future__ import annotations

import argparse

from carpus.commands.common import add_logs, logs_folder, out

EXAMPLE = "example:\n  carpus show 2e8c --config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, how much."""
    parser.add_argument("key", help="experiment key or a unique prefix of four digits or more")
    parser.add_argument("--config", action="store_true", help="print the whole configuration")
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print meta data, results and files."""
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run

    found = RunFolder(find_run(arguments.key, logs_folder(arguments)))
    for name, value in found.read_meta().items():
        out(f"{name}: {value}")
    for file in sorted(found.result.glob("*.json")):
        result = found.read_result(file.stem)
        if result and "headline" in result:
            out(f"{file.stem}: {result['headline']} {result[result['headline']]:.4g}")
    out(
        "files: "
        + ", ".join(str(f.relative_to(found.path)) for f in sorted(found.path.rglob("*")) if _notable(f))
    )
    if arguments.config:
        out(found.config_file.read_text())


def _notable(file: object) -> bool:
    return getattr(file, "suffix", "") in (".ckpt", ".html", ".txt", ".npz", ".csv")
