"""What a flock vouches for: members whose OS clock counts as UTC, and those who have it from them."""

from __future__ import annotations

import time
from contextlib import ExitStack

from flocktime.flock import Flock
from flocktime.testing import SkewedSource
from tests.unit.flocks import ROUND_S, introduce, together, until


def test_true_time_is_inside_what_a_flock_says() -> None:
    """Three anchors, each off by less than it admits, and three others that are far off: true time is inside for all of them."""
    with ExitStack() as stack:
        members = [
            stack.enter_context(
                Flock(
                    "127.0.0.1:0",
                    name=f"member-{place}",
                    round=ROUND_S,
                    anchor=0.02 if place < 3 else False,
                    source=SkewedSource(offset_s, ppm),
                )
            )
            for place, (offset_s, ppm) in enumerate(
                [(0.015, 20), (-0.015, -20), (0.0, 0), (0.2, 90), (-0.2, -90), (0.1, 0)]
            )
        ]
        introduce(members)
        together(members)
        until(lambda: all(member.clock.interval().vouched_by == "flock" for member in members))
        for _ in range(200):
            for member in members:
                before_us = time.time_ns() // 1000
                interval = member.clock.interval()
                after_us = time.time_ns() // 1000
                assert interval.earliest is not None
                assert interval.latest is not None
                assert interval.earliest.physical_us <= before_us, member.name
                assert after_us <= interval.latest.physical_us, member.name
                assert interval.status in ("synchronised", "free_running")
        ts = members[5].clock.now()
        assert members[5].clock.wait_until(ts, 60).vouched_by == "flock"


def test_a_flock_without_utc() -> None:
    """Members agree with each other, but nobody has UTC: the flock vouches for nothing."""
    with ExitStack() as stack:
        given = {"round": ROUND_S, "anchor": False}
        members = [
            stack.enter_context(Flock("127.0.0.1:0", source=SkewedSource(place / 1000), **given))  # type: ignore[arg-type]
            for place in range(4)
        ]
        introduce(members)
        together(members)
        for member in members:
            assert member.clock.interval().status == "unknown"
