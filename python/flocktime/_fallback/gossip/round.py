"""Once a round: who votes, what the step says, and what follows for the disciplined clock and for those who read it.

A part of ``Machine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.arithmetic import clamp, saturated_i64, to_i64, to_u64
from flocktime._fallback.flocking import Anchor, Own, Standing, State, Step, Vote, step, utc_step
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.host import Host, OsTime
from flocktime._fallback.gossip.peer import Known, Route
from flocktime._fallback.gossip.settings import NEVER
from flocktime._fallback.steered_source import Guidance

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: Only who was heard within so many rounds votes.
HEARD_ROUNDS: Final = 16
#: Who is still on its way moves too fast for that.
HEARD_ROUNDS_MOVING: Final = 3
#: A synchronised member counts those it has known for so long...
KNOWN_ROUNDS: Final = 10
#: ... and one that is not synchronised yet those it has known for so long, where there are too few of the others.
KNOWN_ROUNDS_COLD: Final = 3
#: Too few of the others.
FEW: Final = 3
#: At most so many vote, those heard last.
VOTERS: Final = 32
#: A peer is forgotten after so many silent rounds.
FORGET_ROUNDS: Final = 600
#: Suspicion rises by this outside the gate and falls by one inside it; so who is outside every second round is found out too.
SUSPICION_STEP: Final = 2
#: Who reaches this is called wrong: ten rounds outside.
SUSPECT: Final = 20
#: An oscillator that jumps again and again is wrong too, however fast its owner mends it...
SUSPICION_JUMP: Final = 12
#: ... judged after so many rounds: by then it shows whose oscillator it was.
JUMP_JUDGED_ROUNDS: Final = 8
#: As far as it rises: who is back needs a minute to be believed.
SUSPICION_LIMIT: Final = 60
#: Where nobody was synchronised before, the configured drift limit holds for so many rounds more, while the others arrive.
SETTLING_ROUNDS: Final = 16
#: A synchronised peer farther off than this many gates...
WRONG_GATES: Final = 4.0
#: ... and than this, nanoseconds, by more than the measurement may be wrong by, is outside.
WRONG_NS: Final = 250e3
#: An estimate of UTC that was passed on more often is none.
MOST_HOPS: Final = 8
#: Stamps are never judged more sharply than this, nanoseconds.
SHARPEST_LIMIT_NS: Final = 5e6


def finish_round(machine: Machine, host: Host, now_ns: int) -> None:
    settings, progress = machine.settings, machine.progress
    os = host.os()
    machine.counters.rounds += 1
    own_ns = machine.discipline.at(now_ns)
    _measure_leads(machine, now_ns, own_ns)
    voters = _choose_voters(machine)
    votes = [_vote(known) for known in voters]
    if machine.found_flock is None and votes:
        # Most of them, by far, were synchronised before this member came: fewer than a third may be wrong, also in that.
        machine.found_flock = 3 * sum(known.state == State.SYNCHRONISED for known in voters) > 2 * len(voters)
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
    standing = Standing(
        _heard(machine), len(votes), _sharp_limit_ns(machine, outcome.error_ns - abs(outcome.offset_ns))
    )
    before, was_degraded = progress.state, progress.degraded
    state = progress.advance(outcome, standing, settings.tuning)
    if was_degraded and not progress.degraded and not votes:
        # Left alone: what it has shown all the while is its time now, not where its own clock would be.
        machine.discipline = machine.guidance.discipline
    if not settings.steer:
        state = State.MONITORING
    machine.settled_rounds = _settled_rounds(machine, before, state)
    _suspect(machine, outcome, os, own_ns)
    slews = [known.published.u for known in voters]
    machine.utc = utc_step(_anchors(machine, os, own_ns), slews, machine.utc.slew, settings.tuning)
    if settings.steer:
        _steer(machine, outcome, now_ns)
    else:
        _follow_os(machine, os, now_ns)
    machine.guidance = _guide(machine, state, outcome)
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


def _guide(machine: Machine, state: State, outcome: Step) -> Guidance:
    """What the clock of this process follows from now on."""
    settings = machine.settings
    joined = machine.progress.joined and settings.steer
    # A degraded member shows the flock's time: how far its own clock is from that plays no part.
    own_ns = abs(outcome.offset_ns) if state == State.DEGRADED else 0.0
    sharp_ns = _sharp_limit_ns(machine, outcome.error_ns - own_ns)
    settled = state == State.DEGRADED or (state == State.SYNCHRONISED and machine.settled_rounds >= SETTLING_ROUNDS)
    line = machine.discipline
    if state == State.DEGRADED and outcome.jump_ns == 0.0:
        if outcome.outside:
            # Who reads this follows the flock's middle, not how this member's own clock gets there.
            line = line._replace(l0_ns=saturated_i64(line.l0_ns + to_i64(outcome.median_ns)), s=0.0)
        else:
            line = machine.guidance.discipline  # nobody there to follow: on as before
    return Guidance(
        discipline=line,
        in_force=joined,
        limit_us=to_u64(sharp_ns / 1e3) if joined and settled else None,
        refuse=settings.refuse_until_ready and settings.steer,
    )


def _sharp_limit_ns(machine: Machine, error_ns: float) -> float:
    """What stamps are judged by in a flock that is together and known to so much: ten times that."""
    return clamp(10.0 * error_ns, SHARPEST_LIMIT_NS, max(machine.settings.tuning.max_drift_ns, SHARPEST_LIMIT_NS))


def _measure_leads(machine: Machine, now_ns: int, own_ns: int) -> None:
    """Where each peer's clock is now."""
    for known in machine.table.known():
        recent = machine.round - known.heard_round <= HEARD_ROUNDS
        lead = known.lead(now_ns, own_ns) if recent else None
        known.lead_ns, known.lead_error_ns = (None, 0.0) if lead is None else lead
        known.voted = False


