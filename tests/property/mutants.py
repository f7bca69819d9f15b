"""Clocks with one mistake each, all of them mistakes that somebody has made or could make. The laws must catch every one."""

from __future__ import annotations

from collections.abc import Sequence

from flocktime import Timestamp
from tests.property.clock_model import ModelClock, State


class ResetsOnEqualReading(ModelClock):
    """``>=`` for ``>`` in tick: an equal reading starts the counter over."""

    def tick(self, word: int, physical: int) -> int:
        return physical * 4096 if physical >= word // 4096 else word + 1


class FollowsTheSourceBack(ModelClock):
    """The reading is taken even where it lies behind."""

    def tick(self, word: int, physical: int) -> int:
        return word + 1 if physical == word // 4096 else physical * 4096


class LosesTheCarry(ModelClock):
    """A full counter wraps around within the microsecond."""

    def tick(self, word: int, physical: int) -> int:
        if physical * 4096 > word or word % 4096 != 4095:
            return super().tick(word, physical)
        return word - 4095


class NeverReads(ModelClock):
    """Counts on, whatever the source shows."""

    def tick(self, word: int, physical: int) -> int:
        return word + 1 if word else physical * 4096


class NoTickOnReceive(ModelClock):
    """No +1 on receive: the result equals what was received."""

    def received(self, merged: State, physical: int) -> Timestamp:
        self.state, self.begun = (merged[0], max(merged[1], physical * 4096)), True
        return self.stamped(self.state)


class IgnoresTheRemoteCounter(ModelClock):
    """Only the remote time is merged."""

    def their_word(self, remote: Timestamp) -> int:
        return remote.physical_us * 4096


class ForgetsItself(ModelClock):
    """The remote replaces the own state within an epoch."""

    def larger(self, state: State, theirs: State) -> State:
        return theirs


class ForgetsTheRemote(ModelClock):
    """Receiving is only ticking."""

    def larger(self, state: State, theirs: State) -> State:
        return state


class KeepsItsTimeInAHigherEpoch(ModelClock):
    """A higher epoch is joined to the larger of both times, so that a poisoned future survives it."""

    def larger(self, state: State, theirs: State) -> State:
        return (max(state[0], theirs[0]), max(state[1], theirs[1]))


class IgnoresHigherEpochs(ModelClock):
    """The remote's epoch is not taken over."""

    def larger(self, state: State, theirs: State) -> State:
        return (state[0], max(state[1], theirs[1]))


class MergesOlderEpochs(ModelClock):
    """The time of an older epoch, which a reset has left behind, comes back."""

    def is_older_epoch(self, theirs: State, state: State) -> bool:
        return False

    def larger(self, state: State, theirs: State) -> State:
        return (max(state[0], theirs[0]), theirs[1] if theirs[0] > state[0] else max(state[1], theirs[1]))


class DriftAgainstReceived(ModelClock):
    """Drift is held against what was received before, so that the limit creeps along."""

    def is_beyond(self, their_physical: int, physical: int) -> bool:
        return super().is_beyond(their_physical, max(physical, self.state[1] // 4096))


class DriftExclusive(ModelClock):
    """``>=`` for ``>``: the limit itself is refused."""

    def is_beyond(self, their_physical: int, physical: int) -> bool:
        return self.max_drift_us is not None and their_physical - physical >= self.max_drift_us


class DriftIntoThePast(ModelClock):
    """Old timestamps are refused as well."""

    def is_beyond(self, their_physical: int, physical: int) -> bool:
        return self.max_drift_us is not None and abs(their_physical - physical) > self.max_drift_us


class NoDriftLimit(ModelClock):
    """Anything is taken."""

    def is_beyond(self, their_physical: int, physical: int) -> bool:
        return False


class RefusesTooLate(ModelClock):
    """A refusal that has ticked already."""

    def refuse(self, counter: str) -> None:
        super().refuse(counter)
        self.state = (self.state[0], self.state[1] + 1)


class KeepsHalfABatch(ModelClock):
    """What came before the refused one of a batch stays merged."""

    def fold(self, remotes: Sequence[Timestamp], physical: int, policy: str, trusted: bool) -> tuple[State, list[str]]:
        counted: list[str] = []
        for remote in remotes:
            self.state, name = self.merge(self.state, remote, physical, policy, trusted)
            counted += [name] if name else []
        return self.state, counted


class IgnoreAdopts(ModelClock):
    """``ignore`` counts, and takes it all the same."""

    def ignored(self, state: State, theirs: State) -> State:
        return max(state, theirs)


class ClampsToItsReading(ModelClock):
    """``clamp`` takes nothing beyond the reading."""

    def clamped(self, physical: int) -> int:
        return physical * 4096


class UnguardedEpochs(ModelClock):
    """One message with epoch 65535 poisons it for good."""

    def may_step(self, proposed: int) -> bool:
        return True


class JumpsAfterAMinute(ModelClock):
    """The minute is kept, the single step is not."""

    def may_step(self, proposed: int) -> bool:
        return self.minute_has_passed()


class StepsWithoutAMinute(ModelClock):
    """One step at a time, but as many as there are messages."""

    def minute_has_passed(self) -> bool:
        return True


class MinuteOfWallTime(ModelClock):
    """Whoever sets the wall clock sets the minute."""

    def monotonic_ns(self) -> int:
        return self.source()


class RefusalsSpendTheMinute(ModelClock):
    """Knocking keeps the door shut."""

    def refuse(self, counter: str) -> None:
        super().refuse(counter)
        self.stepped_ns = self.monotonic_ns()


class NewcomersAreBound(ModelClock):
    """A clock that has issued nothing cannot join a cluster that has been reset."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.begun = True


class NeverBegins(ModelClock):
    """It passes for a newcomer all its life."""

    def issue(self, merged: State, physical: int) -> Timestamp:
        result = super().issue(merged, physical)
        self.begun = False
        return result


class OverlooksCollisions(ModelClock):
    """A second clock under the same node goes unnoticed."""

    def is_collision(self, theirs: State, state: State) -> bool:
        return False


class CollidesWithItself(ModelClock):
    """``>=`` for ``>``: its own latest timestamp, coming back, is refused."""

    def is_collision(self, theirs: State, state: State) -> bool:
        return theirs >= state


class OperatorKeepsTheFuture(ModelClock):
    """``advance_epoch`` and ``reset`` go on from the poisoned time."""

    def start_over(self, physical: int) -> int:
        return max(physical * 4096, self.state[1])


MUTANTS: tuple[type[ModelClock], ...] = tuple(
    kind
    for kind in globals().values()
    if isinstance(kind, type) and issubclass(kind, ModelClock) and kind is not ModelClock
)
