"""``carpus show``: one experiment."""

from __future__ import annotations

import argparse
import shutil
import textwrap

from carpus.commands.common import add_logs, logs_folder, out

_SHOWN = (".yaml", ".ckpt", ".html", ".txt", ".npz", ".csv")
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
        if value is not None:
            _line(name, _text(value))
    for file in sorted(found.result.glob("*.json")):
        result = found.read_result(file.stem)
        if result and "headline" in result:
            number = result.get(result["headline"])
            scored = "no labels" if number is None else f"{result['headline']} {number:.4g}"
            _line(file.stem, f"{scored}, {result['samples']:,} samples, {', '.join(result['checkpoints'])}")
    for folder in (found.path, found.checkpoints, found.log, found.result):
        names = sorted(f.name for f in folder.iterdir() if f.suffix in _SHOWN) if folder.is_dir() else []
        if names:
            _line(str(folder), ", ".join(names))
    if arguments.config:
        out(found.config_file.read_text())


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _line(name: str, text: str) -> None:
    """A name and what belongs to it, wrapped to the terminal and indented."""
    width = shutil.get_terminal_size().columns
    keep = {"break_long_words": False, "break_on_hyphens": False}
    out(textwrap.fill(f"{name}: {text}", width, subsequent_indent="    ", **keep))
