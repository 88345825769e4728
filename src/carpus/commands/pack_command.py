"""``carpus pack``: published tree to LMDB store, prepared types beside it, and questions to both."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import add_overrides, compose_dataset, depth_only, out, progress_line
from carpus.errors import CarpusError, ConfigError, DataError, StoreError

if TYPE_CHECKING:
    from carpus.data.dataset import Dataset
    from carpus.data.packed_dataset import AnyDataset
    from carpus.data.prepared import Key
    from carpus.data.prepared.making import Work

EXAMPLE = """examples:
  carpus pack msra dataset.root=/mnt/MSRA       make the store from the published tree
  carpus pack hands17 train --processes 8       one store, eight processes
  carpus pack msra verify                       check every record's checksum
  carpus pack msra stats                        counts, sizes, splits
  carpus pack nyu --types edt2_32,udir2_32 --dry-run        what storing prepared types would cost
  carpus pack nyu train --model super_edt2m --processes 8   store all that a model reads
  carpus pack nyu --types edt2_32 --delete                  remove a stored type
  carpus pack nyu --model super_edt2m --hdf5 prepared       the published HDF5 layout"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dataset, what to do, processes."""
    parser.add_argument("dataset", help="name of a dataset in conf/dataset")
    parser.add_argument("--processes", type=int, default=1, help="processes that read the tree, or prepare")
    parser.add_argument("--force", action="store_true", help="make anew although it exists")
    group = parser.add_argument_group("prepared types of the depth CR family")
    group.add_argument(
        "--types", metavar="A,B", help="store these, such as clean_128,edt2_32; all: what is stored"
    )
    group.add_argument("--model", help="store all that a model of `carpus models` reads")
    group.add_argument(
        "--dry-run", action="store_true", help="print rows, bytes and time, measured; store nothing"
    )
    group.add_argument("--delete", action="store_true", help="remove stored types, also unfinished ones")
    group.add_argument("--hdf5", type=Path, metavar="DIR", help="write the published layout there instead")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Pack, prepare, verify or describe."""
    words = [w for w in arguments.overrides if "=" not in w]
    action = words[0] if words[:1] in (["verify"], ["stats"]) else "pack"
    prepares = bool(arguments.types or arguments.model)
    _check_flags(arguments, action, prepares)
    _, dataset = compose_dataset(arguments.dataset, [w for w in arguments.overrides if "=" in w])
    stores = words[1:] if action != "pack" else words
    unknown = [name for name in stores if name not in dataset.stores]
    if unknown:
        raise ConfigError(
            f"{arguments.dataset} has no store {', '.join(unknown)}; it has {', '.join(dataset.stores)}"
        )
    if prepares:
        _prepare(depth_only(dataset, "prepared types"), arguments, stores)
        return
    for name in stores or dataset.stores:
        if action == "verify":
            _verify(dataset, name)
        elif action == "stats":
            _describe(dataset, name)
        else:
            path = dataset.pack(name, progress_line(f"packed {name}"), arguments.processes, arguments.force)
            out(f"{name}: {path}")


def _check_flags(arguments: argparse.Namespace, action: str, prepares: bool) -> None:
    """Refuse flags that would be ignored."""
    named = [flag for flag in ("dry_run", "delete", "hdf5") if getattr(arguments, flag)]
    flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in named)
    if named and not prepares:
        raise ConfigError(f"{flags}: name the prepared types, as in --types edt2_32, or --model super_edt2m")
    if prepares and action != "pack":
        raise ConfigError(f"{action} looks at every stored type: leave --types and --model out")
    if len(named) > 1:
        raise ConfigError(f"{flags}: give one of them")
    if arguments.types == "all" and not arguments.delete:
        raise ConfigError(
            "--types all only goes with --delete; name the types to make, as in --types edt2_32"
        )


def _keys(arguments: argparse.Namespace) -> dict[Key, str]:
    """The wanted types, and the name of each in the published layout."""
    from carpus.data.prepared import parse_key
    from carpus.data.prepared.published import model_stores
    from carpus.data.prepared.rows import wanted_keys

    stores = model_stores(arguments.model) if arguments.model else {}
    names = {parse_key(full): file for file, full in stores.items()}
    given = [name.strip() for name in (arguments.types or "").split(",") if name.strip()]
    return {key: names.get(key, key.published) for key in wanted_keys([*names, *given])}


def _prepare(dataset: Dataset, arguments: argparse.Namespace, stores: Sequence[str]) -> None:
    """Make, estimate, export or remove prepared types of the stores; without names, of those that can."""
    keys = {} if arguments.types == "all" else _keys(arguments)
    if arguments.delete:
        for name in stores or dataset.stores:
            _delete(dataset, name, keys)
        return
    failures: list[CarpusError] = []
    for name in stores or dataset.stores:
        try:
            _prepare_store(dataset, arguments, name, keys)
        except _LeftOutError as error:
            failures.append(error.reason)
            if stores or len(failures) == len(dataset.stores):
                raise error.reason from None
            out(f"{name}: left out. {error.reason}")


class _LeftOutError(Exception):
    """Why the records of a store do not allow the wanted types."""

    def __init__(self, reason: CarpusError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _prepare_store(
    dataset: Dataset, arguments: argparse.Namespace, name: str, keys: Mapping[Key, str]
) -> None:
    from carpus.data.prepared.hdf5 import Export, export
    from carpus.data.prepared.making import Work, make_stores

    if arguments.dry_run and not dataset.is_packed(name):
        raise StoreError(
            f"{name} is not packed yet, so there is nothing to measure: carpus pack {dataset.name} {name}"
        )
    try:
        work = Work.of(dataset, name, keys)
        job = None
        if arguments.hdf5:
            job = Export.of(dataset, work, arguments.hdf5, {k.name: file for k, file in keys.items()})
    except StoreError:
        raise
    except (ConfigError, DataError) as error:
        raise _LeftOutError(error) from error
    progress = progress_line(f"prepared {name}")
    if arguments.dry_run:
        _estimate(work, name, arguments.processes)
    elif job is not None:
        out(export(job, progress, arguments.processes, arguments.force))
    else:
        for line in make_stores(work, progress, arguments.processes, arguments.force).splitlines():
            out(f"{name}: {line}")


def _estimate(work: Work, name: str, processes: int) -> None:
    """A table of what would be stored, and what that costs."""
    from carpus.data.prepared.estimate import HEADER, SAMPLE, duration, estimate

    found, decode_ms = estimate(work)
    rows, row_ms = found[0].rows, decode_ms + sum(item.row_ms for item in found)
    total = sum(item.rows * item.row_bytes for item in found)
    seconds = rows * row_ms / 1e3 / processes
    out(f"{name}, measured on {min(rows, SAMPLE)} frames; lzf: the published format, here and as published")
    out("\n".join([HEADER, *(item.line() for item in found)]))
    out(
        f"together {total / 2**30:.2f} GiB, {row_ms:.2f} ms per frame with {decode_ms:.2f} ms to read it: "
        f"{duration(seconds)} with {processes} process{'es' if processes > 1 else ''}. On the fly loaders "
        "spend about as much per sample, and no disk"
    )


def _delete(dataset: Dataset, name: str, keys: Mapping[Key, str]) -> None:
    from carpus.data.prepared.folders import delete, list_stored

    found = list_stored(dataset.folder(name), keys or None)
    if not found:
        out(f"{name}: nothing of this is stored")
    for stored in found:
        out(f"{name}: removed {stored.name}, {delete(stored) / 2**20:,.1f} MiB")


def _verify(dataset: AnyDataset, name: str) -> None:
    """Every record and every prepared row of a store."""
    from carpus.data.prepared.folders import list_stored
    from carpus.data.prepared.stores import PreparedStore

    out(f"{name}: {dataset.verify(name, progress_line('verified')):,} records, every checksum right")
    for stored in list_stored(dataset.folder(name)):
        if not stored.complete:
            out(f"{name} {stored.name}: not finished")
            continue
        rows = PreparedStore(stored.folder)
        show, damaged = progress_line(f"verified {stored.name}"), list[str]()
        for done, (_, wrong) in enumerate(rows.damaged(), 1):
            damaged += [wrong] if wrong else []
            show(done, len(rows))
        if damaged:
            raise StoreError(f"{len(damaged)} of {len(rows)} rows are damaged. {damaged[0]}")
        out(f"{name} {stored.name}: {len(rows):,} rows, every checksum right")


def _describe(dataset: AnyDataset, name: str) -> None:
    """Numbers of a store and of what is prepared of it."""
    from carpus.data.prepared.folders import list_stored
    from carpus.data.prepared.making import summary
    from carpus.data.prepared.stores import PreparedStore

    if not dataset.is_packed(name):
        out(f"{name}: not packed yet")
    else:
        out("\n".join(f"{name} {key}: {value}" for key, value in dataset.stats(name).items()))
    for stored in list_stored(dataset.folder(name)):
        if stored.complete:
            rows = PreparedStore(stored.folder)
            geometry = ", ".join(
                f"{key} {rows.meta[key]}" for key in ("half_mm", "depth_range_mm", "center_source")
            )
            out(f"{name} prepared {summary(rows)}; {geometry}")
        else:
            out(f"{name} prepared {stored.name}: not finished")
