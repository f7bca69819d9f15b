"""The writer of the lease is killed while all processes stamp at full rate."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from time import monotonic_ns
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.flock.processes import HarnessError
from benches.host_page.herd import PATIENCE_S, Herd
from benches.host_page.records import confirmed, latest
from benches.host_page.stamping import BACK, GAP_WORDS, GAPS, LAST_NS, PASSED, STAMPS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from benches.host_page.herd import Life
    from benches.host_page.options import Options

__all__ = ["takeover"]

#: The usual lease, and the shortest one, which has to be renewed every 33 ms.
LEASES_S = (3.0, 0.1)
PAUSE_MS = 100.0
#: How long it is looked before a kill; and after it, beside the lease: by then somebody has renewed it, or everybody stands.
QUIET_S, AFTER_S = 0.5, 0.5


@dataclass(slots=True)
class Found:
    """Of all trials with one lease: the longest pause of any process in each, the longest in which it waited for something, and
    how soon somebody stepped in.
    """

    quiet_ms: list[float] = field(default_factory=list)
    killed_ms: list[float] = field(default_factory=list)
    quiet_waits_ms: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    taken_over_ms: list[float] = field(default_factory=list)
    midst: int = 0
    stamps: int = 0
    passed: int = 0
    back: int = 0


def takeover(options: Options) -> Table:
    """The writer of the lease is killed while all stamp at full rate: nobody stands for long, nobody passes the bound."""
    table = Table("takeover", "the writer of the lease killed under load", options.settings("processes", "trials"))
    chance = options.random()
    for lease_s in LEASES_S:
        _judge(table, lease_s, _trials(options, lease_s, chance), options.trials)
    table.remarks.append(
        "every stamp is compared at once with the bound of the record that is confirmed as durable, which timestamps may not "
        "reach; in a pause that is no wait somebody else had the processor"
    )
    return table


def _judge(table: Table, lease_s: float, found: Found, trials: int) -> None:
    where = f"lease {lease_s:g} s: "
    table.add(f"{where}writers killed", len(found.killed_ms), least=trials)
    table.add("  in the middle of a renewal", found.midst)
    table.add("  longest pause without a kill, median", median(found.quiet_ms), "ms")
    table.add("  longest pause without a kill, max", max(found.quiet_ms), "ms")
    table.add("    that was a wait", max(found.quiet_waits_ms), "ms")
    table.add("  longest pause after a kill, median", median(found.killed_ms), "ms")
    table.add("  longest pause after a kill, max", max(found.killed_ms), "ms", most=PAUSE_MS)
    table.add("    that was a wait", max(found.waits_ms), "ms", most=PAUSE_MS)
    table.add("  next renewal by another, median", median(found.taken_over_ms), "ms")
    table.add("  next renewal by another, max", max(found.taken_over_ms), "ms")
    table.add("  stamps", found.stamps, least=1)
    table.add("  stamps beyond the bound", found.passed, most=0)
    table.add("  regressions within a process", found.back, most=0)


def _trials(options: Options, lease_s: float, chance: random.Random) -> Found:
    found = Found()
    with Herd(options.directory) as herd:
        for number in range(options.trials):
            while len(herd.alive) < options.processes:
                herd.start("at_full_rate", lease_s=lease_s)
            herd.wait_until_started(herd.alive)
            begun = monotonic_ns()
            time.sleep(QUIET_S + chance.uniform(0.0, lease_s / 3))
            if number % 2:
                _next_renewal(herd)  # which is in the file then, and not yet durable
            _kill(herd, begun, lease_s, found)
        herd.kill(herd.alive)
        _count(herd, found)
    return found


def _kill(herd: Herd, begun: int, lease_s: float, found: Found) -> None:
    """One writer, with a look at the others before and after."""
    writer = herd.writer()
    if writer is None:
        raise HarnessError("the lease was written by nobody that lives")
    killed = monotonic_ns()
    herd.kill([writer])
    record, known = latest(herd.page), confirmed(herd.page) or 0
    found.midst += record is not None and record.process == writer.pid and record.sequence > known
    quiet_ms, wait_ms = _longest_ms([*herd.alive, writer], begun, killed)
    found.quiet_ms.append(quiet_ms)
    found.quiet_waits_ms.append(wait_ms)
    _next_renewal(herd, of_others_than=writer.pid)
    found.taken_over_ms.append((monotonic_ns() - killed) / 1e6)
    time.sleep(lease_s + AFTER_S)
    killed_ms, wait_ms = _longest_ms(herd.alive, killed, monotonic_ns())
    found.killed_ms.append(killed_ms)
    found.waits_ms.append(wait_ms)
    _count(herd, found)


def _count(herd: Herd, found: Found) -> None:
    """What the dead have stamped and seen."""
    for one in herd.forget():
        found.stamps += one.journal[STAMPS]
        found.passed += one.journal[PASSED]
        found.back += one.journal[BACK]
        one.journal.close()


def _longest_ms(lives: Iterable[Life], since: int, until: int) -> tuple[float, float]:
    """The longest pause of any that ended in this time, and the longest in which it waited. One that goes on at the end may be
    either, and is both once it is longer than the bar.
    """
    longest = wait = 0
    for one in lives:
        journal = one.journal
        going_on = until - max(journal[LAST_NS], since)
        longest, wait = max(longest, going_on), max(wait, going_on if going_on > PAUSE_MS * 1e6 else 0)
        for word in GAP_WORDS[: journal[GAPS]]:
            if since < journal[word] <= until:
                longest = max(longest, journal[word + 1])
                wait = max(wait, journal[word + 1] if journal[word + 2] else 0)
    return longest / 1e6, wait / 1e6


def _next_renewal(herd: Herd, of_others_than: int = 0) -> None:
    """Wait until a record is in the file that is not there yet."""
    deadline, before = time.monotonic() + PATIENCE_S, latest(herd.page)
    while (record := latest(herd.page)) is None or record == before or record.process == of_others_than:
        if time.monotonic() > deadline:
            raise HarnessError("nobody renewed the lease")
        time.sleep(0.0001)
