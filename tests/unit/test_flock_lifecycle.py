"""A flock's life in a process: waiting until it is ready, being told of changes, closing, forking."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flocktime import Clock, ClockError, NotReady, Timestamp
from flocktime.errors import FlockError
from flocktime.flock import Flock, new_key
from tests.processes.children import forked
from tests.support import environment
from tests.unit.flocks import PATIENCE_S, ROUND_S, Changes, flocks, together

HERE = "127.0.0.1:0"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")


def test_ready_once_synchronised() -> None:
    """``ready`` returns when the member is synchronised, at once from then on, and the clock follows the flock."""
    with flocks(4) as members:
        together(members)
        for member in members:
            member.ready(0)
            status = member.status()
            assert (status.state, status.steering, status.quorum) == ("synchronised", True, True)
            assert status.error_us is not None
            assert abs(status.offset_us or 0.0) < 1000.0


def test_not_ready_says_how_it_stands() -> None:
    """A timeout ends in ``NotReady`` with the state and how many were heard; seconds and ``timedelta`` are the same."""
    with Flock(HERE, peers=["127.0.0.1:9"], round=ROUND_S) as flock:
        for timeout in (0, 0.0, timedelta(milliseconds=1), -1):
            with pytest.raises(NotReady, match=r"not synchronised after .* s: \w+, 0 of \d+ peers heard, 0 voted"):
                flock.ready(timeout)
        for wrong in ("1", True, [1]):
            with pytest.raises(TypeError, match="timeout"):
                flock.ready(wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="timeout"):
            flock.ready(float("nan"))


def test_never_ready() -> None:
    """A member that only monitors, or is closed, says so at once instead of waiting, also where it was synchronised before."""
    with Flock(HERE, steer=False) as flock, pytest.raises(NotReady, match="monitors only"):
        flock.ready()
    with flocks(4) as members:
        together(members)
        members[0].close()
        with pytest.raises(NotReady, match="stopped"):
            members[0].ready()


def test_refusing_until_ready() -> None:
    """``until_ready="raise"``: stamps raise ``NotReady``, nothing is shown, and all of it ends with the synchronisation."""
    with flocks(4, until_ready="raise") as members:
        alone = Flock(HERE, until_ready="raise")
        with alone:
            with pytest.raises(NotReady, match="flock.ready"):
                alone.clock.now()
            assert alone.status().time_us is None
        together(members)
        assert members[0].clock.now() < members[0].clock.now()
        assert members[0].status().time_us is not None


def test_waiting_in_a_coroutine() -> None:
    """``wait_ready`` leaves the event loop running; the asynchronous context manager closes what it opened."""

    async def scenario() -> None:
        with flocks(3) as others:
            peers = [str(other.address) for other in others]
            async with Flock(HERE, peers=peers, round=ROUND_S, anchor=False) as flock:
                turns = 0

                async def turning() -> None:
                    nonlocal turns
                    while True:
                        turns += 1
                        await asyncio.sleep(0)

                task = asyncio.create_task(turning())
                with pytest.raises(NotReady):
                    await flock.wait_ready(0.1)
                task.cancel()
                assert turns > 1
            assert flock.state == "stopped"

    asyncio.run(scenario())


def test_closing() -> None:
    """A closed flock is stopped, closes again without effect, ends its threads; its clock runs on, never backwards."""
    with flocks(4) as members:
        together(members)
        flock = members[0]
        changes = Changes(flock)
        changes.wait(lambda change: change.state == "synchronised")
        before = flock.clock.now()
        flock.close()
        flock.close()
        assert flock.state == "stopped"
        assert before < flock.clock.now()
        assert "stopped" in repr(flock)
        calls: list[Callable[[], object]] = [
            lambda: flock.header("x"),
            lambda: flock.rotate(new_key(1)),
            lambda: flock.receive("x"),
            lambda: flock.reply("x"),
            lambda: flock.set_peers(["127.0.0.1:9"]),
        ]
        for call in calls:
            with pytest.raises(FlockError, match="stopped"):
                call()
    assert not [each.name for each in threading.enumerate() if each.name.startswith("flocktime")]


def test_closing_does_not_wait_for_a_hanging_callable() -> None:
    """A ``peers`` callable that never comes back does not keep ``close`` from returning, and its answer counts no more."""
    asked, release = threading.Event(), threading.Event()
    answers = iter([[]])

    def find() -> list[str]:
        for answer in answers:
            return answer
        asked.set()
        release.wait(PATIENCE_S)
        return ["127.0.0.1:9"]

    flock = Flock(HERE, find, resolve_every=0.01)
    assert asked.wait(PATIENCE_S)
    flock.close()
    assert flock.status().peers == ()
    release.set()


def test_neither_pickled_nor_copied() -> None:
    """A flock belongs to its process; the error says what to do instead."""
    with Flock(HERE) as flock:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="a flock of its own"):
                attempt(flock)


@forks
@pytest.mark.processes
def test_a_forked_child_is_detached(tmp_path: Path) -> None:
    """In the child the flock is ``detached``, says so to every call, closes at once, and its clock repeats no stamp."""
    with flocks(4) as members:
        together(members)
        flock = members[0]
        flock.on_state(lambda change: None)

        def child() -> tuple[str, list[str], list[Timestamp]]:
            refused = []
            calls: list[Callable[[], object]] = [
                lambda: flock.ready(1),
                lambda: flock.header("x"),
                lambda: flock.rotate(new_key(1)),
                lambda: flock.set_peers(["127.0.0.1:9"]),
                lambda: flock.on_state(print),
            ]
            for call in calls:
                try:
                    call()
                except ClockError as error:
                    refused.append(type(error).__name__)
            stamps = flock.clock.now_many(100)
            state = flock.status().state
            flock.close()
            return state, refused, [*stamps, flock.clock.now()]

        ours: list[Timestamp] = []
        results = forked([child, child], tmp_path, lambda: ours.extend(flock.clock.now_many(100)))
        stamps = list(ours)
        for state, refused, theirs in results:
            assert (state, refused) == ("detached", ["NotReady", *["FlockError"] * 4])
            assert theirs == sorted(theirs)
            stamps += theirs
        assert len(set(stamps)) == len(stamps)
        flock.ready(PATIENCE_S)


@forks
@pytest.mark.processes
def test_a_child_with_a_flock_of_its_own(tmp_path: Path) -> None:
    """What a child makes after the fork runs like any other member, next to the detached copy of its parent's."""
    with flocks(4) as members:
        together(members)
        peers = [str(member.address) for member in members]

        def child() -> str:
            with Flock(HERE, peers=peers, round=ROUND_S, anchor=False, name="child") as own:
                own.ready(PATIENCE_S)
                return own.state

        assert forked([child], tmp_path) == ["synchronised"]


def test_a_program_that_forgets_to_close() -> None:
    """An interpreter that ends with an open flock, callbacks and a callable for peers, ends without a word."""
    import subprocess
    import sys

    program = (
        "from flocktime import Flock\n"
        f"flock = Flock('{HERE}', lambda: ['127.0.0.1:9'], round=0.01, resolve_every=0.01)\n"
        "flock.on_state(lambda change: None)\n"
        "print(flock.clock.now() < flock.clock.now())\n"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"True", b"")


def test_one_clock() -> None:
    """``flock.clock`` is one object, a plain ``Clock``, without a flock's limits on threads."""
    with Flock(HERE) as flock:
        assert flock.clock is flock.clock
        assert isinstance(flock.clock, Clock)
        stamps: list[list[Timestamp]] = []
        threads = [threading.Thread(target=lambda: stamps.append(flock.clock.now_many(500))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together_ = [stamp for batch in stamps for stamp in batch]
        assert len(set(together_)) == 2000
