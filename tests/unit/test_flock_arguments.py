"""What a flock may be given: everything else is refused by name, with the numbers, and leaves nothing running."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from flocktime import Timestamp
from flocktime.errors import FlockError, InvalidKey, InvalidTimestamp
from flocktime.flock import Flock, new_key
from flocktime.flock.arguments import anchor_ns
from flocktime.testing import ManualSource
from tests.support import NOW_US

HERE = "127.0.0.1:0"
SECRET = "A" * 22  # sixteen bytes of zero


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"peers": ["nowhere"]}, ValueError, "nowhere"),
        ({"peers": ["host:port"]}, ValueError, "host:port"),
        ({"peers": ["host:65536"]}, ValueError, "65536"),
        ({"peers": ["host:1"] * 257}, ValueError, "257 names among the peers, and at most 256"),
        ({"peers": ["10.0.0.1:1"] * 4097}, ValueError, "4097 peers, and at most 4096"),
        ({"peers": "host:1"}, TypeError, "not a single one"),
        ({"peers": [1]}, TypeError, "not int"),
        ({"peers": lambda: 1 // 0}, ValueError, "ZeroDivisionError"),
        ({"peers": lambda: "host:1"}, ValueError, "not a single one"),
        ({"peers": lambda: ["nowhere"]}, ValueError, "nowhere"),
        ({"listen": "nowhere"}, FlockError, "nowhere"),
        ({"listen": "127.0.0.1:65536"}, FlockError, "65536"),
        ({"listen": 7700}, TypeError, "listen must be a str, not int"),
        ({"listen": "\udcff:0"}, ValueError, r"listen must be text that UTF-8 can hold, got '\udcff:0'"),
        ({"peers": ["\udcff:1"]}, ValueError, r"an address among the peers must be text that UTF-8 can hold"),
        ({"listen": None, "peers": ["127.0.0.1:5"]}, ValueError, "peers cannot be given without listen"),
        ({"listen": None, "peers": lambda: []}, ValueError, "peers cannot be given without listen"),
        ({"name": 7}, TypeError, "not int"),
        ({"name": ""}, ValueError, "name must not be empty, got ''"),
        ({"name": "\udcff"}, ValueError, r"name must be text that UTF-8 can hold, got '\udcff'"),
        ({"until_ready": "wait"}, ValueError, "'wait'"),
        ({"anchor": 1.5}, ValueError, "1.5"),
        ({"anchor": float("nan")}, ValueError, "nan"),
        ({"anchor": timedelta(seconds=2)}, ValueError, "anchor must be None, a bool or 0..=1 seconds, got 2.0"),
        ({"anchor": "always"}, TypeError, "anchor must be a number of seconds or a timedelta, not str"),
        ({"max_drift": 0.0}, ValueError, "0.001..=86400"),
        ({"max_drift": timedelta(days=2)}, ValueError, "172800"),
        ({"max_drift": None}, TypeError, "max_drift must be a number of seconds or a timedelta, not NoneType"),
        ({"max_drift": True}, TypeError, "bool"),
        ({"round": 0}, ValueError, "0.001..=3600"),
        ({"round": float("nan")}, ValueError, "nan"),
        ({"round": "1"}, TypeError, "str"),
        ({"resolve_every": 0.0}, ValueError, "0.01..=86400"),
        ({"fanout": -1}, ValueError, "0..=256"),
        ({"fanout": 257}, ValueError, "0..=256"),
        ({"fanout": 1.5}, TypeError, "float"),
        ({"source": 7}, TypeError, "source must be None or a SkewedSource, not int"),
        ({"source": ManualSource()}, TypeError, "source must be None or a SkewedSource, not ManualSource"),
        ({"page": 5}, TypeError, "page must be a path, not int"),
        ({"page": b"x"}, TypeError, "page must be a path, not bytes"),
        ({"page": ""}, ValueError, "page must not be empty, got ''"),
        ({"page": "a\0b"}, ValueError, "page must not have a NUL in it"),
        ({"page": "page", "steer": False}, ValueError, "steer=False cannot be given with a page"),
        ({"node": -1}, InvalidTimestamp, "-1"),
        ({"on_drift": "panic"}, ValueError, "panic"),
        ({"key": []}, InvalidKey, "None"),
        ({"key": 7}, TypeError, "key must be a str 'ID:SECRET' or a list of them, not int"),
        ({"key": f"7:{SECRET}".encode()}, TypeError, "not bytes"),
        ({"key": [f"7:{SECRET}".encode()]}, InvalidKey, "key 1 must be a str 'ID:SECRET', not bytes"),
        ({"key": "secret"}, InvalidKey, "ID:SECRET"),
        ({"key": f"0:{SECRET}"}, InvalidKey, "1..=65535"),
        ({"key": f"07:{SECRET}"}, InvalidKey, "ID:SECRET"),
        ({"key": "7:AAAA"}, InvalidKey, "got 3"),
        ({"key": "7:####"}, InvalidKey, "base64url"),
        ({"key": [f"7:{SECRET}", f"7:{SECRET}"]}, InvalidKey, "twice"),
        ({"key": [f"{number}:{SECRET}" for number in range(1, 18)]}, InvalidKey, "17"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_what_is_refused(given: dict[str, Any], error: type[Exception], words: str) -> None:
    """The error's type says what kind of mistake it is, its message names the offender; no thread stays behind."""
    with pytest.raises(error) as refusal:
        Flock(**{"listen": HERE, **given})
    assert words in str(refusal.value)
    assert not [each.name for each in threading.enumerate() if each.name.startswith("flocktime")]


