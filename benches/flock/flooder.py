"""A process that pours datagrams at an address: ``python -m benches.flock.flooder CONFIG``.

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
    """Whoever is poured at gets the same datagrams in the same order, so that what they cost can be compared."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._pools: dict[str, list[tuple[str, bytes]]] = {
            kind: [make(self._random) for _ in range(POOL)] for kind, make in (("junk", junk), ("forged", forged))
        }

    def pour(self, kind: str, count: int, rate: int, target: str, captured: list[str]) -> dict[str, Any]:
        """So many of a kind, so many a second; of ``captured`` where it is none of those that are made here. Returns how many
        were sent of each that a member counts apart.
        """
        pool = self._pools.get(kind) or [(kind, bytes.fromhex(self._random.choice(captured))) for _ in range(POOL)]
        host, _, port = target.rpartition(":")
        send = self._plainly(host, int(port)) if kind == "junk" else self._spoofing(host, int(port))
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

    def _plainly(self, host: str, port: int) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            self._plain.sendto(data, (host, port))

        return send

    def _spoofing(self, host: str, to: int) -> Callable[[bytes], None]:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        there = socket.inet_aton(host)

        def send(data: bytes) -> None:
            drawn = self._random.getrandbits(40)
            source = bytes((127, 1 + (drawn & 0x7F), drawn >> 8 & 0xFF, 1 + (drawn >> 16 & 0x7F)))
            port = 1024 + (drawn >> 24) % 60000
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, source, there)
            raw.sendto(head + struct.pack(">HHHH", port, to, 8 + len(data), 0) + data, (host, 0))

        return send


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = json.loads(sys.argv[1])
    flooder = Flooder(config["seed"])
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
