"""Members as real processes with wrong clocks, and how far they really are apart."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from benches.flock.oscillator import raw_ns
from benches.flock.processes import HarnessError, Talker, gather

from flocktime.flock import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

__all__ = ["Instant", "Sketch", "Village", "pause", "sketches"]

MODULE = "benches.flock.member"
#: Readings are for an instant this far ahead, so that all members have heard of it by then.
AHEAD_NS = 30_000_000
#: The largest errors of the artificial clocks.
OFFSET_S, PPM = 0.2, 100.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a member is started with."""

    name: str
    offset_s: float = 0.0
    ppm: float = 0.0
    round: float = 1.0
    fanout: int = 4
    ticking: bool = False
    steer: bool = True
    http: bool = False
    anchor_s: float | None = None
    listen: str = "127.0.0.1:0"
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instant:
    """All members at one instant of the machine's raw counter."""

    raw_ns: int
    time_ns: dict[str, int]
    states: dict[str, str]
    error_ns: float

    def pairs_ns(self, names: Sequence[str] | None = None, *, synchronised: bool = True) -> list[int]:
        """How far each pair lies apart."""
        chosen = [
            shown
            for name, shown in self.time_ns.items()
            if (names is None or name in names) and (not synchronised or self.states[name] == "synchronised")
        ]
        return [abs(a - b) for a, b in combinations(chosen, 2)]

    def widest_ns(self, names: Sequence[str] | None = None) -> int:
        """How far the two farthest apart are, synchronised or not."""
        return max(self.pairs_ns(names, synchronised=False), default=0)


def sketches(count: int, rng: random.Random, **common: Any) -> list[Sketch]:
    """Clocks that are evenly spread over the largest errors, in an order drawn from ``rng``."""
    places = [at / max(count - 1, 1) * 2 - 1 for at in range(count)]
    rates = places.copy()
    rng.shuffle(places)
    rng.shuffle(rates)
    return [
        Sketch(f"m{at}", offset_s=OFFSET_S * place, ppm=PPM * rate, **common)
        for at, (place, rate) in enumerate(zip(places, rates, strict=True))
    ]


@dataclass
class Village:
    """A flock of processes. A context manager: none of them outlives it."""

    key: str | None = field(default_factory=lambda: new_key(1))
    members: dict[str, Talker] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    drawn: dict[str, Sketch] = field(default_factory=dict)
    _rounds: dict[str, tuple[int, float]] = field(default_factory=dict)

    def start(self, *drawn: Sketch) -> None:
        """Start these. They have no peers yet."""
        for sketch in drawn:
            config = {
                name: getattr(sketch, name)
                for name in ("name", "offset_s", "ppm", "round", "fanout", "ticking", "steer", "http", "anchor_s")
            }
            config |= {"listen": sketch.listen, "key": self.key}
            self.drawn[sketch.name] = sketch
            self.members[sketch.name] = Talker(sketch.name, MODULE, [json.dumps(config)], sketch.prefix)
        for sketch in drawn:
            self.addresses[sketch.name] = self.members[sketch.name].ask("hello")["address"]

    def meet(self, names: Sequence[str] | None = None) -> None:
        """Tell each where the others listen."""
        everyone = list(self.addresses.values())
        for name in names or self.members:
            self.members[name].ask("peers", peers=[one for one in everyone if one != self.addresses[name]])

    def kill(self, name: str) -> None:
        """As ``kill -9`` does."""
        self.members.pop(name).kill()

    def ask(self, name: str, do: str, **values: Any) -> dict[str, Any]:
        return self.members[name].ask(do, **values)

    def ask_all(self, do: str, names: Sequence[str] | None = None, **values: Any) -> dict[str, dict[str, Any]]:
        chosen = list(self.members if names is None else names)
        return dict(zip(chosen, gather([self.members[name] for name in chosen], do, **values), strict=True))

    def at_once(self, names: Sequence[str] | None = None) -> Instant:
        """The published clock of each member, all at the same instant. Those whose oscillator stands still are left out."""
        at = raw_ns() + AHEAD_NS
        answers = self.ask_all("sample", names, at_raw_ns=at)
        known = {name: one for name, one in answers.items() if one["time_ns"] is not None}
        return Instant(
            at,
            {name: one["time_ns"] for name, one in known.items()},
            {name: one["state"] for name, one in answers.items()},
            max((self._error_ns(name, one) for name, one in known.items()), default=0.0),
        )

    def _error_ns(self, name: str, sample: dict[str, Any]) -> float:
        """What the judgement itself may be wrong by: where the counters stand against each other; and, where a round has
        ended since the last sample, its change of slope for as long as the reading came late.
        """
        before = self._rounds.get(name)
        self._rounds[name] = (sample["round"], sample["rate"])
        bent = 0.0 if before is None or before[0] == sample["round"] else abs(sample["rate"] - before[1])
        return float(sample["error_ns"] + bent * sample["late_ns"])

    def instants(
        self, seconds: float, every_s: float, rng: random.Random, names: Sequence[str] | None = None
    ) -> Iterator[Instant]:
        """Instants for so many seconds, at irregular times so that they keep no step with the rounds."""
        self.at_once(names)  # what slopes are compared with that bend
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            yield self.at_once(names)
            pause(min(end, now + every_s * rng.uniform(0.5, 1.5)) - time.monotonic())

    def until(
        self,
        fulfilled: Callable[[Instant], bool],
        patience_s: float,
        every_s: float = 0.1,
        names: Sequence[str] | None = None,
    ) -> tuple[float, Instant]:
        """Look again and again. Returns after how many seconds it was so, and how things stood then."""
        begin = time.monotonic()
        while True:
            instant = self.at_once(names)
            elapsed = time.monotonic() - begin
            if fulfilled(instant):
                return elapsed, instant
            if elapsed > patience_s:
                raise HarnessError(
                    f"not so after {patience_s:g} s: states {instant.states}, widest {instant.widest_ns() / 1e3:.0f} us"
                )
            pause(every_s)

    def shown_ns(self, names: Sequence[str] | None = None) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
        """What the stamps of each member follow, less the median of all, at one instant; and the answers behind that."""
        answers = self.ask_all("look", names)
        at = max(one["raw_ns"] for one in answers.values())
        start = next(iter(answers.values()))["wall_ns"]
        brought = {
            name: one["wall_ns"] - start + (at - one["raw_ns"]) * (1 + one["rate"]) for name, one in answers.items()
        }
        middle = median(brought.values())
        return {name: shown - middle for name, shown in brought.items()}, answers

    def half_delays_us(self, names: Sequence[str] | None = None) -> list[float]:
        """Half the least round-trip delay of each accepted peer: what a sample may be wrong by at most."""
        statuses = self.ask_all("status", names).values()
        return [p["delay_us"] / 2 for s in statuses for p in s["peers"] if p["delay_us"] is not None]

    def close(self) -> None:
        for member in self.members.values():
            member.close()
        self.members.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def pause(seconds: float) -> None:
    """What paces a measurement; nothing is concluded from it."""
    if seconds > 0:
        time.sleep(seconds)
