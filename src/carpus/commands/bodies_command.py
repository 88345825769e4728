"""``carpus bodies``: body model files: which are there, copies without chumpy, stand-ins."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path

from carpus.commands.common import out
from carpus.errors import ConfigError, DataError, unknown

EXAMPLE = """examples:
  carpus bodies check --folder data/body_models          what is there, what is missing, where to get it
  carpus bodies convert --folder data/body_models --out data/plain_models      copies without chumpy
  carpus bodies standins --out data/body_models --seed 0        free models of the published form

Stand-ins have the counts, trees and keys of MANO, SMPL, SMPL-X and FLAME and content of our own. Everything
runs with them; numbers made with them mean nothing beside published ones."""
ACTIONS = ("check", "convert", "standins")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and where."""
    parser.add_argument("action", metavar="|".join(ACTIONS))
    parser.add_argument("--folder", type=Path, help="the models (default: body_models in $CARPUS_DATA)")
    parser.add_argument("--out", type=Path, help="convert, standins: folder to write")
    parser.add_argument("--seed", type=int, default=0, help="standins: of their shape and pose bases")


def run(arguments: argparse.Namespace) -> None:
    """Check, convert or make."""
    actions = {"check": _check, "convert": _convert, "standins": _standins}
    if arguments.action not in actions:
        raise ConfigError(unknown("action of carpus bodies", arguments.action, ACTIONS))
    if arguments.action != "check" and arguments.out is None:
        raise ConfigError(f"{arguments.action}: say where to write, --out DIR")
    actions[arguments.action](arguments)


def _folder(arguments: argparse.Namespace) -> Path:
    return arguments.folder or Path(os.environ.get("CARPUS_DATA", "data")) / "body_models"


def _check(arguments: argparse.Namespace) -> None:
    """Every file, then what to do about those that are missing."""
    from carpus.bodies.inventory import STATES, inventory

    folder, entries = _folder(arguments), []
    out(f"body models in {folder}")
    for entry in inventory(folder):
        out(f"  {entry.state:9}  {entry.place:38}  {entry.use}")
        if entry.note:
            out(f"  {'':9}  {entry.note}")
        entries.append(entry)
    sources: dict[str, list[str]] = {}
    for entry in entries:
        if entry.state in ("missing", "stand-in"):
            sources.setdefault(entry.source, []).append(entry.place)
    if sources:
        out("\nwhere the published files come from (free for research, most after registration)")
    for source, places in sources.items():
        out(f"  {source}\n    {', '.join(places)}")
    counts = Counter(entry.state for entry in entries)
    out("\n" + ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]))
    unusable = [entry.place for entry in entries if entry.state == "unusable"]
    if unusable:
        raise DataError(f"cannot be used: {', '.join(unusable)}")


def _convert(arguments: argparse.Namespace) -> None:
    """Copies that say which file they come from."""
    from carpus.bodies.inventory import convert_models

    folder, written = _folder(arguments), 0
    for source, target in convert_models(folder, arguments.out):
        out(f"{source} -> {target}")
        written += 1
    out(f"{written} converted" if written else f"nothing in {folder} needs converting")


def _standins(arguments: argparse.Namespace) -> None:
    """The whole tree."""
    from carpus.bodies.standin import write_standins

    started = time.monotonic()
    written = write_standins(arguments.out, seed=arguments.seed)
    seconds = time.monotonic() - started
    out(f"{len(written)} stand-in models and the files beside them in {arguments.out} ({seconds:.1f} s)")
    out(f"use them with paths.body_models={arguments.out}")
