"""``pytest benches/python``: what is done with timestamps, both backends in each group."""

from __future__ import annotations

import copy
import operator
import pickle
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import flocktime

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

#: Each conversion with its inverse.
FORMS = ("bytes", "hex", "str", "json", "int", "datetime", "uuid")


@pytest.mark.benchmark(group="construct")
def test_construct(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """From its four fields, each checked."""
    made = benchmark(type(stamp), stamp.physical_us, stamp.logical, node=stamp.node, epoch=stamp.epoch)
    assert made == stamp


@pytest.mark.benchmark(group="compare")
@pytest.mark.parametrize("how", [operator.lt, operator.eq, operator.ge], ids=lambda how: str(how.__name__))
def test_compare(benchmark: BenchmarkFixture, stamp: Any, how: Any) -> None:
    """Two stamps that differ in the last bit only."""
    other = type(stamp)(stamp.physical_us, stamp.logical, node=stamp.node + 1, epoch=stamp.epoch)
    assert benchmark(how, stamp, other) is (how is operator.lt)


@pytest.mark.benchmark(group="sort 1000")
def test_sort(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A thousand stamps in reverse: what a merge of logs spends its time on."""
    backwards = clock.now_many(1000)[::-1]
    assert benchmark(sorted, backwards) == backwards[::-1]


@pytest.mark.benchmark(group="hash")
def test_hash(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """As a dictionary asks for it."""
    assert isinstance(benchmark(hash, stamp), int)


@pytest.mark.benchmark(group="attributes")
def test_attributes(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """All four fields."""
    fields = benchmark(operator.attrgetter("physical_us", "logical", "node", "epoch"), stamp)
    assert fields == (1_795_400_000_123_456, 3, 0x2A, 1)


@pytest.mark.benchmark(group="to_x")
@pytest.mark.parametrize("form", FORMS)
def test_encode(benchmark: BenchmarkFixture, stamp: Any, form: str) -> None:
    """Every way out."""
    assert benchmark(getattr(stamp, f"to_{form}")) is not None


@pytest.mark.benchmark(group="from_x")
@pytest.mark.parametrize("form", FORMS)
def test_decode(benchmark: BenchmarkFixture, stamp: Any, form: str) -> None:
    """Every way in, with all its checks."""
    made = benchmark(getattr(type(stamp), f"from_{form}"), getattr(stamp, f"to_{form}")())
    assert made.physical_us == stamp.physical_us


@pytest.mark.benchmark(group="refuse bytes")
def test_refuse(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """Fifteen bytes: the price of an error with its message."""

    def refused() -> bool:
        try:
            type(stamp).from_bytes(b"fifteen bytes..")
        except ValueError:
            return True
        return False

    assert benchmark(refused)


@pytest.mark.benchmark(group="arithmetic")
@pytest.mark.parametrize("what", ["difference", "sum"])
def test_arithmetic(benchmark: BenchmarkFixture, stamp: Any, what: str) -> None:
    """The time between two stamps, and a stamp so much later."""
    other = stamp if what == "difference" else timedelta(seconds=1)
    assert benchmark(operator.sub if what == "difference" else operator.add, stamp, other) is not None


@pytest.mark.benchmark(group="pickle and back")
def test_pickle(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """Through a multiprocessing queue and out again."""
    if type(stamp) is not flocktime.Timestamp:
        pytest.skip("pickled by name, and the name means the other backend here")
    assert benchmark(lambda: pickle.loads(pickle.dumps(stamp))) == stamp


@pytest.mark.benchmark(group="copy")
def test_copy(benchmark: BenchmarkFixture, stamp: Any) -> None:
    """A frozen value is its own copy."""
    assert benchmark(copy.copy, stamp) is stamp
