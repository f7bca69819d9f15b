"""What the processes on a page do, each in a child of the template. They end when they are killed or told to.

Wherever one stamps, it notes the stamp before it goes on.
"""

from __future__ import annotations

import random
import resource
from itertools import count
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from benches.host_page.journal import CAPACITY, STARTED, Journal
from benches.host_page.records import confirmed_bound, mapped

from flocktime import Clock, Timestamp
from flocktime.testing import SkewedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "BACK", "BEGUN", "FOUND", "FOUNDS", "GAPS", "GAP_WORDS", "LAST_NS", "PASSED", "QUEUED", "STAMPS", "WORKS",
]  # fmt: skip

#: Of so many stamps one is made by merging another process's latest, one by merging a stranger's.
MERGE_EVERY, STRANGER_EVERY = 32, 128
#: Words of the header: when the process began and ended its work, and what ``at_full_rate`` counts.
BEGUN, ENDED, STAMPS, PASSED, BACK, LAST_NS, GAPS = 1, 2, 3, 4, 5, 6, 7
#: For how long a start could have run and had no processor; how it found the page, as a number from 1 on.
QUEUED, FOUND = 8, 9
FOUNDS = ("made", "attached", "restarted", "restored", "damaged")
#: Where the gaps lie, each with its end, its length and whether the process waited; the oldest ones are written over.
GAP_WORDS = range(16, 496, 3)
LEAST_GAP_NS = 1_000_000


def until_killed(path: str, journal: str, *, peers: Sequence[str], offset_s: float, lease_s: float, seed: int) -> None:
    """Open the page under an OS clock that is set wrong, and stamp. The header says how long the start took."""
    notes, others = Journal(Path(journal)), [Journal(Path(one)) for one in peers]
    chance = random.Random(seed)
    source = SkewedSource(offset_s)
    note, queued_ns, began = notes.noting(), _queued_ns(), monotonic_ns()
    clock = Clock.open(path, source=source, lease=lease_s, max_drift=None)
    first, took_ns = clock.now(), monotonic_ns() - began
    note(first.to_bytes())
    notes[QUEUED] = _queued_ns() - queued_ns
    notes[STARTED] = took_ns
    notes[FOUND] = 1 + FOUNDS.index(clock.page.found if clock.page is not None else "")
    ahead_s = chance.choice((-10.0, 0.0, 0.3))
    stranger = Clock(source=SkewedSource(offset_s + ahead_s))
    _mix(clock, note, others, stranger)


def _mix(
    clock: Clock, note: Callable[[bytes], None], others: Sequence[Journal], stranger: Clock, most: int = 0
) -> None:
    """Stamp and merge, ``most`` times or until there is no room for notes."""
    numbers = range(most) if most else count()
    for number in numbers:
        if others and number % MERGE_EVERY == 0:
            # What others have not noted yet is zero: it lies in the past.
            stamp = clock.update(Timestamp.from_bytes(others[number // MERGE_EVERY % len(others)].latest()))
        elif number % STRANGER_EVERY == 1:
            stamp = clock.update(stranger.now())
        else:
            stamp = clock.now()
        try:
            note(stamp.to_bytes())
        except IndexError:
            return


def so_many(path: str, journal: str, peers: Sequence[str], stamps: int, begin_ns: int) -> None:
    """Open the page, wait until all have, stamp so often, and go."""
    notes = Journal(Path(journal), max(CAPACITY, stamps))
    others = [Journal(Path(one), max(CAPACITY, stamps)) for one in peers]
    clock, stranger = Clock.open(path), Clock(source=SkewedSource(0.1))
    notes[STARTED] = 1
    while monotonic_ns() < begin_ns:
        pass
    notes[BEGUN] = monotonic_ns()
    _mix(clock, notes.noting(), others, stranger, stamps)
    notes[ENDED] = monotonic_ns()


def at_full_rate(path: str, journal: str, lease_s: float) -> None:
    """Stamp as fast as it goes, and look at each stamp at once: whether it rose, whether the bound that is durable lies above it.

    Where the thread has given up the processor of its own accord since the gap before, it waited in this one. In others the
    scheduler let somebody else run.
    """
    notes, clock = Journal(Path(journal)), Clock.open(path, lease=lease_s)
    bound = confirmed_bound(mapped(Path(path)))
    last, gaps, waits, past = bytes(16), 0, _waits(), monotonic_ns()
    notes[STARTED] = 1
    for number in count(1):
        stamp = clock.now().to_bytes()
        if stamp[:8] >= bound():  # asked after the stamp: a record is named as durable before anybody stamps under it
            notes[PASSED] += 1
        if stamp <= last:
            notes[BACK] += 1
        now, last = monotonic_ns(), stamp
        if now - past >= LEAST_GAP_NS:
            word = GAP_WORDS[gaps % len(GAP_WORDS)]
            waited, waits = waits, _waits()
            notes[word], notes[word + 1], notes[word + 2] = now, now - past, waits > waited
            gaps += 1
            notes[GAPS] = gaps
        past = now
        notes[LAST_NS] = now
        notes[STAMPS] = number


def _queued_ns() -> int:
    """How long this thread has waited for a processor, all in all."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1])


def _waits() -> int:
    """How often this thread has given up the processor."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


#: By the name that the template is told.
WORKS: dict[str, Callable[..., Any]] = {
    "until_killed": until_killed, "so_many": so_many, "at_full_rate": at_full_rate,
}  # fmt: skip
