"""Once a round: what the step says, and what follows for the disciplined clock and for those who read it.

A part of ``Machine``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flocktime._fallback.arithmetic import clamp, saturated_i64, saturated_u64, to_i64, to_u64
from flocktime._fallback.discipline import Discipline
from flocktime._fallback.flocking import WORST_ANCHOR_NS, Own, Standing, State, Step, step
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.host import Host, OsTime
from flocktime._fallback.gossip.peer import Route
from flocktime._fallback.gossip.suspicion import suspect
from flocktime._fallback.gossip.utc import heed_utc
from flocktime._fallback.gossip.voters import (
    SETTLING_ROUNDS,
    are_synchronised,
    choose_voters,
    heard,
    measure_leads,
    vote,
)
from flocktime._fallback.steered_source import Guidance

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: A peer is forgotten after so many silent rounds.
FORGET_ROUNDS: Final = 600
#: Stamps are never judged more sharply than this, nanoseconds.
SHARPEST_LIMIT_NS: Final = 5e6


def finish_round(machine: Machine, host: Host, now_ns: int) -> None:
    settings, progress = machine.settings, machine.progress
    os = host.os()
    late_ns = max(0, host.raw_ns() - now_ns)
    machine.counters.rounds += 1
    own_ns = machine.discipline.at(now_ns)
    measure_leads(machine, now_ns, own_ns)
    voters = choose_voters(machine)
    votes = [vote(known) for known in voters]
    if machine.found_flock is None and votes:
        machine.found_flock = are_synchronised(voters)
    own = Own(
        rate=machine.discipline.y,
        joined=progress.joined,
        rate_settled=progress.rated_rounds >= settings.tuning.settling_rounds,
        degraded=progress.degraded,
        rejoining=progress.rejoining,
        os_lead_ns=float(os.wall_ns - own_ns),
    )
    outcome = step(votes, own, settings.tuning)
    machine.counters.rounds_without_quorum += not outcome.quorum
    os_away_ns = abs(own.os_lead_ns - outcome.median_ns)
    machine.os_agrees = outcome.majority and os_away_ns <= settings.tuning.max_drift_ns
    limit_ns = _sharp_limit_ns(machine, outcome.error_ns - abs(outcome.offset_ns))
    standing = Standing(heard(machine), len(votes), limit_ns)
    before, was_degraded = progress.state, progress.degraded
    state = progress.advance(outcome, standing, settings.tuning)
    if was_degraded and not progress.degraded:
        own_ns, outcome = _take_over(machine, now_ns, own_ns, limit_ns, outcome)
    if not settings.steer:
        state = State.MONITORING
    machine.settled_rounds = _settled_rounds(machine, before, state)
    suspect(machine, outcome, os_away_ns)
    heed_utc(machine, os, voters, late_ns=late_ns, now_ns=now_ns, own_ns=own_ns)
    if settings.steer:
        _steer(machine, outcome, now_ns)
    else:
        _follow_os(machine, os, now_ns)
    machine.guidance = _guide(machine, state, outcome, now_ns, own_ns)
    machine.last = outcome

    def spared(route: Route) -> bool:
        return isinstance(route.to, Address) and machine.partners.is_wanted(route.to)

    machine.table.forget_silent(max(0, machine.round - FORGET_ROUNDS), spared)


def _settled_rounds(machine: Machine, before: State, state: State) -> int:
    """How long it has been synchronised."""
    if state != State.SYNCHRONISED:
        return 0
    if before == State.SYNCHRONISED:
        return machine.settled_rounds + 1
    # Into a flock that was there before: nobody is still arriving.
    return SETTLING_ROUNDS if machine.found_flock else 0


def _take_over(machine: Machine, now_ns: int, own_ns: int, limit_ns: float, outcome: Step) -> tuple[int, Step]:
    """No longer degraded, or left by the quorum: what it has shown all the while is its time now, not where its own clock would
    be. Otherwise what is read would fall by the difference. All that was measured against its own clock moves with it, and how
    to steer is for the next round to say. Where another quorum says otherwise what was shown is nobody's time any more."""
    shown_ns = machine.guidance.discipline.at(now_ns)
    moved_ns = float(shown_ns - own_ns)
    if outcome.quorum and abs(outcome.median_ns - moved_ns) > limit_ns / 2.0:
        return own_ns, outcome
    machine.discipline = machine.guidance.discipline
    for known in machine.table.known():
        known.lead_ns = None if known.lead_ns is None else known.lead_ns - moved_ns
    offset_ns = outcome.offset_ns - moved_ns
    return shown_ns, replace(
        outcome,
        median_ns=outcome.median_ns - moved_ns,
        offset_ns=offset_ns,
        error_ns=outcome.error_ns + (abs(offset_ns) - abs(outcome.offset_ns)),
        jump_ns=0.0,
        slew=0.0,
    )


