"""Run functions in forked children, side by side, and get back what they return."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: A child that hangs, on a lock that nobody will release for instance, ends itself after so many seconds.
PATIENCE_S = 60


def forked(
    functions: Sequence[Callable[[], Any]], folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> list[Any]:
    """What each function returns in a child of its own, all of them forked at once, while the parent does ``meanwhile``.

    Results travel through files: pipes would fill up. A child that raises, hangs or dies is an ``AssertionError``.
    """
    children = {}
    for number, function in enumerate(functions):
        result = folder / f"child-{os.getpid()}-{number}-{len(list(folder.iterdir()))}"
        pid = os.fork()
        if pid == 0:
            _run(function, result)
        children[pid] = result
    meanwhile()
    results = []
    for pid, result in children.items():
        _, status = os.waitpid(pid, 0)
        assert status == 0, (
            f"a child ended with status {status}: {result.read_text() if result.exists() else 'no word'}"
        )
        results.append(pickle.loads(result.read_bytes()))
        result.unlink()
    return results


def _run(function: Callable[[], Any], result: Path) -> None:
    """In the child: never returns, and never reaches the test runner's own code."""
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_S)
        result.write_bytes(pickle.dumps(function()))
        code = 0
    except BaseException:
        result.write_text(traceback.format_exc())
    finally:
        os._exit(code)
