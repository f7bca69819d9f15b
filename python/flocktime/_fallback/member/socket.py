"""``Socket``: a port that is opened again when it dies."""

from __future__ import annotations

import time
from typing import Final

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.member.io import Io
from flocktime._fallback.member.port import Arrival, Local, Port

#: A port that fails so many times in a row is opened anew.
FAILURES: Final = 8
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0


class Socket:
    """The port of a member, or the time of the next attempt to open it."""

    def __init__(self, port: Port, io: Io) -> None:
        self.address = port.address  # where the port really listens; it is opened there again
        self.reach = port.reach
        self.port: Port | None = port
        self._io = io
        self._reopen_at = 0.0
        self._failures = 0  # failed attempts to read, since the latest that gave something
        self._pause_s = FIRST_PAUSE_S  # twice as long each time, until something comes in
        self._overflowed = 0

    def until_reopening_s(self) -> float | None:
        return None if self.port is not None else max(0.0, self._reopen_at - time.monotonic())

    def send(self, to: Address, data: bytes, local: Local | None = None) -> None:
        """Hand a datagram to the operating system, and count what comes of it. ``local``: where what it answers came to."""
        try:
            if self.port is None:
                raise OSError("not connected")
            length = self.port.send(to, data, local)
        except OSError as error:
            self._io.send_errors += 1
            self._io.failed("send", to, error)
        else:
            self._io.datagrams_sent += 1
            self._io.bytes_sent += length

    def receive(self) -> Arrival | None:
        """The next datagram. To be called when the port is said to have something, until it has nothing."""
        if self.port is None:
            return None
        try:
            arrival = self.port.receive()
        except OSError as error:
            self._io.receive_errors += 1
            self._io.failed("receive", None, error)
            self._fail()
            return None
        if arrival is None:
            # It was said to have something, and has nothing. Datagrams with a wrong checksum look like that, which anybody may
            # send: they are no failure.
            if self.port.is_dead():
                self._fail()
            return None
        self._failures, self._pause_s = 0, FIRST_PAUSE_S
        self._io.datagrams_received += 1
        self._io.bytes_received += len(arrival.data)
        if arrival.overflowed is not None:
            self._io.overflowed += arrival.overflowed - self._overflowed & 0xFFFF_FFFF
            self._overflowed = arrival.overflowed
        return arrival

    def reopen(self) -> None:
        """Open the port, where it is closed and the pause is over."""
        if self.until_reopening_s() != 0.0:
            return
        try:
            self.port = Port(self.address)
        except OSError as error:
            self._io.failed("open", self.address, error)
            self._give_up()
        else:
            self._overflowed = 0
            self._io.reopened += 1
            self._io.listening = True

    def close(self) -> None:
        if self.port is not None:
            self.port.close()

    def _fail(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._give_up()

    def _give_up(self) -> None:
        self.close()
        self.port = None
        self._reopen_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._failures = 0
        self._io.listening = False
