"""The value itself: fields, identity, immutability, copies and pickles."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from flocktime import InvalidTimestamp, Timestamp
from tests.support import MAX_EPOCH, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL, NOW_US, stamp

FIELDS = ("physical_us", "logical", "node", "epoch")


def test_the_four_fields_come_back() -> None:
    """What goes in as a field comes out as an attribute, at the ends of every range."""
    for epoch in (0, 1, MAX_EPOCH):
        for physical_us in (0, NOW_US, MAX_PHYSICAL):
            for logical in (0, 7, MAX_LOGICAL):
                for node in (0, 0x2A, MAX_NODE):
                    ts = Timestamp(physical_us, logical, node=node, epoch=epoch)
                    assert (ts.physical_us, ts.logical, ts.node, ts.epoch) == (physical_us, logical, node, epoch)


def test_only_the_time_is_required() -> None:
    """The counter, the node and the epoch are 0 unless given; the counter may be named."""
    assert Timestamp(5) == Timestamp(5, 0, node=0, epoch=0) == Timestamp(physical_us=5, logical=0)


def test_node_and_epoch_are_keywords() -> None:
    """Four numbers in a row are too easy to mix up: the last two need their names."""
    with pytest.raises(TypeError):
        Timestamp(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Timestamp()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Timestamp(1, colour=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [1.0, "1", None, b"1", [1], 1j])
def test_fields_are_ints(field: str, value: Any) -> None:
    """Only an int is a number here: a float of seconds is a mistake that must not pass for microseconds."""
    fields: dict[str, Any] = {"physical_us": 1, field: value}
    with pytest.raises(TypeError, match=rf"^{field} must be an int, not {type(value).__name__}$"):
        Timestamp(**fields)


@pytest.mark.parametrize(
    ("field", "largest"), [*zip(FIELDS, (MAX_PHYSICAL, MAX_LOGICAL, MAX_NODE, MAX_EPOCH), strict=True)]
)
@pytest.mark.parametrize("beyond", [1, 2**64, 2**4000])
def test_fields_stay_within_their_bits(field: str, largest: int, beyond: int) -> None:
    """One beyond either end is refused, by name and with the number; a huge number is described, not printed."""
    for value in (largest + beyond, -beyond):
        fields: dict[str, Any] = {"physical_us": 1, field: value}
        with pytest.raises(InvalidTimestamp) as caught:
            Timestamp(**fields)
        shown = str(value) if value.bit_length() <= 256 else f"an int of {value.bit_length()} bits"
        assert str(caught.value) == f"not a timestamp (fields): {field} must lie in 0..={largest}, got {shown}"
        assert (caught.value.form, caught.value.position) == ("fields", None)
        assert caught.value.reason == f"{field} must lie in 0..={largest}"


def test_ints_of_other_kinds_are_ints() -> None:
    """What can be an index is an int, as everywhere in Python; what fails on the way passes through."""

    class Five:
        def __index__(self) -> int:
            return 5

    class Broken:
        def __index__(self) -> int:
            raise ZeroDivisionError("broken")

    assert Timestamp(Five(), True) == Timestamp(5, 1)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError, match="broken"):
        Timestamp(Broken())  # type: ignore[arg-type]


def test_min_and_max_are_the_ends() -> None:
    """``MIN`` has no bit set and ``MAX`` has all; every field of them is at its end."""
    assert Timestamp.MIN.to_int() == 0
    assert Timestamp.MAX.to_int() == 2**128 - 1
    assert Timestamp(MAX_PHYSICAL, MAX_LOGICAL, node=MAX_NODE, epoch=MAX_EPOCH) == Timestamp.MAX
    assert stamp(NOW_US).MIN == Timestamp.MIN


def test_repr_builds_the_same_value() -> None:
    """``repr`` names all fields and evaluates to an equal timestamp."""
    ts = stamp(NOW_US, 7, node=0x2A, epoch=3)
    assert repr(ts) == "Timestamp(physical_us=1767225600000000, logical=7, node=0x00000000002a, epoch=3)"
    for each in (ts, Timestamp.MIN, Timestamp.MAX):
        assert eval(repr(each), {"Timestamp": Timestamp}) == each


def test_it_matches_patterns() -> None:
    """A ``case`` takes the fields by position in the order of the constructor, or by name."""
    assert Timestamp.__match_args__ == FIELDS
    match stamp(5, 6, node=7, epoch=8):
        case Timestamp(physical_us, 6, node=node):
            assert (physical_us, node) == (5, 7)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("name", [*FIELDS, "colour", "MIN", "to_bytes", "__class__"])
def test_it_is_frozen(name: str) -> None:
    """Nothing can be set or deleted, and the value stays what it was."""
    ts = stamp(NOW_US, 7, node=0x2A, epoch=3)
    before = ts.to_bytes()
    with pytest.raises((AttributeError, TypeError)):
        setattr(ts, name, 1)
    with pytest.raises((AttributeError, TypeError)):
        delattr(ts, name)
    assert ts.to_bytes() == before


def test_it_has_no_dict() -> None:
    """An instance holds its 128 bits and nothing else."""
    assert not hasattr(stamp(1), "__dict__")


def test_it_cannot_be_subclassed() -> None:
    """A subclass could change the order under everybody's feet."""
    with pytest.raises(TypeError, match="is not an acceptable base type"):
        type("Mine", (Timestamp,), {})


def test_it_is_true_and_no_sequence() -> None:
    """Even the least one is true; it has no length and no items, so that no framework takes it for a tuple."""
    assert bool(Timestamp.MIN) is True
    assert not isinstance(Timestamp.MIN, tuple)
    for operation in (len, iter):
        with pytest.raises(TypeError):
            operation(Timestamp.MIN)  # type: ignore[arg-type, call-overload]


def test_copies_are_the_same_object() -> None:
    """An immutable value needs no copy, deep or shallow, also inside of containers."""
    ts = stamp(NOW_US)
    assert copy.copy(ts) is ts
    assert copy.deepcopy(ts) is ts
    assert copy.deepcopy([ts])[0] is ts


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_come_back_equal(protocol: int) -> None:
    """Every protocol gives back an equal value of equal hash, and stays small."""
    for ts in (stamp(NOW_US, 7, node=0x2A, epoch=3), Timestamp.MIN, Timestamp.MAX):
        pickled = pickle.dumps(ts, protocol)
        assert len(pickled) <= 320
        again = pickle.loads(pickled)
        assert again == ts
        assert hash(again) == hash(ts)


def test_a_forged_pickle_is_refused() -> None:
    """A pickle holds the bytes, and they are decoded strictly."""
    pickled = pickle.dumps(Timestamp.MAX, 2)
    forged = pickled.replace(b"\xff", b"", 1).replace(b"\xc3\xbf", b"", 1)
    assert forged != pickled
    with pytest.raises((InvalidTimestamp, pickle.UnpicklingError, EOFError, UnicodeDecodeError)):
        pickle.loads(forged)


def test_it_lives_in_the_package() -> None:
    """Classes show the name that they are imported by, whichever backend made them."""
    assert (Timestamp.__module__, Timestamp.__qualname__) == ("flocktime", "Timestamp")
