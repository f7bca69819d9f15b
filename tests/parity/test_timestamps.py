"""Every form of every timestamp, and every refusal, the same on both backends."""

from __future__ import annotations

import copy
import operator
import pickle
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flocktime
from tests.parity.backends import BACKENDS, core, fallback, on_both, plain
from tests.property import bad_inputs
from tests.support import decode, vectors

INTEGERS = st.one_of(
    st.integers(0, 2**128 - 1),
    st.builds(lambda bit, flip: (1 << bit) ^ flip, st.integers(0, 127), st.sampled_from([0, 1, 2**128 - 1])),
    st.builds(lambda epoch, rest: epoch << 112 | rest, st.integers(0, 16), st.integers(0, 2**112 - 1)),
)
FORMS = ("to_bytes", "to_hex", "to_str", "to_json", "to_int", "to_datetime", "to_uuid")
FIELDS = ("physical_us", "logical", "node", "epoch")
COMPARE = (operator.lt, operator.le, operator.eq, operator.ne, operator.ge, operator.gt)


@given(INTEGERS)
def test_every_form(value: int) -> None:
    """Fields, texts, bytes, hash, conversions by method and by protocol: the same, refusals included."""

    def forms(backend: Any) -> list[Any]:
        ts = backend.Timestamp.from_int(value)
        found = [
            repr(ts),
            str(ts),
            bytes(ts),
            int(ts),
            hash(ts),
            bool(ts),
            f"{ts}",
            *(getattr(ts, each) for each in FIELDS),
        ]
        return [*found, *(getattr(ts, form)() for form in FORMS[:-1])]

    on_both(forms)
    on_both(lambda backend: backend.Timestamp.from_int(value).to_uuid())


@given(INTEGERS)
def test_every_way_back(value: int) -> None:
    """What one backend has written the other reads, as the same value."""
    for writer, reader in (BACKENDS, BACKENDS[::-1]):
        ts = writer.Timestamp.from_int(value)
        for form in FORMS:
            if form == "to_uuid" and ts.epoch > 15:
                continue
            given_fields = (ts.logical,) if form == "to_datetime" else ()
            keywords = {"node": ts.node, "epoch": ts.epoch} if form == "to_datetime" else {}
            read = getattr(reader.Timestamp, form.replace("to_", "from_"))(
                getattr(ts, form)(), *given_fields, **keywords
            )
            assert plain(read) == plain(ts)


@given(INTEGERS, st.one_of(INTEGERS, st.just(-1)))
def test_every_comparison(first: int, second: int) -> None:
    """All six comparisons and the difference, errors across epochs included."""
    second = first if second < 0 else second
    for compare in (*COMPARE, operator.sub):
        on_both(lambda b, compare=compare: compare(b.Timestamp.from_int(first), b.Timestamp.from_int(second)))


@given(INTEGERS, st.timedeltas())
def test_every_sum(value: int, step: timedelta) -> None:
    """Moved by any ``timedelta``, from either side, to a value or to the same refusal."""
    for move in (lambda ts: ts + step, lambda ts: step + ts, lambda ts: ts - step):
        on_both(lambda b, move=move: move(b.Timestamp.from_int(value)))


@given(INTEGERS)
def test_every_pickle(value: int) -> None:
    """The bytes of a pickle are the same, in each protocol; the other backend reads them."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        pickles = []
        for backend in BACKENDS:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(flocktime, "Timestamp", backend.Timestamp)
                pickles.append(pickle.dumps(backend.Timestamp.from_int(value), protocol))
        assert pickles[0] == pickles[1]
        for backend in BACKENDS:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(flocktime, "Timestamp", backend.Timestamp)
                assert plain(pickle.loads(pickles[0])) == plain(backend.Timestamp.from_int(value))


def test_copies() -> None:
    """A copy is the object itself on both."""
    for backend in BACKENDS:
        ts = backend.Timestamp(5)
        assert copy.copy(ts) is ts
        assert copy.deepcopy([ts])[0] is ts


@pytest.mark.parametrize("bad", vectors("invalid.json"), ids=lambda row: row["name"])
def test_every_named_refusal(bad: dict[str, str]) -> None:
    """Each bad input of the vectors gives the same error on both: type, sentence, form, reason and position."""
    assert on_both(lambda backend: decode(bad["decoder"], bad["input"], backend.Timestamp))[0] == "raised"


def test_many_refusals(rng: Random) -> None:
    """Twenty thousand bad inputs over every decoder and the constructor: the same error on both, word for word."""
    for _ in range(20_000):
        case = bad_inputs.decoder_case(rng)
        on_both(lambda backend, case=case: bad_inputs.decoded(backend.Timestamp, case))


@pytest.mark.parametrize("name", [*FIELDS, "colour", "to_bytes", "MIN"])
def test_writing_is_refused_alike(name: str) -> None:
    """Setting and deleting raise the same error with the same words."""
    on_both(lambda backend: setattr(backend.Timestamp(1), name, 5))
    on_both(lambda backend: delattr(backend.Timestamp(1), name))


@pytest.mark.parametrize("other", [0, 1.5, None, "x", (1,)])
@pytest.mark.parametrize("operation", [*COMPARE, operator.add, operator.sub])
def test_other_types_are_left_alone_alike(operation: Any, other: Any) -> None:
    """With another type both answer alike: false, true, or a ``TypeError``, whose words are Python's own."""
    results = []
    for backend in BACKENDS:
        for left, right in ((backend.Timestamp(1), other), (other, backend.Timestamp(1))):
            try:
                results.append(operation(left, right))
            except TypeError as error:
                results.append(str(error).replace("flocktime.Timestamp", "Timestamp"))
    assert results[:2] == results[2:]


def test_min_and_max() -> None:
    """The ends are the same."""
    assert plain(core.Timestamp.MIN) == plain(fallback.Timestamp.MIN)
    assert plain(core.Timestamp.MAX) == plain(fallback.Timestamp.MAX)
