"""Opening a store of 1,000,000 records against one of 1,000: time and memory, as ratios of one run.

python bench/store.py [--records 1000000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from carpus.data.records import encode_record, save_array
from carpus.data.store_writer import StoreWriter
from carpus.types import Record

BATCH = 5000
RUNS = 15

OPEN = """
import pickle, sys, time
import numpy as np
from pathlib import Path
from carpus.data.records import Mapped
from carpus.data.samples import Samples
from carpus.data.store import Store

def rss_kb():
    return int(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')).split()[1])

folder = Path(sys.argv[1])
before, start = rss_kb(), time.perf_counter()
store = Store(folder)
index, centers = Mapped(folder / 'index' / 'train.npy'), Mapped(folder / 'columns' / 'com_mm.npy')
samples = Samples('train', store, index, centers)
first, last = samples[0], samples[len(samples) - 1]
print(time.perf_counter() - start, rss_kb() - before, len(samples))
"""


def write_store(folder: Path, records: int) -> None:
    """A store of tiny records with the columns of a depth dataset."""
    meta = {"dataset": "bench", "split": "train", "fingerprint": "", "options": {}, "lines": records}
    joints = np.zeros((21, 3), np.float32)
    with StoreWriter(folder, meta) as writer:
        for start in range(0, records, BATCH):
            rows = []
            for i in range(start, min(start + BATCH, records)):
                record = Record(f"train/{i:08d}", {"depth": b"x" * 64}, {"joints_cam_mm": joints, "line": i})
                rows.append((record.key, encode_record(record), {"line": i, "com_mm": joints[0]}))
            writer.append(rows)
        writer.finish()
    save_array(folder / "index" / "train.npy", np.arange(records))


def measure(folder: Path) -> tuple[float, float]:
    """Seconds and megabytes of opening a store and reading its first and last sample in a fresh process."""
    command = [sys.executable, "-c", OPEN, str(folder)]
    seconds, kilobytes, _ = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(kilobytes) / 1024


def compare(records: int, few: int = 1000, runs: int = RUNS) -> dict[str, float]:
    """Medians over alternating runs, and their ratio."""
    with tempfile.TemporaryDirectory() as temporary:
        small, large = Path(temporary) / "small", Path(temporary) / "large"
        write_store(small, few)
        begun = time.perf_counter()
        write_store(large, records)
        written = time.perf_counter() - begun
        size = (large / "data.mdb").stat().st_size
        pairs = [(measure(small), measure(large)) for _ in range(runs)]
    time_small, time_large = (statistics.median(pair[i][0] for pair in pairs) for i in (0, 1))
    memory = statistics.median(pair[1][1] - pair[0][1] for pair in pairs)
    return {
        "records_few": few,
        "records_many": records,
        "open_few_ms": 1e3 * time_small,
        "open_many_ms": 1e3 * time_large,
        "time_ratio": time_large / time_small,
        "more_memory_mb": memory,
        "store_gb": size / 1e9,
        "packed_per_second": records / written,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = compare(arguments.records)
    print(
        f"open, first and last sample: {result['open_few_ms']:.2f} ms for {result['records_few']:,} "
        f"records, {result['open_many_ms']:.2f} ms for {result['records_many']:,}\n"
        f"time ratio {result['time_ratio']:.2f} (claim: <= 1.2), "
        f"more memory {result['more_memory_mb']:.1f} MB (claim: < 50)"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
