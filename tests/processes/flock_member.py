"""A service with a flock, as a process of its own: it serves its status, and does what its standard input asks for.

A request is a JSON object on a line, and so is the answer. ``trusting`` services take every timestamp: their clocks can be
poisoned.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from flocktime import Clock, Timestamp
from flocktime.cli.node.serving import StatusServer
from flocktime.cli.status.address import Address
from flocktime.flock import Flock


def answer(flock: Flock, clock: Clock, request: dict[str, Any]) -> object:
    """Do one thing. Returns what there is to say about it."""
    if "peers" in request:
        flock.set_peers(request["peers"])
    if "receive" in request:  # a message from a service that knows of no flock
        return clock.update(Timestamp.from_hex(request["receive"])).to_hex()
    if "now" in request:
        return clock.now().to_hex()
    return None


def main() -> None:
    """Serve until standard input ends."""
    name, policy = sys.argv[1:3]
    flock = Flock(
        "127.0.0.1:0",
        key=os.environ["CLUSTER_KEY"],
        name=name,
        round=0.05,
        anchor=False,
        on_drift="adopt" if policy == "trusting" else "reject",
    )
    with flock:
        server = StatusServer(Address("127.0.0.1", 0), flock)
        print(json.dumps({"address": flock.address, "status": str(server.address)}), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(flock, flock.clock, json.loads(line))), flush=True)
        server.close()


if __name__ == "__main__":
    main()
