"""``World``: what surrounds the machine of a real member."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Final

from flocktime._fallback.arithmetic import saturated_i64
from flocktime._fallback.clock import Clock
from flocktime._fallback.gossip.host import OsTime
from flocktime._fallback.sources import Source
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import ClockError

#: A kernel's stamp of more than so long ago is none.
OLD_NS: Final = 1_000_000_000
#: Two readings so close together are of one instant.
CLOSE_NS: Final = 2_000
TRIES: Final = 3


class World:
    """The operating system, or a test's source in its place, and this process's clock. Behind the same lock as the machine."""

    __slots__ = ("_base", "clock", "error_ns")

    def __init__(self, base: Source) -> None:
        self._base = base
        #: The clock that the flock's timestamps come from.
        self.clock: Clock | None = None
        #: What the operating system says about its clock, as of lately.
        self.error_ns: int | None = None

    def raw_ns(self) -> int:
        return self._base.raw_ns()

    def os(self) -> OsTime:
        return OsTime(self._base.wall_ns(), self.error_ns)

    def random(self) -> int:
        return int.from_bytes(os.urandom(8), "big")

    def node(self) -> int | None:
        return None if self.clock is None else self.clock.node

    def stamp(self) -> Timestamp | None:
        if self.clock is None:
            return None
        try:
            return self.clock.now()
        except ClockError:  # it has no time to give: its flock is not ready, say
            return None

    def merge(self, remote: Timestamp, trusted: bool) -> None:
        if self.clock is not None:
            with contextlib.suppress(ClockError):  # what the clock refuses it counts itself
                self.clock.update(remote, trusted=trusted)


def arrival_ns(base: Source, stamp_ns: int | None) -> tuple[int, bool]:
    """H at which a datagram came in, by the kernel's stamp of the OS clock. The flag: the stamp was used.

    Only its age is carried over to ``base``, which may show another time. A stamp from the future counts as of now (the clock
    was set back a little), and one of more than a second is none: either the clock was set meanwhile, or the datagram lay there
    while the process was stopped. Too late is a large delay, and measured as such; too early would look better than it is.
    """
    raw_ns, wall_ns = _read_both(base)
    age_ns = None if stamp_ns is None else saturated_i64(wall_ns - stamp_ns)
    if age_ns is None or abs(age_ns) > OLD_NS:
        return raw_ns, False
    return max(0, raw_ns - max(0, age_ns)), True


def _read_both(base: Source) -> tuple[int, int]:
    """The base's H and the real OS clock at about one instant: the closest of a few readings, where the first was interrupted."""
    best: tuple[int, int, int] | None = None
    for _ in range(TRIES):
        before_ns = base.raw_ns()
        wall_ns = time.time_ns()
        took_ns = max(0, base.raw_ns() - before_ns)
        if best is None or took_ns < best[0]:
            best = (took_ns, before_ns + took_ns // 2, wall_ns)
        if took_ns < CLOSE_NS:
            break
    assert best is not None
    return best[1], best[2]
