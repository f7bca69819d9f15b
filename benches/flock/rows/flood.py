"""Junk and forgeries by the million at one member: what it costs, whether anything is answered, and what the others notice."""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benches.flock.eavesdropper import Eavesdropper, dropped
from benches.flock.figures import Table, quantile
from benches.flock.processes import Talker, cpu_ns
from benches.flock.rows.cost import THREAD
from benches.flock.rows.skew import EVERY_S, settled
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from benches.flock.options import Options

__all__ = ["flood"]

REFUSALS = ("malformed", "version", "unauthenticated", "unknown_key", "forged")
#: Authentic packets that were sent before, from addresses that never sent them.
REPLAYS = 10_000
#: Answers a round to senders that have not proven to be there.
STRANGERS = 256
MOST_GROWTH_BYTES = 1 << 20
MOST_CPU, MOST_SKEW = 2.0, 2.0


def flood(options: Options) -> Table:
    """A million junk datagrams and a million spoofed forgeries at 10,000 a second, at one member of a flock."""
    table = Table("flood", "junk and forgeries at one member", options.settings("members", "flood", "rate", "seconds"))
    rng = options.random()
    with ExitStack() as stack:
        village = stack.enter_context(Village())
        village.start(*sketches(options.members, rng, round=options.round_s))
        village.meet()
        settled(village, options.settle_s)
        name = next(iter(village.members))
        scene = _Scene(village, name, stack, options.seed)
        quiet = scene.watch(options.seconds, rng)
        for kind in ("junk", "forged"):
            _pour(table, scene, kind, options, rng=rng, quiet_ns=quiet)
        _replay(table, scene, options)
    return table


@dataclass
class _Counts:
    counters: dict[str, int]
    dropped: int
    cpu_ns: int
    bare_ns: int
    rss: int
    peers: int


class _Scene:
    """The member under attack, the bare loop beside it, who attacks both, and who looks on."""

    def __init__(self, village: Village, name: str, stack: ExitStack, seed: int) -> None:
        self.village, self.name = village, name
        self.member = village.members[name]
        self.port = int(village.addresses[name].rpartition(":")[2])
        self.bare = stack.enter_context(Talker("the bare loop", "benches.flock.bare"))
        targets = [village.addresses[name], self.bare.ask("hello")["address"]]
        config = json.dumps({"targets": targets, "seed": seed})
        self.flooder = stack.enter_context(Talker("the flooder", "benches.flock.flooder", [config]))
        self.leaving = stack.enter_context(Eavesdropper(village.addresses[name]))
        self.friends = set(village.addresses.values())

    def counts(self) -> _Counts:
        status = self.member.ask("status")
        return _Counts(
            status["counters"],
            dropped(self.port),
            cpu_ns(self.member.pid, THREAD) or cpu_ns(self.member.pid) or 0,
            cpu_ns(self.bare.pid) or 0,
            self.member.ask("usage")["rss"],
            len(status["peers"]),
        )

    def watch(self, seconds: float, rng: random.Random) -> float:
        """The 99th percentile of the skew of all, nanoseconds."""
        skews: list[int] = []
        for instant in self.village.instants(seconds, EVERY_S, rng):
            skews += instant.pairs_ns()
        return quantile(skews, 99)

    def sent(self) -> tuple[int, int]:
        """Datagrams that left for the flock and for anybody else, since the last call."""
        heard = self.leaving.heard()
        strangers = sum(one.to not in self.friends for one in heard)
        return len(heard) - strangers, strangers


