"""``now_many`` and ``update_many``: one reservation, bounded, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from flocktime import Clock, ClockError, Timestamp
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_BATCH, MAX_LOGICAL, NOW_US, snapshot, stamp


@pytest.mark.parametrize("n", [0, 1, 2, 1000, 4095, 4096, 4097, 10_000])
def test_many_are_what_as_many_calls_would_give(n: int, manual_source: ManualSource) -> None:
    """``now_many(n)`` is a list of what ``now`` would have returned n times, carries and their count included."""
    clock, twin = Clock(node=1, source=manual_source), Clock(node=1, source=manual_source)
    clock.update(stamp(NOW_US, 50, node=2))
    twin.update(stamp(NOW_US, 50, node=2))
    many = clock.now_many(n)
    assert type(many) is list
    assert many == [twin.now() for _ in range(n)]
    assert clock.last == twin.last
    assert clock.stats() == twin.stats()


def test_the_most_at_once(manual_clock: Clock) -> None:
    """65,536 at once are the most, and they take 16 microseconds of counter."""
    many = manual_clock.now_many(MAX_BATCH)
    assert len(many) == MAX_BATCH
    assert all(a < b for a, b in pairwise(many))
    assert many[-1] == stamp(NOW_US + 15, MAX_LOGICAL, node=1)
    assert manual_clock.now() == stamp(NOW_US + 16, 0, node=1)
    assert manual_clock.stats().carries == 16


@pytest.mark.parametrize(
    "n",
    [-1, MAX_BATCH + 1, 2**63, 2**64, -(2**64), 10**5000],
    ids=["negative", "one more", "64 bits", "65 bits", "far below", "5000 digits"],
)
def test_too_many_at_once(n: int, manual_clock: Clock) -> None:
    """Beyond the bound, and below zero, it is refused by number; nothing is issued."""
    before = snapshot(manual_clock)
    shown = str(n) if n.bit_length() <= 256 else f"an int of {n.bit_length()} bits"
    with pytest.raises(ValueError, match=rf"^n must lie in 0\.\.=65536, got {shown}$"):
        manual_clock.now_many(n)
    assert snapshot(manual_clock) == before


@pytest.mark.parametrize("n", [1.0, "1", None, [1]])
def test_a_number_of_them(n: Any, manual_clock: Clock) -> None:
    """How many is an int."""
    with pytest.raises(TypeError, match=rf"^n must be an int, not {type(n).__name__}$"):
        manual_clock.now_many(n)


def test_none_at_all_moves_nothing(manual_clock: Clock) -> None:
    """Reserving nothing is allowed and issues nothing."""
    assert manual_clock.now_many(0) == []
    assert manual_clock.last is None


def test_merging_many_ticks_once(manual_clock: Clock) -> None:
    """The result lies above all of them by one tick, in whatever order they come."""
    remotes = [stamp(NOW_US + lead, logical, node=2 + lead) for lead in (5, 0, 9, 3) for logical in (7, 0)]
    assert manual_clock.update_many(remotes) == stamp(NOW_US + 9, 8, node=1)
    twin = Clock(node=1, source=ManualSource(NOW_US))
    assert twin.update_many(reversed(remotes)) == stamp(NOW_US + 9, 8, node=1)


@pytest.mark.parametrize(
    "iterable", [list, tuple, set, frozenset, iter, dict.fromkeys, lambda of: (each for each in of)]
)
def test_any_iterable_will_do(iterable: Any, manual_clock: Clock) -> None:
    """Lists, sets, generators: it is read once, from the front."""
    remotes = [stamp(NOW_US + 1, node=2), stamp(NOW_US + 3, node=3)]
    assert manual_clock.update_many(iterable(remotes)) == stamp(NOW_US + 3, 1, node=1)


def test_merging_none_is_a_tick(manual_clock: Clock) -> None:
    """Nothing received is still an event."""
    assert manual_clock.update_many([]) == stamp(NOW_US, 0, node=1)
    assert manual_clock.update_many(iter(())) == stamp(NOW_US, 1, node=1)


def test_the_most_merged_at_once(manual_clock: Clock) -> None:
    """65,536 are the most; one more is refused before any is looked at."""
    remotes = [stamp(NOW_US + i, node=2) for i in range(MAX_BATCH)]
    assert manual_clock.update_many(remotes) == stamp(NOW_US + MAX_BATCH - 1, 1, node=1)
    before = snapshot(manual_clock)
    with pytest.raises(ValueError, match="^at most 65536 timestamps at once$"):
        manual_clock.update_many([*remotes, stamp(NOW_US)])
    assert snapshot(manual_clock) == before


def test_an_endless_iterable_ends(manual_clock: Clock) -> None:
    """An iterable that never ends is read to the bound and no further."""
    read = 0

    def endless() -> Iterator[Timestamp]:
        nonlocal read
        while True:
            read += 1
            yield stamp(NOW_US, node=2)

    with pytest.raises(ValueError, match="at most 65536"):
        manual_clock.update_many(endless())
    assert read == MAX_BATCH + 1


@pytest.mark.parametrize(
    "bad",
    [
        stamp(NOW_US + 500_001, 0, node=2),
        stamp(HORIZON_US + 1, 0, node=2),
        stamp(NOW_US, 0, node=2, epoch=2),
        stamp(NOW_US + 100, 0, node=1),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_refused_refuses_all(bad: Timestamp, place: int, manual_clock: Clock) -> None:
    """All or nothing: with one bad timestamp in any place nothing is merged, issued or counted as taken."""
    manual_clock.now()
    before = snapshot(manual_clock)
    remotes = [stamp(NOW_US + i, node=9) for i in (1, 2, 3)]
    remotes.insert(place, bad)
    with pytest.raises(ClockError) as caught:
        manual_clock.update_many(remotes)
    assert caught.value.remote == bad  # type: ignore[attr-defined]
    assert snapshot(manual_clock) == before


@pytest.mark.parametrize("bad", [None, 5, "00", b"\0" * 16])
def test_one_of_another_type_refuses_all(bad: Any, manual_clock: Clock) -> None:
    """Every item must be a timestamp; which type it was is said."""
    before = snapshot(manual_clock)
    with pytest.raises(TypeError, match=rf"^timestamps must hold Timestamp, not {type(bad).__name__}$"):
        manual_clock.update_many([stamp(NOW_US + 5, node=2), bad])
    assert snapshot(manual_clock) == before


@pytest.mark.parametrize("bad", [None, 5, stamp(1)])
def test_what_cannot_be_iterated(bad: Any, manual_clock: Clock) -> None:
    """A single timestamp is no iterable of them, nor is anything else that is none."""
    with pytest.raises(TypeError):
        manual_clock.update_many(bad)
    assert manual_clock.last is None


def test_an_iterable_that_raises(manual_clock: Clock) -> None:
    """What the iterable raises passes through unchanged, and nothing was merged."""

    def breaking() -> Iterator[Timestamp]:
        yield stamp(NOW_US + 5, node=2)
        raise LookupError("half-way")

    with pytest.raises(LookupError, match="^half-way$"):
        manual_clock.update_many(breaking())
    assert manual_clock.last is None


def test_an_iterable_may_use_the_clock(manual_clock: Clock) -> None:
    """The iterable runs before anything is held: it may stamp on the very same clock."""
    stamps: list[Timestamp] = []

    def stamping() -> Iterator[Timestamp]:
        for _ in range(3):
            stamps.append(manual_clock.now())
            yield stamps[-1]

    assert manual_clock.update_many(stamping()) > max(stamps)


def test_one_step_of_epoch_for_the_whole_batch(manual_clock: Clock, manual_source: ManualSource) -> None:
    """A batch is one message: it may take one step, however many of its timestamps have taken it, and no second."""
    manual_clock.now()
    up, two_up = stamp(NOW_US, 3, node=2, epoch=1), stamp(NOW_US, 3, node=2, epoch=2)
    with pytest.raises(ClockError):
        manual_clock.update_many([up, two_up])
    assert manual_clock.update_many([up, up, stamp(NOW_US, 4, node=3, epoch=1)]) == stamp(NOW_US, 5, node=1, epoch=1)
    assert manual_clock.stats().epochs_adopted == 1
    with pytest.raises(ClockError):
        manual_clock.update_many([two_up])


def test_policies_hold_for_each_of_a_batch(manual_clock: Clock) -> None:
    """Under ``ignore`` and ``clamp`` each timestamp beyond the limit is counted, and the others merge as usual."""
    remotes = [stamp(NOW_US + 10**12, node=2), stamp(NOW_US + 7, 3, node=3), stamp(NOW_US + 10**13, node=4)]
    assert manual_clock.update_many(remotes, on_drift="ignore") == stamp(NOW_US + 7, 4, node=1)
    assert manual_clock.update_many(remotes, on_drift="clamp") == stamp(NOW_US + 500_000, 1, node=1)
    stats = manual_clock.stats()
    assert (stats.ignored, stats.clamped) == (2, 2)