def test_a_secret_is_never_in_a_message() -> None:
    """Whatever is wrong with a key, what it says to people holds nothing of it."""
    for key in (f"0:{'B' * 43}", f"7:{'B' * 43}=", f"{'B' * 43}", f"7:{'B' * 10}"):
        with pytest.raises(InvalidKey) as refusal:
            Flock(key=key)
        assert "BBBB" not in str(refusal.value)


def test_an_address_that_is_taken() -> None:
    """The second member on one address is refused with the address in words; the first goes on."""
    with Flock(HERE) as first:
        with pytest.raises(FlockError, match=f"cannot listen on {first.address}"):
            Flock(first.address)
        assert first.status().io["listening"]


def test_a_fresh_key() -> None:
    """New keys fit, differ, carry the id that was asked for, and an id out of range is refused."""
    assert new_key(65535).startswith("65535:")
    assert new_key(1) != new_key(1)
    with Flock(key=(new_key(1), new_key(2))) as flock:
        assert flock.state == "alone"
    for wrong in (0, 65536, True, "1"):
        with pytest.raises(InvalidKey, match="1..=65535"):
            new_key(wrong)  # type: ignore[arg-type]


def test_an_anchor_in_either_unit() -> None:
    """Seconds and ``timedelta`` say the same; ``True`` is a millisecond."""
    assert anchor_ns(timedelta(milliseconds=5)) == anchor_ns(0.005) == 5_000_000
    assert anchor_ns(True) == 1_000_000
    with Flock(HERE, anchor=timedelta(milliseconds=5)) as flock:
        assert flock.state in ("alone", "joining")


def test_a_callable_that_fails_at_once_is_the_cause() -> None:
    """There is no flock, and the error leads to what the callable raised."""
    raised = LookupError("no registry")

    def find() -> list[str]:
        raise raised

    with pytest.raises(ValueError, match="LookupError: no registry") as refusal:
        Flock(HERE, find)
    assert refusal.value.__cause__ is raised


def test_a_clock_that_goes_on() -> None:
    """``last`` and ``epoch`` are the clock's: its stamps lie above what it was given, in that epoch or later."""
    last = Timestamp(NOW_US, 7, node=1, epoch=3)
    with Flock(HERE, last=last) as flock:
        assert flock.clock.now() > last
        assert flock.status().epoch == 3
    with Flock(HERE, epoch=5) as flock:
        assert flock.clock.now().epoch == 5
        assert flock.metrics()["flocktime_epoch"] == 5.0