def _pour(table: Table, scene: _Scene, kind: str, options: Options, *, rng: random.Random, quiet_ns: float) -> None:
    scene.sent()
    before, begin = scene.counts(), time.monotonic()
    scene.flooder.send("pour", kind=kind, count=options.flood, rate=options.rate, captured=[])
    skew_ns = scene.watch(options.flood / options.rate * 0.95, rng)
    told = scene.flooder.answer(patience_s=60 + options.flood / options.rate)
    after = _drained(scene, before, sum(told["sent"].values()))
    seconds = time.monotonic() - begin
    lost = after.dropped - before.dropped
    counted = {name: after.counters[name] - before.counters[name] for name in REFUSALS}
    sent: dict[str, int] = told["sent"]
    table.add(f"{kind}: sent", sum(sent.values()), "", least=options.flood)
    table.add(f"{kind}: a second", sum(sent.values()) / told["seconds"], "/s", least=0.9 * options.rate)
    table.add(f"{kind}: dropped by the kernel before the member", lost)
    wrong = sum(abs(counted[name] - sent.get(name, 0)) for name in REFUSALS)
    table.add(f"{kind}: counted otherwise than sent", wrong, "", most=lost)
    if lost:
        table.remarks.append(f"{kind}: the {lost} that were dropped may be of any kind, honest ones included")
    _exact(table, kind, after.counters)
    friends, strangers = scene.sent()
    table.add(f"{kind}: answers to anybody but the flock", strangers, "", most=0)
    table.add(f"{kind}: datagrams to the flock meanwhile", friends, "", least=1)
    table.add(f"{kind}: memory grown by", (after.rss - before.rss) / 1024, "KiB", most=MOST_GROWTH_BYTES / 1024)
    table.add(f"{kind}: peers remembered more than before", after.peers - before.peers, "", most=0)
    core, bare = after.cpu_ns - before.cpu_ns, after.bare_ns - before.bare_ns
    table.add(f"{kind}: core, the member's thread", core / seconds / 1e7, "%")
    table.add(f"{kind}: core, the bare loop", bare / seconds / 1e7, "%")
    table.add(f"{kind}: processor time, times the bare loop", core / bare, "", most=MOST_CPU)
    table.add(f"{kind}: pairwise skew meanwhile, p99", skew_ns / 1e3, "us")
    table.add(f"{kind}: p99 times that before", skew_ns / quiet_ns, "", most=MOST_SKEW)


def _drained(scene: _Scene, before: _Counts, sent: int) -> _Counts:
    """The counts once everything has been read, which takes a moment after the last was sent."""
    for _ in range(50):
        after = scene.counts()
        counted = sum(after.counters[name] - before.counters[name] for name in REFUSALS)
        if counted + after.dropped - before.dropped >= sent:
            break
        pause(0.05)
    return after


def _exact(table: Table, kind: str, counters: dict[str, int]) -> None:
    """Every datagram is counted once: as accepted or under one reason."""
    outcomes = ("accepted", *REFUSALS, "replayed", "unproven", "own")
    table.add(f"{kind}: received less all outcomes", counters["received"] - sum(counters[one] for one in outcomes), "",
              most=0, least=0)  # fmt: skip


def _replay(table: Table, scene: _Scene, options: Options) -> None:
    """Genuine packets to this member, once more and from elsewhere."""
    with Eavesdropper(scene.village.addresses[scene.name], incoming=True) as incoming:
        pause(3 * options.round_s)
        captured = [one.data.hex() for one in incoming.heard()]
    scene.sent()
    before, lost = scene.member.ask("status"), dropped(scene.port)
    told = scene.flooder.ask("pour", kind="replays", count=REPLAYS, rate=options.rate, captured=captured)
    pause(0.5)
    after, lost = scene.member.ask("status"), dropped(scene.port) - lost
    risen = {name: after["counters"][name] - before["counters"][name] for name in ("replayed", "unproven", "accepted")}
    table.add("replays from elsewhere: sent", sum(told["sent"].values()), "", least=REPLAYS)
    table.add("replays from elsewhere: of different packets", len(set(captured)))
    table.add("replays from elsewhere: dropped by the kernel before the member", lost)
    counted = risen["replayed"] + risen["unproven"]
    table.add("replays from elsewhere: counted as replayed or unproven", counted, "", least=REPLAYS - lost)
    table.add("replays from elsewhere: accepted meanwhile, the flock's own", risen["accepted"], "",
              most=20 * (2 + told["seconds"] / options.round_s))  # fmt: skip
    # Authentic requests of unknown senders are answered, so that a member is found again elsewhere; but so many a round at most.
    rounds = after["round"] - before["round"] + 1
    table.add("replays from elsewhere: answers to anybody but the flock", scene.sent()[1], "", most=STRANGERS * rounds)
