"""Checked by ``mypy --strict`` and never run: what users write must type-check, and what they must not write must not.

Each ``type: ignore`` with a code is an assertion: ``--strict`` reports one that is not needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

import flocktime
from flocktime import (
    BACKEND,
    Clock,
    ClockError,
    ClockStats,
    DriftError,
    EpochError,
    EventBuffer,
    ForkedClock,
    Interval,
    InvalidTimestamp,
    NodeCollision,
    SourceError,
    Timestamp,
)
from flocktime.events import BufferEmpty, BufferFull, BufferStats, ClockWentBack, EventBufferError, LateEvent
from flocktime.integrations.logging import EventBufferHandler, hand_on
from flocktime.testing import ManualSource, SkewedSource
from flocktime.testing.plugin import NODE, START_US
from flocktime.testing.strategies import clocks, manual_sources, nodes, skewed_sources, timestamps


def timestamp_fields() -> None:
    ts = Timestamp(1, 2, node=3, epoch=4)
    assert_type(ts.physical_us, int)
    assert_type(ts.logical, int)
    assert_type(ts.node, int)
    assert_type(ts.epoch, int)
    assert_type(Timestamp.MIN, Timestamp)
    assert_type(Timestamp.MAX, Timestamp)
    ts.physical_us = 5  # type: ignore[misc]
    _ = ts.colour  # type: ignore[attr-defined]
    Timestamp(1.5)  # type: ignore[arg-type]
    Timestamp(1, 2, 3)  # type: ignore[call-arg]
    Timestamp("1")  # type: ignore[arg-type]


def timestamp_forms(ts: Timestamp) -> None:
    assert_type(Timestamp.from_bytes(ts.to_bytes()), Timestamp)
    assert_type(Timestamp.from_hex(ts.to_hex()), Timestamp)
    assert_type(Timestamp.from_str(ts.to_str()), Timestamp)
    assert_type(Timestamp.from_json(ts.to_json()), Timestamp)
    assert_type(Timestamp.from_int(ts.to_int()), Timestamp)
    assert_type(Timestamp.from_uuid(ts.to_uuid()), Timestamp)
    assert_type(Timestamp.from_datetime(ts.to_datetime(), 1, node=2, epoch=3), Timestamp)
    assert_type(ts.to_bytes(), bytes)
    assert_type(ts.to_datetime(), datetime)
    assert_type(ts.to_uuid(), UUID)
    assert_type(bytes(ts), bytes)
    assert_type(str(ts), str)
    assert_type(int(ts), int)
    assert_type(hash(ts), int)
    Timestamp.from_hex(ts.to_bytes())  # type: ignore[arg-type]
    Timestamp.from_bytes(ts.to_hex())  # type: ignore[arg-type]
    Timestamp.from_uuid(str(ts.to_uuid()))  # type: ignore[arg-type]
    Timestamp.from_datetime(datetime.now(UTC).date())  # type: ignore[arg-type]


def timestamp_order(a: Timestamp, b: Timestamp) -> None:
    assert_type(a < b, bool)
    assert_type(a == b, bool)
    assert_type(a == 5, bool)
    assert_type(sorted([a, b]), list[Timestamp])
    assert_type(max(a, b), Timestamp)
    assert_type({a: b}, dict[Timestamp, Timestamp])
    assert_type(a - b, timedelta)
    assert_type(a - timedelta(1), Timestamp)
    assert_type(a + timedelta(1), Timestamp)
    assert_type(timedelta(1) + a, Timestamp)
    _ = a < 5  # type: ignore[operator]
    a + 5  # type: ignore[operator]
    a + b  # type: ignore[operator]
    a - 5  # type: ignore[operator]


def making_clocks(last: Timestamp) -> None:
    Clock()
    Clock(
        name="a", node=1, max_drift=0.5, on_drift="clamp", on_collision="adopt", source=time.time_ns, last=last, epoch=1
    )
    Clock(node=b"123456", max_drift=timedelta(seconds=1))
    Clock(max_drift=None, source=ManualSource(5))
    Clock(source=SkewedSource(timedelta(1), -20.0, source=ManualSource()))
    Clock(source=lambda: 5)
    Clock("a")  # type: ignore[call-arg]
    Clock(on_drift="explode")  # type: ignore[arg-type]
    Clock(source=time.time)  # type: ignore[arg-type]
    Clock(last=b"0")  # type: ignore[arg-type]


def using_clocks(clock: Clock, ts: Timestamp) -> None:
    assert_type(clock.now(), Timestamp)
    assert_type(clock.now_many(5), list[Timestamp])
    assert_type(clock.update(ts), Timestamp)
    assert_type(clock.update(ts, on_drift="adopt", trusted=True), Timestamp)
    assert_type(clock.update_many(x for x in [ts]), Timestamp)
    assert_type(clock.observe(ts), timedelta)
    assert_type(clock.advance_epoch("why", force=True), Timestamp)
    assert_type(clock.reset(reason="why"), Timestamp)
    assert_type(clock.last, Timestamp | None)
    assert_type(clock.name, str | None)
    assert_type(clock.node, int)
    assert_type(clock.epoch, int)
    assert_type(clock.ahead_by, timedelta)
    assert_type(clock.stats(), ClockStats)
    clock.update(ts.to_bytes())  # type: ignore[arg-type]
    clock.update(ts, "adopt")  # type: ignore[call-arg]
    clock.update(ts, on_drift="other")  # type: ignore[arg-type]
    clock.update_many(ts)  # type: ignore[arg-type]
    clock.reset()  # type: ignore[call-arg]
    clock.node = 5  # type: ignore[misc]
    _ = clock.last.node  # type: ignore[union-attr]


def reading_stats(stats: ClockStats) -> None:
    assert_type(stats.carries, int)
    assert_type(stats.suspects, tuple[int, ...])
    assert_type(stats.suspect_self, bool)
    assert_type(stats.last_reset, str | None)
    assert_type(stats.as_dict(), dict[str, object])


def making_buffers(clock: Clock) -> None:
    EventBuffer(5)
    EventBuffer(5, clock=clock, overflow="drop_oldest", max_delay=0.5)
    EventBuffer(capacity=5, max_delay=timedelta(1))
    EventBuffer()  # type: ignore[call-arg]
    EventBuffer(5.0)  # type: ignore[arg-type]
    EventBuffer(5, clock)  # type: ignore[call-arg]
    EventBuffer(5, overflow="explode")  # type: ignore[arg-type]

    class Mine(EventBuffer):
        pass

    assert_type(Mine(5).__enter__(), Mine)


def using_buffers(buffer: EventBuffer, ts: Timestamp) -> None:
    assert_type(buffer.push("x"), Timestamp)
    assert_type(buffer.push("x", ts, timeout=timedelta(1)), Timestamp)
    assert_type(buffer.push_many("abc", [ts], timeout=None), int)
    assert_type(buffer.pop(), tuple[Timestamp, Any])
    assert_type(buffer.pop(timeout=0.5), tuple[Timestamp, Any])
    assert_type(buffer.drain(max=5), list[tuple[Timestamp, Any]])
    assert_type(buffer.watermark, Timestamp | None)
    assert_type(len(buffer), int)
    assert_type(buffer.capacity, int)
    assert_type(buffer.closed, bool)
    assert_type(buffer.clock, Clock)
    assert_type(buffer.stats(), BufferStats)
    with buffer as same:
        assert_type(same, EventBuffer)
    for timestamp, _ in buffer:
        assert_type(timestamp, Timestamp)
    EventBufferHandler(buffer).emit(logging.makeLogRecord({}))
    hand_on(buffer, [logging.StreamHandler()])
    buffer.push("x", 5)  # type: ignore[arg-type]
    buffer.push("x", ts, 5)  # type: ignore[call-arg]
    buffer.pop("1")  # type: ignore[arg-type]
    buffer.drain(1.5)  # type: ignore[arg-type]
    buffer.push_many(5)  # type: ignore[arg-type]
    buffer.capacity = 5  # type: ignore[misc]


async def using_buffers_in_a_loop(buffer: EventBuffer, ts: Timestamp) -> None:
    assert_type(await buffer.pop_async(timeout=1), tuple[Timestamp, Any])
    assert_type(await buffer.push_async("x", ts, timeout=1), Timestamp)
    async for batch in buffer.batches(max=5, linger=0.5):
        assert_type(batch, list[tuple[Timestamp, Any]])
    buffer.batches(linger=None)  # type: ignore[arg-type]


def catching_buffer_errors(buffer: EventBuffer) -> None:
    try:
        buffer.push("x")
    except BufferFull as error:
        assert_type(error.capacity, int)
        assert_type(error.events, list[Any])
        assert_type(error.pushed, int)
    except BufferEmpty as error:
        assert_type(error.waited, float)
    except LateEvent as error:
        assert_type(error.watermark, Timestamp | None)
    except ClockWentBack as error:
        assert_type(error.last, Timestamp | None)
    except EventBufferError:
        pass


def catching_errors(clock: Clock, ts: Timestamp) -> None:
    try:
        clock.update(ts)
    except DriftError as error:
        assert_type(error.remote, Timestamp | None)
        assert_type(error.node, int | None)
        assert_type(error.offset, timedelta | None)
        assert_type(error.limit, timedelta | None)
    except EpochError as error:
        assert_type(error.epoch, int | None)
        assert_type(error.proposed, int | None)
    except NodeCollision as error:
        assert_type(error.last, Timestamp | None)
    except InvalidTimestamp as error:
        assert_type(error.form, str)
        assert_type(error.reason, str)
        assert_type(error.position, int | None)
    except ForkedClock as error:
        assert_type(error.node, int | None)
    kinds: list[type[ClockError]] = [SourceError, DriftError]
    values: list[type[ValueError]] = [InvalidTimestamp, DriftError]
    del kinds, values


def sources(source: ManualSource, skewed: SkewedSource) -> None:
    assert_type(source(), int)
    assert_type(skewed(), int)
    assert_type(source.monotonic_ns(), int)
    source.set(1)
    source.advance(1)
    source.step_back(1)
    source.resume()
    with source.pause():
        pass
    as_callable: Callable[[], int] = source
    SkewedSource(source=as_callable)  # type: ignore[arg-type]
    source.advance(1.5)  # type: ignore[arg-type]


def matching(ts: Timestamp) -> int:
    match ts:
        case Timestamp(physical_us=physical_us, logical=0, node=node):
            return physical_us + node
        case _:
            return 0


def for_tests() -> None:
    timestamps(Timestamp.MIN, Timestamp.MAX, epochs=nodes(), nodes=nodes())
    manual_sources(0, 5)
    skewed_sources(manual_sources(), max_offset=timedelta(1))
    clocks(sources=skewed_sources(), on_drift="clamp")
    numbers: list[int] = [NODE, START_US]
    del numbers


def constants() -> None:
    assert_type(flocktime.__version__, str)
    backend: str = BACKEND
    del backend


async def intervals(clock: Clock, ts: Timestamp) -> None:
    interval = clock.interval()
    assert_type(interval, Interval)
    assert_type(interval.earliest, Timestamp | None)
    assert_type(interval.latest, Timestamp | None)
    assert_type(interval.status, str)
    assert_type(interval.vouched_by, str | None)
    assert_type(interval.width, timedelta | None)
    assert_type(clock.after(ts), bool)
    assert_type(clock.before(ts), bool)
    assert_type(clock.wait_until(ts, timedelta(seconds=1)), Interval)
    assert_type(await clock.wait_until_async(ts, timeout=1.5), Interval)
    Clock(clockbound="/var/run/clockbound/shm0")
    ManualSource().vouch(None)
    SkewedSource().vouch(0.001)
    clock.after(interval.earliest)  # type: ignore[arg-type]
    clock.wait_until(1)  # type: ignore[arg-type]
