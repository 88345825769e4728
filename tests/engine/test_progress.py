"""What the progress line says."""

import resource
from pathlib import Path

import pytest

from carpus.engine.progress import peak_resident_bytes


def now_resident_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


def test_memory_is_the_kernels_account_of_this_program(monkeypatch):
    assert peak_resident_bytes() > 0.99 * now_resident_bytes()
    monkeypatch.setattr(Path, "read_text", lambda _: "VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 7 kB\n")
    assert peak_resident_bytes() == 2 * 2**20


@pytest.mark.parametrize("status", [FileNotFoundError, None])
def test_without_it_memory_is_that_of_getrusage(monkeypatch, status):
    def read(_):
        if status is not None:
            raise status
        return "Name:\tpython\n"

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr("sys.platform", "linux")
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak_resident_bytes() == pytest.approx(highest, rel=0.01)
