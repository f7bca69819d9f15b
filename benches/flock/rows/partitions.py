"""A network that is cut and put together again: two halves, and one member alone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.flock.namespaces import Hosts
from benches.flock.rows.faults import add_ticks, back_in_step
from benches.flock.rows.skew import settled
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from benches.flock.options import Options

__all__ = ["partitions"]

MEMBERS = 8
PORT = 7711
MOST_GAP_US, MOST_AFTER_US = 400.0, 100.0


def partitions(options: Options) -> Table:
    """Eight members in network namespaces: cut into halves and rejoined, one cut off and plugged in again."""
    table = Table("partitions", "a cut network, by namespaces", options.settings("settle_s", "pause_s"))
    patience_s = 60.0 * max(1.0, options.round_s)
    with Hosts(MEMBERS) as hosts, Village() as village:
        drawn = sketches(MEMBERS, options.random(), round=options.round_s, ticking=True)
        village.start(
            *(
                replace(one, listen=f"{hosts.address(at)}:{PORT}", prefix=hosts.prefix(at))
                for at, one in enumerate(drawn)
            )
        )
        village.meet()
        settled(village, options.settle_s)
        village.ask_all("ready", timeout=55.0)
        everyone = list(village.members)
        hosts.cut()
        gap_ns = _widest(village, options.pause_s)
        hosts.join()
        _add(
            table,
            village,
            "cut into halves",
            options,
            gap_ns=gap_ns,
            back_s=back_in_step(village, everyone, patience_s),
        )
        hosts.unplug(0)
        gap_ns = _widest(village, options.pause_s)
        hosts.plug(0)
        _add(table, village, "one cut off", options, gap_ns=gap_ns, back_s=back_in_step(village, everyone, patience_s))
        add_ticks(table, village)
    return table


def _add(table: Table, village: Village, what: str, options: Options, *, gap_ns: float, back_s: float) -> None:
    scale = max(1.0, options.round_s)
    table.add(f"{what}: the farthest apart meanwhile", gap_ns / 1e3, "us", most=MOST_GAP_US)
    table.add(f"{what}: all back in step after", back_s, "s", most=30.0 * scale)
    begin = time.monotonic()
    after_ns = village.at_once().widest_ns()
    while after_ns > MOST_AFTER_US * 1e3 and time.monotonic() - begin < 30.0 * scale:
        pause(0.2)
        after_ns = village.at_once().widest_ns()
    table.add(f"{what}: the farthest apart then", after_ns / 1e3, "us", most=MOST_AFTER_US)


def _widest(village: Village, seconds: float) -> float:
    """The farthest that any two were apart within so many seconds, whatever they say of themselves."""
    worst, end = 0, time.monotonic() + seconds
    while True:
        worst = max(worst, village.at_once().widest_ns())
        if time.monotonic() >= end:
            return worst
        pause(0.2)
