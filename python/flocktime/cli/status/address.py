"""Where a node's status is asked for and served: ``HOST:PORT``, this machine where no host is given."""

from __future__ import annotations

import argparse
from ipaddress import ip_address
from typing import Final, NamedTuple

HERE: Final = "127.0.0.1"


class Address(NamedTuple):
    """A host, without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches it. A name other than ``localhost`` may stand for anything."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(text: str) -> Address:
    """``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``, for ``argparse``."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if (":" in bare and not bracketed) or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT, with IPv6 in brackets, or PORT alone, got {text[:80]!a}")
    if int(port) > 65535:
        raise argparse.ArgumentTypeError(f"a port lies in 0 to 65535, got {port}")
    if not bare.isprintable() or any(character.isspace() or character in "/@?#" for character in bare):
        raise argparse.ArgumentTypeError(f"no host's name: {bare[:80]!a}")
    try:
        bare.encode("idna")  # as it is when it is looked up
    except UnicodeError:
        raise argparse.ArgumentTypeError(
            f"no host's name: {bare[:80]!a}: between its dots there are 1 to 63 characters, in another alphabet fewer"
        ) from None
    return Address(bare or HERE, int(port))
