"""Whether true time is inside of what a flock's clocks say."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from benches.flock.figures import Table, quantile
from benches.flock.oscillator import raw_ns
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from benches.flock.options import Options
    from benches.flock.village import Sketch

__all__ = ["intervals"]

#: Members whose OS clock counts as UTC, and how wrong those are: at the beginning, and more in each second.
ANCHORS, ANCHOR_S, ANCHOR_PPM = 4, 0.004, 5.0
#: One more says that it may be wrong by a millisecond.
LIE_S, ADMITTED_S = 0.05, 0.001
#: The machine's own clock may go by so much against its oscillator meanwhile, and starting takes a while.
SPARE_S, START_S = 0.002, 120.0
#: A second, of each member.
LEAST_READINGS = 50
#: Per cent.
MOST_INTERRUPTED = 1.0


def intervals(options: Options) -> Table:
    """True time inside the interval of each reading: members far off, anchors wrong by what they admit, one that lies."""
    settings = options.settings("members", "settle_s", "seconds")
    table = Table("intervals", "what clocks vouch for, held against the truth at each reading", settings)
    admitted_s = ANCHOR_S + ANCHOR_PPM * 1e-6 * (options.settle_s + options.seconds + START_S) + SPARE_S
    utc_ns = _utc_ns()
    with Village() as village:
        village.start(*_drawn(options, admitted_s))
        village.meet()
        village.ask_all("ready", timeout=55.0)
        village.ask_all("vouch", utc_ns=utc_ns)
        pause(options.settle_s)
        early = village.ask_all("vouched")
        pause(options.seconds)
        late = village.ask_all("vouched")
    failures = [f"{name}: {one['failure']}" for name, one in late.items() if one["failure"] is not None]
    table.remarks += failures
    readings = {name: sum(one["statuses"].values()) for name, one in late.items()}
    known = Counter[str]()
    for name, one in late.items():
        known += Counter(one["statuses"]) - Counter(early[name]["statuses"])
    widths = Counter[int]()
    for one in late.values():
        widths += Counter({int(width): times for width, times in one["widths_us"].items()})
    table.add("readings", sum(readings.values()))
    table.add("  of the member with the fewest, a second", min(readings.values()) / (options.seconds + options.settle_s),
              "", least=LEAST_READINGS)  # fmt: skip
    table.add("readings with true time outside", sum(one["outside"] for one in late.values()), "", most=0)
    interrupted = sum(one["interrupted"] for one in late.values())
    table.add(
        "  interrupted, and held less strictly", 100 * interrupted / sum(readings.values()), "%", most=MOST_INTERRUPTED
    )
    table.add("known, once settled", 100 * (1 - known["unknown"] / known.total()), "%", least=100)
    table.add("  of them synchronised, not free running", 100 * known["synchronised"] / known.total(), "%")
    table.add("true time from the nearest end, least", min(_closest(one["closest_us"]) for one in late.values()), "us")
    spread = sorted(widths.elements())
    for what, percent in (("p50", 50), ("p99", 99), ("max", 100)):
        table.add(f"width, {what}", quantile(spread, percent) / 1e3, "ms")
    table.add("what anchors admit", admitted_s * 1e3, "ms")
    table.add("the machine's clock against its oscillator", abs(_utc_ns() - utc_ns) / 1e6, "ms", most=SPARE_S * 1e3)
    table.add("members that failed", len(failures), "", most=0)
    return table


def _drawn(options: Options, admitted_s: float) -> list[Sketch]:
    """The last ones are the anchors, one of which lies."""
    drawn = sketches(options.members, options.random(), round=options.round_s)
    for place in range(ANCHORS):
        side = 1 - 2 * (place % 2)
        right = {"offset_s": side * ANCHOR_S, "ppm": side * ANCHOR_PPM, "anchor_s": admitted_s}
        drawn[-1 - place] = replace(drawn[-1 - place], **right)
    liar = -1 - ANCHORS
    drawn[liar] = replace(drawn[liar], offset_s=LIE_S, ppm=0.0, anchor_s=ADMITTED_S)
    return drawn


def _utc_ns() -> int:
    """What the operating system's clock has over the raw counter; the shortest of several looks."""
    looks = []
    for _ in range(20):
        before, now_ns, after = raw_ns(), time.time_ns(), raw_ns()
        looks.append((after - before, now_ns - (before + after) // 2))
    return min(looks)[1]


def _closest(us: float | None) -> float:
    return float("nan") if us is None else us
