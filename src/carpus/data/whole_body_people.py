"""Annotations of people in COCO's form, read entry by entry into compact arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.annotations import Texts
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.errors import DataError

Row = Mapping[str, Any] | None
"""Values of one entry by column, or None where the entry is left out."""
Layout = Mapping[str, tuple[str, int]]
"""Per column the type code of :mod:`array` and how many numbers an entry has."""

BOX: Layout = {"bbox_xywh_px": ("f", 4)}
_DTYPES = {"q": np.int64, "f": np.float32, "d": np.float64, "b": np.int8}


class Table:
    """Numbers of many entries, one array per column.

    Args:
        layout: the columns.
    Example:
        >>> table = Table({"id": ("q", 1), "box": ("f", 4)})
        >>> table.add({"id": 7, "box": [1, 2, 3, 4]})
        >>> {name: values.shape for name, values in table.arrays().items()}
        {'id': (1,), 'box': (1, 4)}
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = dict(layout)
        self._arrays = {name: array(code) for name, (code, _) in self._layout.items()}
        self.count = 0

    def add(self, values: Mapping[str, Any]) -> None:
        """One entry.

        Raises:
            KeyError: for a column without a value.
            ValueError: for another number of numbers than the column has.
        """
        for name, (_, size) in self._layout.items():
            numbers = flat(values[name])
            if len(numbers) != size:
                raise ValueError(f"{name} has {len(numbers)} numbers; {size} are expected")
            self._arrays[name].extend(numbers)
        self.count += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """``(N,)`` of columns of one number, ``(N, n)`` of the others."""
        return {
            name: np.frombuffer(self._arrays[name], _DTYPES[code]).reshape((-1, size) if size > 1 else -1)
            if self.count
            else np.zeros((0, size) if size > 1 else 0, _DTYPES[code])
            for name, (code, size) in self._layout.items()
        }


def flat(value: Any) -> list[Any]:
    """The numbers of a number, a list or a list of lists, in order.

    Example:
        >>> flat(3), flat([1, 2]), flat([[1, 2], [3, 4]])
        ([3], [1, 2], [1, 2, 3, 4])
    """
    if not isinstance(value, list | tuple):
        return [value]
    if value and isinstance(value[0], list | tuple):
        return [number for row in value for number in row]
    return list(value)


@dataclass(frozen=True)
class People:
    """People of a file in its order, and the images they are in.

    Args:
        path: the file.
        names: file name of every image, as written.
        images: columns of the images; ``id`` is one of them.
        people: columns of the people; ``id``, and ``image``, the place of their image.
        left_out: how many people were left out.
    """

    path: Path
    names: Texts
    images: Mapping[str, np.ndarray]
    people: Mapping[str, np.ndarray]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.people["id"])

    def of_image(self, name: str) -> np.ndarray:
        """``(N, …)`` a column of the images for all people."""
        return self.images[name][self.people["image"]]

    def name(self, row: int) -> str:
        """File name of a person's image."""
        return self.names[int(self.people["image"][row])]

    def keep(self, wanted: np.ndarray) -> People:
        """Some of the people, by a mask ``(N,)``; without a copy where it is all of them."""
        if wanted.all():
            return self
        people = {name: values[wanted] for name, values in self.people.items()}
        return replace(self, people=people, left_out=self.left_out + int((~wanted).sum()))

    def locate(self, row: int) -> str:
        """File, person and image, for messages."""
        return f"{self.path}: annotation {self.people['id'][row]} in {self.name(row)}"


