"""TCP with a deadline for all of it: a byte now and then does not buy more time, on either side of a connection."""

from __future__ import annotations

import io
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Incoming", "connected"]


class Incoming(io.RawIOBase):
    """What the other side sends, until the time is up: then reading raises ``TimeoutError``."""

    def __init__(
        self, connection: socket.socket, deadline_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left_s(self._deadline_s, self._clock))
        return self._connection.recv_into(buffer)


def connected(host: str, port: int, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> socket.socket:
    """A connection to the first of a host's addresses that takes it, all of them tried before the deadline. Only looking a name
    up takes as long as the operating system lets it.

    Raises:
        OSError: none takes it, and why the last one does not; ``TimeoutError``: the time is up.
    """
    refusal: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            connection = socket.socket(family, kind, protocol)
        except OSError as error:  # not every system has every family
            refusal = error
            continue
        try:
            connection.settimeout(_left_s(deadline_s, clock))
            connection.connect(address)
        except OSError as error:
            connection.close()
            refusal = error
        else:
            return connection
    raise refusal


def _left_s(deadline_s: float, clock: Callable[[], float]) -> float:
    left_s = deadline_s - clock()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s
