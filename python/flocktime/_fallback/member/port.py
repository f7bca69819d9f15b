"""``Port``: the socket, and when and where a datagram came."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple
from weakref import WeakSet

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.packet import MAX_SIZE

#: Linux's numbers; the socket module has names for some of them, later than 3.11. Elsewhere the kernel is not asked.
_STAMPED: Final = sys.platform == "linux"
_SO_TIMESTAMPNS: Final = 35
_SO_RXQ_OVFL: Final = 40
_IP_PKTINFO: Final = 8
_IPV6_RECVPKTINFO: Final = 49
_IPV6_PKTINFO: Final = 50
_IP: Final = socket.IPPROTO_IP
_IPV6: Final = socket.IPPROTO_IPV6
_BROADCAST: Final = IPv4Address(0xFFFF_FFFF)
_TIMESPEC = struct.Struct("@ll")
_COUNT = struct.Struct("@I")
_INFO_V4 = struct.Struct("@i4s4s")  # interface, this machine's address, that in the header
_INFO_V6 = struct.Struct("@16sI")  # address, interface
_ROOM: Final = sum(socket.CMSG_SPACE(part.size) for part in (_TIMESPEC, _COUNT, _INFO_V6))


class Local(NamedTuple):
    """Which address of this machine a datagram came to, as the socket writes it.

    Where it listens on all of them, an answer has to leave from that one: who asked takes it from nobody else, and the system
    would choose by where the answer goes.
    """

    ip: bytes
    link: int  # the interface, for an address that means nothing without; else 0


class Arrival(NamedTuple):
    """A datagram that came in."""

    sender: Address  # canonical
    local: Local | None  # where it came to; none: where the socket listens, or the kernel does not say
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
            if _STAMPED and address.ip == 0:
                level, told = (_IP, _IP_PKTINFO) if address.version == 4 else (_IPV6, _IPV6_RECVPKTINFO)
                self._socket.setsockopt(level, told, 1)
            #: With the port that the operating system chose.
            self.address = Address.from_socket(self._socket.getsockname()).canonical()
        except BaseException:
            self._socket.close()
            raise
        #: The versions of the addresses that it can send to.
        self.reach = frozenset((4, 6)) if both else frozenset((address.version,))
        _ports.add(self)

    def send(self, to: Address, data: bytes, local: Local | None = None) -> int:
        """``to`` must be canonical. ``local``: where what this answers came to; ``None``: the system chooses."""
        if to.version == 4 and 6 in self.reach:
            to = to.mapped()
        if local is None:
            return self._socket.sendto(data, to.to_socket())
        if len(local.ip) == 4:
            info = (_IP, _IP_PKTINFO, _INFO_V4.pack(0, local.ip, bytes(4)))
        else:
            info = (_IPV6, _IPV6_PKTINFO, _INFO_V6.pack(*local))
        return self._socket.sendmsg([data], [info], 0, to.to_socket())

    def is_dead(self) -> bool:
        """Whether nothing will ever come in any more: somebody shut it down, say. A socket that is merely empty is not dead."""
        looking = select.poll()
        # Whatever is reported here is an end: nothing else is asked for, and errors are reported unasked.
        looking.register(self._socket, getattr(select, "POLLRDHUP", 0))
        return bool(looking.poll(0))

    def receive(self) -> Arrival | None:
        """The next datagram; ``None``: there is none.

        The kernel looks at some checksums only now, and drops what is wrong: it may have said that there is one.
        """
        try:
            data, besides, _, sender = self._socket.recvmsg(MAX_SIZE + 1, _ROOM)
        except BlockingIOError:
            return None
        stamp_ns, overflowed, local = None, None, None
        for level, kind, value in besides:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                stamp_ns = seconds * 1_000_000_000 + nanoseconds
            elif level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(value) == _COUNT.size:
                overflowed = _COUNT.unpack(value)[0]
            elif level == _IP and kind == _IP_PKTINFO and len(value) == _INFO_V4.size:
                local = _local_v4(value)
            elif level == _IPV6 and kind == _IPV6_PKTINFO and len(value) == _INFO_V6.size:
                local = _local_v6(value)
        return Arrival(Address.from_socket(sender).canonical(), local, data, stamp_ns, overflowed)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def _local_v4(info: bytes) -> Local | None:
    """The address of this machine's, also where the datagram went to many."""
    _, ip, _ = _INFO_V4.unpack(info)
    return Local(ip, 0) if any(ip) else None


def _local_v6(info: bytes) -> Local | None:
    """The address that the datagram went to, unless that is many machines'."""
    raw, link = _INFO_V6.unpack(info)
    ip = IPv6Address(raw)
    v4 = ip.ipv4_mapped
    if ip.is_multicast or (v4 is not None and (v4.is_multicast or v4 == _BROADCAST)):
        return None
    return Local(raw, link if ip.is_link_local and v4 is None else 0)


_ports: WeakSet[Port] = WeakSet()


def _entered_child() -> None:
    for port in _ports:
        port.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entered_child)
