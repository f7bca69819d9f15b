"""Two clocks, one of each backend, through the same calls at the same time: not a letter may differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.parity.backends import BACKENDS, core, fallback, on_both, outcome, plain, same
from tests.property import bad_inputs
from tests.support import MAX_EPOCH, MAX_PHYSICAL, NOW_US

POLICY = ["reject", "adopt", "ignore", "clamp"]
Fields = tuple[int, int, int, int]  # physical_us, logical, node, epoch


class Pair:
    """A clock of each backend on a manual source of each."""

    def __init__(self, **options: Any) -> None:
        self.sources = [backend.ManualSource(NOW_US) for backend in BACKENDS]
        last: Fields | None = options.pop("last", None)
        self.options = options
        self.clocks = [
            backend.Clock(source=source, last=None if last is None else _stamp(backend, last), **options)
            for backend, source in zip(BACKENDS, self.sources, strict=True)
        ]

    def both(self, call: Callable[..., Any]) -> Any:
        """The same call on both; it is given the clock and a maker of timestamps of the same backend."""
        return same(
            [
                lambda: call(self.clocks[0], lambda fields: _stamp(core, fields)),
                lambda: call(self.clocks[1], lambda fields: _stamp(fallback, fields)),
            ]
        )

    def move(self, method: str, by: int) -> None:
        """Move both sources."""
        same([lambda each=each: getattr(each, method)(by) for each in self.sources])

    def reset(self) -> None:
        """Reset both. The new nodes are random and so differ; everything else must not. Go on with a common node again."""
        results = [clock.reset("because") for clock in self.clocks]
        assert results[0].to_int() >> 48 == results[1].to_int() >> 48
        for clock, result in zip(self.clocks, results, strict=True):
            assert clock.node == result.node != 1
            assert clock.last == result
        self.agree(but_for_the_node=True)
        self.clocks = [
            backend.Clock(source=source, last=backend.Timestamp.from_int(result.to_int() >> 48 << 48), **self.options)
            for backend, source, result in zip(BACKENDS, self.sources, results, strict=True)
        ]

    def agree(self, *, but_for_the_node: bool = False) -> None:
        """All that is to be seen of them is the same."""
        assert self.clocks[0].stats() == self.clocks[1].stats()
        for look in ("epoch", "name", "ahead_by"):
            assert getattr(self.clocks[0], look) == getattr(self.clocks[1], look)
        if not but_for_the_node:
            for see in (lambda clock: plain(clock.last), lambda clock: clock.node, repr):
                assert see(self.clocks[0]) == see(self.clocks[1])

    @property
    def reached(self) -> tuple[int, int, int]:
        """Time, counter and epoch of the latest timestamp."""
        last = self.clocks[1].last
        return (0, 0, self.clocks[1].epoch) if last is None else (last.physical_us, last.logical, last.epoch)


def _stamp(backend: Any, fields: Fields) -> Any:
    return backend.Timestamp(fields[0], fields[1], node=fields[2], epoch=fields[3])


def _placed(pair: Pair, drawn: tuple[str, int, str, int, int]) -> Fields:
    """A remote timestamp relative to where the pair is."""
    base, by_us, counter, node, epoch = drawn
    physical, logical, own_epoch = pair.reached
    reading = pair.sources[1]() // 1000
    base_us = {"state": physical, "reading": reading, "limit": reading + 500_000, "end": MAX_PHYSICAL - 86_400_000_000}[
        base
    ]
    return (
        max(0, min(base_us + by_us, MAX_PHYSICAL)),
        {"same": logical, "next": (logical + 1) % 4096, "none": 0, "full": 4095}[counter],
        node,
        max(0, min(own_epoch + epoch, MAX_EPOCH)),
    )


BASES, COUNTERS = ["state", "reading", "limit", "end"], ["same", "next", "none", "full"]
DRAWN = st.tuples(
    st.sampled_from(BASES), st.integers(-2, 2), st.sampled_from(COUNTERS), st.sampled_from([1, 2, 2, 3, 2**48 - 1]),
    st.sampled_from([0, 0, 0, -1, 1, 2]),
)  # fmt: skip
STEPS = st.one_of(
    st.integers(0, 5), st.sampled_from([9_999, 99_999, 100_000, 500_001, 59_999_999, 60_000_000, 600_000_000])
)


class BothClocks(RuleBasedStateMachine):
    """Rules are calls; every outcome is compared at once."""

    pair: Pair

    @initialize(
        limit=st.sampled_from([0, 0.5, 0.000_001, timedelta(seconds=1), None]),
        on_drift=st.sampled_from(POLICY),
        on_collision=st.sampled_from(["reject", "adopt"]),
        last=st.sampled_from([None, None, (0, 0, 0, 0), (NOW_US, 4095, 9, 2), (NOW_US + 10**9, 0, 1, 0)]),
        epoch=st.sampled_from([0, 0, 7, MAX_EPOCH - 1]),
    )
    def start(self, limit: Any, on_drift: str, on_collision: str, last: Fields | None, epoch: int) -> None:
        self.pair = Pair(
            name="both", node=1, max_drift=limit, on_drift=on_drift, on_collision=on_collision, last=last, epoch=epoch
        )

    @rule(method=st.sampled_from(["advance", "step_back"]), by=STEPS)
    def move(self, method: str, by: int) -> None:
        self.pair.move(method, by)

    @rule(to=st.one_of(st.integers(NOW_US - 5, NOW_US + 5), st.sampled_from([-1, 0, NOW_US + 10**12, 2**52, 2**53])))
    def set(self, to: int) -> None:
        self.pair.move("set", to)

    @rule()
    def now(self) -> None:
        self.pair.both(lambda clock, _: clock.now())

    @rule(n=st.sampled_from([-1, 0, 1, 3, 4097, 65_537]))
    def now_many(self, n: int) -> None:
        self.pair.both(lambda clock, _: clock.now_many(n))

    @rule(drawn=DRAWN, on_drift=st.sampled_from([None, None, *POLICY, "other"]), trusted=st.booleans())
    def update(self, drawn: Any, on_drift: str | None, trusted: bool) -> None:
        fields = _placed(self.pair, drawn)
        self.pair.both(lambda clock, make: clock.update(make(fields), on_drift=on_drift, trusted=trusted))

    @rule(drawn=st.lists(DRAWN, max_size=4), on_drift=st.sampled_from([None, *POLICY]), trusted=st.booleans())
    def update_many(self, drawn: Any, on_drift: str | None, trusted: bool) -> None:
        batch = [_placed(self.pair, each) for each in drawn]
        self.pair.both(lambda clock, make: clock.update_many(map(make, batch), on_drift=on_drift, trusted=trusted))

    @rule(drawn=DRAWN)
    def observe(self, drawn: Any) -> None:
        fields = _placed(self.pair, drawn)
        self.pair.both(lambda clock, make: clock.observe(make(fields)))

    @rule(force=st.booleans())
    def advance_epoch(self, force: bool) -> None:
        self.pair.both(lambda clock, _: clock.advance_epoch("because", force=force))

    @rule()
    def reset(self) -> None:
        self.pair.reset()

    @invariant()
    def agree(self) -> None:
        if hasattr(self, "pair"):
            self.pair.agree()


TestBothClocks = BothClocks.TestCase
TestBothClocks.settings = settings(stateful_step_count=40)


def test_a_long_walk(rng: Random, campaign: bool) -> None:
    """Ten thousand random calls with ties, limits, jumps and epochs: the same all along."""
    pair = Pair(node=1, on_drift="reject")
    for step in range(500_000 if campaign else 10_000):
        kind = rng.randrange(20)
        drawn = (
            rng.choice(BASES),
            rng.randrange(-2, 3),
            rng.choice(COUNTERS),
            rng.choice([1, 2, 3]),
            rng.choice([-1, 0, 0, 0, 1]),
        )
        fields = _placed(pair, drawn)
        policy = rng.choice([None, *POLICY])
        if kind < 5:
            pair.both(lambda clock, _: clock.now())
        elif kind < 12:
            pair.both(lambda clock, make, f=fields, p=policy: clock.update(make(f), on_drift=p))
        elif kind < 14:
            pair.both(lambda clock, make, f=fields: clock.update_many([make(f), make((NOW_US, 0, 5, 0))]))
        elif kind < 17:
            pair.move("advance", rng.choice([0, 1, 1, 7, 100_000, 60_000_000]))
        elif kind < 18:
            pair.move("step_back", rng.choice([1, 20_000, 10**6]))
        elif kind < 19:
            count = rng.randrange(5)
            pair.both(lambda clock, _, n=count: clock.now_many(n))
        elif step % 50 == 0:
            pair.reset()
        if step % 20 == 0:
            pair.agree()
    pair.agree()


def test_the_same_refusals_of_arguments(rng: Random) -> None:
    """Five thousand constructors and moves with arguments that make no sense: the same error, word for word."""
    for _ in range(5_000):
        case = bad_inputs.maker_case(rng)
        on_both(lambda backend, case=case: type(bad_inputs.made(backend, case)).__name__)


@pytest.mark.parametrize("wrong", [None, 1, "x", b"x", 1.5, True, object])
def test_the_same_refusals_of_types(wrong: Any) -> None:
    """Every argument of every call, given something of another type: the same error, word for word."""
    calls: list[Callable[[Any, Any], Any]] = [
        lambda clock, ts: clock.update(wrong),
        lambda clock, ts: clock.update(ts, on_drift=wrong),
        lambda clock, ts: clock.update(ts, trusted=wrong),
        lambda clock, ts: clock.update_many(wrong),
        lambda clock, ts: clock.update_many([ts, wrong]),
        lambda clock, ts: clock.update_many([ts], trusted=wrong),
        lambda clock, ts: clock.observe(wrong),
        lambda clock, ts: clock.now_many(wrong),
        lambda clock, ts: clock.advance_epoch(wrong, force=True),
        lambda clock, ts: clock.advance_epoch("why", force=wrong),
        lambda clock, ts: clock.reset(wrong) if wrong != "x" else None,
    ]
    for call in calls:
        on_both(lambda b, call=call: call(b.Clock(node=1, source=b.ManualSource(NOW_US)), b.Timestamp(NOW_US, node=2)))


@pytest.mark.parametrize(
    "call",
    [lambda c: c.now(1), lambda c: c.update(), lambda c: c.update(1, 2), lambda c: c.reset(), lambda c: c.now_many(),
     lambda c: c.stats(1), lambda c: c.update_many(), lambda c: c.advance_epoch()],
)  # fmt: skip
def test_the_same_kind_of_wrong_call(call: Callable[[Any], Any]) -> None:
    """A call with too few or too many arguments is a ``TypeError`` on both; its words are Python's own."""
    for backend in BACKENDS:
        result = outcome(lambda backend=backend: call(backend.Clock()))
        assert result[0] == "raised"
        assert result[1][0] is TypeError


def test_the_same_pickling_refused() -> None:
    """Neither clock pickles, and both say the same."""
    assert on_both(lambda backend: backend.Clock().__reduce__())[0] == "raised"
