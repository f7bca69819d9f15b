"""What a command does when its output cannot be written, or when the place it is started from is full of traps."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flocktime.cli import main as command
from tests.support import environment

FLOCKTIME = [sys.executable, "-P", "-m", "flocktime"]


@pytest.mark.parametrize("command", [["inspect", "0x10"], ["--help"]])
def test_a_reader_that_goes_away_is_no_traceback(command: list[str]) -> None:
    """Buffered output into a closed pipe ends the command without a word of Python's."""
    process = subprocess.Popen([*FLOCKTIME, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={})
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=60)
    assert b"Traceback" not in stderr
    if command[0] == "inspect":
        assert (process.returncode, stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_said_in_one_line() -> None:
    """The command names what failed and exits with 2, also where the output was buffered until the end."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*FLOCKTIME, "inspect", "0x10"], stdout=full, stderr=subprocess.PIPE, env={}, timeout=60, check=False
        )
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == ["flocktime inspect: [Errno 28] No space left on device"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_report_that_cannot_be_written_does_not_take_the_verdict_with_it() -> None:
    """The verdict is printed before the report is written; its failure is a line of its own and exit code 2."""
    pytest.importorskip("matplotlib")
    command = [*FLOCKTIME, "demo", "--seconds", "0.5", "--json", "--report", "/dev/full"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr.decode()
    assert "--report /dev/full: No space left on device" in done.stderr.decode()
    assert json.loads(done.stdout)


def test_the_demo_does_not_import_from_where_the_user_stands(tmp_path: Path) -> None:
    """Files named like modules of the standard library in the current directory are nobody's modules."""
    pytest.importorskip("uvicorn")
    for name in ("uuid", "secrets", "h11", "random"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    command = [*FLOCKTIME, "demo", "--seconds", "0.5", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert b"the wrong module" not in done.stderr
    assert done.returncode == 0, done.stderr.decode()


def test_a_character_that_the_encoding_lacks_is_escaped() -> None:
    """What cannot be shown as it is is shown as an escape, and ends nothing."""
    pytest.importorskip("rich")
    env = environment(PYTHONIOENCODING="ascii")
    done = subprocess.run([*FLOCKTIME, "sim", "--list"], capture_output=True, env=env, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u" in done.stdout


@pytest.mark.parametrize(("errors", "kept"), [("strict", False), ("surrogateescape", False), ("replace", True)])
def test_how_a_stream_escapes(errors: str, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both streams escape instead of raising; one that was told to do something else that does not raise does so still."""
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    assert command.main(["inspect", "0x10"]) == 0
    assert {stream.errors for stream in streams.values()} == {errors if kept else "backslashreplace"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts processes with all three streams")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["key", "new"], 0),
        (["inspect", "0x10"], 0),
        (["status", "127.0.0.1:1"], 2),
        (["node", "--listen", "nowhere"], 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_streams_that_were_closed_from_the_start(arguments: list[str], code: int) -> None:
    """As after ``>&-``: the command does what it does, unheard, with its own exit code; errors are not printed elsewhere."""
    closing = "import os, sys; os.close(int(sys.argv[1])); os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    for stream in ("1", "2"):
        started = [sys.executable, "-P", "-c", closing, stream, *FLOCKTIME[1:], *arguments]
        done = subprocess.run(started, capture_output=True, env=environment(), timeout=60, check=False)
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        if stream == "2" and code:
            assert done.stdout == b""


def test_an_interrupt_while_commands_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the program like any later one."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_parser", interrupted)
    assert command.main([]) == 130


@pytest.mark.parametrize("watched", [False, True])
def test_a_report_in_a_pipe_is_not_folded_at_eighty(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal the table of a status has the width of the other reports."""
    pytest.importorskip("rich")
    from flocktime.cli import console
    from flocktime.cli.status import watch

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert (watch.Screen()._console if watched else console.wide_console()).width == 120
