"""Who is compared, and in which worlds: plain data for the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

NODES, SECONDS, WRONG_FROM_S = 64, 600.0, 200.0

#: Nobody refuses anything: the drift limit is longer than any year.
_UNLIMITED_MS: Final = 1e12


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to have time, as settings of the members."""

    name: str
    gossip: dict[str, Any]
    colour: str


@dataclass(frozen=True, slots=True)
class World:
    """What goes wrong, from the 200th second on."""

    name: str
    faults: tuple[dict[str, Any], ...]


CONTESTANTS: Final = (
    Contestant("system clocks as they are", {"steer": False}, "#8a8a8a"),
    Contestant("plain HLC: the latest wins", {"steer": False, "max_drift_ms": _UNLIMITED_MS}, "#e0a030"),
    Contestant(
        "plain averaging of all neighbours",
        # Gates that admit everything, and no rates.
        {"max_drift_ms": _UNLIMITED_MS, "tuning": {"gate_min_ns": 1e18, "gate_max_ns": 1e18, "rate_gain": 0}},
        "#b0552b",
    ),
    Contestant("the flock", {}, "#1f6f8b"),
)

QUIET: Final = World("quiet", ())


def _world(name: str, members: int, kind: dict[str, Any]) -> World:
    return World(name, ({"members": {"last": members}, "from_s": WRONG_FROM_S, "kind": kind},))


WORLDS: Final = (
    QUIET,
    _world("one of 64 in 2051", 1, {"runaway": {}}),
    _world("12 of 64 claim to be an hour ahead", 12, {"runaway": {"offset_s": 3600}}),
    _world("12 of 64 run away at 50 ppm", 12, {"ramp": {"ppm": 50}}),
)


def scenario(contestant: Contestant, world: World) -> dict[str, Any]:
    """One run, but for its seed."""
    return {
        "name": f"{contestant.name}: {world.name}",
        "nodes": NODES,
        "seconds": SECONDS,
        "gossip": contestant.gossip,
        "faults": list(world.faults),
    }
