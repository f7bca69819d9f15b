"""A bare receive loop as a process: ``python -m benches.flock.bare``. It says where it listens, and how much came."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

from benches.yardstick.build import compile_shared

PR_SET_PDEATHSIG = 1
HERE = Path(__file__).resolve().parent


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="bare-") as directory:
        built = Path(directory) / "bare.so"
        compile_shared(HERE / "bare.c", built)
        loop = ctypes.CDLL(str(built)).receive_for_ever
    receiving = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiving.bind(("127.0.0.1", 0))
    count = ctypes.c_uint64()
    threading.Thread(target=loop, args=(receiving.fileno(), ctypes.byref(count)), daemon=True).start()
    host, port = receiving.getsockname()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps({"address": f"{host}:{port}", "count": count.value}) + "\n")
        sys.stdout.flush()
    os._exit(0)  # the loop never ends by itself


if __name__ == "__main__":
    sys.exit(main())
