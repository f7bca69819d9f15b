"""Honest members on networks of all kinds, and how the flock does as it grows."""

from __future__ import annotations

from typing import Any, Final

from flocktime.simulation.judging import Bar, Row
from flocktime.simulation.measures import (
    BELOW_1MS,
    BELOW_100US,
    JOINED,
    SAFETY,
    STAMPS,
    of_summary,
    of_totals,
    ratio,
    skew,
    typical_skew,
)

__all__ = ["ROWS"]

_REACHED = (BELOW_1MS, BELOW_100US, Bar("slowest to join", "s", of_summary(lambda summary: summary.join_max_s)))
_QUIET = (typical_skew(), *_REACHED, STAMPS, JOINED, *SAFETY)
#: A larger or smaller flock against one of 64, at the same seed and as long.
_TWICE = Bar("skew / that of 64", "x", ratio(lambda outcome: outcome.summary.skew_max_ns), 2)
_P99_US = of_summary(lambda summary: summary.p99_max_ns, 1e3)


def _lan(nodes: int, seconds: float, large: bool = False) -> Row:
    """A flock of another size on the same network."""
    return Row(
        name=f"lan-{nodes}",
        description=f"{nodes} honest members on a local network",
        scenario={"name": f"lan-{nodes}", "nodes": nodes, "seconds": seconds},
        bars=(skew(None), _TWICE, *_QUIET),
        baseline={"name": "lan", "nodes": 64, "seconds": seconds},
        large=large,
    )


def _honest(name: str, description: str, bars: tuple[Bar, ...], seconds: float = 300, **fields: Any) -> Row:
    return Row(
        name=name,
        description=description,
        scenario={"name": name, "nodes": 64, "seconds": seconds, **fields},
        bars=(*bars, typical_skew(), JOINED, *SAFETY),
        group="other networks",
        needs_latencies=name == "gcp",
    )


ROWS: Final = (
    Row(
        name="lan",
        description="64 honest members on a local network, offsets of 100 ms, clocks of 20 ppm",
        scenario={"name": "lan", "nodes": 64, "seconds": 300},
        bars=(skew(75), *_QUIET),
    ),
    _lan(8, 300),
    _lan(16, 300),
    Row(
        name="lan-100",
        description="100 honest members: every run gets into step",
        scenario={"name": "lan-100", "nodes": 100, "seconds": 300},
        bars=(skew(None), *_QUIET),
    ),
    _lan(200, 600),
    _lan(1000, 600, large=True),
    _lan(10_000, 300, large=True),
    Row(
        name="traffic",
        description="the same with ten messages a second from each member",
        scenario={"name": "traffic", "nodes": 64, "seconds": 300, "traffic": {"messages_per_s": 10}},
        bars=(skew(75), *_QUIET, Bar("messages", "", of_totals(lambda totals: totals.messages))),
    ),
    _honest("wan", "20 ms + Exp(2 ms) one way", (skew(1000),), seconds=600, network={"delay": "wan"}),
    _honest("gcp", "measured round trips between 20 regions", (skew(1000),), seconds=600),
    _honest(
        "loopback",
        "16 processes of one machine, clocks of 50 ppm",
        (skew(None), Bar("99 of 100 pairs", "µs", _P99_US, 50), BELOW_1MS),
        nodes=16,
        network={"delay": "loopback"},
        clocks={"rate_sd_ppm": 50},
    ),
    _honest(
        "lossy",
        "0.5 ms + Exp(0.5 ms), 5 % lost, 2 % doubled, 1 % damaged",
        (skew(None), Bar("99 of 100 pairs", "µs", _P99_US, 300)),
        network={
            "delay": {"jitter": {"base_us": 500, "mean_us": 500}},
            "faults": {"loss": 0.05, "duplication": 0.02, "damage": 0.01},
        },
    ),
    _honest("asymmetric", "ways there and back differ by 100 µs", (skew(None),), network={"asymmetry_us": 100}),
)
