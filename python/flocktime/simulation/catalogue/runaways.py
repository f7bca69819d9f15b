"""One member in the wrong year, in flocks of 4 to 64, and flocks too small to tell who is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flocktime.simulation.judging import Bar, Row
from flocktime.simulation.measures import (
    JOINED,
    SAFETY,
    not_undecided,
    of_summary,
    of_totals,
    others_named,
    ratio,
    skew,
    stamps_moved_us,
    unnamed,
    unsuspecting,
)

__all__ = ["ADDED", "KNOWS", "NAMED", "ROWS"]

_GROUP = "one member in 2051"
#: In seconds from the start of the simulated time.
_OS_IN_2051: Final = {"os_set": {"offset_s": 788_918_400.0}}
#: What the last member would be if nothing were wrong with it, and is not judged by either.
_SPARED: Final = {"members": {"last": 1}, "kind": {"rate": {"ppm": 0}}}
#: A single pair of runs differs by chance, in the tail by half as much again: the median of the pairs tells what is added.
ADDED: Final = Bar("skew / without", "x", ratio(lambda outcome: outcome.summary.skew_max_ns), 1.1, by="median")
NAMED: Final = Bar("faulty members unnamed", "", unnamed, 0)
KNOWS: Final = Bar("members unaware of their wrong OS clock", "", unsuspecting, 0)
_UNTOUCHED = (
    Bar("stamps moved from the OS clocks'", "µs", stamps_moved_us, 0),
    Bar("members not undecided, or not saying with whom", "", not_undecided, 0),
    Bar("jumps", "", of_totals(lambda totals: totals.jumps), 0),
    *SAFETY,
)


def _last(kind: Mapping[str, Any], **when: float) -> dict[str, Any]:
    return {"members": {"last": 1}, "kind": kind, **when}


def _runaway(name: str, nodes: int, *, description: str, fault: Mapping[str, Any], told: Bar, liar: bool) -> Row:
    spared = {"faults": [_SPARED]} if liar else {}
    return Row(
        name=f"{name}-{nodes}",
        description=f"{description}, {nodes} members",
        # Long, for the sake of the comparison: the greatest skew of a short time is mostly chance.
        scenario={"name": f"{name}-{nodes}", "nodes": nodes, "seconds": 900, "faults": [fault]},
        bars=(ADDED, told, skew(75), Bar("honest members named", "", others_named), JOINED, *SAFETY),
        baseline={"name": f"{name}-{nodes} without", "nodes": nodes, "seconds": 900, **spared},
        group=_GROUP,
    )


def _few(name: str, description: str, nodes: int, faults: list[dict[str, Any]], bars: tuple[Bar, ...]) -> Row:
    scenario = {"name": name, "nodes": nodes, "seconds": 120, "faults": faults}
    return Row(
        name=name,
        description=description,
        scenario=scenario,
        bars=bars,
        # Members that never steer stamp by their OS clocks.
        baseline={**scenario, "gossip": {"steer": False}} if bars is _UNTOUCHED else None,
        group="too few to tell",
    )


_AGREEING = (
    skew(75),
    Bar("jumps", "", of_totals(lambda totals: totals.jumps), 0),
    Bar("slowest to join", "s", of_summary(lambda summary: summary.join_max_s)),
    JOINED,
    *SAFETY,
)

ROWS: Final = (
    *(
        _runaway(name, nodes, description=description, fault=fault, told=told, liar=told is NAMED)
        for name, description, fault, told in (
            ("runaway", "one member lies that it is in 2051", _last({"runaway": {}}), NAMED),
            (
                "crash-loop",
                "the same, coming back under a fresh id every 5 s",
                _last({"crash_loop": {"every_s": 5}}),
                NAMED,
            ),
            ("boot-2051", "one member starts with its OS clock in 2051", _last(_OS_IN_2051), KNOWS),
            ("set-2051", "one OS clock is set to 2051 while its member runs", _last(_OS_IN_2051, from_s=100), KNOWS),
        )
        for nodes in (4, 8, 16, 64)
    ),
    _few("two", "two honest members", 2, [], _AGREEING),
    _few("three", "three honest members", 3, [], _AGREEING),
    _few(
        "two-2051",
        "two members, one in 2051",
        2,
        [_last(_OS_IN_2051)],
        _UNTOUCHED,
    ),
    _few(
        "three-2051",
        "three members, one in 2051",
        3,
        [_last(_OS_IN_2051)],
        _UNTOUCHED,
    ),
    _few(
        "two-and-two",
        "four members, two of them an hour ahead",
        4,
        [{"members": {"last": 2}, "kind": {"os_set": {"offset_s": 3600}}}],
        _UNTOUCHED,
    ),
)
