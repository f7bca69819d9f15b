"""Where datagrams go and come from, as a value that sorts and prints the same everywhere."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_V4 = re.compile(r"([0-9.]+):([0-9]{1,5})", re.ASCII)
_V6 = re.compile(r"\[([0-9a-fA-F:.]+)(?:%([0-9]{1,10}))?\]:([0-9]{1,5})", re.ASCII)


class Address(NamedTuple):
    """An IP address and a port. Sorts by version, address, port, flow and scope."""

    version: int
    ip: int
    port: int
    flow: int = 0
    scope: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """``192.0.2.1:7700`` or ``[2001:db8::1]:7700``, with a numeric scope (``%3``) where need be; else ``ValueError``."""
        try:
            if found := _V4.fullmatch(text):
                return cls(4, int(ipaddress.IPv4Address(found[1])), _within(found[2], 16))
            if found := _V6.fullmatch(text):
                ip = int(ipaddress.IPv6Address(found[1]))
                return cls(6, ip, _within(found[3], 16), 0, _within(found[2] or "0", 32))
        except ValueError:
            pass
        raise ValueError(f'not an address ip:port: "{text[:64]}"')

    @classmethod
    def from_socket(cls, name: tuple[object, ...]) -> Address:
        """What a socket of IPv4 or IPv6 calls an address."""
        host, port = str(name[0]).partition("%")[0], int(str(name[1]))
        if len(name) == 2:
            return cls(4, int(ipaddress.IPv4Address(host)), port)
        return cls(6, int(ipaddress.IPv6Address(host)), port, int(str(name[2])), int(str(name[3])))

    def to_socket(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The inverse of ``from_socket``."""
        if self.version == 4:
            return (str(ipaddress.IPv4Address(self.ip)), self.port)
        return (str(ipaddress.IPv6Address(self.ip)), self.port, self.flow, self.scope)

    def canonical(self) -> Address:
        """One address, one way to write it: IPv4 is IPv4, also where an IPv6 socket sees it; labels of flows do not matter."""
        if self.version == 6 and self.ip >> 32 == 0xFFFF:
            return Address(4, self.ip & 0xFFFF_FFFF, self.port)
        return self._replace(flow=0)

    def mapped(self) -> Address:
        """IPv4 as an IPv6 socket writes it."""
        return Address(6, 0xFFFF << 32 | self.ip, self.port)

    @property
    def is_multicast(self) -> bool:
        return self.ip >> 28 == 0xE if self.version == 4 else self.ip >> 120 == 0xFF

    def packed(self) -> bytes:
        """The address and the port as bytes."""
        return self.ip.to_bytes(4 if self.version == 4 else 16, "big") + self.port.to_bytes(2, "big")

    def __str__(self) -> str:
        if self.version == 4:
            return f"{ipaddress.IPv4Address(self.ip)}:{self.port}"
        host = str(ipaddress.IPv6Address(self.ip))
        if self.ip >> 32 == 0xFFFF:  # an address of version 4 in the clothes of version 6
            host = f"::ffff:{ipaddress.IPv4Address(self.ip & 0xFFFF_FFFF)}"
        return f"[{host}%{self.scope}]:{self.port}" if self.scope else f"[{host}]:{self.port}"


def _within(digits: str, bits: int) -> int:
    number = int(digits)
    if number >> bits:
        raise ValueError(digits)
    return number
