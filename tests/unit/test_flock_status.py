"""What a status says beyond the numbers: with whom a member cannot agree, what counts up and what does not."""

from __future__ import annotations

import json

from flocktime.cli.status.reading import status_from
from flocktime.cli.status.words import standing
from flocktime.flock import Flock
from flocktime.testing import SkewedSource
from tests.unit.flocks import ROUND_S, introduce, until

HERE = "127.0.0.1:0"


def test_undecided_with_whom() -> None:
    """Two clocks farther apart than ``max_drift``, whatever that is, name each other: here, in words, and read back from JSON."""
    given = {"round": ROUND_S, "anchor": False, "max_drift": 0.05}
    with (
        Flock(HERE, name="right", source=SkewedSource(0.0), **given) as one,  # type: ignore[arg-type]
        Flock(HERE, name="ahead", source=SkewedSource(0.2), **given) as other,  # type: ignore[arg-type]
    ):
        introduce([one, other])
        until(lambda: one.state == "undecided" and one.status().apart())
        status = one.status()
        assert status.max_drift_us == 50_000.0
        (suspect,) = status.apart()
        assert (suspect.name, suspect.node) == (other.address, other.clock.node)
        assert suspect.offset_us is not None
        assert 150_000 < suspect.offset_us < 250_000
        assert status.apart(1e6) == ()
        assert standing(status).startswith(f"undecided: cannot agree with {other.address}")
        assert status_from(json.loads(json.dumps(status.as_dict()))).apart() == status.apart()


def test_what_counts_up_and_what_does_not() -> None:
    """How many peers cannot be reached now is a gauge; what was sent is a counter, and is called so."""
    with Flock(HERE, ["[::1]:9"]) as flock:  # a socket of the other family
        until(lambda: flock.metrics().get("flocktime_io_unsupported_peers"))
        metrics = flock.metrics()
        assert metrics["flocktime_io_unsupported_peers"] == 1.0
        assert "flocktime_io_unsupported_peers_total" not in metrics
        assert "flocktime_io_datagrams_sent_total" in metrics
        flock.set_peers([])
        until(lambda: flock.metrics()["flocktime_io_unsupported_peers"] == 0.0)
