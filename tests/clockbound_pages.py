"""Records as a ClockBound daemon writes them, by hand."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

SECOND_NS = 1_000_000_000
_RECORD = struct.Struct("=IIIHHqqqqqQIiB7x")


def record(**changed: Any) -> bytes:
    """One that was made just now: an error of 2 ms, 1 ppm, synchronised. Times are seconds after now."""
    said = {
        "magic": (0x414D5A4E, 0x43420200), "size": 80, "version": 2, "generation": 4, "as_of_s": 0.0, "void_s": 1000.0,
        "bound_ns": 2_000_000, "marker": 0, "drift_ppb": 1_000, "status": 1, "support": 0,
    } | changed  # fmt: skip
    now_ns = time.monotonic_ns()
    moments = [divmod(now_ns + int(said[name] * SECOND_NS), SECOND_NS) for name in ("as_of_s", "void_s")]
    return _RECORD.pack(
        *said["magic"], said["size"], said["version"], said["generation"], *moments[0], *moments[1],
        said["bound_ns"], said["marker"], said["drift_ppb"], said["status"], said["support"],
    )  # fmt: skip


def page(folder: Path, **changed: Any) -> Path:
    """A file with such a record."""
    path = folder / "shm0"
    path.write_bytes(record(**changed))
    return path
