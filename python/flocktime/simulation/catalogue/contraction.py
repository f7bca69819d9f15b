"""How much of the spread a round leaves: the step alone against the formulas, and a whole flock beside it.

A formula speaks of rounds that all members take at once, of peers drawn anew, of exact distances. So it is held against the step
function in just such rounds. The machine keeps its partners for a while and counts what each said last: what it makes of its
usual 16 partners lies between four fresh peers and eight; of four alone it is slower, since they are hardly ever fresh.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from flocktime.simulation.judging import Bar, Measure, Row, Run

__all__ = ["GAIN", "ROWS", "between", "of_random_peers", "of_strides"]

GAIN: Final = 0.3
_GROUP = "contraction"


def of_random_peers(peers: int) -> float:
    """The share of the spread that a round leaves where each member hears so many fresh random peers of very many."""
    kept, taken = 1 - GAIN * peers / (peers + 1), GAIN / (peers + 1)
    return math.sqrt(kept**2 + peers * taken**2)


def of_strides(nodes: int, strides: Sequence[int]) -> float:
    """The same, in the end, on a ring whose members hear those so many places ahead and behind: 1 - gain * λ2.

    λ2 is the least eigenvalue but 0 of the overlay's Laplacian over the number of voices, one's own included. On a ring the
    eigenvectors are waves, so that they are known without computing them.
    """
    voices = 2 * len(strides) + 1

    def eigenvalue(wave: int) -> float:
        return sum(2 - 2 * math.cos(2 * math.pi * wave * stride / nodes) for stride in strides) / voices

    return 1 - GAIN * min(eigenvalue(wave) for wave in range(1, nodes))


def between(from_round: int, to_round: int) -> Measure:
    """The share that a round leaves, the geometric mean of those between."""

    def measure(run: Run) -> float | None:
        series = run.outcome.series
        if to_round > len(series):
            return None
        before, after = series[from_round - 1].all_sd_ns, series[to_round - 1].all_sd_ns
        return (after / before) ** (1 / (to_round - from_round)) if before and after else None

    return measure


def _random(peers: int) -> Row:
    return Row(
        name=f"contraction-{peers}",
        description=f"the step alone, {peers} fresh random peers a round, 2000 members",
        scenario={
            "name": f"contraction-{peers}",
            "nodes": 2000,
            "seconds": 21,
            # Within the gate of 50 µs: so that all are counted, as the formula has it.
            "clocks": {"offset_sd_ms": 0.005},
            "synchronous": {"random_peers": peers},
        },
        bars=(Bar("spread left by a round", "", between(1, 21), equals=of_random_peers(peers)),),
        group=_GROUP,
    )


def _overlay(nodes: int, strides: tuple[int, ...]) -> Row:
    name = f"overlay-{2 * len(strides)}"
    return Row(
        name=name,
        description=f"the step alone, ring of {nodes}, peers {', '.join(map(str, strides))} ahead and behind",
        scenario={
            "name": name,
            "nodes": nodes,
            "seconds": 320,
            "clocks": {"offset_sd_ms": 0.005},
            "synchronous": {"strides": list(strides)},
        },
        # The other waves die out, but never quite.
        bars=(Bar("spread left by a round", "", between(200, 240), equals=of_strides(nodes, strides), within=1e-4),),
        group=_GROUP,
    )


def _machine(name: str, view: int) -> Row:
    return Row(
        name=name,
        description=f"the whole machine with open gates: 64 members, {view} partners",
        scenario={
            "name": name,
            "nodes": 64,
            "seconds": 40,
            "boot_within_s": 0.01,
            "clocks": {"rate_sd_ppm": 0, "wander_ppm": 0, "offset_sd_ms": 20},
            "traffic": {"messages_per_s": 0},
            "gossip": {
                "view": view,
                "tuning": {"slew_joined": 0.05, "gate_min_ns": 5e8, "gate_max_ns": 5e8, "jump_joining_ns": 1e9},
            },
        },
        bars=(Bar("spread left by a round", "", between(6, 16)),),
        group=_GROUP,
    )


ROWS: Final = (
    *(_random(peers) for peers in (1, 2, 4, 8, 16, 32)),
    _overlay(64, (1, 15)),
    _overlay(64, (1, 3, 28)),
    _overlay(64, (8, 15, 21, 22)),
    _machine("contraction-machine", 16),
    _machine("contraction-machine-4", 4),
)