def read_people(
    path: Path,
    image_layout: Layout,
    image: Callable[[Any], Row],
    person_layout: Layout,
    person: Callable[[Any], Row],
) -> People:
    """People and images of a file of any size; only the wanted numbers stay in memory.

    Args:
        path: an object with the lists ``images`` and ``annotations``.
        image_layout: columns of the images, beside ``id``.
        image: values of an entry of ``images``; people in an image that is left out are left out, too.
        person_layout: columns of the people, beside ``id`` and ``image_id``.
        person: values of an entry of ``annotations``.
    Raises:
        DataError: naming the file and the entry at fault, or a list that is missing.
    """
    names, skipped = Texts(), array("q")
    images = Table({"id": ("q", 1), **image_layout})
    people = Table({"id": ("q", 1), "image": ("q", 1), **person_layout})
    left_out = 0  # Only what a reader refuses: images that are not sampled do not count.

    def take_image(item: Any) -> None:
        values = image(item)
        if values is None:
            skipped.append(int(item["id"]))
            return
        name = str(item["file_name"])
        images.add({"id": int(item["id"]), **values})
        names.append(name)

    def take_person(item: Any) -> None:
        nonlocal left_out
        values = person(item)
        if values is None:
            left_out += 1
            return
        people.add({"id": int(item["id"]), "image": int(item["image_id"]), **values})

    takers = {"images": take_image, "annotations": take_person}
    with JsonStream(path) as stream:
        seen = []
        for member in stream.members():
            if member in takers:
                seen.append(member)
                _take_all(path, member, stream, takers[member])
            else:
                stream.value()
    if missing := [name for name in takers if name not in seen]:
        raise DataError(f"{path} has no list '{missing[0]}'; COCO's form with images and annotations is read")
    found = People(path, names, images.arrays(), people.arrays(), left_out)
    return _joined(found, np.frombuffer(skipped, np.int64) if skipped else np.zeros(0, np.int64))


def concatenate(files: Sequence[People]) -> People:
    """People of several files as if they stood in one; ids of images may come again in another file.

    Args:
        files: at least one; :meth:`People.locate` names the folder of the first one.
    """
    if len(files) == 1:
        return files[0]
    names, starts = Texts(), [0]
    for part in files:
        starts.append(starts[-1] + len(part.names))
        for row in range(len(part.names)):
            names.append(part.names[row])

    def joined(tables: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    moved = [
        {**part.people, "image": part.people["image"] + start}
        for part, start in zip(files, starts, strict=False)
    ]
    return People(
        files[0].path.parent,
        names,
        joined([part.images for part in files]),
        joined(moved),
        sum(part.left_out for part in files),
    )


def _take_all(path: Path, kind: str, stream: JsonStream, take: Callable[[Any], None]) -> None:
    for number, item in enumerate(stream.values()):
        try:
            take(item)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            name = f" (id {item['id']})" if isinstance(item, dict) and "id" in item else ""
            what = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{path}: number {number} of the {kind}{name}: {what}") from None


def _joined(found: People, skipped: np.ndarray) -> People:
    """People with the place of their image instead of its id."""
    ids, wanted = found.images["id"], found.people["image"]
    for kind, values in (("images", ids), ("annotations", found.people["id"])):
        ordered = np.sort(values)
        if (twice := ordered[:-1][np.diff(ordered) == 0]).size:
            raise DataError(f"{found.path}: two of the {kind} have the id {twice[0]}")
    place = lookup(ids, np.argsort(ids, kind="stable"), wanted)
    lost = (place < 0) & ~np.isin(wanted, skipped)
    if lost.any():
        row = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{found.path}: annotation {found.people['id'][row]} belongs to image {wanted[row]}, which is "
            "not listed"
        )
    for name, values in found.people.items():
        if values.dtype.kind != "f":
            continue
        fine = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if not fine.all():
            row = int(np.flatnonzero(~fine)[0])
            raise DataError(
                f"{found.path}: annotation {found.people['id'][row]}: {name} is not of finite numbers"
            )
    kept = replace(found, people={**found.people, "image": place}).keep(place >= 0)
    return replace(kept, left_out=found.left_out)


def lookup(ids: np.ndarray, order: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Places of numbers among others, -1 where they are not there.

    Args:
        ids: ``(n,)`` in any order.
        order: ``(n,)`` that sorts them.
        wanted: ``(m,)``.
    Example:
        >>> lookup(np.array([5, 3, 9]), np.array([1, 0, 2]), np.array([9, 4, 3]))
        array([ 2, -1,  1])
    """
    if not len(ids):
        return np.full(len(wanted), -1)
    ordered = ids[order]
    at = np.minimum(np.searchsorted(ordered, wanted), len(ids) - 1)
    return np.where(ordered[at] == wanted, order[at], -1)
