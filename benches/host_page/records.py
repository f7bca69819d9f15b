"""The durable half of a page, read as ``docs/wire-format.md`` specifies it and not by flocktime.

Of the half that is shared in memory three words are looked at, whose places are those of ``host_page/live.rs``.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BLOCK", "BOUND_AT", "CONFIRMED_AT", "LIVE_AT", "RECORDS_AT", "SEQUENCE_AT", "SIZE", "Record", "blocks", "confirmed",
    "confirmed_bound", "latest", "mapped", "record",
]  # fmt: skip

BLOCK, SIZE = 4096, 16384
RECORDS_AT, LIVE_AT = (4096, 8192), 12288
#: Within a record, after its magic number and the page that it belongs to.
SEQUENCE_AT, BOUND_AT = 32, 40
#: Where memory names the record that is known to be durable.
CONFIRMED_AT = LIVE_AT + 24
MAGIC = b"flocktime lease\n"
DIGEST = 32


@dataclass(frozen=True, slots=True)
class Record:
    """A lease. ``bound`` is the upper half of a timestamp, eight bytes; every stamp's upper half has to lie below it."""

    at: int
    sequence: int
    bound: bytes
    process: int


def latest(path: Path) -> Record | None:
    """The readable record with the highest number."""
    found = [record(block, at) for at, block in blocks(path).items()]
    return max((one for one in found if one is not None), key=lambda one: one.sequence, default=None)


def blocks(path: Path) -> dict[int, bytes]:
    """What lies where the records are."""
    file = os.open(path, os.O_RDONLY)
    try:
        return {at: os.pread(file, BLOCK, at) for at in RECORDS_AT}
    finally:
        os.close(file)


def record(block: bytes, at: int) -> Record | None:
    """``None``: it is not whole."""
    if not block.startswith(MAGIC) or hashlib.sha256(block[:-DIGEST]).digest() != block[-DIGEST:]:
        return None
    sequence, bound = struct.unpack_from(">Q8s", block, SEQUENCE_AT)
    (process,) = struct.unpack_from(">I", block, BOUND_AT + 24)
    return Record(at, sequence, bound, process)


def confirmed(path: Path) -> int | None:
    """The number of the record that is known to be durable; ``None`` where nobody has begun since the machine started."""
    start = int(Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", ""), 16)
    with path.open("rb") as file:
        file.seek(LIVE_AT)
        high, low, _, number = struct.unpack("=QQQQ", file.read(32))
    return int(number) if (high << 64 | low) == start else None


def mapped(path: Path) -> mmap.mmap:
    """The page as it is, to look into all the time."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


def confirmed_bound(page: mmap.mmap | bytearray) -> Callable[[], bytes]:
    """A function that reads the bound of the record that memory names as durable, and never that of one which is only in the
    file. Fast enough to be asked after each stamp.

    Without such a record it is empty, which every stamp lies beyond.
    """
    words, records = memoryview(page).cast("Q"), [(at + SEQUENCE_AT, at + BOUND_AT) for at in RECORDS_AT]
    known, bound = -1, b""

    def read() -> bytes:
        nonlocal known, bound
        while (number := words[CONFIRMED_AT // 8]) != known:
            sequence = number.to_bytes(8, "big")
            found = next((page[at : at + 8] for where, at in records if page[where : where + 8] == sequence), b"")
            if words[CONFIRMED_AT // 8] != number:
                continue  # what was found may have been written over meanwhile; before that another one is confirmed
            if not found:
                return b""
            known, bound = number, bytes(found)
        return bound

    return read
