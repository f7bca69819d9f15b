"""A host that boots with its clock in 2051."""

from __future__ import annotations

from flocktime import Flock
from flocktime.clock import SkewedSource
from flocktime.flock import new_key

QUARTER_CENTURY_S = 25 * 365 * 86_400.0


def test_a_member_that_starts_in_2051_comes_back() -> None:
    """It is brought to the flock's time before its clock has stamped anything: gossip alone must not make it stamp."""
    key = new_key(1)
    offsets = [QUARTER_CENTURY_S, 0.0, 0.01, -0.02, 0.03]
    flocks = [
        Flock("127.0.0.1:0", key=key, name=f"member {place}", round=0.05, source=SkewedSource(offset=offset))
        for place, offset in enumerate(offsets)
    ]
    try:
        addresses = [flock.address for flock in flocks]
        for flock in flocks:
            flock.set_peers([address for address in addresses if address is not None and address != flock.address])
        for flock in flocks:
            flock.ready(timeout=30)
        assert flocks[0].status().ahead_us < 1_000_000
        stamps = [flock.clock.now() for flock in flocks]
        apart = max(stamps) - min(stamps)
        assert abs(apart.total_seconds()) < 1.0
    finally:
        for flock in flocks:
            flock.close()
