"""One member of a flock as a process of its own: ``python -m benches.flock.member CONFIG``, commands on standard input.

``CONFIG`` and each command are one JSON object; each command is answered by one line with a JSON object. When standard
input ends, or whoever started it dies, so does the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from benches.flock.oscillator import line_at, look, mapped, raw_ns, wait_until
from benches.flock.talking import Talking
from benches.flock.ticks import Ticker
from benches.flock.vouching import Voucher

from flocktime.clock import BACKEND, SkewedSource
from flocktime.errors import NotReady
from flocktime.flock import Flock

PR_SET_PDEATHSIG = 1
CHANGES = ("step", "set_wall", "freeze", "thaw")


class Servant:
    """Answers commands about one ``Flock``. A method ``do_x`` serves the command ``x``."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._ppm = float(config["ppm"])
        self._source = SkewedSource(float(config["offset_s"]), self._ppm)
        self.flock = Flock(
            None if config["http"] else config["listen"],
            key=config["key"],
            name=config["name"],
            source=self._source,
            anchor=False if config["anchor_s"] is None else config["anchor_s"],
            fanout=config["fanout"],
            round=config["round"],
            steer=config["steer"],
        )
        # The numbers behind ``status()``: only these have the instant that they hold for.
        self._member = self.flock._member
        self._shown = self._member.source
        self._ticker = Ticker(self.flock.clock, self._shown, self._report) if config["ticking"] else None
        self._talking = Talking(self.flock, config["fanout"] / config["round"]) if config["http"] else None
        self._voucher: Voucher | None = None
        self._mapping = mapped(self._source, self._ppm)

    def _report(self) -> dict[str, Any]:
        return dict(self._member.report()["flock"])

    def serve(self, command: dict[str, Any]) -> dict[str, Any]:
        name = command.pop("do")
        if name in CHANGES:
            getattr(self._source, name)(**command)
            if not self._source.frozen:
                self._mapping = mapped(self._source, self._ppm)
            return {"frozen": self._source.frozen}
        answer = getattr(self, f"do_{name}")(**command)
        return {} if answer is None else dict(answer)

    def do_hello(self) -> dict[str, Any]:
        address = self.flock.address if self._talking is None else self._talking.address
        return {"address": address, "pid": os.getpid(), "backend": BACKEND, "node": self.flock.clock.node}

    def do_peers(self, peers: list[str]) -> None:
        if self._talking is None:
            self.flock.set_peers(peers)
        else:
            self._talking.set_peers(peers)

    def do_ready(self, timeout: float) -> dict[str, Any]:
        try:
            self.flock.ready(timeout)
        except NotReady as refused:
            return {"ready": False, "why": str(refused)}
        return {"ready": True, "why": ""}

    def do_sample(self, at_raw_ns: int) -> dict[str, Any]:
        """The disciplined clock at an instant that lies a little ahead, from what is published just after it."""
        wait_until(at_raw_ns)
        report = self._report()
        time_ns, rate = line_at(report, self._mapping, at_raw_ns)
        return {
            "time_ns": None if self._source.frozen else time_ns,
            "rate": rate,
            "late_ns": raw_ns() - at_raw_ns,
            "error_ns": self._mapping.error_ns,
            "round": report["round"],
            "state": report["state"],
        }

    def do_look(self) -> dict[str, Any]:
        """What stamps follow right now, whatever state the member is in, and how fast that runs."""
        report = self._report()
        rate = line_at(report, self._mapping, raw_ns())[1]
        return {**asdict(look(self._shown)), "rate": rate, "state": report["state"], "round": report["round"]}

    def do_talk(self) -> dict[str, Any]:
        return {} if self._talking is None else dict(self._talking.counts)

    def do_status(self) -> dict[str, Any]:
        return self.flock.status().as_dict()

    def do_ticks(self) -> dict[str, Any]:
        return {} if self._ticker is None else self._ticker.counts()

    def do_vouch(self, utc_ns: int) -> None:
        self._voucher = Voucher(self.flock.clock, utc_ns)

    def do_vouched(self) -> dict[str, Any]:
        return {} if self._voucher is None else self._voucher.counts()

    def do_usage(self) -> dict[str, Any]:
        io = self._member.report()["io"]
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {"io": io, "rss": pages * os.sysconf("SC_PAGESIZE"), "raw_ns": raw_ns()}

    def do_fork(self, stamps: int) -> dict[str, Any]:
        """A child and its parent stamp side by side. What the child says about its flock, and how far its clock is from the
        OS clock beneath it.
        """
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writing, json.dumps(self._as_child(stamps)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        own = [self.flock.clock.now().to_hex() for _ in range(stamps)]
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        os.waitpid(pid, 0)
        child = json.loads(told or b'{"failure": "it died"}')
        theirs = child.pop("stamps", [])
        return {**child, "twice": len(own) + len(theirs) - len({*own, *theirs}), "theirs": len(theirs), "own": len(own)}

    def _as_child(self, stamps: int) -> dict[str, Any]:
        try:
            signal.alarm(30)
            issued = [self.flock.clock.now() for _ in range(stamps)]
            apart_us = self.flock.clock.now().physical_us - self._source() // 1000
            ready = self.do_ready(0.0)
        except BaseException as error:
            return {"failure": f"{type(error).__name__}: {error}"}
        return {
            "failure": None,
            "state": self.flock.state,
            "why": ready["why"],
            "rising": all(a < b for a, b in pairwise(issued)),
            "from_os_us": apart_us,
            "stamps": [stamp.to_hex() for stamp in issued],
        }


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it decides
    servant = Servant(json.loads(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = servant.serve(json.loads(line))
        except Exception as error:  # told to whoever asked
            answer = {"failed": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    servant.flock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
