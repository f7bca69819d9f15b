"""Paths that are none, and files that are no files: said at once, alike in both backends."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, PageError
from flocktime.cli.page import run
from flocktime.intervals import ClockBoundError


def _with_clockbound(path: Any) -> Clock:
    return Clock(clockbound=path)


MAKERS = pytest.mark.parametrize("make", [Clock.open, _with_clockbound])


@MAKERS
@pytest.mark.parametrize("path", [3, b"page", 1.5, ["page"]])
def test_what_is_no_path_is_named(make: Any, path: object) -> None:
    """A wrong type is refused with its name, before any file is touched."""
    with pytest.raises(TypeError, match=f"must be a path, not {type(path).__name__}"):
        make(path)


@MAKERS
def test_an_empty_path_is_refused(make: Any) -> None:
    """It is no file in the working directory."""
    with pytest.raises(ValueError, match="must not be empty, got ''"):
        make("")


@MAKERS
def test_a_nul_is_refused(make: Any) -> None:
    """No file has one in its path."""
    with pytest.raises(ValueError, match="must not have a NUL in it, got "):
        make("pa\0ge")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody writes to it; whoever opens it would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ClockBoundError):
        Clock(clockbound=pipe)
    assert run(str(pipe), as_json=False) == 2
    assert "it is a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [PageError, ClockBoundError])
def test_errors_about_files_pickle_whole(kind: type[PageError]) -> None:
    """What an OSError knows comes along, as from a worker process."""
    error = pickle.loads(pickle.dumps(kind("no", path="there", reason="os", errno=2)))
    assert type(error) is kind
    assert (str(error), error.path, error.reason, error.errno, error.filename) == ("no", "there", "os", 2, "there")
