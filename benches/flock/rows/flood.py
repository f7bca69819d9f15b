"""Junk and forgeries by the million at one member: what it costs, whether anything is answered, and what the others notice."""

from __future__ import annotations

import random
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from benches.flock.compared import add_synchronised, compare
from benches.flock.eavesdropper import Eavesdropper, need_root
from benches.flock.figures import Table, quantile
from benches.flock.rows.skew import settled
from benches.flock.scene import REFUSALS, Counts, Poured, Ratio, Scene
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from benches.flock.options import Options

__all__ = ["flood"]

#: Authentic packets that were sent before, from addresses that never sent them.
REPLAYS = 10_000
#: Answers a round to senders that have not proven to be there.
STRANGERS = 256
#: So many times the member and the bare loop take turns, and the part of a kind's datagrams that the member gets then.
PAIRS, IN_TURNS = 11, 0.2
MOST_GROWTH_BYTES = 1 << 20
MOST_CPU, MOST_SKEW = 2.0, 2.0


def flood(options: Options) -> Table:
    """A million junk datagrams and a million spoofed forgeries at 10,000 a second, at one member of a flock."""
    need_root()
    table = Table("flood", "junk and forgeries at one member", options.settings("members", "flood", "rate", "seconds"))
    rng = options.random()
    with ExitStack() as stack:
        village = stack.enter_context(Village())
        village.start(*sketches(options.members, rng, round=options.round_s))
        village.meet()
        settled(village, options.settle_s)
        scene = Scene(village, next(iter(village.members)), stack, options.seed)
        quiet_ns = _watched(table, scene, "before", options.seconds, rng)
        for kind in ("junk", "forged"):
            _flooded(table, scene, kind, options, rng=rng, quiet_ns=quiet_ns)
        _replay(table, scene, options)
        add_synchronised(table, village.at_once().states.values(), options.members)
    table.remarks.append(
        f"the member and the bare loop took turns {PAIRS} times, in blocks of the same datagrams at the same rate, on the "
        "flooder's processor; the median of the pairs is held to the bar"
    )
    return table


def _watched(table: Table, scene: Scene, when: str, seconds: float, rng: random.Random) -> float:
    """The 99th percentile of the skew of all, nanoseconds; and whether all were there."""
    found = compare(scene.village, seconds, rng)
    p99_ns = quantile(found.ns, 99)
    table.add(f"{when}: pairwise skew, p99", p99_ns / 1e3, "us")
    found.add_to(table, f"{when}: ")
    add_synchronised(table, scene.village.at_once().states.values(), len(scene.village.members), f"{when}: ")
    return p99_ns


def _flooded(table: Table, scene: Scene, kind: str, options: Options, *, rng: random.Random, quiet_ns: float) -> None:
    """Most of it in one go, while the flock is watched; then the rest, in turns with the bare loop."""
    block = max(1, int(options.flood * IN_TURNS / PAIRS))
    at_once = options.flood - PAIRS * block
    scene.sent()
    before = scene.counts()
    scene.begin(kind, at_once, options.rate)
    skew_ns = _watched(table, scene, kind, at_once / options.rate * 0.95, rng)
    poured = scene.end()
    between = scene.drained(before, at_once)
    spent_ns, seconds = between.cpu_ns - before.cpu_ns, poured.seconds
    ratio, rest = scene.in_turns(kind, PAIRS, block, options.rate)
    poured += rest
    after = scene.drained(before, poured.sent.total())
    table.add(f"{kind}: p99 times that before", skew_ns / quiet_ns, "", most=MOST_SKEW)
    _exact(table, kind, before, after, poured=poured, options=options)
    friends, strangers = scene.sent()
    table.add(f"{kind}: answers to anybody but the flock", strangers, "", most=0)
    table.add(f"{kind}: datagrams to the flock meanwhile", friends, "", least=1)
    table.add(f"{kind}: memory grown by", (after.rss - before.rss) / 1024, "KiB", most=MOST_GROWTH_BYTES / 1024)
    table.add(f"{kind}: peers remembered more than before", after.peers - before.peers, "", most=0)
    table.add(f"{kind}: core, the member's thread", spent_ns / seconds / 1e7, "%")
    _cost(table, kind, ratio, block)


