"""Members on real sockets of this machine: of the pure backend, of the compiled one where it is built, and of both together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flocktime import _fallback as fallback
from flocktime.errors import FlockError, HeaderError, InvalidKey, NotReady

try:
    from flocktime import _core
except ImportError:
    core: Any = None
else:
    core = _core if hasattr(_core, "FlockMember") else None

pytestmark = pytest.mark.processes

KEYS = ("1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",)
OTHER_KEYS = ("2:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",)
DEADLINE_S = 60.0
needs_core = pytest.mark.skipif(core is None, reason="this compiled core has no FlockMember yet")
BACKENDS = [pytest.param(fallback, id="pure"), pytest.param(core, id="compiled", marks=needs_core)]
PAIRS = [
    pytest.param(fallback, fallback, id="pure-pure"),
    pytest.param(fallback, core, id="pure-compiled", marks=needs_core),
]


class Standing:
    """A member with its clock and the wrong oscillator beneath it."""

    def __init__(self, backend: Any, origin: int, offset: float = 0.0, ppm: float = 0.0, **options: Any) -> None:
        self.source = backend.SkewedSource(offset, ppm)
        chosen = {
            "listen": "127.0.0.1:0", "keys": KEYS, "origin": origin, "steer": True, "max_drift_us": 500_000, "refuse": False,
            "anchor": -1, "fanout": 4, "round_s": 0.05, "resolve_s": 30.0, "source": self.source, **options,
        }  # fmt: skip
        self.member = backend.FlockMember(**chosen)
        self.clock = backend.Clock(source=self.member.source)
        self.member.attach(self.clock)

    def until(self, state: str) -> None:
        """Wait for a state; the deadline is an assertion."""
        deadline, serial, now = time.monotonic() + DEADLINE_S, 0, ""
        while now != state:
            assert time.monotonic() < deadline, (now, self.member.report())
            for change in self.member.wait(serial, 0.5):
                serial, now = change[0], change[1]

    def until_free(self) -> None:
        """Wait until stamps are not held any more by what was stamped before the flock came together."""
        deadline = time.monotonic() + DEADLINE_S
        while self.clock.ahead_by:
            assert time.monotonic() < deadline, self.clock
            self.member.wait(1 << 60, 0.02)

    def flock(self) -> dict[str, Any]:
        found: dict[str, Any] = self.member.report()["flock"]
        return found


@contextmanager
def standing(*members: Standing) -> Iterator[tuple[Standing, ...]]:
    """Members who know each other, stopped in the end."""
    try:
        for one in members:
            others = [other.member.address for other in members if other is not one]
            one.member.set_peers([address for address in others if address is not None])
        yield members
    finally:
        for one in members:
            one.member.stop()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_members_agree(first: Any, second: Any) -> None:
    """Two clocks 200 ms and 100 ppm apart come to agree within a millisecond, and their stamps follow."""
    with standing(Standing(first, 1, 0.1, 50), Standing(second, 2, -0.1, -50)) as (one, other):
        for member in (one, other):
            member.until("synchronised")
        for member in (one, other):
            report = member.member.report()
            assert report["status"] == "running"
            assert report["io"]["kernel_stamped"] > 0 or report["io"]["unstamped"] > 0
            assert report["io"]["last_error"] is None
            assert abs(report["flock"]["peers"][0]["offset_ns"]) < 2_000_000
            assert report["flock"]["node"] == member.clock.node, "the clock's node travels"
        for member in (one, other):
            member.until_free()
        before, between, after = one.clock.now(), other.clock.now(), one.clock.now()
        assert before.physical_us - 2_000 <= between.physical_us <= after.physical_us + 2_000
        # Each packet carries a stamp, and whoever takes it in merges it.
        reached = one.clock.now_many(60_000)[-1]
        deadline = time.monotonic() + DEADLINE_S
        while other.clock.last.to_int() >> 48 < reached.to_int() >> 48:
            assert time.monotonic() < deadline
            other.member.wait(1 << 60, 0.02)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_headers_between_members(first: Any, second: Any) -> None:
    """Messages carry what datagrams would: without a socket two members measure each other."""
    one, other = Standing(first, 1, listen=None), Standing(second, 2, listen=None)
    with standing(one, other):
        for turn in range(50):
            asked = one.member.header("other")
            assert len(asked) == 224
            stamp, trusted = other.member.take(asked)
            assert trusted == (turn > 0), "the first proves nothing"
            assert stamp.to_bytes() > bytes(16)
            one.member.take(other.member.reply(asked))
        with pytest.raises(HeaderError) as refused:
            other.member.take(asked)
        assert refused.value.reason == "replayed"
        assert one.flock()["counters"]["samples"] >= 15, "of calls as quick as these only the first few are measured"
        assert one.member.address is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_refused(backend: Any) -> None:
    """Headers, peers, keys, addresses and settings that are none: each with its error, and the member goes on."""
    with standing(Standing(backend, 1)) as (one,):
        for text, reason in (
            ("", "malformed"),
            ("x" * 400, "malformed"),
            ("AAAA", "malformed"),
            (one.member.header("a"), "own"),
        ):
            with pytest.raises(HeaderError) as refused:
                one.member.take(text)
            assert refused.value.reason == reason
        for label in ("", "x" * 256, "é" * 128):
            with pytest.raises(HeaderError) as refused:
                one.member.header(label)
            assert refused.value.reason == "label"
        for peer in (
            "",
            "host",
            ":7",
            "host:",
            "host:0",
            "host:65536",
            "::1:7",
            "[::g]:7",
            "a b:7",
            "10.0.0.1:0",
            "224.0.0.1:7",
        ):
            with pytest.raises(ValueError, match="peer"):
                one.member.set_peers([peer])
        with pytest.raises(ValueError, match="4096"):
            one.member.set_peers(["10.0.0.1:7"] * 4097)
        with pytest.raises(InvalidKey):
            one.member.rotate(["nonsense"])
        with pytest.raises(FlockError, match="cannot listen"):
            Standing(backend, 2, listen=one.member.address)
        for wrong in (
            {"fanout": 257},
            {"round_s": 0.0001},
            {"round_s": float("nan")},
            {"resolve_s": 0.001},
            {"anchor": -2},
        ):
            with pytest.raises(ValueError, match=r"must (lie|be)"):
                Standing(backend, 2, **wrong)
        assert one.member.running


@pytest.mark.parametrize("backend", BACKENDS)
def test_strangers_keys_and_junk(backend: Any) -> None:
    """Who has another key is not heard, junk is counted, and a rotation lets them in."""
    import socket

    with standing(Standing(backend, 1), Standing(backend, 2, keys=OTHER_KEYS)) as (one, other):
        host, _, port = one.member.address.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            for size in (0, 1, 168, 256, 257, 9000):
                junk.sendto(b"x" * size, (host, int(port)))
        deadline = time.monotonic() + DEADLINE_S
        while one.flock()["counters"]["malformed"] < 6 or one.flock()["counters"]["unknown_key"] < 1:
            assert time.monotonic() < deadline, one.flock()["counters"]
            one.member.wait(1 << 60, 0.02)
        assert one.flock()["counters"]["accepted"] == 0
        one.member.rotate((*KEYS, *OTHER_KEYS))
        other.member.rotate((*OTHER_KEYS, *KEYS))
        one.until("synchronised")


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_are_resolved(backend: Any) -> None:
    """A name among the peers is looked up in the background; one that stands for nothing is reported and changes nothing."""
    with standing(Standing(backend, 1), Standing(backend, 2)) as (one, other):
        port = other.member.address.rpartition(":")[2]
        one.member.set_peers([f"localhost:{port}", f"nobody.invalid:{port}"])
        deadline = time.monotonic() + DEADLINE_S
        while not all(name["resolved"] for name in one.member.report()["names"]):
            assert time.monotonic() < deadline, one.member.report()["names"]
            one.member.wait(1 << 60, 0.02)
        found = {name["name"].partition(":")[0]: name for name in one.member.report()["names"]}
        assert f"127.0.0.1:{port}" in found["localhost"]["addresses"]
        assert found["nobody.invalid"]["error"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_refusing_until_ready(backend: Any) -> None:
    """A clock that was told to refuse has no time before the first synchronisation, and has it afterwards."""
    with standing(Standing(backend, 1, refuse=True), Standing(backend, 2, refuse=True)) as (one, other):
        with pytest.raises(NotReady):
            one.clock.now()
        with pytest.raises(NotReady):
            one.member.source()
        for member in (one, other):
            member.until("synchronised")
        assert one.clock.now() < one.clock.now()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_end(backend: Any) -> None:
    """A stopped member says so and frees its port; its clock runs on where it was steered to."""
    with standing(Standing(backend, 1, 0.1), Standing(backend, 2, -0.1)) as (one, other):
        for member in (one, other):
            member.until("synchronised")
        address, before = one.member.address, one.clock.now()
        one.member.stop()
        one.member.stop()
        assert (one.member.running, one.member.detached, one.member.report()["status"]) == (False, False, "stopped")
        assert one.member.wait(1 << 60, DEADLINE_S) == [], "nothing will come: at once"
        with pytest.raises(FlockError, match="stopped"):
            one.member.header("other")
        assert before < one.clock.now()
        assert abs(one.clock.now().physical_us - other.clock.now().physical_us) < 50_000, "not back to the OS clock"
        Standing(backend, 3, listen=address).member.stop()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_child_has_no_member(backend: Any) -> None:
    """The child's copy is detached, answers at once and takes no lock; its clock shows the base and repeats no stamp."""
    with standing(Standing(backend, 1, 0.1), Standing(backend, 2, -0.1)) as (one, other):
        for member in (one, other):
            member.until("synchronised")
        parents = one.clock.now()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                base_us, stamp = one.source() // 1000, one.clock.now()
                report = one.member.report()
                fine = (
                    one.member.detached
                    and not one.member.running
                    and (report["status"], report["flock"]) == ("detached", None)
                    and one.member.wait(0, DEADLINE_S) == []
                    and stamp > parents
                    and stamp.node != parents.node
                    and abs(one.member.source() // 1000 - base_us) < 50_000
                )
                one.member.stop()
                code = 0 if fine else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert one.member.running
        assert one.clock.node == parents.node


@needs_core
def test_the_same_report() -> None:
    """A report has the same names on both backends."""
    with standing(Standing(fallback, 1), Standing(core, 2)) as (one, other):
        for member in (one, other):
            member.until("synchronised")
        pure, compiled = one.member.report(), other.member.report()
        assert pure.keys() == compiled.keys()
        for part in ("io", "flock"):
            assert pure[part].keys() == compiled[part].keys()
        assert pure["flock"]["counters"].keys() == compiled["flock"]["counters"].keys()
        assert pure["flock"]["peers"][0].keys() == compiled["flock"]["peers"][0].keys()
