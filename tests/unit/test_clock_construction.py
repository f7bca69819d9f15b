"""What a clock is made of, and what it refuses to be made of."""

from __future__ import annotations

import copy
import pickle
import weakref
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from flocktime import Clock, InvalidTimestamp, Timestamp
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_EPOCH, MAX_NODE, NOW_US, snapshot, stamp


def test_the_defaults() -> None:
    """Without arguments: no name, a random node, epoch 0, nothing issued yet, every counter at zero."""
    clock = Clock()
    assert (clock.name, clock.epoch, clock.last) == (None, 0, None)
    assert 0 <= clock.node <= MAX_NODE
    assert not any(clock.stats().as_dict().values())


def test_the_default_limit_is_half_a_second(manual_source: ManualSource) -> None:
    """Half a second is accepted, a microsecond more is not."""
    clock = Clock(source=manual_source, node=1)
    clock.update(stamp(NOW_US + 500_000, node=2))
    with pytest.raises(ValueError, match=r"0\.500001 s ahead of this clock's time, 0\.500000 s are allowed"):
        clock.update(stamp(NOW_US + 500_001, node=2))


def test_everything_is_a_keyword() -> None:
    """No argument goes by position, and an unknown one is refused."""
    with pytest.raises(TypeError):
        Clock("name")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Clock(colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", [None, "", "billing", "é🕒", "x" * 10_000])
def test_a_name_is_only_a_label(name: str | None, manual_source: ManualSource) -> None:
    """Any text will do, twice over: it plays no part in what is issued."""
    clock = Clock(name=name, node=7, source=manual_source)
    twin = Clock(name=name, node=7, source=manual_source)
    assert clock.name == name
    assert clock.now() == twin.now()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (0, 0),
        (0x2A, 0x2A),
        (MAX_NODE, MAX_NODE),
        (b"\0\0\0\0\0*", 0x2A),
        (b"\xff" * 6, MAX_NODE),
        (b"\1\0\0\0\0\0", 1 << 40),
    ],
)
def test_a_node_is_48_bits(node: int | bytes, expected: int) -> None:
    """As a number or as 6 bytes, most significant first; it is in every timestamp."""
    clock = Clock(node=node)
    assert clock.node == clock.now().node == expected


