"""A process that has imported flocktime and opened no page: what its children do is start like a service that was there before.

``python -m benches.host_page.template``, talked to by lines of JSON: ``fork`` starts one of ``stamping.WORKS`` in a child,
``reap`` waits for a child's end. When its input ends, so do all of them.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from typing import Any

from benches.host_page.stamping import WORKS

__all__ = ["main"]

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Do what the lines say."""
    children: set[int] = set()
    libc = ctypes.CDLL(None, use_errno=True)
    gc.freeze()  # or each child would copy what a collection touches
    for line in iter(sys.stdin.buffer.readline, b""):
        command = json.loads(line)
        if command.pop("do") == "fork":
            pid = os.fork()
            if pid == 0:
                _work(libc, **command)
            children.add(pid)
            answer: dict[str, Any] = {"pid": pid}
        else:
            _, status = os.waitpid(command["pid"], 0)
            children.discard(command["pid"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _work(libc: ctypes.CDLL, work: str, **values: Any) -> None:
    """In a child: never returns, and outlives nobody."""
    code = 1
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        WORKS[work](**values)
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
