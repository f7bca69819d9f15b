"""A member under attack, a bare receive loop to compare it with, who attacks them, and who looks on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from benches.flock.eavesdropper import Eavesdropper, dropped
from benches.flock.processes import THREAD, HarnessError, Talker, cpu_ns, on_one_processor
from benches.flock.village import Village, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

__all__ = ["REFUSALS", "Counts", "Poured", "Ratio", "Scene"]

_T = TypeVar("_T")

REFUSALS = ("malformed", "version", "unauthenticated", "unknown_key", "forged")
#: As the system names the bare loop's thread.
BARE_THREAD = "bare-loop"
#: Looks, and seconds between them, until what was sent has been read or is known to be lost.
LOOKS, LOOK_S = 50, 0.05


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the member under attack, since it was started."""

    counters: dict[str, int]
    dropped: int
    cpu_ns: int
    rss: int
    peers: int

    @property
    def refused(self) -> int:
        return sum(self.counters[name] for name in REFUSALS)


@dataclass(frozen=True, slots=True)
class Poured:
    """So many datagrams of each kind that a member counts apart, and how long that took."""

    sent: Counter[str]
    seconds: float

    def __add__(self, other: Poured) -> Poured:
        return Poured(self.sent + other.sent, self.seconds + other.seconds)


@dataclass(frozen=True, slots=True)
class Block:
    """What it cost to read so many datagrams in a row."""

    read: int
    cpu_ns: int

    @property
    def each_ns(self) -> float:
        """Of what was read, because reading less than was sent is no merit. Infinite where nothing was."""
        return self.cpu_ns / self.read if self.read else float("inf")


@dataclass(frozen=True, slots=True)
class Ratio:
    """The member's blocks and those of the bare loop, taken in turns."""

    member: Sequence[Block]
    bare: Sequence[Block]

    @property
    def ratios(self) -> list[float]:
        """Processor time of a datagram, pair by pair of neighbours."""
        return [one.each_ns / other.each_ns for one, other in zip(self.member, self.bare, strict=True)]

    def each_us(self) -> tuple[float, float]:
        """What a datagram costs the member and the bare loop, the medians."""
        member, bare = (median(one.each_ns for one in blocks) / 1e3 for blocks in (self.member, self.bare))
        return member, bare


class Scene:
    """Needs root: it spoofs senders, and looks at the loopback's traffic."""

    def __init__(self, village: Village, name: str, stack: ExitStack, seed: int) -> None:
        self.village, self.name = village, name
        self.member = village.members[name]
        self.address = village.addresses[name]
        self._port = int(self.address.rpartition(":")[2])
        self._bare = stack.enter_context(Talker("the bare loop", "benches.flock.bare"))
        self._bare_address: str = self._bare.ask("hello")["address"]
        self._flooder = stack.enter_context(
            Talker("the flooder", "benches.flock.flooder", [json.dumps({"seed": seed})])
        )
        self._leaving = stack.enter_context(Eavesdropper(self.address))
        self._friends = set(village.addresses.values())
        self._patience_s = 0.0

    def counts(self) -> Counts:
        status = self.member.ask("status")
        return Counts(
            status["counters"],
            dropped(self._port),
            cpu_ns(self.member.pid, THREAD) or cpu_ns(self.member.pid) or 0,
            self.member.ask("usage")["rss"],
            len(status["peers"]),
        )

    def begin(self, kind: str, count: int, rate: int, captured: Sequence[str] = (), at: str | None = None) -> None:
        """Let the flooder pour at an address, the member's without another. ``end`` has to follow."""
        target = self.address if at is None else at
        self._flooder.send("pour", kind=kind, count=count, rate=rate, target=target, captured=captured)
        self._patience_s = 60 + count / rate

    def end(self) -> Poured:
        told = self._flooder.answer(self._patience_s)
        return Poured(Counter(told["sent"]), told["seconds"])

    def sent(self) -> tuple[int, int]:
        """Datagrams that left the member for the flock and for anybody else, since the last call."""
        heard = self._leaving.heard()
        strangers = sum(one.to not in self._friends for one in heard)
        return len(heard) - strangers, strangers

    def drained(self, before: Counts, sent: int) -> Counts:
        """The member's counts once everything has been read, which takes a moment after the last was sent."""
        return _patiently(self.counts, lambda now: now.refused - before.refused + now.dropped - before.dropped >= sent)

    def in_turns(self, kind: str, pairs: int, count: int, rate: int) -> tuple[Ratio, Poured]:
        """The same datagrams at the member and at the bare loop, block after block, so that both meet the same machine.
        Which is first changes from pair to pair. Returns as well what the member was sent.

        All on one processor, with the flooder, so that a reader finds a burst when it comes to run. Elsewhere it may be woken
        for each datagram, or not, as the scheduler likes, which costs more than the reading and is no matter of the reader's.
        """
        member: list[Block] = []
        bare: list[Block] = []
        poured = Poured(Counter(), 0.0)
        with on_one_processor([self.member.pid, self._bare.pid, self._flooder.pid]):
            for pair in range(pairs):
                if pair % 2:
                    bare.append(self._at_bare(kind, count, rate))
                block, sent = self._at_member(kind, count, rate)
                member.append(block)
                poured += sent
                if not pair % 2:
                    bare.append(self._at_bare(kind, count, rate))
        return Ratio(member, bare), poured

    def _at_member(self, kind: str, count: int, rate: int) -> tuple[Block, Poured]:
        before = self.counts()
        self.begin(kind, count, rate)
        poured = self.end()
        after = self.drained(before, count)
        return Block(after.refused - before.refused, after.cpu_ns - before.cpu_ns), poured

    def _at_bare(self, kind: str, count: int, rate: int) -> Block:
        port = int(self._bare_address.rpartition(":")[2])
        before, lost = self._bare_so_far(), dropped(port)
        self.begin(kind, count, rate, at=self._bare_address)
        self.end()
        after = _patiently(self._bare_so_far, lambda now: now.read - before.read + dropped(port) - lost >= count)
        block = Block(after.read - before.read, after.cpu_ns - before.cpu_ns)
        if not block.read or not block.cpu_ns:
            raise HarnessError(f"the bare loop read {block.read} of {count} datagrams in {block.cpu_ns} ns")
        return block

    def _bare_so_far(self) -> Block:
        """The count first: nothing must be counted without its time."""
        count: int = self._bare.ask("count")["count"]
        return Block(count, cpu_ns(self._bare.pid, BARE_THREAD) or 0)


def _patiently(look: Callable[[], _T], enough: Callable[[_T], bool]) -> _T:
    """Look again and again, but not for ever: what never comes is found missing by whoever counts."""
    for _ in range(LOOKS):
        found = look()
        if enough(found):
            break
        pause(LOOK_S)
    return found
