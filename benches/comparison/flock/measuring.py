"""What a service sees of its members' time: how far stamps lie apart, and how far who is wrong has dragged them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benches.comparison.flock.worlds import CONTESTANTS, QUIET, SECONDS, WORLDS, WRONG_FROM_S, scenario

from flocktime.simulation import Outcome, simulate

#: Between two points of a curve.
STEP_S = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One contestant in one world with one seed, microseconds."""

    contestant: int
    world: int
    #: The greatest distance between two honest members' stamps issued at one instant, in the last quarter.
    apart_us: float
    #: How far the median honest member's last stamp lies from where it is in the same run without anybody wrong. The
    #: median, since for a few it is not the same stamp: what liars sent them was their last event, and is refused now.
    dragged_us: float


def see(contestant: int, seed: int) -> list[Seen]:
    """All worlds of one contestant. Nothing but who is wrong differs between them: not a delay, not a message."""
    way = CONTESTANTS[contestant]
    quiet = simulate(scenario(way, QUIET), seed)
    seen = []
    for number, world in enumerate(WORLDS):
        outcome = quiet if world is QUIET else simulate(scenario(way, world), seed)
        seen.append(Seen(contestant, number, _apart_us(outcome), _dragged_us(outcome, quiet)))
    return seen


def _apart_us(outcome: Outcome) -> float:
    late = outcome.series[-(len(outcome.series) // 4) :]
    return float(max(sample.all_stamp_skew_us or 0 for sample in late))


def _dragged_us(outcome: Outcome, quiet: Outcome) -> float:
    before = {member.member: member.stamp_lead_us for member in quiet.members}
    moved = []
    for member in outcome.members:
        there = before[member.member]
        if member.standing == "honest" and member.stamp_lead_us is not None and there is not None:
            moved.append(abs(member.stamp_lead_us - there))
    return float(median(moved))


def curve(contestant: int, world: int, seed: int) -> list[tuple[float, float]]:
    """By true time, how far honest stamps are apart or dragged away, whichever is more, microseconds.

    What drags is seen at the end of a run only. So there is a run for each point: a shorter one is the beginning of a longer.
    """
    way = CONTESTANTS[contestant]
    whole = simulate(scenario(way, WORLDS[world]), seed)
    apart = {sample.t_s: float(sample.all_stamp_skew_us or 0) for sample in whole.series}
    points = []
    for at_s in range(STEP_S, int(SECONDS) + 1, STEP_S):
        dragged = 0.0
        if at_s > WRONG_FROM_S and WORLDS[world] is not QUIET:
            here, there = (simulate({**scenario(way, each), "seconds": at_s}, seed) for each in (WORLDS[world], QUIET))
            dragged = _dragged_us(here, there)
        points.append((float(at_s), max(apart[float(at_s)], dragged)))
    return points
