"""What a command does when its output cannot be written, or when the place it is started from is full of traps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
