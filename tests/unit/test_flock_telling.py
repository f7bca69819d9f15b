"""What callbacks are told of a flock's state: from the present one to the last, each by itself."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from flocktime.flock import Flock, StateChange
from tests.unit.flocks import PATIENCE_S, Changes, flocks, together, until

HERE = "127.0.0.1:0"


def is_synchronised(change: StateChange) -> bool:
    return change.state == "synchronised"


def test_each_callback_begins_with_the_present_state() -> None:
    """The first as well as a later one is called for the state that there is, and not for those that were."""
    with flocks(4) as members:
        together(members)
        for changes in (Changes(members[0]), Changes(members[0])):
            changes.wait(lambda change: True)
            assert changes.seen[0].state == "synchronised"
            assert changes.seen[0].serial > 1


def test_changes_are_told_in_order() -> None:
    """Every change from the present state up to the end, once, with rising serial numbers, to each callback alike."""
    with flocks(4) as members:
        heard: list[StateChange] = []
        changes = Changes(members[0])

        @members[0].on_state
        def later(change: StateChange) -> None:
            heard.append(change)

        changes.wait(is_synchronised)
        members[0].close()
        until(lambda: heard and heard[-1].state == "stopped")
        changes.wait(lambda change: change.state == "stopped")
        assert heard == changes.seen[-len(heard) :]
        serials = [change.serial for change in changes.seen]
        assert serials == sorted(set(serials))
        with pytest.raises(TypeError, match="callable"):
            members[0].on_state(7)  # type: ignore[type-var]


def test_a_callback_after_the_end() -> None:
    """It is told that the flock is stopped, once, with the number that the others have heard for it, and nothing else."""
    flock = Flock(HERE)
    before = Changes(flock)
    flock.close()
    end = before.wait(lambda change: change.state == "stopped")
    after = Changes(flock)
    assert after.wait(lambda change: True) == end
    until(lambda: not threads_of_callbacks())
    assert after.seen == [end]
    assert before.seen[-1] == end


def test_a_callback_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a callback raises goes to the thread's hook; the others and later changes come all the same."""
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    with flocks(4) as members:

        @members[0].on_state
        def broken(change: StateChange) -> None:
            raise LookupError(change.state)

        changes = Changes(members[0])
        changes.wait(is_synchronised)
    assert len(raised) > 1
    assert {hook.exc_type for hook in raised} == {LookupError}


def test_a_callback_that_never_comes_back() -> None:
    """It keeps neither the others from being told nor ``close`` from returning."""
    called, release = threading.Event(), threading.Event()

    def hangs(_: StateChange) -> None:
        called.set()
        release.wait(PATIENCE_S)

    try:
        with flocks(4) as members:
            members[0].on_state(hangs)
            assert called.wait(PATIENCE_S)
            Changes(members[0]).wait(is_synchronised)
            began_s = time.monotonic()
            members[0].close()
            assert time.monotonic() - began_s < PATIENCE_S / 3
            assert members[0].state == "stopped"
            assert threads_of_callbacks()
    finally:
        release.set()
    until(lambda: not threads_of_callbacks())


def threads_of_callbacks() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "flocktime-on-state"]
