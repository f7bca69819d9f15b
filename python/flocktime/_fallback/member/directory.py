"""``Directory``: where the peers are. Names are resolved again and again, in a thread of their own: that call takes as long as
it likes."""

from __future__ import annotations

import socket
import threading
from typing import Any

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.settings import MAX_PEERS
from flocktime._fallback.member.bell import Bell
from flocktime._fallback.member.peers import Name, PeerList


class _Entry:
    """A name among the peers."""

    __slots__ = ("addresses", "error", "name", "resolved")

    def __init__(self, name: Name) -> None:
        self.name = name
        self.addresses: list[Address] = []  # what it stood for when that was last found out
        self.error: str | None = None  # why it could not be found out the last time
        self.resolved = False  # it has been looked up once, with or without success


class Directory:
    """The peers as they were given and as they were found. Shared with the resolver's thread, which may outlive the member by
    a slow answer."""

    def __init__(self, bell: Bell, every_s: float) -> None:
        self._bell = bell
        self._every_s = every_s
        self._changed = threading.Condition()
        self._addresses: list[Address] = []
        self._entries: list[_Entry] = []
        self._news = False  # the member has yet to hear of it
        self._resolving = False
        self._closed = False

    def set(self, peers: PeerList) -> None:
        """Replace all peers. The resolver's thread begins with the first name."""
        with self._changed:
            self._addresses = peers.addresses
            self._entries = [_Entry(name) for name in peers.names]  # an answer for a former list is thrown away
            self._news = True
            if self._entries and not self._resolving and not self._closed:
                self._resolving = True
                threading.Thread(target=self._resolve, name="flocktime-names", daemon=True).start()
            self._changed.notify_all()
        self._bell.ring()

    def news(self) -> list[Address] | None:
        """All addresses, where there is news since the last call."""
        with self._changed:
            if not self._news:
                return None
            self._news = False
            found = [address for entry in self._entries for address in entry.addresses]
            return [*self._addresses, *found][:MAX_PEERS]

    def names(self) -> list[dict[str, Any]]:
        """Each name and what is known of it."""
        with self._changed:
            return [
                {
                    "name": entry.name.text,
                    "addresses": [str(address) for address in entry.addresses],
                    "error": entry.error,
                    "resolved": entry.resolved,
                }
                for entry in self._entries
            ]

    def close(self) -> None:
        """Nothing is resolved any more. The thread ends as soon as it notices."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _resolve(self) -> None:
        while (entries := self._to_resolve()) is not None:
            for entry in entries:
                addresses, error = _look_up(entry.name)
                if not self._record(entries, entry, addresses, error):
                    break
            self._rest(entries)

    def _rest(self, entries: list[_Entry]) -> None:
        """Until names are to be looked up again, or others."""
        with self._changed:
            self._changed.wait_for(lambda: self._entries is not entries or self._closed, self._every_s)

    def _to_resolve(self) -> list[_Entry] | None:
        """``None``, and the thread ends: there is nothing to resolve, or nobody to resolve for."""
        with self._changed:
            if self._closed or not self._entries:
                self._resolving = False
                return None
            return self._entries

    def _record(self, entries: list[_Entry], entry: _Entry, addresses: list[Address], error: str | None) -> bool:
        """False: that list is not asked for any more."""
        with self._changed:
            if self._closed or self._entries is not entries:
                return False
            entry.resolved, entry.error = True, error
            # What was found before is kept: a name server that is away is no reason to leave the flock.
            if error is None and entry.addresses != addresses:
                entry.addresses = addresses
                self._news = True
                self._bell.ring()
            return True


def _look_up(name: Name) -> tuple[list[Address], str | None]:
    """All addresses of a name, sorted: in which order they come says nothing. Or why there are none."""
    try:
        found = socket.getaddrinfo(name.host, name.port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        return [], str(getattr(error, "strerror", None) or error)
    of_ip = [where for family, _, _, _, where in found if family in (socket.AF_INET, socket.AF_INET6)]
    addresses = sorted({Address.from_socket(where).canonical() for where in of_ip})[:MAX_PEERS]
    return addresses, None if addresses else "the name has no address"
