"""Who is called wrong, and whether that is this member itself.

A part of ``Machine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.flocking import State, Step
from flocktime._fallback.gossip.peer import Known
from flocktime._fallback.gossip.voters import HEARD_ROUNDS

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

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
#: A synchronised peer farther off than this many gates...
WRONG_GATES: Final = 4.0
#: ... and than this, nanoseconds, by more than the measurement may be wrong by, is outside.
WRONG_NS: Final = 250e3


def suspect(machine: Machine, outcome: Step, os_away_ns: float) -> None:
    """Who lies far outside the gate, by more than what was measured may be wrong by. Only a majority can tell.

    ``os_away_ns``: how far this member's OS clock is from the flock.
    """
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
