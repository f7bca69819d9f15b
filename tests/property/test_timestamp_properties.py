"""Timestamps drawn at random, edges first: every form leads back, every order agrees."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime import InvalidTimestamp, Timestamp
from flocktime.testing import ManualSource, SkewedSource
from flocktime.testing.strategies import LAST_USABLE_US, clocks, manual_sources, nodes, skewed_sources, timestamps
from tests.support import HORIZON_US, MAX_EPOCH, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL, stamp
from tests.vectors import arithmetic

PAIRS = st.tuples(timestamps(), timestamps())


@st.composite
def close_pairs(draw: st.DrawFn) -> tuple[Timestamp, Timestamp]:
    """Two that differ in one field alone, by little, or not at all."""
    first = draw(timestamps())
    bit = draw(st.integers(0, 127))
    return first, Timestamp.from_int(first.to_int() ^ draw(st.sampled_from([0, 1 << bit])))


@given(timestamps())
def test_every_form_leads_back(ts: Timestamp) -> None:
    """Decoding what was encoded gives the value, for every form and every value that the form can hold."""
    assert Timestamp.from_int(ts.to_int()) == ts
    assert Timestamp.from_bytes(ts.to_bytes()) == ts
    assert Timestamp.from_hex(ts.to_hex()) == ts
    assert Timestamp.from_str(ts.to_str()) == ts
    assert Timestamp.from_json(ts.to_json()) == ts
    assert Timestamp.from_datetime(ts.to_datetime(), ts.logical, node=ts.node, epoch=ts.epoch) == ts
    assert pickle.loads(pickle.dumps(ts)) == ts
    assert copy.deepcopy(ts) == ts
    if ts.epoch <= 15:
        assert Timestamp.from_uuid(ts.to_uuid()) == ts
    else:
        with pytest.raises(InvalidTimestamp):
            ts.to_uuid()


@given(timestamps())
def test_every_form_is_what_plain_arithmetic_gives(ts: Timestamp) -> None:
    """The independent computation behind the vectors agrees on any value, not only on those written down."""
    fields = (ts.epoch, ts.physical_us, ts.logical, ts.node)
    assert ts.to_int() == arithmetic.integer(fields)
    assert ts.to_hex() == arithmetic.hexadecimal(fields)
    assert str(ts) == arithmetic.text(fields)
    assert hash(ts) == arithmetic.python_hash(fields)
    if ts.epoch <= 15:
        assert str(ts.to_uuid()) == arithmetic.uuid(fields)


@given(st.one_of(PAIRS, close_pairs()))
def test_every_order_is_the_order(pair: tuple[Timestamp, Timestamp]) -> None:
    """Two timestamps compare like their integers, bytes and texts, and like their UUIDs within an epoch."""
    a, b = pair
    less = a.to_int() < b.to_int()
    assert (a < b, b > a, a >= b, b <= a) == (less, less, not less, not less)
    assert (a == b) == (a.to_int() == b.to_int()) == (not a != b)
    assert (a.to_bytes() < b.to_bytes()) == less
    assert (a.to_hex() < b.to_hex()) == less
    assert (str(a) < str(b)) == less
    assert (a.to_json() < b.to_json()) == less
    if a.epoch == b.epoch <= 15:
        assert (a.to_uuid() < b.to_uuid()) == less
    if a == b:
        assert hash(a) == hash(b)


@given(st.one_of(PAIRS, close_pairs()))
def test_differences_add_up(pair: tuple[Timestamp, Timestamp]) -> None:
    """Within an epoch ``b + (a - b)`` has the time of ``a``, and the difference has the sign of the order of times."""
    a, b = pair[0], stamp(pair[1].physical_us, pair[1].logical, pair[1].node, pair[0].epoch)
    assert (b + (a - b)).physical_us == a.physical_us
    assert (a - b == timedelta(0)) == (a.physical_us == b.physical_us)
    assert (a - b > timedelta(0)) == (a.physical_us > b.physical_us)


@given(timestamps(), st.timedeltas())
def test_moving_is_exact_or_refused(ts: Timestamp, step: timedelta) -> None:
    """A sum that fits is exact and moves nothing else; one that does not is refused."""
    target = ts.physical_us + step // timedelta(microseconds=1)
    if 0 <= target <= MAX_PHYSICAL:
        assert ts + step == stamp(target, ts.logical, ts.node, ts.epoch)
    else:
        with pytest.raises(InvalidTimestamp):
            _ = ts + step


@given(st.data())
def test_drawn_timestamps_stay_within_their_bounds(data: st.DataObject) -> None:
    """The strategy keeps ``min_value``, ``max_value``, ``epochs`` and ``nodes``, even where the bounds are one value."""
    low, high = sorted((data.draw(timestamps()), data.draw(timestamps())))
    assert low <= data.draw(timestamps(low, high)) <= high
    assert data.draw(timestamps(low, low)) == low
    some = data.draw(timestamps(epochs=st.sampled_from([3, 4]), nodes=st.sampled_from([7, 8])))
    assert some.epoch in (3, 4)
    assert some.node in (7, 8)
    with pytest.raises(ValueError, match="lies above max_value"):
        timestamps(Timestamp.MAX, Timestamp.MIN)


@given(manual_sources(5, 9), skewed_sources(max_offset=timedelta(seconds=2), max_ppm=10.0), nodes())
def test_drawn_sources_are_what_was_asked_for(manual: ManualSource, skewed: SkewedSource, node: int) -> None:
    """Bounds are kept; a skewed source is a callable like every source."""
    assert 5_000 <= manual() <= 9_000
    assert type(skewed()) is int
    assert 0 <= node <= MAX_NODE


@given(st.data())
def test_drawn_clocks_work(data: st.DataObject) -> None:
    """Every clock that the strategy gives issues timestamps of its node, above what it was given."""
    last = stamp(HORIZON_US - 10**9, MAX_LOGICAL, 3, MAX_EPOCH)
    clock = data.draw(clocks(nodes=st.just(7), last=st.just(last), max_drifts=st.none()))
    assert clock.now() > last
    assert clock.now().node == 7
    assert data.draw(clocks(sources=skewed_sources(), on_drift="clamp")).last is None


def test_the_last_usable_instant_is_the_one_that_clocks_keep() -> None:
    """What the strategies call usable is what a clock takes, to the microsecond."""
    assert LAST_USABLE_US == HORIZON_US
