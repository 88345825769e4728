"""Prepared types in the published layout: a folder of HDF5 files that other programs of the family read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carpus.data.clean_splits import CleanedTenths, tenths
from carpus.data.packing import Progress, in_order
from carpus.data.prepared.annotation import Annotation, annotation_text, read_annotation
from carpus.data.prepared.frame import published_order
from carpus.data.prepared.hdf5_files import (
    WHOLE_CHUNKS,
    FileWriter,
    PublishedFile,
    PublishedIndex,
    compress_row,
    write_arrays,
)
from carpus.data.prepared.keys import Key
from carpus.data.prepared.making import Work
from carpus.data.prepared.rows import BATCH, RowMaker
from carpus.errors import ConfigError, DataError
from carpus.skeletons import Skeleton

if TYPE_CHECKING:
    from carpus.data.dataset import Dataset

ONE_FOLDER = ("hands17",)
"""Datasets prepared in one folder, whose test rows are the last tenth of the labelled ones."""
CLEANED = {
    "hands17": CleanedTenths(),
    "nyu": CleanedTenths(test="test", shuffle_seed=0),
}
"""Rows where the configuration divides frames otherwise; the published program shuffles NYU by any seed."""


@dataclass(frozen=True)
class Export:
    """What goes into one folder of the published layout.

    Args:
        work: records, geometry and types.
        skeleton: the dataset's joints.
        files: file name to type, for names that the type's own does not say.
        out: the ``prepared`` folder.
        splits: cleans the rows and puts them in order.
    """

    work: Work
    skeleton: Skeleton
    files: Mapping[str, Key]
    out: Path
    splits: CleanedTenths

    @classmethod
    def of(cls, dataset: Dataset, work: Work, out: Path, names: Mapping[str, str] | None = None) -> Export:
        """The files of some work; ``names`` gives types, by full name, the file name of a model.

        Raises:
            ConfigError: if two types would have one file name, or the labels are not public.
        """
        if not work.setting.joints:
            raise ConfigError(f"{work.folder}: the published layout needs joints, and there are none")
        files: dict[str, Key] = {}
        for key in work.keys:
            name = (names or {}).get(key.name, key.published)
            if name in files:
                raise ConfigError(
                    f"{files[name].name} and {key.name} are both called {name} in the published layout; "
                    "export them to two folders"
                )
            files[name] = key
        splits = dataset.splits
        if not isinstance(splits, CleanedTenths):
            source = str(work.maker.store.meta["source"])
            splits = CLEANED.get(source, CleanedTenths(train=work.setting.split, test="test"))
        return cls(work, dataset.skeleton, files, Path(out), splits)

    @property
    def source(self) -> str:
        """The dataset's published name."""
        return str(self.work.maker.store.meta["source"])

    @property
    def folder(self) -> Path:
        """``out`` itself, or a folder per store where the test frames have their own."""
        return self.out if self.source in ONE_FOLDER else self.out / self.work.setting.split

    def attributes(self, annotation: str) -> dict[str, Any]:
        """What every file says about its rows."""
        setting = self.work.setting
        joints = [self.skeleton.joints[j] for j in published_order(self.skeleton)]
        return {
            "dataset": self.source,
            "split": setting.split,
            "annotation": annotation,
            "half_mm": setting.half_mm,
            "depth_range_mm": np.asarray(setting.depth_range_mm),
            "camera": np.asarray(setting.camera),
            "center_source": setting.center_source,
            "joints": joints,
        }

    def type_attributes(self, key: Key, annotation: str) -> dict[str, Any]:
        """The same with the type and its sides."""
        sides = {"type": key.name, "crop_side": key.crop_side, "map_side": key.map_side}
        return {**sides, **self.attributes(annotation)}


