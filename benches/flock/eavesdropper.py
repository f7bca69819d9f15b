"""What really leaves a port of this machine, seen by the kernel: no program's own counts are believed."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benches.flock.processes import HarnessError

__all__ = ["Datagram", "Eavesdropper", "dropped", "need_root"]

ETH_P_IP = 0x0800
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
ROOM = 64 << 20
#: Where hosts and ports are in an IP packet without options.
SOURCE_HOST_AT, TARGET_HOST_AT, SOURCE_AT, TARGET_AT = 12, 16, 20, 22


@dataclass(frozen=True, slots=True)
class Datagram:
    """Where to, and what."""

    to: str
    data: bytes


class Eavesdropper:
    """Datagrams on the loopback that come from an IPv4 address with a port, or, with ``incoming``, that go to it. Needs to
    be root.
    """

    def __init__(self, address: str, *, incoming: bool = False) -> None:
        need_root()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        host, _, port = address.rpartition(":")
        # UDP; that host; that port; all of it. Else nothing.
        program = [
            (0x30, 0, 0, 9),
            (0x15, 0, 5, socket.IPPROTO_UDP),
            (0x20, 0, 0, TARGET_HOST_AT if incoming else SOURCE_HOST_AT),
            (0x15, 0, 3, int.from_bytes(socket.inet_aton(host))),
            (0x28, 0, 0, TARGET_AT if incoming else SOURCE_AT),
            (0x15, 0, 1, int(port)),
            (0x06, 0, 0, 0xFFFF),
            (0x06, 0, 0, 0),
        ]
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
        self._socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code))
        )
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self._socket.setblocking(False)
        self._socket.bind(("lo", ETH_P_IP))  # of one protocol only arrivals are shown: everything once

    def heard(self) -> list[Datagram]:
        """Everything since the last call."""
        found = []
        while True:
            try:
                packet = self._socket.recv(65536)
            except BlockingIOError:
                break
            (port,) = struct.unpack_from(">H", packet, TARGET_AT)
            found.append(Datagram(f"{socket.inet_ntoa(packet[16:20])}:{port}", packet[28:]))
        _, missed = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if missed:
            raise HarnessError(f"{missed} packets went by unseen")
        return found

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def need_root() -> None:
    """Raise ``HarnessError`` if this process may not look at traffic, at once instead of after minutes of waiting."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise HarnessError("looking at the loopback's traffic needs root")


def dropped(port: int) -> int:
    """Datagrams that the kernel has thrown away since the socket at this IPv4 port was opened: it had no room left."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1].rpartition(":")[2], 16) == port:
            return int(columns[-1])
    raise HarnessError(f"nobody listens on UDP port {port}")
