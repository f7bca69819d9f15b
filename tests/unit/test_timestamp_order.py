"""One total order, the same in every form, and arithmetic on physical time."""

from __future__ import annotations

import functools
import operator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from flocktime import EpochError, InvalidTimestamp, Timestamp
from tests.support import MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL, NOW_US, stamp, vectors

ORDER = [(row, Timestamp.from_hex(row["hex"])) for row in vectors("ordering.json")]
MICROSECOND = timedelta(microseconds=1)


def test_the_order_is_as_specified() -> None:
    """The vectors ascend strictly, by all six comparisons, and sorting any shuffle restores them."""
    stamps = [ts for _, ts in ORDER]
    assert sorted(stamps[::-1]) == stamps
    for i, a in enumerate(stamps):
        for j, b in enumerate(stamps):
            assert (a < b, a <= b, a == b, a != b, a >= b, a > b) == (i < j, i <= j, i == j, i != j, i >= j, i > j)


@pytest.mark.parametrize("form", ["to_bytes", "to_hex", "to_str", "to_json", "to_int"])
def test_every_form_sorts_like_the_value(form: str) -> None:
    """Bytes, texts and the integer may be compared in place of the timestamps, in a database for instance."""
    forms = [getattr(ts, form)() for _, ts in ORDER]
    assert sorted(reversed(forms)) == forms
    assert all(a < b for a, b in pairwise(forms))


def test_uuids_sort_within_an_epoch() -> None:
    """Inside one epoch the order of the UUIDs is that of the timestamps, as value, as text and as bytes."""
    for epoch in range(16):
        uuids = [ts.to_uuid() for _, ts in ORDER if ts.epoch == epoch]
        for a, b in pairwise(uuids):
            assert a < b
            assert str(a) < str(b)
            assert a.bytes < b.bytes


def test_a_higher_field_outweighs_all_lower_ones() -> None:
    """Epoch, then time, then counter, then node: the first that differs decides."""
    top = MAX_NODE
    assert stamp(0, 0, 0, 1) > stamp(MAX_PHYSICAL, MAX_LOGICAL, top, 0)
    assert stamp(1, 0, 0, 0) > stamp(0, MAX_LOGICAL, top, 0)
    assert stamp(0, 1, 0, 0) > stamp(0, 0, top, 0)
    assert stamp(0, 0, 1, 0) > stamp(0, 0, 0, 0)


@pytest.mark.parametrize("other", [0, 1.0, "", None, (0, 0, 0, 0), b"\0" * 16, object()])
def test_other_types_do_not_compare(other: Any) -> None:
    """Nothing else equals a timestamp, and none is smaller or greater: not even its own integer or bytes."""
    ts = Timestamp.MIN
    assert (ts == other) is False
    assert (ts != other) is True
    assert (other == ts) is False
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(TypeError, match="not supported between instances"):
            compare(ts, other)


def test_comparisons_leave_the_word_to_others() -> None:
    """Every comparison with another type answers ``NotImplemented``, so that the other type can decide."""
    for name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__ne__", "__sub__", "__add__", "__radd__"):
        assert getattr(Timestamp.MIN, name)("other") is NotImplemented

    class Anything:
        def __eq__(self, other: object) -> bool:
            return True

        def __gt__(self, other: object) -> bool:
            return True

        __hash__ = object.__hash__

    assert Anything() == Timestamp.MIN
    assert Anything() > Timestamp.MIN


