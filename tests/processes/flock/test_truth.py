"""How the truth is known: the judgement itself is judged, on clocks whose errors were put in by hand."""

from __future__ import annotations

from random import Random

import pytest
from benches.flock.oscillator import mapped, raw_ns
from benches.flock.village import Instant, Sketch, Village

from flocktime.clock import SkewedSource

pytestmark = pytest.mark.processes

#: What a judgement may be wrong by at most, nanoseconds; the flock is to be known to microseconds.
MOST_ERROR_NS = 1000


def _apart(instant: Instant, a: str = "a", b: str = "b") -> int:
    return instant.time_ns[a] - instant.time_ns[b]


def test_errors_that_were_put_in_are_found() -> None:
    """Two members without peers, 100 ppm fast and 60 ppm slow: they part by 160 ppm of the time between two instants, and a
    step of one by 1 ms shows as 1 ms. Both to far less than a microsecond."""
    with Village() as village:
        village.start(Sketch("a", offset_s=0.2, ppm=100.0), Sketch("b", offset_s=-0.1, ppm=-60.0))
        first, _ = village.at_once(), village.at_once()
        _, second = village.until(lambda instant: instant.raw_ns - first.raw_ns > 1_000_000_000, 30)
        village.ask("a", "step", seconds=0.001)
        third = village.at_once()
    parted_ns = (second.raw_ns - first.raw_ns) * 160e-6
    bound_ns = first.error_ns + second.error_ns + third.error_ns + 10
    assert max(one.error_ns for one in (first, second, third)) < MOST_ERROR_NS
    assert abs(_apart(second) - _apart(first) - parted_ns) <= bound_ns
    stepped_ns = 1_000_000 + (third.raw_ns - second.raw_ns) * 160e-6
    assert abs(_apart(third) - _apart(second) - stepped_ns) <= bound_ns
    assert abs(_apart(first) - 300_000_000) < 1_000_000, "offsets count from when each was started"


def test_where_a_skewed_counter_stands(rng: Random) -> None:
    """Of a source with a known rate error, H at any instant is found to within the error that is stated, and that is small;
    also after it was stepped, and after it stood still."""
    for _ in range(5):
        ppm = rng.uniform(-100, 100)
        source = SkewedSource(rng.uniform(-1, 1), ppm)
        if rng.random() < 0.5:
            source.step(rng.uniform(-1, 1))
            source.freeze()
            source.thaw()
        mapping = mapped(source, ppm)
        assert mapping.error_ns < MOST_ERROR_NS, (
            "half of what a reading takes, 0.8 us in Python where nobody else works"
        )
        for _ in range(100):
            before, h_ns, after = raw_ns(), source.raw_ns(), raw_ns()
            early, late = (at + mapping.h_ns(at) for at in (before, after))
            assert early - mapping.error_ns - 1 <= h_ns <= late + mapping.error_ns + 1


def test_what_stamps_follow_is_what_was_published() -> None:
    """Once synchronised, the published line and what stamps follow agree about who is ahead, to 20 us: two ways to the truth."""
    with Village() as village:
        village.start(*(Sketch(f"m{at}", offset_s=0.05 * at, ppm=20.0 * at, round=0.05) for at in range(4)))
        village.meet()
        village.ask_all("ready", timeout=30.0)
        _, instant = village.until(lambda one: one.widest_ns() < 100_000, 30)
        shown, answers = village.shown_ns()
    assert {one["state"] for one in answers.values()} == {"synchronised"}
    published_ns = instant.time_ns["m0"] - instant.time_ns["m3"]
    assert abs((shown["m0"] - shown["m3"]) - published_ns) < 20_000
