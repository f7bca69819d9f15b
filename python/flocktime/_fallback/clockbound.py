"""What a running ClockBound daemon says the operating system's clock may be wrong by.

The daemon publishes a record of 80 bytes in a file, by default ``/var/run/clockbound/shm0``, described in its
``docs/PROTOCOL.md`` as "Shared Memory Protocol Version 2". The generation is odd while the daemon writes, and zero before it has.
The file is opened anew and read each time, and never written to. The disruption marker is not held against the hypervisor's: a
migrated machine is seen when the daemon says so.
"""

from __future__ import annotations

import os
import struct
import time

from flocktime._fallback.interval import Bound, Vouched, grown
from flocktime._paths import file_path
from flocktime.intervals import _clockbound

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

#: Magic in two words, size, version, generation. In the machine's byte order, as everything here.
_HEADER = struct.Struct("=IIIHH")
#: As of and void after, each in seconds and nanoseconds of CLOCK_MONOTONIC; bound, marker, largest drift, status, and the rest.
_BODY = struct.Struct("=qqqqqQIi8x")
SIZE = _HEADER.size + _BODY.size
MAGIC = (0x414D5A4E, 0x43420200)
VERSION = 2
#: A record that keeps changing while it is read is read again so often.
_TRIES = 1_000
_SYNCHRONISED, _FREE_RUNNING = 1, 2
#: So long after the record was made its status is believed: the daemon may be starting again.
_GRACE_NS = 5_000_000_000
#: A record may be from the future by so much: it is dated by a clock of another resolution.
_BLUR_NS = 1_000_000
#: No clock drifts by as much as time goes.
_MOST_DRIFT_PPB = 1_000_000_000


class ClockBound:
    """Where a daemon's record is. It is read once at first, to see that it is one."""

    __slots__ = ("_path",)

    def __init__(self, path: Any) -> None:
        self._path = file_path("clockbound", path)
        self._read()

    def vouched(self) -> Vouched:
        """The operating system's clock with the daemon's bound. Nobody vouches where the record cannot be read any more, is void,
        or says that nobody knows or that the clock was disrupted."""
        try:
            record = self._read()
        except OSError:
            return Vouched(time.time_ns(), None)
        # In this order: what lies between the two readings makes the bound wider.
        wall_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
        return Vouched(wall_ns, bound_at(record, monotonic_ns))

    def _read(self) -> bytes:
        try:
            # A pipe that nobody writes to is not waited for: it has no size.
            flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
            descriptor = os.open(self._path, flags)
            try:
                return self._settled(descriptor)
            finally:
                os.close(descriptor)
        except OSError as refused:
            if refused.errno is None or hasattr(refused, "reason"):
                raise
            raise _clockbound(self._path, "os", refused.errno) from None

    def _settled(self, descriptor: int) -> bytes:
        size = os.fstat(descriptor).st_size
        if size < SIZE:
            raise _clockbound(self._path, "size", size)
        generation = 0
        for _ in range(_TRIES):
            before = os.pread(descriptor, _HEADER.size, 0)
            generation = self._generation(before)
            record, after = os.pread(descriptor, SIZE, 0), os.pread(descriptor, _HEADER.size, 0)
            if generation and generation % 2 == 0 and before == after:
                *_, bound_ns, _, drift_ppb, _ = _BODY.unpack_from(record, _HEADER.size)
                if bound_ns < 0 or drift_ppb >= _MOST_DRIFT_PPB:
                    raise _clockbound(self._path, "damaged")
                return record
            time.sleep(0)
        raise _clockbound(self._path, "unsettled" if generation else "unwritten")

    def _generation(self, header: bytes) -> int:
        """That of a header that is one of the daemon's."""
        *magic, size, version, generation = _HEADER.unpack(header)
        if tuple(magic) != MAGIC:
            raise _clockbound(self._path, "foreign")
        if version != VERSION:
            raise _clockbound(self._path, "version", version)
        if size < SIZE:
            raise _clockbound(self._path, "size", size)
        return int(generation)


def bound_at(record: bytes, monotonic_ns: int) -> Bound | None:
    """What a record says at a moment of CLOCK_MONOTONIC."""
    as_of_s, as_of_ns, void_s, void_ns, bound_ns, _, drift_ppb, status = _BODY.unpack_from(record, _HEADER.size)
    as_of_ns, void_ns = as_of_s * 1_000_000_000 + as_of_ns, void_s * 1_000_000_000 + void_ns
    known = status in (_SYNCHRONISED, _FREE_RUNNING)
    if not known or monotonic_ns >= void_ns or monotonic_ns < as_of_ns - _BLUR_NS:
        return None
    error_ns = grown(bound_ns, max(0, monotonic_ns - as_of_ns), drift_ppb)
    return Bound(error_ns, status == _FREE_RUNNING or monotonic_ns >= as_of_ns + _GRACE_NS, "clockbound")
