"""What a member costs: processor time and traffic, with few peers and with many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.flock.processes import THREAD, cpu_ns, gather
from benches.flock.rows.skew import settled
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.flock.options import Options

__all__ = ["cost"]

PEERS = (4, 16, 64)
MOST_CORE_PERCENT, MOST_BYTES = 0.2, 2500.0
#: How much more the largest flock may cost than the smallest and still be called constant.
MOST_GROWTH = 1.25


def cost(options: Options, sizes: Sequence[int] = PEERS) -> Table:
    """Processor time and bytes a second of a member with 4, 16 and 64 peers, four requests a second."""
    table = Table("cost", "a member with four requests a second", options.settings("settle_s", "seconds"))
    thread, sent = {}, {}
    for peers in sizes:
        thread[peers], sent[peers] = _with_peers(options, table, peers)
    first, last = sizes[0], sizes[-1]
    if thread[first]:
        table.add(f"core, {last} peers times {first}", thread[last] / thread[first], "", most=MOST_GROWTH)
    table.add(f"sent, {last} peers times {first}", sent[last] / sent[first], "", most=MOST_GROWTH)
    return table


def _with_peers(options: Options, table: Table, peers: int) -> tuple[float, float]:
    with Village() as village:
        village.start(*sketches(peers + 1, options.random(), round=options.round_s))
        village.meet()
        settled(village, options.settle_s)
        members = list(village.members.values())
        before = gather(members, "usage")
        spent = [(cpu_ns(one.pid, THREAD), cpu_ns(one.pid)) for one in members]
        pause(options.seconds)
        after = gather(members, "usage")
        later = [(cpu_ns(one.pid, THREAD), cpu_ns(one.pid)) for one in members]
    # The instants of both readings of a member lie as far apart as those of its processor time, to some milliseconds.
    seconds = [(b["raw_ns"] - a["raw_ns"]) / 1e9 for a, b in zip(before, after, strict=True)]
    whole = _mean([((b[1] or 0) - (a[1] or 0)) / s / 1e7 for a, b, s in zip(spent, later, seconds, strict=True)])
    known = [
        (b[0] - a[0]) / s / 1e7
        for a, b, s in zip(spent, later, seconds, strict=True)
        if a[0] is not None and b[0] is not None
    ]
    io = [(a["io"], b["io"], s) for a, b, s in zip(before, after, seconds, strict=True)]
    sent = _mean([(b["bytes_sent"] - a["bytes_sent"]) / s for a, b, s in io])
    core = _mean(known) if known else 0.0
    often = 1.0 / options.round_s  # with shorter rounds there is so much more to do in a second
    if known:
        table.add(f"{peers} peers: core, the member's thread, mean", core, "%", most=often * MOST_CORE_PERCENT)
        table.add(f"{peers} peers: core, the member's thread, most", max(known), "%")
    table.add(
        f"{peers} peers: core, the whole idle process", whole, "%", most=None if known else often * MOST_CORE_PERCENT
    )
    table.add(f"{peers} peers: sent", sent, "B/s", most=often * MOST_BYTES)
    table.add(
        f"{peers} peers: datagrams sent",
        _mean([(b["datagrams_sent"] - a["datagrams_sent"]) / s for a, b, s in io]),
        "/s",
    )
    return core, sent


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
