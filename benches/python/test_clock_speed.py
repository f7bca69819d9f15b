"""``pytest benches/python``: the calls of a clock, both backends in each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.benchmark(group="now")
def test_now(benchmark: BenchmarkFixture, clock: Any) -> None:
    """One local event, on the operating system's clock."""
    assert benchmark(clock.now) is not None


@pytest.mark.benchmark(group="now, Python source")
def test_now_on_a_python_source(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A Python callable as the source: what it costs to leave the core for each reading."""
    own = type(clock)(source=lambda: 1_795_400_000_000_000_000)
    assert benchmark(own.now) is not None


@pytest.mark.benchmark(group="update, old remote")
def test_update_with_an_old_stamp(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A received stamp that lies behind the clock: the ordinary case."""
    remote = type(clock)().now()
    assert benchmark(clock.update, remote) > remote


@pytest.mark.benchmark(group="update, refused")
def test_update_refused(benchmark: BenchmarkFixture, clock: Any, stamp: Any) -> None:
    """A stamp of the year 2051: a flood of them must not be dearer than it need be."""
    remote = type(stamp)(2_556_144_000_000_000, node=7)

    def refused() -> bool:
        try:
            clock.update(remote)
        except ValueError:
            return True
        return False

    assert benchmark(refused)


@pytest.mark.benchmark(group="observe")
def test_observe(benchmark: BenchmarkFixture, clock: Any) -> None:
    """Measuring a remote stamp without adopting it."""
    remote = type(clock)().now()
    assert benchmark(clock.observe, remote) is not None


@pytest.mark.benchmark(group="last")
def test_last(benchmark: BenchmarkFixture, clock: Any) -> None:
    """Looking at the state without moving it."""
    clock.now()
    assert benchmark(lambda: clock.last) is not None


@pytest.mark.benchmark(group="stats")
def test_stats(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A snapshot of all counters, as a metrics exporter takes one every few seconds."""
    assert benchmark(clock.stats).resets == 0


@pytest.mark.benchmark(group="now_many(1000)")
def test_now_many(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A thousand stamps in one reservation."""
    assert len(benchmark(clock.now_many, 1000)) == 1000


@pytest.mark.benchmark(group="update_many of 1000")
def test_update_many(benchmark: BenchmarkFixture, clock: Any) -> None:
    """A thousand received stamps at once."""
    remotes = type(clock)().now_many(1000)
    assert benchmark(clock.update_many, remotes) > remotes[-1]
