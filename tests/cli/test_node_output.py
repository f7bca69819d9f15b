"""What a node prints, and what it does where it cannot: it stays in the flock."""

from __future__ import annotations

import errno
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from flocktime.cli import node as command
from flocktime.cli.node.log_stream import LogStream
from flocktime.cli.node.telling import JsonTeller, PlainTeller
from flocktime.flock import Flock
from tests.cli.node_processes import PATIENCE_S
from tests.support import environment


class Disk(io.RawIOBase):
    """A disk with room for so many more bytes; what does not fit is refused, as by a real one."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "full")
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.content += taken
        return len(taken)

    @property
    def lines(self) -> list[str]:
        return self.content.decode().splitlines()


def stream_on(disk: io.RawIOBase) -> io.TextIOWrapper:
    """Standard output, as Python makes it."""
    return io.TextIOWrapper(io.BufferedWriter(disk), encoding="utf-8")


def test_lost_lines_are_counted() -> None:
    """A full disk costs the lines that do not fit, whole; once there is room again the next line says how many, once."""
    disk = Disk(8)
    log = LogStream(stream_on(disk), lambda words: f"<{words}>")
    log.write("first")
    log.write("second")  # two bytes of it
    log.write("third")
    disk.room = 1 << 20
    log.write("fourth")
    log.write("fifth")
    assert disk.lines == ["first", "se", "<lines lost before this one: 2 (full)>", "fourth", "fifth"]


def test_a_line_is_encoded_as_its_stream_does() -> None:
    """With its encoding, and with what it does where that lacks a character."""
    disk = Disk(1 << 20)
    stream = io.TextIOWrapper(io.BufferedWriter(disk), encoding="ascii", errors="backslashreplace")
    LogStream(stream, str).write("büro ±")
    assert disk.lines == [r"b\xfcro \xb1"]


def test_what_says_so_may_be_lost_too() -> None:
    """Room for the count and not for the line: that is one more lost line, and none is counted twice."""
    disk = Disk()
    log = LogStream(stream_on(disk), lambda words: words)
    log.write("first")
    log.write("second")
    disk.room = len("lines lost before this one: 2 (full)\n")
    log.write("third")
    disk.room = 1 << 20
    log.write("fourth")
    assert disk.lines == ["lines lost before this one: 2 (full)", "lines lost before this one: 1 (full)", "fourth"]


def test_a_reader_that_has_gone_is_told() -> None:
    """Nobody will read another line: that is the caller's to know."""

    class Gone(Disk):
        def write(self, data: Any) -> int:
            raise BrokenPipeError(errno.EPIPE, "gone")

    with pytest.raises(BrokenPipeError):
        LogStream(stream_on(Gone()), str).write("line")


def test_a_full_pipe_is_not_waited_for() -> None:
    """One that was told not to block takes nothing, and says so in its own way."""

    class Busy(Disk):
        def write(self, data: Any) -> Any:
            return None if not self.room else super().write(data)

    disk = Busy()
    log = LogStream(stream_on(disk), str)
    log.write("first")
    disk.room = 1 << 20
    log.write("second")
    assert disk.lines == [f"lines lost before this one: 1 ({os.strerror(errno.EAGAIN)})", "second"]


@pytest.mark.parametrize("teller", [PlainTeller, JsonTeller])
def test_what_is_said_of_lost_lines(teller: type[PlainTeller | JsonTeller], monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the form of the other lines."""
    disk = Disk()
    monkeypatch.setattr(sys, "stdout", stream_on(disk))
    telling = teller()
    telling.stopped("one")
    disk.room = 1 << 20
    telling.stopped("two")
    first, second = disk.lines
    if teller is JsonTeller:
        assert json.loads(first)["event"] == "note"
        assert json.loads(first)["message"] == "lines lost before this one: 1 (full)"
        assert json.loads(second)["message"] == "two"
    else:
        assert first.endswith("Z lines lost before this one: 1 (full)")
        assert second.endswith("Z two")


@pytest.mark.processes
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["plain", "json"])
def test_a_full_disk_does_not_end_a_node(form: list[str]) -> None:
    """It runs on without its log, and ends by a signal as ever."""
    program = (
        "import sys, threading\n"
        "from flocktime.cli.main import main\n"
        "from flocktime.cli.node.running import Node\n"
        "look = Node._look\n"
        "Node._look = lambda node: (print('looked', file=sys.stderr, flush=True), look(node))[1]\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-P", "-c", program, "node", "--listen", "127.0.0.1:0", *form]
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        while "looked" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert "rror" not in process.stderr.read()


def test_a_wait_for_the_page_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it takes more than a moment, and only where there is a page."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setattr(command, "_complain", said.put)
    with command._a_word_if_it_waits(Path("host.page"), 0.0):
        assert said.get(timeout=PATIENCE_S).startswith("--page host.page: waiting for five rounds")
    with command._a_word_if_it_waits(Path("host.page"), 3600.0):
        pass
    with command._a_word_if_it_waits(None, 0.0):
        pass
    assert said.empty()
    assert not [
        each for each in threading.enumerate() if isinstance(each, threading.Timer) and not each.finished.is_set()
    ]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo terminals")
def test_a_terminal_that_was_closed_does_not_end_a_node() -> None:
    """The display goes on, for nobody."""
    pytest.importorskip("rich")
    from rich.console import Console

    from flocktime.cli.node.display import LiveTeller

    ours, theirs = os.openpty()
    with Flock("127.0.0.1:0") as flock, os.fdopen(theirs, "w") as terminal:
        with LiveTeller(Console(file=terminal, width=100, height=40)) as teller:
            teller.started(flock, None)
            os.close(ours)
            for _ in range(2):
                teller.looked(flock.status())
            teller.note("something")
            teller.stopped("the end")
        terminal.flush()
