"""``Port``: the socket, and when a datagram came."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Final, NamedTuple
from weakref import WeakSet

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.packet import MAX_SIZE

#: Linux's numbers; the socket module has names for them from Python 3.14 on. Elsewhere the kernel is not asked.
_STAMPED: Final = sys.platform == "linux"
_SO_TIMESTAMPNS: Final = 35
_SO_RXQ_OVFL: Final = 40
_TIMESPEC = struct.Struct("@ll")
_COUNT = struct.Struct("@I")
_ROOM: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_COUNT.size)


class Arrival(NamedTuple):
    """A datagram that came in."""

    sender: Address  # canonical
    data: bytes  # at most one byte more than a packet may have
    stamp_ns: int | None  # what the OS clock showed when it reached this machine, where the kernel says
    overflowed: int | None  # datagrams that found no room since the socket was opened, where the kernel says


class Port:
    """A UDP socket that never blocks. A forked child closes its copy: what comes in is the parent's."""

    __slots__ = ("__weakref__", "_socket", "address", "reach")

    def __init__(self, address: Address) -> None:
        """Listen there; on ``[::]`` for IPv4 as well, where the system lets it. ``OSError`` where that cannot be."""
        address = address.canonical()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            both = address.version == 6 and address.ip == 0
            if both:
                # An administrator chooses what [::] means; here it means both.
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self._socket.bind(address.to_socket())
            self._socket.setblocking(False)
            if _STAMPED:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            #: With the port that the operating system chose.
            self.address = Address.from_socket(self._socket.getsockname()).canonical()
        except BaseException:
            self._socket.close()
            raise
        #: The versions of the addresses that it can send to.
        self.reach = frozenset((4, 6)) if both else frozenset((address.version,))
        _ports.add(self)

    def send(self, to: Address, data: bytes) -> int:
        """``to`` must be canonical."""
        if to.version == 4 and 6 in self.reach:
            to = to.mapped()
        return self._socket.sendto(data, to.to_socket())

    def receive(self) -> Arrival | None:
        """The next datagram; ``None``: there is none."""
        try:
            data, besides, _, sender = self._socket.recvmsg(MAX_SIZE + 1, _ROOM)
        except BlockingIOError:
            return None
        stamp_ns, overflowed = None, None
        for level, kind, value in besides:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                stamp_ns = seconds * 1_000_000_000 + nanoseconds
            elif level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(value) == _COUNT.size:
                overflowed = _COUNT.unpack(value)[0]
        return Arrival(Address.from_socket(sender).canonical(), data, stamp_ns, overflowed)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


_ports: WeakSet[Port] = WeakSet()


def _entered_child() -> None:
    for port in _ports:
        port.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entered_child)
