"""A second clock, written from the rules alone, in another way than the library: one word, ``physical * 4096 + logical``.

Every decision is a small method, so that ``mutants.py`` can get one of them wrong at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flocktime import DriftError, EpochError, NodeCollision, Timestamp
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_EPOCH, stamp

MINUTE_NS = 60_000_000_000
COUNTED = (
    "carries", "refused_drift", "refused_epoch", "refused_collision", "adopted_beyond_limit", "ignored", "clamped",
    "collisions_adopted", "epochs_adopted", "epochs_advanced", "resets",
)  # fmt: skip

State = tuple[int, int]  # epoch, word


class ModelClock:
    """The rules of a clock on a manual source."""

    def __init__(
        self,
        *,
        source: ManualSource,
        node: int,
        max_drift_us: int | None = 500_000,
        on_drift: str = "reject",
        on_collision: str = "reject",
        last: Timestamp | None = None,
        epoch: int = 0,
    ) -> None:
        self.source, self.node, self.max_drift_us = source, node, max_drift_us
        self.on_drift, self.on_collision = on_drift, on_collision
        self.state: State = (epoch, 0)
        if last is not None:
            self.state = max(self.state, (last.epoch, _word(last)))
        self.begun = last is not None
        self.stepped_ns: int | None = None
        self.counts = dict.fromkeys(COUNTED, 0)

    # What a user calls.

    def now(self) -> Timestamp:
        return self.issue(self.state, self.reading())

    def now_many(self, n: int) -> list[Timestamp]:
        return [self.now() for _ in range(n)]

    def update(self, ts: Timestamp, *, on_drift: str | None = None, trusted: bool = False) -> Timestamp:
        return self.update_many([ts], on_drift=on_drift, trusted=trusted)

    def update_many(
        self, timestamps: Iterable[Timestamp], *, on_drift: str | None = None, trusted: bool = False
    ) -> Timestamp:
        physical, policy = self.reading(), on_drift or self.on_drift
        merged, counted = self.fold(list(timestamps), physical, policy, trusted)
        for name in counted:
            self.counts[name] += 1
        if merged[0] > self.state[0]:
            self.counts["epochs_adopted"] += 1
            if not trusted and self.begun:
                self.stepped_ns = self.monotonic_ns()
        return self.received(merged, physical)

    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp:
        epoch = self.state[0]
        if epoch == MAX_EPOCH or not force:
            raise EpochError("refused", epoch=epoch, proposed=epoch + 1)
        self.counts["epochs_advanced"] += 1
        physical = self.reading()
        return self.issue((epoch + 1, self.start_over(physical)), physical)

    def reset(self, reason: str) -> Timestamp:
        self.counts["resets"] += 1
        self.node = self.node % 2**47 + 1
        physical = self.reading()
        return self.issue((self.state[0], self.start_over(physical)), physical)

    @property
    def epoch(self) -> int:
        return self.state[0]

    @property
    def last(self) -> Timestamp | None:
        return None if self.state[1] == 0 and not self.begun else self.stamped(self.state)

    # The decisions.

    def reading(self) -> int:
        """Whole microseconds, within what a timestamp can hold."""
        return max(0, min(self.source() // 1000, HORIZON_US))

    def monotonic_ns(self) -> int:
        """What the minute between two steps is measured by."""
        return self.source.monotonic_ns()

    def tick(self, word: int, physical: int) -> int:
        """One more, or the reading if that is later."""
        return max(word + 1, physical * 4096)

    def start_over(self, physical: int) -> int:
        """Where ``advance_epoch`` and ``reset`` begin."""
        return physical * 4096

    def issue(self, merged: State, physical: int) -> Timestamp:
        """The tick that follows every merge."""
        word = self.tick(merged[1], physical)
        self.counts["carries"] += word % 4096 == 0 and word // 4096 > physical
        self.state, self.begun = (merged[0], word), True
        return self.stamped(self.state)

    def received(self, merged: State, physical: int) -> Timestamp:
        """Receiving is an event, and ticks like any other."""
        return self.issue(merged, physical)

    def stamped(self, state: State) -> Timestamp:
        """A state as a timestamp of this clock."""
        return stamp(state[1] // 4096, state[1] % 4096, self.node, state[0])

    def fold(self, remotes: Sequence[Timestamp], physical: int, policy: str, trusted: bool) -> tuple[State, list[str]]:
        """Merge one after the other into a copy; nothing is kept unless all are accepted."""
        merged, counted = self.state, []
        for remote in remotes:
            merged, name = self.merge(merged, remote, physical, policy, trusted)
            if name:
                counted.append(name)
        return merged, counted

    def merge(
        self, state: State, remote: Timestamp, physical: int, policy: str, trusted: bool
    ) -> tuple[State, str | None]:
        """The judgement of one remote timestamp, in the order of the rules."""
        theirs, counted = (remote.epoch, self.their_word(remote)), None
        if self.is_older_epoch(theirs, state):
            return state, None
        if remote.physical_us > HORIZON_US or self.is_beyond(remote.physical_us, physical):
            if policy == "reject" or remote.physical_us > HORIZON_US:
                self.refuse("refused_drift")
                raise DriftError("refused", remote=remote)
            if policy == "ignore":
                return self.ignored(state, theirs), "ignored"
            if policy == "clamp":
                theirs = (remote.epoch, self.clamped(physical))
            counted = "clamped" if policy == "clamp" else "adopted_beyond_limit"
        if theirs[0] > state[0] and not trusted and self.begun and not self.may_step(theirs[0]):
            self.refuse("refused_epoch")
            raise EpochError("refused", remote=remote, epoch=self.state[0], proposed=theirs[0])
        if remote.node == self.node and self.is_collision(theirs, state):
            if self.on_collision == "reject":
                self.refuse("refused_collision")
                raise NodeCollision("refused", remote=remote, last=self.stamped(state))
            counted = "collisions_adopted"
        return self.larger(state, theirs), counted

    def their_word(self, remote: Timestamp) -> int:
        """Time and counter of the remote."""
        return _word(remote)

    def is_older_epoch(self, theirs: State, state: State) -> bool:
        """Nothing of an older epoch is looked at."""
        return theirs[0] < state[0]

    def is_beyond(self, their_physical: int, physical: int) -> bool:
        """Further in the future of the reading than the limit, which is inclusive."""
        return self.max_drift_us is not None and their_physical - physical > self.max_drift_us

    def clamped(self, physical: int) -> int:
        """The most that the limit allows."""
        return (physical + (self.max_drift_us or 0)) * 4096

    def ignored(self, state: State, theirs: State) -> State:
        """``ignore`` keeps what there was."""
        return state

    def may_step(self, proposed: int) -> bool:
        """One step up from where the call began, a minute after the last that nobody vouched for."""
        return proposed == self.state[0] + 1 and self.minute_has_passed()

    def minute_has_passed(self) -> bool:
        """Or no such step was ever taken."""
        return self.stepped_ns is None or self.monotonic_ns() - self.stepped_ns >= MINUTE_NS

    def is_collision(self, theirs: State, state: State) -> bool:
        """Above everything that was issued here."""
        return theirs > state

    def larger(self, state: State, theirs: State) -> State:
        """The maximum; a higher epoch comes with its own time."""
        return max(state, theirs)

    def refuse(self, counter: str) -> None:
        """A refusal is counted, and that is all that it does."""
        self.counts[counter] += 1


def _word(ts: Timestamp) -> int:
    return ts.physical_us * 4096 + ts.logical
