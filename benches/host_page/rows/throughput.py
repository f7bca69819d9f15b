"""Processes that stamp as fast as they can, all of them on one page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.host_page.herd import Herd
from benches.host_page.journal import CAPACITY
from benches.host_page.judging import Verdict
from benches.host_page.stamping import BEGUN, ENDED

if TYPE_CHECKING:
    from benches.host_page.options import Options

__all__ = ["throughput"]

#: Until all have opened the page.
AHEAD_S = 1.0


def throughput(options: Options) -> Table:
    """All processes stamp on one page at full rate, mixed with updates of each other's stamps: nothing twice, nothing back."""
    table = Table("throughput", "processes on one page at full rate", options.settings("processes", "stamps"))
    verdict = Verdict()
    alone = _stamp(options, 1, verdict)
    together = _stamp(options, options.processes, verdict)
    verdict.add_to(table)
    table.add("stamps a second, one process", alone)
    table.add(f"stamps a second, {options.processes} processes together", together)
    table.add("  times one process", together / alone)
    table.remarks.append(
        "each stamp is converted and noted in a file before the next; one in 32 merges the latest of another process"
    )
    return table


def _stamp(options: Options, processes: int, verdict: Verdict) -> float:
    """Stamps a second, from the first one's beginning to the last one's end."""
    capacity = max(CAPACITY, options.stamps)
    with Herd(options.directory) as herd:
        journals = [herd.journal(capacity) for _ in range(processes)]
        begin_ns = time.monotonic_ns() + int(AHEAD_S * 1e9)
        for mine in journals:
            others = [str(one.path) for one in journals if one is not mine]
            herd.start("so_many", mine, peers=others, stamps=options.stamps, begin_ns=begin_ns)
        herd.join()
        lives = herd.forget()
        seconds = (max(one.journal[ENDED] for one in lives) - min(one.journal[BEGUN] for one in lives)) / 1e9
        verdict.judge([one.journal.stamps() for one in lives])
        return processes * options.stamps / seconds
