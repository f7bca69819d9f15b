"""``flocktime node --page``: the member of a host, whom the clocks of other processes follow over a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import flocktime
from flocktime import Clock
from tests.cli.node_processes import PATIENCE_S, node
from tests.support import environment
from tests.unit.flocks import flocks, until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(flocktime.BACKEND == "pure", reason="this backend has no pages"),
]

#: Opens the page given, and answers each line with what it shows between two looks at the counter that all processes share.
FOLLOWER = """
import json, sys, time
from flocktime import Clock
clock = Clock.open(sys.argv[1])
last = clock.now()
def raw(): return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
for line in sys.stdin:
    looks = []
    for _ in range(200):
        before, stamp, after = raw(), clock.now(), raw()
        looks.append((after - before, (before + after) // 2, stamp.physical_us))
        assert stamp > last
        last = stamp
    page = clock.page
    _, at, physical_us = min(looks)
    print(json.dumps([at, physical_us, stamp.to_hex(), page.discipline, page.discipline_writer]), flush=True)
"""
#: What a stamp and what a look from outside may be apart: microseconds are cut off, and a reading takes one.
CLOSE_US = 10.0
#: By how much the flock's time may run away from the raw counter between two looks: it slews at 500 ppm at most, and both
#: have an oscillator's error.
RUN_AWAY = 700e-6


@dataclass(frozen=True)
class Look:
    """What a process shows: how far it is ahead of the raw counter, and when; its latest stamp; what it follows, and whom."""

    ahead_us: float
    at_us: float
    stamp: str
    discipline: str
    writer: int


class Follower:
    """A process that has the page open."""

    def __init__(self, page: Path) -> None:
        command = [sys.executable, "-P", "-c", FOLLOWER, str(page)]
        self.process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def look(self) -> Look:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        at_ns, physical_us, stamp, discipline, writer = json.loads(self.process.stdout.readline())
        return Look(physical_us - at_ns / 1e3, at_ns / 1e3, stamp, discipline, writer)


@contextmanager
def _followers(page: Path) -> Iterator[list[Follower]]:
    running = [Follower(page) for _ in range(2)]
    try:
        yield running
    finally:
        for follower in running:
            follower.process.kill()
            follower.process.communicate()


def _arguments(members: list[Any], page: Path) -> list[str]:
    peers = [argument for member in members for argument in ("--peer", str(member.address))]
    return [*peers, "--page", str(page), "--anchor", "never"]


def _agreeing(followers: list[Follower]) -> list[Look]:
    """A look at each, one after the other: they show one line."""
    looks = one, other = [follower.look() for follower in followers]
    assert abs(one.ahead_us - other.ahead_us) < CLOSE_US + RUN_AWAY * abs(one.at_us - other.at_us)
    return looks


def _synchronised(followers: list[Follower], writer: int) -> None:
    """Both follow this process, as they do at each look; one that a busy machine lets wait is ``stale`` for a while."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        looks = _agreeing(followers)
        assert {look.writer for look in looks} == {writer}
        shown = {look.discipline for look in looks}
        if shown == {"synchronised"}:
            break
        assert shown <= {"synchronised", "stale"}
        assert time.monotonic() < deadline_s, "nothing new is said to them"
    assert looks[0].stamp != looks[1].stamp


def test_processes_follow_a_node_through_its_death(tmp_path: Path) -> None:
    """Two processes show the same time to microseconds, and other stamps each; a killed node is followed on along its line,
    the next one takes its place, and after a goodbye they follow the OS clock. No stamp of either goes back."""
    page = tmp_path / "page"
    with flocks(3) as members, _followers(page) as followers:
        with node(*_arguments(members, page)) as first:
            first.wait_state("synchronised")
            _synchronised(followers, first.process.pid)
            first.process.kill()
            first.process.wait()
        assert {look.discipline for look in _agreeing(followers)} <= {"synchronised", "stale"}
        with node(*_arguments(members, page)) as second:
            assert {follower.look().discipline for follower in followers} <= {"synchronised", "stale"}
            second.wait_state("synchronised")
            _synchronised(followers, second.process.pid)
            assert second.stop(signal.SIGTERM) == (0, "")
        looks = [follower.look() for follower in followers]
        assert {look.discipline for look in looks} == {"detached"}
        assert max(look.stamp for look in looks) < Clock.open(page).now().to_hex()


def test_a_stopped_node_is_replaced_and_says_so(tmp_path: Path) -> None:
    """A node that was stopped (SIGSTOP) finds another one in its place when it goes on; its status warns, the page follows the
    other."""
    page = tmp_path / "page"
    with flocks(3) as members, node(*_arguments(members, page)) as first:
        os.kill(first.process.pid, signal.SIGSTOP)
        with node(*_arguments(members, page)) as second:
            os.kill(first.process.pid, signal.SIGCONT)
            first.wait(lambda event: event["event"] == "note" and str(second.process.pid) in event["message"])
            second.wait_state("synchronised")
            clock = Clock.open(page)
            until(lambda: clock.page and clock.page.discipline == "synchronised")
            assert clock.page is not None
            assert clock.page.discipline_writer == second.process.pid


def test_a_second_node_is_refused(tmp_path: Path) -> None:
    """It ends with 2 and names the process that publishes; so does one whose page is no page."""
    page, other = tmp_path / "page", tmp_path / "other"
    other.write_text("something else")
    with node("--page", str(page)) as first:
        for path, words in (
            (page, f"the flock member of process {first.process.pid} says to its clocks what to follow"),
            (other, "it is not a host page of flocktime"),
        ):
            command = [sys.executable, "-P", "-m", "flocktime", "node", "--listen", "127.0.0.1:0", "--page", str(path)]
            done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, text=True, check=False)
            assert (done.returncode, done.stdout) == (2, "")
            assert words in done.stderr