def test_random_nodes_differ() -> None:
    """A thousand clocks without a node have a thousand nodes, and use all 48 bits."""
    nodes = {Clock().node for _ in range(1000)}
    assert len(nodes) == 1000
    assert sum(node >> 24 != 0 for node in nodes) > 990
    assert len({node & 0xFFFF for node in nodes}) > 950


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": 5}, TypeError, "name must be a str, not int"),
        ({"name": b"x"}, TypeError, "name must be a str, not bytes"),
        ({"node": "7"}, TypeError, "node must be an int, not str"),
        ({"node": 7.0}, TypeError, "node must be an int, not float"),
        ({"node": bytearray(6)}, TypeError, "node must be an int, not bytearray"),
        ({"node": -1}, InvalidTimestamp, "node must lie in 0..=281474976710655, got -1"),
        ({"node": MAX_NODE + 1}, InvalidTimestamp, "node must lie in 0..=281474976710655, got 281474976710656"),
        ({"node": 1 << 3000}, InvalidTimestamp, "got an int of 3001 bits"),
        ({"node": b""}, InvalidTimestamp, "node must be 6 bytes long, got b''"),
        ({"node": b"1234567"}, InvalidTimestamp, "node must be 6 bytes long, got b'1234567'"),
        ({"max_drift": "1"}, TypeError, "max_drift must be seconds or a timedelta, not str"),
        ({"max_drift": True}, TypeError, "max_drift must be seconds or a timedelta, not bool"),
        ({"max_drift": Fraction(1, 2)}, TypeError, "max_drift must be seconds or a timedelta, not Fraction"),
        ({"max_drift": -0.1}, ValueError, "max_drift must not be negative, got -0.1"),
        ({"max_drift": -1}, ValueError, "max_drift must not be negative, got -1"),
        ({"max_drift": timedelta(microseconds=-1)}, ValueError, "max_drift must not be negative"),
        ({"max_drift": float("nan")}, ValueError, "max_drift must be a number of seconds, got nan"),
        ({"max_drift": float("inf")}, ValueError, "max_drift must be at most 100 years, got inf"),
        ({"max_drift": float("-inf")}, ValueError, "max_drift must be at most 100 years, got -inf"),
        ({"max_drift": 3_155_760_001}, ValueError, "max_drift must be at most 100 years, got 3155760001"),
        ({"max_drift": 10**400}, ValueError, "max_drift must be at most 100 years, got an int of 1329 bits"),
        ({"max_drift": timedelta.max}, ValueError, "max_drift must be at most 100 years"),
        ({"on_drift": "explode"}, ValueError, "on_drift must be one of reject, adopt, ignore, clamp, got 'explode'"),
        ({"on_drift": "REJECT"}, ValueError, "on_drift must be one of reject, adopt, ignore, clamp, got 'REJECT'"),
        ({"on_drift": None}, TypeError, "on_drift must be a str, not NoneType"),
        ({"on_collision": "ignore"}, ValueError, "on_collision must be one of reject, adopt, got 'ignore'"),
        ({"on_collision": 1}, TypeError, "on_collision must be a str, not int"),
        ({"source": 5}, TypeError, "source must be callable, not int"),
        ({"source": "time"}, TypeError, "source must be callable, not str"),
        ({"last": 5}, TypeError, "last must be a Timestamp, not int"),
        ({"last": b"\0" * 16}, TypeError, "last must be a Timestamp, not bytes"),
        ({"last": stamp(HORIZON_US + 1)}, InvalidTimestamp, f"last must not lie beyond {HORIZON_US} us"),
        ({"last": Timestamp.MAX}, InvalidTimestamp, f"last must not lie beyond {HORIZON_US} us"),
        ({"epoch": -1}, InvalidTimestamp, "epoch must lie in 0..=65535, got -1"),
        ({"epoch": 65_536}, InvalidTimestamp, "epoch must lie in 0..=65535, got 65536"),
        ({"epoch": "0"}, TypeError, "epoch must be an int, not str"),
        ({"epoch": None}, TypeError, "epoch must be an int, not NoneType"),
    ],
    ids=lambda value: ascii(value)[:40] if isinstance(value, dict) else None,
)
def test_bad_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Every argument is checked at once, not when it is first used; the error names it and what was wrong."""
    with pytest.raises(error) as caught:
        Clock(**arguments)
    assert type(caught.value) is error
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("limit", "accepted_us"),
    [(0, 0), (0.0, 0), (1, 1_000_000), (0.000_001, 1), (timedelta(microseconds=7), 7), (1e-7, 0), (2.5e-6, 2)],
)
def test_a_limit_in_seconds_or_as_a_timedelta(
    limit: float | timedelta, accepted_us: int, manual_source: ManualSource
) -> None:
    """Both mean the same, in whole microseconds, the nearest even one where a float lies between; inclusive."""
    clock = Clock(source=manual_source, node=1, max_drift=limit)
    clock.update(stamp(NOW_US + accepted_us, node=2))
    with pytest.raises(ValueError, match="ahead of this clock's time"):
        clock.update(stamp(NOW_US + accepted_us + 1, node=2))


def test_it_starts_after_what_it_was_given(manual_source: ManualSource) -> None:
    """``last`` is what the clock has reached already: shown as given, and everything issued lies above."""
    last = stamp(NOW_US + 10_000_000, 5, node=99, epoch=2)
    clock = Clock(source=manual_source, node=1, last=last)
    assert (clock.last, clock.epoch) == (last, 2)
    assert clock.now() == stamp(NOW_US + 10_000_000, 6, node=1, epoch=2)
    assert clock.last == stamp(NOW_US + 10_000_000, 6, node=1, epoch=2)


def test_it_can_start_at_the_very_last_instant(manual_source: ManualSource) -> None:
    """The horizon itself is allowed, full counter and all; the next timestamp still lies above."""
    last = stamp(HORIZON_US, 4095, node=1, epoch=MAX_EPOCH)
    clock = Clock(source=manual_source, node=1, last=last)
    assert clock.now() == stamp(HORIZON_US + 1, 0, node=1, epoch=MAX_EPOCH)


def test_the_higher_of_epoch_and_last_counts(manual_source: ManualSource) -> None:
    """An epoch given beside ``last`` raises it and never lowers it."""
    last = stamp(NOW_US + 10_000_000, 5, node=1, epoch=2)
    assert Clock(source=manual_source, node=1, last=last, epoch=1).now().epoch == 2
    raised = Clock(source=manual_source, node=1, last=last, epoch=3)
    assert (raised.epoch, raised.now()) == (3, stamp(NOW_US, 0, node=1, epoch=3))


def test_a_clock_does_not_pickle_or_copy() -> None:
    """Two copies of one clock would issue the same timestamps: pickling and copying raise, and change nothing."""
    clock = Clock()
    clock.now()
    before = snapshot(clock)
    attempts: list[Any] = [lambda p=p: pickle.dumps(clock, p) for p in range(pickle.HIGHEST_PROTOCOL + 1)]
    for attempt in (*attempts, lambda: copy.copy(clock), lambda: copy.deepcopy(clock)):
        with pytest.raises(
            TypeError, match=r"^cannot pickle 'flocktime\.Clock' object: give the other process a clock"
        ):
            attempt()
    assert snapshot(clock) == before


def test_a_clock_cannot_be_subclassed() -> None:
    """A subclass could weaken the rules."""
    with pytest.raises(TypeError, match="is not an acceptable base type"):
        type("Mine", (Clock,), {})


@pytest.mark.parametrize("name", ["name", "node", "epoch", "last", "ahead_by"])
def test_what_it_shows_cannot_be_set(name: str) -> None:
    """Properties are for looking."""
    clock = Clock(node=5)
    with pytest.raises(AttributeError):
        setattr(clock, name, 1)
    assert clock.node == 5


def test_a_clock_goes_away_with_its_last_reference() -> None:
    """Nothing keeps a clock alive behind its owner's back."""
    clock = Clock(source=ManualSource())
    reference = weakref.ref(clock)
    assert reference() is clock
    del clock
    assert reference() is None


def test_repr_says_who_and_how_far(manual_source: ManualSource) -> None:
    """The label, the node, the epoch and the latest timestamp, for logs."""
    clock = Clock(name="billing", node=0x2A, source=manual_source)
    assert repr(clock) == "<flocktime.Clock name='billing' node=0x00000000002a epoch=0 last=None>"
    ts = clock.now()
    assert repr(clock) == f"<flocktime.Clock name='billing' node=0x00000000002a epoch=0 last={ts}>"
