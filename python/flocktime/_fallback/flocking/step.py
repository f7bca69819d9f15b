"""What a member does once a round with what its neighbours told it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import clamp, total_order
from flocktime._fallback.flocking.robust import Gate, gate, middle
from flocktime._fallback.flocking.tuning import Tuning

#: Fewer voters cannot make a member jump: of two clocks nobody can tell which one is wrong.
QUORUM: Final = 3


class Vote(NamedTuple):
    """What one peer says this round."""

    lead_ns: float  # the peer's disciplined clock less one's own, now
    error_ns: float  # what that may be wrong by
    rate: float | None  # the rate correction that would make one's own clock run as fast; None while it is not known


class Own(NamedTuple):
    """What a member knows of itself."""

    rate: float  # the rate correction in force
    joined: bool  # it has been synchronised once: its disciplined clock is being read
    rate_settled: bool  # it has followed measured rates for a while: from now on it averages over longer
    degraded: bool  # far from a quorum; readers are shown the quorum's time: its own clock may slew as fast as it likes
    rejoining: bool  # so long behind a quorum that it takes the quorum's word against that of its own OS clock
    os_lead_ns: float  # the OS clock less the disciplined clock


@dataclass(slots=True)
class Step:
    """The outcome of a round. Nanoseconds, but for slew and rate."""

    median_ns: float
    """The middle of the flock less one's own clock: ``m``."""
    gate_ns: float
    """The gate about it: ``g``."""
    rate: float
    """The rate correction of the coming round: ``y``."""
    quorum: bool
    """Three voters or more, and most of the flock within the drift limit of its middle: a jump is allowed."""
    majority: bool
    """Three members or more, this one included, most of all: who is right can be told."""
    rated: int
    """Voters whose rate is known."""
    undecided: bool
    """Somebody lies farther away than the drift limit, and nobody can tell who is right."""
    outside: list[bool]
    """By vote: it lies outside the gate."""
    offset_ns: float = 0.0
    """The mean within the gate: ``o``."""
    jump_ns: float = 0.0
    """Add this to the clock at once; zero: nothing."""
    slew: float = 0.0
    """The phase slew of the coming round: ``s``."""
    error_ns: float = 0.0
    """The median of the errors of the votes inside, plus the offset's size."""


def step(votes: Sequence[Vote], own: Own, tuning: Tuning) -> Step:
    """One round. The gate and the mean within it: after Hampel's identifier and the trimmed means of approximate agreement;
    rates by consensus instead of integration, which slow liars could pump."""
    leads = [*(vote.lead_ns for vote in votes), 0.0]
    rate = _agreed_rate(votes, own, tuning)
    flock = _flock_gate(leads, own, tuning)
    near = sum(abs(lead - flock.centre) <= tuning.max_drift_ns for lead in leads)
    majority = 2 * near > len(leads)
    quorum = len(votes) >= QUORUM and majority
    apart = near < len(leads)
    # A pair, or a tie: none of the two sides can be told to be wrong. Two of three that were together before can.
    undecided = apart and not (own.joined and majority) if len(votes) < QUORUM else not majority
    outcome = Step(
        median_ns=flock.centre,
        gate_ns=flock.width,
        rate=own.rate if undecided else rate,
        quorum=quorum,
        majority=majority and near >= QUORUM,
        rated=sum(vote.rate is not None for vote in votes),
        undecided=undecided,
        outside=[not flock.admits(vote.lead_ns) for vote in votes],
    )
    if not undecided:
        outcome.offset_ns = flock.mean(leads)
        _steer(outcome, own, tuning)
    outcome.error_ns = abs(outcome.offset_ns) + _typical_error(votes, outcome.outside)
    return outcome


def _flock_gate(leads: Sequence[float], own: Own, tuning: Tuning) -> Gate:
    # Too few to form a middle: whoever is within the drift limit of me counts. Three that were together have one.
    if len(leads) < (QUORUM if own.joined else QUORUM + 1):
        return Gate(0.0, tuning.max_drift_ns)
    widest = tuning.gate_max_ns if own.joined else tuning.max_drift_ns
    # Two halves that were in step each for itself would each stay where it is for ever: the later one stays.
    tie = tuning.gate_max_ns if own.joined else math.inf
    reach = tuning.gate_reach_ns if own.joined else math.inf
    return gate(leads, tuning.gate_min_ns, widest, reach, tie) or Gate(0.0, widest)


def _steer(outcome: Step, own: Own, tuning: Tuning) -> None:
    """Slew, or jump where that is allowed."""
    offset = outcome.offset_ns
    joined_ns = tuning.gate_max_ns if own.rejoining else tuning.jump_joined_ns
    threshold = joined_ns if own.joined else tuning.jump_joining_ns
    os_agrees = abs(own.os_lead_ns - outcome.median_ns) <= tuning.max_drift_ns
    # Nobody reads the clock before it has joined. Afterwards it never goes back.
    may_jump = outcome.quorum and (not own.joined or (offset > 0.0 and (os_agrees or own.rejoining)))
    if may_jump and abs(offset) > threshold:
        outcome.jump_ns = offset
        return
    fastest = tuning.slew_joined if own.joined and not own.degraded else tuning.slew_joining
    outcome.slew = clamp(tuning.gain * offset / float(tuning.round_ns), -fastest, fastest)


def _agreed_rate(votes: Sequence[Vote], own: Own, tuning: Tuning) -> float:
    rates = [vote.rate for vote in votes if vote.rate is not None]
    if not rates:
        return own.rate
    rates.append(own.rate)
    found = gate(rates, 2e-6, 100e-6, math.inf, math.inf)
    if found is None:
        return own.rate
    gain = tuning.rate_gain if own.rate_settled else tuning.rate_gain_settling
    towards = own.rate + gain * (found.mean(rates) - own.rate) - tuning.rate_leak * own.rate
    return clamp(towards, -tuning.rate_max, tuning.rate_max)


def _typical_error(votes: Sequence[Vote], outside: Sequence[bool]) -> float:
    inside = [vote.error_ns for vote, is_outside in zip(votes, outside, strict=True) if not is_outside]
    return middle(sorted(inside, key=total_order))
