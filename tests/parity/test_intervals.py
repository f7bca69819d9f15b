"""Intervals and waits on both backends: the same ends, statuses and refusals."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from tests.clockbound_pages import page
from tests.parity.backends import BACKENDS, on_both, plain
from tests.support import MAX_PHYSICAL, NOW_US


def _interval(clock: Any) -> Any:
    return plain(clock.interval().as_dict())


def test_the_same_intervals(rng: Random) -> None:
    """Any reading, error and epoch, and timestamps about the ends of it."""
    for _ in range(300):
        reading_us, error_us = rng.randrange(-(10**9), MAX_PHYSICAL), rng.choice([0, rng.randrange(10**12), 10**15])
        epoch, off = rng.randrange(3), rng.randrange(-3, 4)

        def judged(
            backend: Any, reading_us: int = reading_us, error_us: int = error_us, epoch: int = epoch, off: int = off
        ) -> Any:
            source = backend.ManualSource(reading_us)
            source.vouch(error_us / 1e6)
            clock = backend.Clock(node=1, source=source, epoch=epoch)
            edges = [max(0, min(us + off, MAX_PHYSICAL)) for us in (reading_us - error_us, reading_us + error_us)]
            stamps = [backend.Timestamp(us, epoch=epoch) for us in edges]
            return _interval(clock), [(clock.after(ts), clock.before(ts)) for ts in stamps]

        assert on_both(judged)[0] == "returned"


def test_the_same_refusals() -> None:
    """Types, epochs, timeouts and unknown times, with the same words."""

    def clock(backend: Any, error: float | None = 0.5) -> Any:
        source = backend.ManualSource(NOW_US)
        source.vouch(error)
        return backend.Clock(node=1, source=source)

    calls: list[Any] = [
        lambda backend: clock(backend).after(5),
        lambda backend: clock(backend).before("x"),
        lambda backend: clock(backend).wait_until(None),
        lambda backend: clock(backend).after(backend.Timestamp(0, epoch=1)),
        lambda backend: clock(backend).before(backend.Timestamp(0, epoch=1)),
        lambda backend: clock(backend).wait_until(backend.Timestamp(0, epoch=1)),
        lambda backend: clock(backend).wait_until(backend.Timestamp(NOW_US), 0),
        lambda backend: clock(backend).wait_until(backend.Timestamp(NOW_US), -1),
        lambda backend: clock(backend).wait_until(backend.Timestamp(NOW_US), "1"),
        lambda backend: clock(backend).wait_until(backend.Timestamp(NOW_US), float("nan")),
        lambda backend: clock(backend, None).wait_until(backend.Timestamp(0)),
        lambda backend: clock(backend)._look(backend.Timestamp(0, epoch=1)),
        lambda backend: clock(backend, None)._look(backend.Timestamp(0)),
        lambda backend: backend.ManualSource().vouch(-1),
        lambda backend: backend.SkewedSource().vouch("1"),
        lambda backend: backend.Clock(clockbound=5),
        lambda backend: backend.Clock(clockbound="/nonexistent/shm0"),
        lambda backend: backend.Clock(clockbound="/tmp"),
        lambda backend: backend.Clock(clockbound="/nonexistent/shm0", source=backend.ManualSource()),
    ]
    for call in calls:
        assert on_both(call)[0] == "raised"


def test_the_same_looks() -> None:
    """What the async twin asks: seconds left, those of the timeout, and whether time is moved by hand."""

    def looked(backend: Any) -> Any:
        answers = []
        for source in (backend.ManualSource(NOW_US), backend.SkewedSource(source=backend.ManualSource(NOW_US))):
            source.vouch(0.25)
            clock = backend.Clock(source=source)
            for timeout in (None, 0, 1.5):
                interval, *rest = clock._look(backend.Timestamp(NOW_US + 5), timeout)
                answers.append((plain(interval.as_dict()), rest))
        return answers

    assert on_both(looked)[0] == "returned"


def test_the_same_records_are_refused(tmp_path: Path, rng: Random) -> None:
    """A ClockBound record with random fields and random damage: the same words, or the same word on its worth."""
    fields: dict[str, list[Any]] = {
        "version": [1, 2, 2, 2, 3, 65535], "size": [0, 79, 80, 80, 80, 4096], "generation": [0, 1, 2, 4, 4, 65534],
        "as_of_s": [-1e6, -6.0, -4.0, 0.0, 3600.0], "void_s": [-1.0, 1000.0, 1e6], "bound_ns": [-1, 0, 5, 2**62],
        "drift_ppb": [0, 1_000, 10**9 - 1, 10**9, 2**32 - 1], "status": [-1, 0, 1, 1, 1, 2, 3, 9], "support": [0, 1],
    }  # fmt: skip
    for _ in range(200):
        path = page(tmp_path, **{name: rng.choice(values) for name, values in fields.items()})
        if rng.random() < 0.2:
            damaged = bytearray(path.read_bytes())
            damaged[rng.randrange(16)] ^= 1 << rng.randrange(8)
            path.write_bytes(bytes(damaged[: rng.choice([80, 80, 40])]))
        on_both(lambda backend, path=path: backend.Clock(clockbound=path).interval().status)


def test_the_kernel_says_the_same() -> None:
    """Both ask the kernel for its clock, and get the same word."""
    compiled, pure = (backend.Clock().interval() for backend in BACKENDS)
    assert (compiled.status, compiled.vouched_by) == (pure.status, pure.vouched_by)
