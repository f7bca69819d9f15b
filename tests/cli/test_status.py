"""``flocktime status``: what a node says, and what is none of a node's words."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from flocktime.cli import status as command
from flocktime.cli.main import main
from flocktime.cli.node.serving import StatusServer
from flocktime.cli.status import Unreachable, ask
from flocktime.cli.status.address import Address, address
from flocktime.cli.status.reading import NoStatus, status_from
from flocktime.flock import Flock
from tests.cli.statuses import FULL
from tests.support import environment
from tests.unit.flocks import PATIENCE_S, flocks, together


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


@contextmanager
def talking(sent: bytes) -> Iterator[str]:
    """Something that listens, and says this to the first who comes, whatever that one says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            with listening.accept()[0] as connection:
                connection.recv(65_536)
                with suppress(ConnectionError):  # nobody listens to all of it
                    connection.sendall(sent)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)

        thread = threading.Thread(target=talk)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
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


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\x1b[2J\x1b]0;evil\x07\xff\r\n\r\n", "answers, but not as a node does: ?[2J?]0;evil?ÿ"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "answers, but not as a node does: SSH-2.0-OpenSSH_9.6"),
        (b"x" * 70_000, "answers, but not as a node does: got more than 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200, "answers, but not as a node does: got more than 100 headers"),
        (b"", "cannot be reached: Remote end closed connection"),
    ],
    ids=["escapes", "another protocol", "a long line", "many headers", "nothing"],
)
@pytest.mark.parametrize("json_form", [[], ["--json"]], ids=["table", "json"])
def test_what_is_no_answer(sent: bytes, words: str, json_form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever speaks there: exit code 2 and a line of printable characters that is not long."""
    with talking(sent) as where:
        assert main(["status", where, *json_form]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error) < 200
    assert error[:-1].isprintable()


def test_who_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for all of an answer, its first lines as well: a byte now and then does not buy more time."""
    ours, theirs = socket.socketpair()
    looks = 0

    def clock() -> float:
        """Each look at it costs a second, and brings a byte."""
        nonlocal looks
        looks += 1
        theirs.sendall(b"H")
        return float(looks)

    monkeypatch.setattr(command, "connected", lambda *_: ours)
    with theirs, pytest.raises(Unreachable, match="timed out"):
        ask(Address("slow.example", 1), clock)
    assert looks <= 2 + command.PATIENCE_S


def test_all_addresses_are_tried_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several that do not take a connection have the same time together as one."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))] * 50
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    now_s = iter(range(1000))
    with pytest.raises(Unreachable, match="timed out"):
        ask(Address("many.example", 1), clock=lambda: float(next(now_s)))
    assert next(now_s) < 60


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7701", ("127.0.0.1", 7701)),
        (":7701", ("127.0.0.1", 7701)),
        ("host:1", ("host", 1)),
        ("[::1]:80", ("::1", 80)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("host.example.:1", ("host.example.", 1)),
        (f"{'x' * 63}:1", ("x" * 63, 1)),
        ("büro.example:1", ("büro.example", 1)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    """With or without a host, IPv6 in brackets; they print as they are written."""
    found = address(text)
    assert found == expected
    assert address(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        *["", "host", "host:", "host:x", "host:65536", "::1:80", "a b:1", "u@h:1", "h/x:1", "h:1111111"],
        *["a..b:7701", ".:7701", ".a:7701", f"{'x' * 64}.example:7701", f"{'ü' * 63}:7701"],
    ],
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