def _choose_voters(machine: Machine) -> list[Known]:
    """Those who vote: the latest heard of those who may, one for each origin."""
    round = machine.round
    heard = [known for known in machine.table.known() if known.lead_ns is not None]

    def synchronised(known: Known) -> bool:
        return known.state == State.SYNCHRONISED and known.heard_round - known.since_round >= KNOWN_ROUNDS

    def cold(known: Known) -> bool:
        steers = known.state not in (State.DEGRADED, State.MONITORING)
        fresh = known.state == State.SYNCHRONISED or round - known.heard_round <= HEARD_ROUNDS_MOVING
        return steers and fresh and known.heard_round - known.since_round >= KNOWN_ROUNDS_COLD

    settled = [known for known in heard if synchronised(known)]
    # The others are not far behind: before they are there, those who claim to have been first are not the flock.
    in_step = machine.progress.state == State.SYNCHRONISED and machine.settled_rounds >= SETTLING_ROUNDS
    settled_myself = in_step or machine.progress.state == State.DEGRADED
    everybody = [known for known in heard if cold(known)]
    # Fewer than a third may be wrong, also in what they say of themselves.
    enough = len(settled) >= FEW and 3 * len(settled) > 2 * len(everybody)
    voters = settled if settled_myself or enough else everybody
    chosen: dict[int, Known] = {}
    for known in sorted(voters, key=lambda known: known.heard_ns, reverse=True):  # of equals the one met first
        if len(chosen) < VOTERS:
            chosen.setdefault(known.origin, known)
    for known in chosen.values():
        known.voted = True
    return list(chosen.values())


def _vote(known: Known) -> Vote:
    published, rate = known.published.y, known.filter.rate
    corrected = None if rate is None else rate.value + published + rate.value * published
    assert known.lead_ns is not None, "only who was heard is chosen"
    return Vote(known.lead_ns, known.lead_error_ns, corrected)


def _heard(machine: Machine) -> int:
    return sum(machine.round - known.heard_round <= HEARD_ROUNDS for known in machine.table.known())


def _suspect(machine: Machine, outcome: Step, os: OsTime, own_ns: int) -> None:
    """Who lies far outside the gate, by more than what was measured may be wrong by. Only a majority can tell."""
    if not outcome.majority:
        return
    for known in _unsteady(machine):
        known.suspicion = min(known.suspicion + SUSPICION_JUMP, SUSPICION_LIMIT)
    drift_ns = machine.settings.tuning.max_drift_ns
    far_ns = max(WRONG_GATES * outcome.gate_ns, WRONG_NS)
    for known in machine.table.known():
        if known.lead_ns is None:
            continue
        # Who says it is synchronised must be; who is on its way may be far off, but not as far as that.
        allowed_ns = far_ns if known.state == State.SYNCHRONISED else drift_ns
        away_ns = abs(known.lead_ns - outcome.median_ns)
        known.suspicion = _raised(known.suspicion, away_ns > allowed_ns + known.lead_error_ns)
    # I am the odd one out, or the OS clock beneath me is.
    flock_ns = float(own_ns) + outcome.median_ns
    os_away_ns = abs(float(os.wall_ns) - flock_ns)
    own_away_ns = abs(outcome.median_ns)
    odd = own_away_ns > max(outcome.gate_ns, drift_ns / 2.0) or os_away_ns > drift_ns
    machine.own_suspicion = _raised(machine.own_suspicion, odd)


def _raised(suspicion: int, wrong: bool) -> int:
    return min(suspicion + SUSPICION_STEP, SUSPICION_LIMIT) if wrong else max(0, suspicion - 1)


def _unsteady(machine: Machine) -> list[Known]:
    """The peers whose oscillator has jumped eight rounds ago. Had most peers jumped about then, it was this one's."""

    def since(known: Known) -> int | None:
        return None if known.jumped_round is None else machine.round - known.jumped_round

    heard = [known for known in machine.table.known() if machine.round - known.heard_round <= HEARD_ROUNDS]
    lately = sum(rounds is not None and rounds <= 2 * JUMP_JUDGED_ROUNDS for rounds in map(since, heard))
    if 2 * lately > len(heard):
        return []
    return [known for known in machine.table.known() if since(known) == JUMP_JUDGED_ROUNDS]


def _anchors(machine: Machine, os: OsTime, own_ns: int) -> list[Anchor]:
    """What is known about UTC: this member's own OS clock, where it counts, and what others say.

    Only from those who are nearest to a source: what was passed on and comes back is not another witness.
    """
    policy = machine.settings.anchor
    own_error = os.error_ns if policy is None else None if policy == NEVER else policy
    anchors = [] if own_error is None else [(0, Anchor(float(os.wall_ns - own_ns), float(own_error)))]
    for known in machine.table.known():
        if known.anchor is not None and known.lead_ns is not None and known.anchor.hops <= MOST_HOPS:
            error_ns = float(known.anchor.error_ns) + known.lead_error_ns
            anchors.append((known.anchor.hops, Anchor(float(known.anchor.offset_ns) + known.lead_ns, error_ns)))
    fewest = min((hops for hops, _ in anchors), default=MOST_HOPS)
    machine.utc_hops = fewest + 1
    return [anchor for hops, anchor in anchors if hops == fewest]
