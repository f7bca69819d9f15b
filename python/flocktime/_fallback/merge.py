"""The rules: pure functions of numbers in, numbers out. No clock is read here and nothing is kept.

Distributed monotonic clock after Jon Moore (Strange Loop 2015): epoch, then wall time, then counter. Inside an epoch this is
the hybrid logical clock of Kulkarni et al. (2014); "take the maximum, then tick" equals their four-case receive rule.
"""

from __future__ import annotations

from collections import namedtuple

from flocktime._fallback.layout import HORIZON, LOGICAL_BITS, MAX_LOGICAL, MAX_PHYSICAL
from flocktime.errors import _collision, _drift, _epoch

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime._fallback.timestamp import Timestamp


class State(namedtuple("State", ("epoch", "physical", "logical"))):
    """What a clock has reached. Compares as (epoch, physical, logical), which is the order of its timestamps."""

    __slots__ = ()
    epoch: int
    physical: int
    logical: int


class Rules(
    namedtuple(
        "Rules",
        (
            "node",  # its own
            "reference",  # the time it believes in when it judges others, in microseconds
            "max_drift",  # microseconds, inclusive; None: no limit
            "on_drift",  # reject | adopt | ignore | clamp
            "on_collision",  # reject | adopt
            "epoch_from",  # the epoch before this call: the step below is counted from there
            "epoch_steps",  # how many steps up are allowed; None: any
            "epoch_wait_s",  # until the next step, when none is allowed now
        ),
    )
):
    """What a receiver holds a remote timestamp against."""

    __slots__ = ()


class Adopted(namedtuple("Adopted", ("state", "counted"))):
    """The state after a merge, and the name of the counter that it moves, if any."""

    __slots__ = ()
    state: State
    counted: str | None


def tick(state: State, physical: int) -> State:
    """The next event at a physical reading. A full counter carries into ``physical``."""
    if physical > state.physical:
        return State(state.epoch, physical, 0)
    if state.logical == MAX_LOGICAL:
        return State(state.epoch, state.physical + 1, 0)
    return State(state.epoch, state.physical, state.logical + 1)


def has_room(state: State, physical: int, more: int) -> bool:
    """Whether ``1 + more`` consecutive timestamps stay within the epoch."""
    first = tick(state, physical)
    return (first.physical << LOGICAL_BITS | first.logical) + more <= MAX_PHYSICAL << LOGICAL_BITS | MAX_LOGICAL


def adopt(state: State, remote: Timestamp, rules: Rules) -> Adopted:
    """The maximum of both, without the tick, or the error that says why not. ``state`` itself is never changed."""
    from flocktime._fallback.fields import from_delta_us
    from flocktime._fallback.timestamp import Timestamp

    if remote.epoch < state.epoch:
        return Adopted(state, None)  # whatever it says, our answer carries the newer epoch

    theirs = State(remote.epoch, remote.physical_us, remote.logical)
    counted = None
    allowed = HORIZON - rules.reference if rules.max_drift is None else rules.max_drift
    lead = theirs.physical - rules.reference
    if theirs.physical > HORIZON:
        limit = min(allowed, HORIZON - rules.reference)
        raise _drift(remote, from_delta_us(lead), from_delta_us(limit))
    if lead > allowed:
        if rules.on_drift == "reject":
            raise _drift(remote, from_delta_us(lead), from_delta_us(allowed))
        if rules.on_drift == "ignore":
            return Adopted(state, "ignored")
        if rules.on_drift == "clamp":
            theirs = State(theirs.epoch, rules.reference + allowed, 0)
        counted = "clamped" if rules.on_drift == "clamp" else "adopted_beyond_limit"

    if theirs.epoch > state.epoch and rules.epoch_steps is not None:
        steps = theirs.epoch - rules.epoch_from
        if steps > rules.epoch_steps:
            why = "too soon" if steps == 1 else "jump"
            raise _epoch(why, rules.epoch_from, theirs.epoch, remote, rules.epoch_wait_s)

    if remote.node == rules.node and theirs > state:
        if rules.on_collision == "reject":
            raise _collision(remote, Timestamp(state.physical, state.logical, node=rules.node, epoch=state.epoch))
        counted = "collisions_adopted"

    return Adopted(max(state, theirs), counted)


def as_it_is(state: State) -> State:
    """No step but the tick."""
    return state
