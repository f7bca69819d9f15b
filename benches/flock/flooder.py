"""A process that pours datagrams at two addresses alike: ``python -m benches.flock.flooder CONFIG``.

Junk comes from a socket of its own. Spoofed datagrams say that they come from an address drawn anew for each, somewhere in
127.0.0.0/8: their IP headers are made here, which takes the right to open raw sockets.
"""

from __future__ import annotations

import ctypes
import json
import random
import signal
import socket
import struct
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PACKET", "forged", "junk"]

PR_SET_PDEATHSIG = 1
#: Bytes of a packet, and of one of a later minor version at most.
PACKET, LONGEST_JUNK = 168, 400
#: Made beforehand; a member keeps nothing of what it refuses, so that they come again does not matter to it.
POOL = 4096
#: Datagrams leave in bursts so far apart.
BURST_S = 0.001
#: The key id that the flock signs with; it has no other.
KEY_ID = 1


def junk(rng: random.Random) -> tuple[str, bytes]:
    """Bytes without sense, from none at all to more than a packet has. Returns how a member counts it, and the bytes."""
    data = rng.randbytes(rng.randrange(LONGEST_JUNK))
    return "malformed", b"x" + data[1:] if data[:2] == b"ft" else data


def forged(rng: random.Random) -> tuple[str, bytes]:
    """What looks like a packet, from somebody who does not have the key. Most are refused as late as can be, by their tag,
    which costs the member most; some by what comes before that.
    """
    (reason,) = rng.choices(("forged", "unknown_key", "unauthenticated", "version"), (13, 1, 1, 1))
    major = 2 if reason == "version" else 1
    key_id = {"unknown_key": KEY_ID + 1 + rng.randrange(1000), "unauthenticated": 0}.get(reason, KEY_ID)
    head = struct.pack(">2sBBBBH", b"ft", major, 0, rng.choice((1, 2, 3)), 3, key_id)
    body = rng.randbytes(PACKET - len(head) - 16)
    tag = bytes(16) if reason == "unauthenticated" else rng.randbytes(16)
    return reason, head + body + tag


class Flooder:
    """Sends each datagram to all targets."""

    def __init__(self, targets: list[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._targets = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in targets)]
        self._plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def pour(self, kind: str, count: int, rate: int, captured: list[str]) -> dict[str, Any]:
        """So many of a kind, so many a second. Returns how many were sent of each that a member counts apart."""
        make: dict[str, Callable[[], tuple[str, bytes]]] = {
            "junk": lambda: junk(self._random),
            "forged": lambda: forged(self._random),
            "replays": lambda: ("replays", bytes.fromhex(self._random.choice(captured))),
        }
        pool = [make[kind]() for _ in range(POOL)]
        send = self._send_plainly if kind == "junk" else self._spoofing()
        sent: Counter[str] = Counter()
        begin, done = time.monotonic(), 0
        while done < count:
            due = min(count, int((time.monotonic() - begin) * rate) + 1)
            for at in range(done, due):
                reason, data = pool[at % POOL]
                send(data)
                sent[reason] += 1
            done = due
            time.sleep(BURST_S)
        return {"sent": sent, "seconds": time.monotonic() - begin}

    def _send_plainly(self, data: bytes) -> None:
        for target in self._targets:
            self._plain.sendto(data, target)

    def _spoofing(self) -> Callable[[bytes], None]:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        targets = [(socket.inet_aton(host), port) for host, port in self._targets]

        def send(data: bytes) -> None:
            drawn = self._random.getrandbits(40)
            source = bytes((127, 1 + (drawn & 0x7F), drawn >> 8 & 0xFF, 1 + (drawn >> 16 & 0x7F)))
            port = 1024 + (drawn >> 24) % 60000
            for host, to in targets:
                head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, source, host)
                raw.sendto(head + struct.pack(">HHHH", port, to, 8 + len(data), 0) + data, (socket.inet_ntoa(host), 0))

        return send


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = json.loads(sys.argv[1])
    flooder = Flooder(config["targets"], config["seed"])
    for line in sys.stdin:
        command = json.loads(line)
        del command["do"]
        try:
            answer = flooder.pour(**command)
        except OSError as error:
            answer = {"failed": f"cannot send: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
