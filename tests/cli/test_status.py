"""``flocktime status``: what a node says, and what is none of a node's words."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from flocktime.cli import status as command
from flocktime.cli.main import main
from flocktime.cli.node.serving import StatusServer
from flocktime.cli.status.address import Address, address
from flocktime.cli.status.reading import NoStatus, status_from
from flocktime.cli.status.words import facts, moment, ppm, span, warnings
from flocktime.flock import Flock, FlockStatus, PeerStatus, UtcEstimate
from tests.support import environment
from tests.unit.flocks import PATIENCE_S, flocks, together

PEER = PeerStatus(
    name="10.0.0.3:7700",
    node=0x2A,
    origin=7,
    state="synchronised",
    offset_us=788_400_000e6,
    error_us=54.6,
    delay_us=120.0,
    rate_ppm=None,
    voted=True,
    verdict="wrong",
    silent_rounds=0,
    oscillator_jumps=0,
)
FULL = FlockStatus(
    state="synchronised",
    steering=True,
    address="10.0.0.1:7700",
    name="billing",
    node=1,
    epoch=3,
    time_us=1_795_399_074_123_456,
    ahead_us=788_400_000_000_000,
    offset_us=-1.25,
    error_us=1234.5,
    rate_ppm=3.2,
    os_offset_us=-2_500_000.0,
    utc=UtcEstimate(1500.0, 300.0),
    voters=4,
    quorum=True,
    suspects_itself=True,
    peers=(PEER,),
    counters={"received": 7},
    io={"last_error": "send 10.0.0.9:7700: Network is unreachable", "failure": None},
    names=({"name": "flock.local:7700", "error": "no such host"},),
    peers_error="ConnectionError: away",
)


@contextmanager
def server(content: bytes, code: int = 200) -> Iterator[str]:
    """A server that answers everything with this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a synchronised node, 1 for one that is not, 2 where nobody is."""
    with flocks(4) as members:
        together(members)
        node = StatusServer(Address("127.0.0.1", 0), members[0])
        assert main(["status", str(node.address)]) == 0
        output = capsys.readouterr().out
        assert re.search(r"^state +synchronised", output, re.MULTILINE)
        assert str(members[1].address) in output
        assert main(["status", str(node.address.port), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["state"] == "synchronised"
        node.close()
        assert main(["status", str(node.address)]) == 2
        assert f"{node.address} cannot be reached: Connection refused" in capsys.readouterr().err
    with Flock("127.0.0.1:0") as alone:
        node = StatusServer(Address("127.0.0.1", 0), alone)
        assert main(["status", str(node.address), "--json"]) == 1
        node.close()


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        (0, {}),
        (0, {"quorum": False, "voters": 1}),
        (0, {"offset_us": -500_001.0, "max_drift_us": 1e6}),
        *[(1, {name: value}) for name, value in (("offset_us", -500_001.0), ("offset_us", None), ("voters", 0))],
        *[(1, {name: value}) for name, value in (("suspects_itself", True), ("state", "degraded"))],
    ],
)
def test_exit_codes_of_a_witness(code: int, changed: dict[str, Any]) -> None:
    """A node that only monitors is never synchronised: 0 while those who vote do not say that its own clock is off."""
    watching: dict[str, Any] = {"state": "monitoring", "suspects_itself": False, **changed}
    with server(json.dumps(replace(FULL, **watching).as_dict()).encode()) as where:
        assert main(["status", where, "--json"]) == code


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "FlockStatus: an object is wanted, not list"),
        (b"{}", "FlockStatus.state is missing"),
        (b'{"state": 7}', "FlockStatus.state: FlockState is wanted, not int"),
        (b"x" * (command.MOST_BYTES + 2), "no status"),
    ],
    ids=["nothing", "binary", "deep", "list", "empty", "number", "long"],
)
def test_what_is_no_status(content: bytes, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever else answers there: exit code 2 and a sentence that says what is wrong with it."""
    with server(content) as where:
        assert main(["status", where]) == 2
    assert words in capsys.readouterr().err


