"""What a clock should hold, each as a small experiment that finds out live. None waits for real time to pass."""

from __future__ import annotations

import os
import random
import struct
import sys
import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benches.comparison import wall
from benches.comparison.contestants import NotOffered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benches.comparison.contestants import Contestant

    Make = Callable[[str], Contestant]

__all__ = ["CHECKS", "Answer", "Check"]

MANY = 120_000  # more than the counters of all contestants hold: 4,096, 65,536, 100,000
SEED = 1
#: 2051 and no year before: a server whose date was typed wrongly.
FAR_MS = 25 * 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What an experiment found."""

    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """One experiment. ``moves_wall``: it needs a wall clock that can be moved."""

    question: str
    run: Callable[[Make], Answer]
    moves_wall: bool = False


def _rising(make: Make) -> Answer:
    one = make("a")
    return _all_rise(one, [one.now() for _ in range(MANY)])


def _rising_on_a_stopped_clock(make: Make) -> Answer:
    one = make("a")
    _moves(one)
    wall.hold(True)
    return _all_rise(one, [one.now() for _ in range(MANY)])


def _after_a_step_back(seconds: int) -> Callable[[Make], Answer]:
    def run(make: Make) -> Answer:
        one = make("a")
        _moves(one)
        wall.shift(2 * seconds)
        values = [one.now() for _ in range(100)]
        wall.shift(seconds)
        return _all_rise(one, values + [one.now() for _ in range(100)])

    return run


def _threads(make: Make) -> Answer:
    one = make("a")
    if not one.shared:
        raise NotOffered("immutable values: sharing them is left to the caller")
    seen: list[list[Any]] = [[] for _ in range(4)]

    def work(into: list[Any]) -> None:
        for _ in range(MANY // 4):
            into.append(one.now())

    workers = [threading.Thread(target=work, args=(into,)) for into in seen]
    kept = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # hand over as often as it can: what can go wrong does so soon
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(kept)
    back = sum(not a < b for values in seen for a, b in pairwise(map(one.key, values)))
    return _distinct((one.key(value) for values in seen for value in values), back)


def _two_clocks(make: Make) -> Answer:
    a, b = make("a"), make("b")
    _moves(a)
    wall.hold(True)
    values = [one.key(one.now()) for _ in range(1000) for one in (a, b)]
    return _distinct(values)


def _fork(make: Make) -> Answer:
    one = make("a")
    _moves(one)
    one.now()
    wall.hold(True)  # without it a difference could be luck
    readers = [_forked(one) for _ in range(2)]
    values = [one.encoded(one.now()) for _ in range(1000)]
    for reader in readers:
        with os.fdopen(reader, "rb") as pipe:
            data = pipe.read()
        values += _unpacked(data)
    if len(values) != 3000:
        return Answer(False, f"a child failed: {len(values)} of 3,000 stamps arrived")
    return _distinct(values)


def _forked(one: Contestant) -> int:
    """The reading end of a pipe down which a child sends a thousand encoded values."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        try:
            with os.fdopen(writer, "wb") as pipe:
                for _ in range(1000):
                    value = one.encoded(one.now())
                    pipe.write(struct.pack(">H", len(value)) + value)
        finally:
            os._exit(0)  # never back into the parent's code; what is missing is counted there
    os.close(writer)
    return reader


def _unpacked(data: bytes) -> list[bytes]:
    values, place = [], 0
    while place < len(data):
        (size,) = struct.unpack_from(">H", data, place)
        values.append(data[place + 2 : place + 2 + size])
        place += 2 + size
    return values


def _above_what_it_received(make: Make) -> Answer:
    one = make("a")
    one.now()
    for ahead_ms in (-1000, 0, 1, 200, 400):
        remote = one.remote(ahead_ms)
        if not one.key(remote) < one.key(one.update(remote)):
            return Answer(False, f"not above a stamp {ahead_ms} ms ahead")
    return Answer(True, "five stamps from 1 s behind to 400 ms ahead")


def _refuses_the_far_future(make: Make) -> Answer:
    one = make("a")
    before = one.wall_ms(one.now())
    remote = one.remote(FAR_MS)
    try:
        after = one.wall_ms(one.update(remote))
    except NotOffered:
        raise
    except Exception as refusal:  # whatever it raises is a refusal, if the clock is where it was
        after = one.wall_ms(one.now())
        return Answer(after - before < FAR_MS // 2, f"raises {type(refusal).__name__}")
    return Answer(after - before < FAR_MS // 2, f"moved ahead by {(after - before) / 31_536_000_000:.0f} years")


def _bytes_sort(make: Make) -> Answer:
    one = make("a")
    _moves(one)
    drawn = random.Random(SEED)
    values = []
    for years in sorted(drawn.uniform(0, 50) for _ in range(2000)):  # a clock that never goes back ignores the others
        wall.shift(years * 365 * 86_400)
        values += [one.now(), one.now()]
    by_value = [one.encoded(value) for value in sorted(values, key=one.key)]
    wrong = sum(a > b for a, b in pairwise(by_value))
    return Answer(wrong == 0, f"{wrong} of {len(by_value) - 1} neighbours the wrong way round, seed {SEED}")


def _moves(one: Contestant) -> None:
    """Make sure that the contestant sees the wall clock move: else its answer would be about nothing."""
    before = one.wall_ms(one.now())
    wall.shift(1)
    after = one.wall_ms(one.now())
    if after - before < 900:
        raise NotOffered("not tested: it does not read the wall clock through the C library")


def _all_rise(one: Contestant, values: list[Any]) -> Answer:
    wrong = sum(not a < b for a, b in pairwise(map(one.key, values)))
    return Answer(wrong == 0, f"{len(values):,} stamps, {wrong:,} not above the one before")


def _distinct(keys: Iterable[Any], back: int = 0) -> Answer:
    listed = list(keys)
    twice = len(listed) - len(set(listed))
    return Answer(
        twice == back == 0, f"{len(listed):,} stamps, {twice:,} issued twice, {back:,} not above the one before"
    )


CHECKS = {
    "rising": Check("Each stamp is above the one before", _rising),
    "stopped": Check("... while the wall clock stands still", _rising_on_a_stopped_clock, moves_wall=True),
    "back-1s": Check("... after the wall clock steps back by 1 s", _after_a_step_back(1), moves_wall=True),
    "back-1h": Check("... after the wall clock steps back by 1 h", _after_a_step_back(3600), moves_wall=True),
    "threads": Check("Four threads on one clock get different, rising stamps", _threads),
    "two-clocks": Check("Two clocks on a stopped wall clock differ", _two_clocks, moves_wall=True),
    "fork": Check("A process and two forked children differ", _fork, moves_wall=True),
    "causal": Check("What it issues is above what it received", _above_what_it_received),
    "future": Check("A stamp of 25 years ahead does not move it there", _refuses_the_far_future),
    "bytes": Check("The encoded form sorts as the stamps do", _bytes_sort, moves_wall=True),
}
