"""Clock and model, side by side through any sequence of calls: same results, same refusals, same counters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flocktime import Clock, ClockError, Timestamp
from flocktime.testing import ManualSource
from flocktime.testing.strategies import timestamps
from tests.property.clock_model import COUNTED, ModelClock
from tests.support import MAX_EPOCH, MAX_PHYSICAL, NOW_US, stamp

POLICIES = st.sampled_from([None, "reject", "adopt", "ignore", "clamp"])
#: A remote timestamp: one of its own, or where it lies from what the clock has reached when it arrives.
Drawn = Timestamp | tuple[str, int, str, str, int]
REMOTES: st.SearchStrategy[Drawn] = st.one_of(
    st.tuples(
        st.sampled_from(["state", "reading", "limit"]),
        st.integers(-2, 2),
        st.sampled_from(["same", "next", "none", "full"]),
        st.sampled_from(["other", "other", "own"]),
        st.sampled_from([0, 0, 0, -1, 1, 2]),
    ),
    timestamps(),
)
#: Distances that matter: ties, the limit and around it, the minute.
STEPS = st.one_of(st.integers(0, 3), st.sampled_from([499_999, 500_000, 500_001, 59_999_999, 60_000_000, 60_000_001]))


class ClockAgainstModel(RuleBasedStateMachine):
    """Both run on one manual source, so that they see the same time."""

    clock: Clock
    model: ModelClock
    source: ManualSource

    @initialize(
        limit_us=st.sampled_from([0, 1, 500_000, None]),
        on_drift=st.sampled_from(["reject", "adopt", "ignore", "clamp"]),
        on_collision=st.sampled_from(["reject", "adopt"]),
        last=st.one_of(st.none(), timestamps(stamp(NOW_US - 5), stamp(NOW_US + 5)), st.just(stamp(0))),
        epoch=st.sampled_from([0, 0, 3]),
    )
    def start(self, limit_us: int | None, on_drift: str, on_collision: str, last: Timestamp | None, epoch: int) -> None:
        self.source = ManualSource(NOW_US)
        common: dict[str, Any] = {
            "source": self.source, "node": 1, "on_drift": on_drift, "on_collision": on_collision, "last": last,
            "epoch": epoch,
        }  # fmt: skip
        self.clock = Clock(max_drift=None if limit_us is None else limit_us / 1_000_000, **common)
        self.model = ModelClock(max_drift_us=limit_us, **common)

    def both(self, call: Callable[[Any], object]) -> None:
        """The same call on both: the same result, or an error of the same kind about the same timestamp."""
        results = []
        for either in (self.clock, self.model):
            try:
                results.append(_plain(call(either)))
            except ClockError as refusal:
                results.append((type(refusal), getattr(refusal, "remote", None)))
        assert results[0] == results[1]

    @rule(by_us=STEPS)
    def time_passes(self, by_us: int) -> None:
        self.source.advance(by_us)

    @rule(by_us=STEPS)
    def time_is_set_back(self, by_us: int) -> None:
        self.source.step_back(by_us)

    @rule(to_us=st.one_of(st.integers(NOW_US - 5, NOW_US + 5), st.sampled_from([-1, 0, NOW_US + 10**12, 2**53])))
    def time_is_set(self, to_us: int) -> None:
        self.source.set(to_us)

    @rule()
    def now(self) -> None:
        self.both(lambda clock: clock.now())

    @rule(n=st.sampled_from([0, 1, 2, 3, 4097]))
    def now_many(self, n: int) -> None:
        self.both(lambda clock: clock.now_many(n))

    @rule(drawn=REMOTES, on_drift=POLICIES, trusted=st.booleans())
    def update(self, drawn: Drawn, on_drift: str | None, trusted: bool) -> None:
        remote = self.remote(drawn)
        self.both(lambda clock: clock.update(remote, on_drift=on_drift, trusted=trusted))

    @rule(drawn=st.lists(REMOTES, max_size=4), on_drift=POLICIES, trusted=st.booleans())
    def update_many(self, drawn: list[Drawn], on_drift: str | None, trusted: bool) -> None:
        remotes = [self.remote(each) for each in drawn]
        self.both(lambda clock: clock.update_many(remotes, on_drift=on_drift, trusted=trusted))

    @rule(drawn=REMOTES)
    def observe(self, drawn: Drawn) -> None:
        remote = self.remote(drawn)
        assert self.clock.observe(remote) == timedelta(microseconds=remote.physical_us - self.model.reading())

    @rule(force=st.booleans())
    def advance_epoch(self, force: bool) -> None:
        self.both(lambda clock: clock.advance_epoch("a rule", force=force))

    @rule()
    def reset(self) -> None:
        self.clock.reset("a rule")
        self.model.reset("a rule")
        self.model.node = self.clock.node
        assert self.clock.last == self.model.last

    @rule()
    def own_stamp_comes_back(self) -> None:
        last = self.model.last
        if last is not None:
            self.both(lambda clock: clock.update(last, on_drift="adopt"))

    def remote(self, drawn: Drawn) -> Timestamp:
        """A timestamp placed relative to what the clock has reached, so that ties and limits come up by themselves."""
        if isinstance(drawn, Timestamp):
            return drawn
        base, by_us, counter, node, epoch = drawn
        state_epoch, word = self.model.state
        reading = self.model.reading()
        base_us = {"state": word // 4096, "reading": reading, "limit": reading + (self.model.max_drift_us or 0)}[base]
        return stamp(
            max(0, min(base_us + by_us, MAX_PHYSICAL)),
            {"same": word % 4096, "next": (word + 1) % 4096, "none": 0, "full": 4095}[counter],
            node=self.model.node if node == "own" else 2,
            epoch=max(0, min(state_epoch + epoch, MAX_EPOCH)),
        )

    @invariant()
    def all_that_is_to_be_seen_agrees(self) -> None:
        if not hasattr(self, "clock"):
            return
        last, model_last = self.clock.last, self.model.last
        assert (last is None) == (model_last is None) or model_last == stamp(0, 0, self.model.node, self.clock.epoch)
        if last is not None and model_last is not None:
            assert last.to_int() >> 48 == model_last.to_int() >> 48
        assert self.clock.epoch == self.model.epoch
        stats = self.clock.stats()
        assert {name: getattr(stats, name) for name in COUNTED} == self.model.counts
        ahead_us = max(0, self.model.state[1] // 4096 - self.model.reading())
        assert self.clock.ahead_by == timedelta(microseconds=ahead_us)


def _plain(result: object) -> object:
    return [each.to_bytes() for each in result] if isinstance(result, list) else result


TestClockAgainstModel = ClockAgainstModel.TestCase
TestClockAgainstModel.settings = settings(stateful_step_count=40)
