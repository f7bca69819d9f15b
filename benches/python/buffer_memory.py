"""What an empty buffer of 65,536 takes: ``python -m benches.python.buffer_memory``.

Resident memory of a fresh interpreter before and after it makes some; Linux only. All of it is counted, the clocks and the
Python objects too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["CAPACITY", "measure", "resident_bytes"]

CAPACITY = 65_536
#: As many as make the allocator's own steps small beside them.
BUFFERS = 32
STATM = Path("/proc/self/statm")


def resident_bytes() -> float:
    """Of this process; NaN where the system does not say."""
    try:
        return float(int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        return float("nan")


def measure() -> float:
    """Bytes for each, in a process that does nothing else."""
    ran = subprocess.run([sys.executable, "-P", __file__], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def _bytes_each() -> float:
    from flocktime import EventBuffer

    EventBuffer(CAPACITY).push(None)  # whatever is made with the first one
    before = resident_bytes()
    kept = [EventBuffer(CAPACITY) for _ in range(BUFFERS)]
    return (resident_bytes() - before) / len(kept)


if __name__ == "__main__":
    print(_bytes_each())
