"""What people write to say who the peers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.settings import MAX_PEERS

#: So many names to resolve. Each may stand for many addresses.
MAX_NAMES: Final = 256
#: The longest name that the domain name system knows.
MAX_HOST: Final = 253


class Name(NamedTuple):
    """A name and where it leads, still to be resolved."""

    text: str  # as it was given
    host: str
    port: int


class PeerList(NamedTuple):
    """Who the peers are, as it was said."""

    addresses: list[Address]
    names: list[Name]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> PeerList:
        """Each ``host:port``. ``ValueError`` for what is neither an address nor a name with a port, and for too many."""
        _check_count(len(texts), MAX_PEERS, "peers")
        found = cls([], [])
        for text in texts:
            try:
                address = Address.parse(text)
            except ValueError:
                found.names.append(parse_name(text))
            else:
                found.addresses.append(_usable(address))
        _check_count(len(found.names), MAX_NAMES, "names among the peers")
        return found


def _check_count(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise ValueError(f"{count} {what}, and at most {limit} may be")


def _usable(address: Address) -> Address:
    if address.port == 0:
        raise _invalid(str(address), "nobody listens on port 0")
    if address.is_multicast:
        raise _invalid(str(address), "a group is no peer")
    return address.canonical()


def parse_name(text: str) -> Name:
    """A host and a port of it; ``ValueError`` that says what is wrong."""
    host, colon, digits = text.rpartition(":")
    if not colon:
        raise _invalid(text, "no port; HOST:PORT is wanted")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 65536):
        raise _invalid(text, "the port is no number below 65536; HOST:PORT is wanted")
    if int(digits) == 0:
        raise _invalid(text, "nobody listens on port 0")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if "%" not in host:  # with a scope: only the operating system knows the names of its interfaces
            raise _invalid(text, "no IPv6 address in the brackets")
    elif ":" in host:
        raise _invalid(text, "an IPv6 address needs brackets: [ADDRESS]:PORT")
    if not host:
        raise _invalid(text, "no host; HOST:PORT is wanted")
    if len(host.encode()) > MAX_HOST:
        raise _invalid(text, "a name has at most 253 characters")
    if any(not char.isprintable() or char.isspace() or char in "[]/@" for char in host):
        raise _invalid(text, "a character that no name has")
    return Name(text, host, int(digits))


def _invalid(name: str, reason: str) -> ValueError:
    return ValueError(f'peer "{name[:300]}": {reason}')
