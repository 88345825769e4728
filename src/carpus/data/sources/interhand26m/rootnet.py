"""RootNet's output: the box and the wrist depths that val and test are usually given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.store import Store
from carpus.errors import DataError

_BLOCK = 8192


def read_rootnet(path: Path, store: Store) -> np.ndarray:
    """Boxes and wrist depths of all records of a store.

    Args:
        path: ``rootnet_interhand2.6m_output_<split>.json``: a list of ``annot_id``, ``bbox`` (square and
            enlarged already: the true box, not a detection) and ``abs_depth`` (right and left wrist in mm).
        store: with the column ``annot_id``.
    Returns:
        ``(N, 6)`` float32: left, top, width, height in pixels, right and left depth in mm.
    Raises:
        DataError: if it is missing, damaged or of other images.
    """
    if not path.is_file():
        raise DataError(
            f"{path} is missing: the boxes and wrist depths of val and test with dataset.trans_test=rootnet. "
            "Get it from the InterHand2.6M page (RootNet output for v1.0, 5 fps), or set "
            "dataset.trans_test=gt; such figures are better and must be labelled"
        )
    ids, values = _read(path)
    wanted = np.asarray(store.column("annot_id"))
    order = np.argsort(ids, kind="stable")
    at = np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)
    found = ids[order[at]] == wanted
    if not found.all():
        first = int(np.flatnonzero(~found)[0])
        raise DataError(
            f"{path} has {len(ids):,} boxes, {int(found.sum()):,} of them of the {len(wanted):,} images of "
            f"{store.meta['split']}; the first one without is annotation {wanted[first]} "
            f"({store.key(first)}). It is probably of another split or of v0.0 (names '…_all_test', "
            "'…_machine_annot_val')"
        )
    return values[order[at]]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """``(n,)`` annotation ids and ``(n, 6)`` values."""
    ids, values, blocks = list[int](), list[list[float]](), list[np.ndarray]()
    with JsonStream(path) as stream:
        for number, item in enumerate(stream.values()):
            try:
                box, depths = item["bbox"], item["abs_depth"]
                if len(box) != 4 or len(depths) != 2:
                    raise ValueError(f"bbox has {len(box)} and abs_depth {len(depths)} numbers, not 4 and 2")
                ids.append(int(item["annot_id"]))
                values.append([*map(float, box), *map(float, depths)])
            except (KeyError, TypeError, ValueError) as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{path}: number {number} of the list: {what}") from None
            if len(values) == _BLOCK:
                blocks.append(np.array(values, np.float32))
                values = []
    blocks.append(np.array(values, np.float32).reshape(-1, 6))
    table = np.concatenate(blocks)
    if not len(table):
        raise DataError(f"{path}: no box in it")
    bad = np.flatnonzero(~np.isfinite(table).all(1))
    if bad.size:
        raise DataError(f"{path}: number {bad[0]} of the list (annot_id {ids[bad[0]]}) is not finite")
    return np.array(ids, np.int64), table