def test_another_http_status(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that has no such page is no node."""
    with server(b"not here", 404) as where:
        assert main(["status", where]) == 2
    assert "answers with HTTP status 404" in capsys.readouterr().err


def test_a_status_there_and_back() -> None:
    """JSON and back gives the same status; fields of a later version are passed over, missing ones have their defaults."""
    plain = json.loads(json.dumps(FULL.as_dict()))
    assert status_from({**plain, "later": 7}) == FULL
    del plain["peers"]
    assert status_from(plain).peers == ()


@pytest.mark.parametrize("name", [field for field in FULL.as_dict() if field not in ("wrong", "namesakes")])
@pytest.mark.parametrize("wrong", [object(), [7], {"a": "b"}, -(1 << 70)], ids=["object", "list", "dict", "huge"])
def test_every_field_is_checked(name: str, wrong: object) -> None:
    """A value of another type is refused by the field's name, before anything is shown."""
    fits_anything = {"io"} if isinstance(wrong, dict) else set()
    if name in fits_anything:
        return
    with pytest.raises(NoStatus, match=r"FlockStatus|PeerStatus|UtcEstimate"):
        status_from({**json.loads(json.dumps(FULL.as_dict())), name: wrong})


def test_what_came_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and markup in names reach the screen as question marks and as themselves."""
    plain = FULL.as_dict()
    plain["name"] = plain["peers"][0]["name"] = "\x1b[2J\x07[red]evil[/red]\u202e"
    with server(json.dumps(plain).encode()) as where:
        assert main(["status", where]) == 0
    output = capsys.readouterr().out
    assert "?[2J?[red]evil[/red]?" in output
    assert not {"\x1b", "\x07", "\u202e"} & set(output)


def test_everything_that_is_wrong_is_said() -> None:
    """Wrong peers, a wrong self, stamps of a future, names and sockets that fail: each has its sentence."""
    text = "\n".join(warnings(FULL))
    for words in (
        "wrong: 10.0.0.3:7700 (node 00000000002a) is +788400000.000000 s off",
        "the odd one out",
        "788,400,000.000 s ahead of its time",
        "ConnectionError: away",
        "flock.local:7700: no such host",
        "Network is unreachable",
    ):
        assert words in text
    rows = dict(facts(FULL))
    assert rows["offset"] == "-1.2 us ± 1.2 ms to the flock's mean"
    assert rows["UTC"] == "+1.5 ms ± 300.0 us from the flock's time"
    assert rows["time"] == "2026-11-23 01:57:54.12 UTC, epoch 3"
    assert rows["OS clock"] == "-2.500 s from the flock's time"


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (None, "-"),
        (0.0, "0.0 us"),
        (999.94, "999.9 us"),
        (999.95, "1.0 ms"),
        (-999_949.0, "-999.9 ms"),
        (1e6, "1.000 s"),
    ],
)
def test_units(us: float | None, words: str) -> None:
    """A time has the unit that suits it, and never a thousand of the smaller one."""
    assert span(us) == words


def test_what_cannot_be_shown() -> None:
    """A time beyond the calendar and a rate that nobody knows are words, no tracebacks."""
    assert moment(1 << 63) == "beyond the year 9999"
    assert moment(None) == "not shown before it is synchronised"
    assert ppm(None) == "-"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7701", ("127.0.0.1", 7701)),
        (":7701", ("127.0.0.1", 7701)),
        ("host:1", ("host", 1)),
        ("[::1]:80", ("::1", 80)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    """With or without a host, IPv6 in brackets; they print as they are written."""
    found = address(text)
    assert found == expected
    assert address(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:x", "host:65536", "::1:80", "a b:1", "u@h:1", "h/x:1", "h:1111111"]
)
def test_what_is_no_address(text: str) -> None:
    """Everything else is wrong usage."""
    with pytest.raises(argparse.ArgumentTypeError):
        address(text)


def test_loopback() -> None:
    """Only addresses that no other machine reaches count as such."""
    assert [Address(host, 1).is_loopback for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [Address(host, 1).is_loopback for host in ("0.0.0.0", "::", "10.0.0.1", "billing")] == [False] * 4


@pytest.mark.processes
def test_watching() -> None:
    """``--watch --json`` is a line a second until it is interrupted; the exit code is that of the latest answer."""
    with Flock("127.0.0.1:0") as flock:
        node = StatusServer(Address("127.0.0.1", 0), flock)
        arguments = [sys.executable, "-P", "-m", "flocktime", "status", str(node.address), "--watch", "--json"]
        with subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(2):
                assert json.loads(process.stdout.readline())["state"] in ("alone", "joining")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 1
        node.close()


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo terminals")
@pytest.mark.parametrize("which", ["node", "status"])
def test_on_a_terminal(which: str) -> None:
    """A node and a watched status draw the table on a terminal, with the state in it, and end by SIGINT."""
    pytest.importorskip("rich")
    ours, theirs = os.openpty()
    with Flock("127.0.0.1:0", name="shown") as flock:
        node = StatusServer(Address("127.0.0.1", 0), flock)
        own = {"node": ["--listen", "127.0.0.1:0", "--name", "shown"], "status": [str(node.address), "--watch"]}[which]
        arguments = [sys.executable, "-P", "-m", "flocktime", which, *own]
        env = environment(TERM="xterm", COLUMNS="120", LINES="40")
        with subprocess.Popen(arguments, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            seen = b""
            while b"alone" not in seen or b"shown" not in seen:
                seen += os.read(ours, 65_536)
            process.send_signal(signal.SIGINT)
            try:
                while os.read(ours, 65_536):
                    pass
            except OSError:
                pass  # its end of the terminal is closed
            assert process.wait(PATIENCE_S) == (0 if which == "node" else 1)
        node.close()
    os.close(ours)
