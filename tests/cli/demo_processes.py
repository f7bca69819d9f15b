"""Finding and waiting for the processes of a demonstration, by a mark in their environment that all of them inherit."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

MARK = "FLOCKTIME_TEST_MARK"
PATIENCE_S = 60.0


def new_mark() -> str:
    return uuid.uuid4().hex


def marked(mark: str) -> dict[int, str]:
    """The processes that inherited the mark, with their command lines; never this one."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended, or belongs to somebody else
        if f"{MARK}={mark}".encode() in environment.split(b"\0"):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def wait_until_gone(mark: str) -> None:
    """Return when no process carries the mark any more; fail after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while left := marked(mark):
        for pid in left:
            try:
                process = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                ended, _, _ = select.select([process], [], [], max(0.0, deadline - time.monotonic()))
            finally:
                os.close(process)
            assert ended, f"still there: {left}"


def start_demo(mark: str, *arguments: str, temporary: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, with its own place for temporary files."""
    with _signals_not_ignored():
        return subprocess.Popen(
            [sys.executable, "-m", "flocktime", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK: mark, "TMPDIR": str(temporary)},
            start_new_session=True,  # a signal sent to it reaches it alone
        )


@contextmanager
def _signals_not_ignored() -> Iterator[None]:
    """Whoever runs the tests in the background may have had signals ignored, and a child inherits that."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGHUP)}
    try:
        for signum in before:
            signal.signal(signum, signal.default_int_handler)
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the process wrote on standard error, up to the line with the word."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if word in line:
            return said
    raise AssertionError(f"{word!r} was never said; standard error was:\n{said}")
