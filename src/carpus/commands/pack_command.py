"""``carpus pack``: published tree to LMDB store, and questions to a store."""

from __future__ import annotations

import argparse

from carpus.commands.common import add_overrides, compose_dataset, out, progress_line
from carpus.errors import ConfigError

EXAMPLE = """examples:
  carpus pack msra dataset.root=/mnt/MSRA       make the store from the published tree
  carpus pack hands17 train --processes 8       one store, eight processes
  carpus pack msra verify                       check every record's checksum
  carpus pack msra stats                        counts, sizes, splits"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dataset, what to do, processes."""
    parser.add_argument("dataset", help="name of a dataset in conf/dataset")
    parser.add_argument("--processes", type=int, default=1, help="processes that read the tree")
    parser.add_argument("--force", action="store_true", help="pack anew although the store exists")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Pack, verify or describe."""
    words = [w for w in arguments.overrides if "=" not in w]
    _, dataset = compose_dataset(arguments.dataset, [w for w in arguments.overrides if "=" in w])
    action = words[0] if words[:1] in (["verify"], ["stats"]) else "pack"
    stores = words[1:] if action != "pack" else words
    unknown = [name for name in stores if name not in dataset.stores]
    if unknown:
        raise ConfigError(
            f"{arguments.dataset} has no store {', '.join(unknown)}; it has {', '.join(dataset.stores)}"
        )
    for name in stores or dataset.stores:
        if action == "verify":
            out(f"{name}: {dataset.verify(name, progress_line('verified')):,} records, every checksum right")
        elif action == "stats" and not dataset.is_packed(name):
            out(f"{name}: not packed yet")
        elif action == "stats":
            out("\n".join(f"{name} {key}: {value}" for key, value in dataset.stats(name).items()))
        else:
            path = dataset.pack(name, progress_line(f"packed {name}"), arguments.processes, arguments.force)
            out(f"{name}: {path}")