def export(job: Export, progress: Progress | None = None, processes: int = 1, force: bool = False) -> str:
    """Write a folder of the published layout; complete files are left alone, unfinished ones continued.

    Args:
        job: what to write.
        progress: called with (done, total) rows.
        processes: rows do not depend on it.
        force: write anew what is complete.
    Returns:
        A line per file.
    Raises:
        StoreError: if a complete file has other attributes, naming them, or the disk is full.
    """
    maker = replace(job.work.maker, order=published_order(job.skeleton))
    annotation = read_annotation(maker, job.splits.kept(maker.store))
    _write_annotation(job, annotation, force)
    todo = {
        name: key for name, key in job.files.items() if force or not _is_written(job, name, key, annotation)
    }
    _write(job, maker, annotation, todo, progress or (lambda done, total: None), processes)
    kept = f"{len(annotation):,} of {annotation.frames:,} frames kept"
    low, high = annotation.poses.min((0, 1)), annotation.poses.max((0, 1))
    limit = f"pose limit {np.round(low, 1).tolist()} … {np.round(high, 1).tolist()} mm"
    return "\n".join([f"{job.folder}: {kept}; {limit}", *(_line(job.folder / name) for name in job.files)])


def _write_annotation(job: Export, annotation: Annotation, force: bool) -> None:
    """``annotation``, the copy of the test rows, and the text form of a test folder."""
    attributes = job.attributes(annotation.digest)
    path = job.folder / "annotation"
    if path.is_file() and not force:
        PublishedIndex(path, attributes).close()
        return
    job.folder.mkdir(parents=True, exist_ok=True)
    arrays = {"index": annotation.index, "poses": annotation.poses}
    if job.source in ONE_FOLDER:
        test = tenths(len(annotation))[1]
        tail = {name: values[test:] for name, values in arrays.items()}
        write_arrays(job.folder / "annotation_test", tail, attributes)
    elif job.work.setting.split == "test":
        (job.folder / "annotation.txt").write_text(annotation_text(job.work.maker.store, annotation))
    write_arrays(path, {**arrays, "resce": annotation.resce}, attributes, annotation.frames)


def _is_written(job: Export, name: str, key: Key, annotation: Annotation) -> bool:
    """Whether a file is complete; one with other attributes is an error."""
    path = job.folder / name
    if not path.is_file():
        return False
    PublishedFile(path, job.type_attributes(key, annotation.digest)).close()
    return True


@dataclass(frozen=True)
class _Rows:
    """Compressed rows of a batch, made in a worker process."""

    maker: RowMaker
    positions: np.ndarray

    def __call__(self, task: tuple[int, tuple[Key, ...]]) -> dict[Key, list[Any]]:
        start, keys = task
        made: dict[Key, list[Any]] = {key: [] for key in keys}
        for position in self.positions[start : start + BATCH]:
            arrays, failure = self.maker.arrays(int(position), keys)
            if failure:
                raise DataError(f"the published layout has no place for a row that cannot be made: {failure}")
            for key in keys:
                row = arrays[key]
                made[key].append(row if key.type in WHOLE_CHUNKS else compress_row(row))
        return made


def _write(
    job: Export,
    maker: RowMaker,
    annotation: Annotation,
    todo: Mapping[str, Key],
    progress: Progress,
    processes: int,
) -> None:
    joints, total = annotation.poses.shape[1], len(annotation)
    writers = {
        key: FileWriter(
            job.folder / name,
            key.type,
            (total, *key.row_shape(joints)),
            job.type_attributes(key, annotation.digest),
        )
        for name, key in todo.items()
    }
    if processes > 1 and writers:
        maker.warm_up(tuple(writers))
    starts = range(min((writer.count for writer in writers.values()), default=total), total, BATCH)
    tasks = [(start, tuple(k for k, writer in writers.items() if writer.count <= start)) for start in starts]
    done = starts.start
    progress(done, total)
    for rows in in_order(_Rows(maker, annotation.positions), tasks, processes):
        for key, part in rows.items():
            writers[key].append(part)
        done = min(done + BATCH, total)
        progress(done, total)
    for writer in writers.values():
        writer.finish()


def _line(path: Path) -> str:
    return f"{path.name}: {path.stat().st_size / 2**20:,.1f} MiB"