def _steer(machine: Machine, outcome: Step, now_ns: int) -> None:
    slew_ns = 2 * machine.settings.tuning.round_ns
    line = machine.discipline.rebased(now_ns, outcome.rate, outcome.slew, machine.utc.slew, slew_ns)
    if outcome.jump_ns != 0.0:
        machine.counters.jumps += 1
        line = line._replace(l0_ns=saturated_i64(line.l0_ns + to_i64(outcome.jump_ns)))
    machine.discipline = line


def _follow_os(machine: Machine, os: OsTime, now_ns: int) -> None:
    """A member that only monitors shows its OS clock, with the rate it has against H."""
    limit, rate = machine.settings.tuning.rate_max, 0.0
    if machine.os_before is not None:
        before_ns, wall_ns = machine.os_before
        elapsed, shown = float(max(0, now_ns - before_ns)), float(os.wall_ns - wall_ns)
        rate = clamp(shown / elapsed - 1.0, -limit, limit) if elapsed > 0.0 else 0.0
    machine.os_before = (now_ns, os.wall_ns)
    line = machine.discipline.rebased(now_ns, rate, 0.0, 0.0, 0)
    machine.discipline = line._replace(l0_ns=os.wall_ns)


def _guide(machine: Machine, state: State, outcome: Step, now_ns: int, own_ns: int) -> Guidance:
    """What the clock of this process follows from now on."""
    settings = machine.settings
    joined = machine.progress.joined and settings.steer
    degraded = machine.progress.degraded and settings.steer
    # A degraded member shows the flock's time: how far its own clock is from that plays no part.
    away_ns = abs(outcome.offset_ns) if degraded else 0.0
    sharp_ns = _sharp_limit_ns(machine, outcome.error_ns - away_ns)
    settled = state == State.DEGRADED or (state == State.SYNCHRONISED and machine.settled_rounds >= SETTLING_ROUNDS)
    shown = _show_flock(machine, outcome, now_ns, own_ns, sharp_ns) if degraded else machine.discipline
    error_ns, free_running = _vouch(machine, shown, now_ns, own_ns)
    return Guidance(
        discipline=shown,
        in_force=joined,
        limit_us=to_u64(sharp_ns / 1e3) if joined and settled else None,
        refuse=settings.refuse_until_ready and settings.steer,
        error_ns=error_ns,
        free_running=free_running,
    )


def _vouch(machine: Machine, shown: Discipline, now_ns: int, own_ns: int) -> tuple[int | None, bool]:
    """What the time that is shown may be wrong by against UTC, and whether that is only what was known before, grown."""
    shown_ns = shown.at(now_ns)
    if machine.utc_span_ns is not None:
        low_ns, high_ns = machine.utc_span_ns
        moved_ns = float(shown_ns - own_ns)
        return to_u64(math.ceil(max(abs(low_ns - moved_ns), abs(high_ns - moved_ns)))), False
    before = machine.guidance
    bound = before.bound_at(now_ns)
    if bound is None:
        return None, False
    error_ns = saturated_u64(bound.error_ns + abs(shown_ns - before.discipline.at(now_ns)))
    return (error_ns, True) if error_ns <= WORST_ANCHOR_NS else (None, False)


def _show_flock(machine: Machine, outcome: Step, now_ns: int, own_ns: int, limit_ns: float) -> Discipline:
    """The flock's middle, not how this member's own clock gets there. What is read is slewed back to it, so that it does not
    fall; only one that is far ahead, as far as makes degraded, is there at once."""
    before, tuning = machine.guidance.discipline, machine.settings.tuning
    if not outcome.quorum:
        return before  # nobody there to follow: on as before
    middle_ns = saturated_i64(own_ns + to_i64(outcome.median_ns))
    shown_ns = before.at(now_ns)
    behind_ns = float(middle_ns - shown_ns)
    if -limit_ns / 2.0 <= behind_ns < 0.0:
        slew = max(tuning.gain * behind_ns / tuning.round_ns, -tuning.slew_joined)
        return machine.discipline._replace(l0_ns=shown_ns, s=slew)
    return machine.discipline._replace(l0_ns=middle_ns, s=0.0)


def _sharp_limit_ns(machine: Machine, error_ns: float) -> float:
    """What stamps are judged by in a flock that is together and known to so much: ten times that."""
    return clamp(10.0 * error_ns, SHARPEST_LIMIT_NS, max(machine.settings.tuning.max_drift_ns, SHARPEST_LIMIT_NS))
