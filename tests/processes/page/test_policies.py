"""What a clock does where its lease cannot be renewed in time: waits, renews it itself, or refuses.

A lease is kept from being renewed in two ways: the system refuses this process to write (a limit of the size of its files), or
somebody holds the page's lock, as a process does that was stopped in the middle of a write. All of it happens in children.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, LeaseExpired, PageError, Timestamp
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.support import NOW_US

POLICIES = ("block", "extend", "error")
#: Beyond every lease here.
LONG_US = 10_000_000
#: So long do those wait for another process who do.
PATIENCE_S = 10.0


@contextmanager
def _refused() -> Iterator[None]:
    """The system lets this process write to no file beyond its first block."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def _held(page: Path) -> Iterator[None]:
    """Somebody is at the page and does not end."""
    holder = os.open(page, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(holder)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_system_refuses(policy: Any, page: Path, tmp_path: Path) -> None:
    """Every policy ends in an error that has the system's word, at the bound; when it lets us write again, stamps go on above."""

    def child() -> None:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry=policy)
        first = clock.now()
        assert clock.page is not None
        with _refused():
            source.advance(2_000_000)
            assert clock.now() > first, "that was leased"
            source.advance(LONG_US)
            for _ in range(3):
                error = _expired(clock)
                assert error.errno == errno.EFBIG or policy == "error"
                assert error.path == str(page)
                assert error.bound == clock.page.leased_until
                assert error.stamp is not None
                assert error.stamp.physical_us == NOW_US + 2_000_000 + LONG_US
        last = clock.last
        assert last is not None
        assert last < clock.page.leased_until
        stamp = _at_last(clock)
        assert stamp.physical_us >= NOW_US + 2_000_000 + LONG_US
        assert clock.page.errno is None

    forked([child], tmp_path)


def _expired(clock: Clock) -> LeaseExpired:
    with pytest.raises(LeaseExpired) as caught:
        clock.now()
    return caught.value


def _at_last(clock: Clock) -> Timestamp:
    """The first timestamp after a refusal that has passed. What is refused was asked for: the next attempt is under way."""
    while True:
        try:
            return clock.now()
        except LeaseExpired:
            os.sched_yield()


def test_the_words_of_an_expired_lease(page: Path, tmp_path: Path) -> None:
    """The message names the file, how far beyond the lease it would be, and what the system said."""

    def child() -> str:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, lease=1.0, on_expiry="extend")
        with _refused():
            source.advance(LONG_US)
            return str(_expired(clock))

    (message,) = forked([child], tmp_path)
    assert message == (
        f"no timestamp from the page {page}: it would lie 9.000000 s beyond its lease, and it cannot be renewed: File too large"
    )


def test_who_waits_can_be_interrupted(page: Path, tmp_path: Path) -> None:
    """``block`` waits with the interpreter released, and Ctrl-C ends the wait; nothing has changed then, and it goes on later."""

    def child() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry="block")
        last, waits = clock.now(), threading.Event()

        def interrupt() -> None:
            waits.wait()
            os.kill(os.getpid(), signal.SIGINT)

        other = threading.Thread(target=interrupt)
        other.start()
        # The other thread gets its turn when this one lets go of the interpreter, which it does in the wait and not before.
        sys.setswitchinterval(1000)
        with _held(page):
            source.advance(LONG_US)
            waits.set()
            with pytest.raises(KeyboardInterrupt):
                clock.now()
            assert clock.last == last
        other.join()
        assert clock.now().physical_us == NOW_US + LONG_US

    forked([child], tmp_path)


def test_who_waits_goes_on(page: Path, tmp_path: Path) -> None:
    """``block`` ends as soon as the lease is renewed, by whatever process."""

    def child() -> None:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry="block")
        stamps, waits = [clock.now()], threading.Event()

        def wait() -> None:
            waits.set()
            stamps.append(clock.now())

        with _held(page):
            source.advance(LONG_US)
            waiting = threading.Thread(target=wait)
            waiting.start()
            waits.wait()
            assert len(stamps) == 1
        waiting.join()
        assert stamps[1].physical_us == NOW_US + LONG_US

    forked([child], tmp_path)


@pytest.mark.parametrize("ahead_us", [LONG_US, 2 * 3_600_000_000], ids=["a moment", "hours"])
def test_who_does_not_wait(ahead_us: int, page: Path, tmp_path: Path) -> None:
    """``error`` raises at once where another process is at it, without a word of the system's, whenever the last stamp was."""

    def child() -> None:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry="error")
        with _held(page):
            source.advance(ahead_us)
            begun = time.monotonic()
            error = _expired(clock)
            assert time.monotonic() - begun < PATIENCE_S / 2
            assert error.errno is None
            assert "its renewal is late" in str(error)
        assert _at_last(clock).physical_us == NOW_US + ahead_us

    forked([child], tmp_path)


def test_who_extends_waits_for_others(page: Path, tmp_path: Path, campaign: bool) -> None:
    """``extend``, and opening, give another process ten seconds. Then the one is late, and the other names who holds the page."""
    if not campaign:
        pytest.skip("takes twenty seconds: under --campaign")

    def child() -> None:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry="extend")
        with _held(page):
            source.advance(LONG_US)
            assert _expired(clock).errno is None
            with pytest.raises(PageError, match="has been writing to it for too long") as caught:
                Clock.open(page)
            assert caught.value.reason == "busy"

    forked([child], tmp_path)
