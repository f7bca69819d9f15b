"""Processes that may no longer write to the page, as workers that became another user: the others renew the lease for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, LeaseExpired
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.support import NOW_US

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")

NOBODY = 65_534
#: Beyond every lease here.
LONG_US = 10_000_000


@contextmanager
def _nobody() -> Iterator[None]:
    """This process, all its threads, may open no file of root's."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_others_renew_it(page: Path, tmp_path: Path) -> None:
    """A worker that may not write goes on for many leases, and counts no failure: its parent renews them."""
    clock = Clock.open(page, lease=0.1)
    clock.now()

    def worker() -> tuple[list[bytes], int, int]:
        assert clock.page is not None
        before = clock.page.renewals
        with _nobody():
            stamps = [clock.now()]
            while stamps[-1].physical_us - stamps[0].physical_us < 1_000_000:
                stamps.append(clock.now())
            failures, renewals = clock.page.failures, clock.page.renewals - before
        return [stamp.to_bytes() for stamp in stamps], failures, renewals

    [(stamps, failures, renewals)] = forked([worker], tmp_path)
    assert all(a < b for a, b in pairwise(stamps))
    assert (failures, renewals) == (0, 0)


@pytest.mark.parametrize("policy", ["block", "extend"])
def test_nobody_renews_it(policy: Any, page: Path, tmp_path: Path) -> None:
    """Where there are no others it ends in an error that says so; once it may write again, stamps go on above."""

    def alone() -> tuple[int | None, int]:
        source = ManualSource(NOW_US)
        clock = Clock.open(page, source=source, on_expiry=policy)
        first = clock.now()
        with _nobody():
            source.advance(LONG_US)
            with pytest.raises(LeaseExpired) as caught:
                clock.now()
        while True:
            try:
                last = clock.now()
            except LeaseExpired:
                continue  # what was refused was asked for: the next attempt is under way
            assert last > first
            assert clock.page is not None
            return caught.value.errno, clock.page.failures

    [(number, failures)] = forked([alone], tmp_path)
    assert number == errno.EACCES
    assert failures >= 1