def _exact(table: Table, kind: str, before: Counts, after: Counts, *, poured: Poured, options: Options) -> None:
    """Every datagram is counted once: as accepted or under one reason, and that the right one."""
    lost = after.dropped - before.dropped
    counted = {name: after.counters[name] - before.counters[name] for name in REFUSALS}
    count = poured.sent.total()
    table.add(f"{kind}: sent", count, "", least=options.flood)
    table.add(f"{kind}: a second", count / poured.seconds, "/s", least=0.9 * options.rate)
    table.add(f"{kind}: dropped by the kernel before the member", lost)
    wrong = sum(abs(counted[name] - poured.sent[name]) for name in REFUSALS)
    table.add(f"{kind}: counted otherwise than sent", wrong, "", most=lost)
    if lost:
        table.remarks.append(f"{kind}: the {lost} that were dropped may be of any kind, honest ones included")
    outcomes = ("accepted", *REFUSALS, "replayed", "unproven", "own")
    missing = after.counters["received"] - sum(after.counters[one] for one in outcomes)
    table.add(f"{kind}: received less all outcomes", missing, "", most=0, least=0)


def _cost(table: Table, kind: str, ratio: Ratio, block: int) -> None:
    """The member beside the bare loop."""
    member_us, bare_us = ratio.each_us()
    ratios = ratio.ratios
    table.add(f"{kind}: a datagram, the member's thread, median", member_us, "us")
    table.add(f"{kind}: a datagram, the bare loop, median", bare_us, "us")
    table.add(f"{kind}: processor time, times the bare loop, median", median(ratios), "", most=MOST_CPU)
    table.add(f"  the same, least of {len(ratios)} pairs of blocks", min(ratios))
    table.add(f"  the same, most of {len(ratios)} pairs of blocks", max(ratios))
    read = min(one.read for blocks in (ratio.member, ratio.bare) for one in blocks)
    table.add(f"  of {block} datagrams in a block, read at least", read)


def _replay(table: Table, scene: Scene, options: Options) -> None:
    """Genuine packets to this member, once more and from elsewhere."""
    with Eavesdropper(scene.address, incoming=True) as incoming:
        pause(3 * options.round_s)
        captured = [one.data.hex() for one in incoming.heard()]
    scene.sent()
    before, round_before = scene.counts(), scene.member.ask("status")["round"]
    scene.begin("replays", REPLAYS, options.rate, captured)
    poured = scene.end()
    pause(0.5)
    after, round_after = scene.counts(), scene.member.ask("status")["round"]
    lost = after.dropped - before.dropped
    risen = {name: after.counters[name] - before.counters[name] for name in ("replayed", "unproven", "accepted")}
    table.add("replays from elsewhere: sent", poured.sent.total(), "", least=REPLAYS)
    table.add("replays from elsewhere: of different packets", len(set(captured)))
    table.add("replays from elsewhere: dropped by the kernel before the member", lost)
    counted = risen["replayed"] + risen["unproven"]
    table.add("replays from elsewhere: counted as replayed or unproven", counted, "", least=REPLAYS - lost)
    table.add("replays from elsewhere: accepted meanwhile, the flock's own", risen["accepted"], "",
              most=20 * (2 + poured.seconds / options.round_s))  # fmt: skip
    # Authentic requests of unknown senders are answered, so that a member is found again elsewhere; but so many a round at most.
    rounds = round_after - round_before + 1
    table.add("replays from elsewhere: answers to anybody but the flock", scene.sent()[1], "", most=STRANGERS * rounds)