FOUR_THOUSAND = {
    "neighbours in three fields": lambda i: stamp(NOW_US + i // 256, i // 16 % 16, node=i % 16),
    "microseconds": lambda i: stamp(NOW_US + i),
    "milliseconds": lambda i: stamp(NOW_US + i * 1000),
    "seconds": lambda i: stamp(NOW_US + i * 1_000_000),
    "counters": lambda i: stamp(NOW_US, i),
    "nodes": lambda i: stamp(NOW_US, node=i),
    "epochs": lambda i: stamp(NOW_US, epoch=i),
}


@pytest.mark.parametrize("kind", FOUR_THOUSAND)
def test_hashes_spread_whatever_field_varies(kind: str) -> None:
    """Equal values hash alike. 4,096 others, however alike, spread over the low bits that a dictionary looks at.

    4,096 balls thrown at random into 4,096 bins reach 63 % of them, 2,589. A hash that passed over a field would put all
    that differ in it alone into one.
    """
    stamps = [FOUR_THOUSAND[kind](i) for i in range(4096)]
    assert len({hash(ts) for ts in stamps}) == 4096
    assert all(hash(Timestamp.from_bytes(ts.to_bytes())) == hash(ts) for ts in stamps)
    for bits, least in ((0, 2_300), (4, 2_300), (8, 2_300), (20, 1_600), (40, 1_600)):
        used = len({hash(ts) >> bits & 4095 for ts in stamps})
        assert used >= least, f"bits {bits} to {bits + 11}: {used} bins"


def test_a_difference_is_a_signed_timedelta() -> None:
    """Within an epoch ``a - b`` is the exact physical distance; counter and node play no part."""
    a, b = stamp(NOW_US + 1_500_001, 3, node=1), stamp(NOW_US, 7, node=2)
    assert a - b == timedelta(seconds=1, microseconds=500_001)
    assert b - a == -(a - b)
    assert a - a == timedelta(0)
    assert stamp(MAX_PHYSICAL) - stamp(0) == timedelta(microseconds=MAX_PHYSICAL)
    assert stamp(0) - stamp(MAX_PHYSICAL) == timedelta(microseconds=-MAX_PHYSICAL)


@pytest.mark.parametrize(("left", "right"), [(0, 1), (1, 0), (0, 65_535)])
def test_no_difference_across_epochs(left: int, right: int) -> None:
    """Across epochs a later stamp may carry an earlier time, so there is no time between them."""
    with pytest.raises(EpochError) as caught:
        _ = stamp(NOW_US, epoch=left) - stamp(NOW_US, epoch=right)
    assert str(caught.value) == (
        f"timestamps of epochs {left} and {right} have no time between them: it was corrected in between"
    )
    assert (caught.value.epoch, caught.value.proposed, caught.value.remote) == (left, right, None)


def test_adding_a_timedelta_moves_physical_time_alone() -> None:
    """From either side, forwards and backwards; counter, node and epoch stay."""
    ts = stamp(NOW_US, 7, node=0x2A, epoch=3)
    later = stamp(NOW_US + 1_000_001, 7, node=0x2A, epoch=3)
    step = timedelta(seconds=1, microseconds=1)
    assert ts + step == step + ts == later
    assert later - step == ts
    assert ts + timedelta(0) == ts
    assert (later - ts) + ts == later


@pytest.mark.parametrize(
    "moved",
    [
        lambda: Timestamp.MIN - MICROSECOND,
        lambda: Timestamp.MIN + -MICROSECOND,
        lambda: Timestamp.MAX + MICROSECOND,
        lambda: Timestamp.MIN + timedelta.max,
        lambda: Timestamp.MAX + timedelta.max,
        lambda: Timestamp.MAX + timedelta.min,
        lambda: Timestamp.MIN - timedelta.min,
        lambda: Timestamp.MAX - timedelta.max,
    ],
)
def test_moving_beyond_the_ends_is_refused(moved: Any) -> None:
    """No wrap-around and no overflow, however far: the field that does not fit is named."""
    with pytest.raises(InvalidTimestamp, match="physical_us must lie in"):
        moved()


@pytest.mark.parametrize("other", [1, 1.0, "1", None, (1,)])
def test_nothing_else_can_be_added(other: Any) -> None:
    """A bare number has no unit: it is neither added nor subtracted."""
    for operation in (operator.add, operator.sub):
        with pytest.raises(TypeError, match="unsupported operand"):
            operation(Timestamp.MIN, other)
        with pytest.raises(TypeError):
            operation(other, Timestamp.MIN)
    with pytest.raises(TypeError):
        functools.reduce(operator.add, [Timestamp.MIN, Timestamp.MIN])
