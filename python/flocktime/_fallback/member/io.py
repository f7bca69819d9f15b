"""What went through the socket, and what did not."""

from __future__ import annotations

from typing import Any, Final

from flocktime._fallback.gossip.address import Address

_COUNTS: Final = (
    "datagrams_sent",  # that the operating system took
    "bytes_sent",  # of the datagrams, without the network's own
    "datagrams_received",  # good or bad
    "bytes_received",  # at most one more than a packet may have of each
    "kernel_stamped",  # of these: with the kernel's word on when they came
    "unstamped",  # of these: without it, or with one that cannot be; they count as come when they were read
    "send_errors",  # that the operating system did not take
    "receive_errors",
    "reopened",  # times that the socket was opened again
    "overflowed",  # datagrams that the kernel dropped because the member did not read them fast enough
)


class Io:
    """Counts of one member since its start: counted by the member's thread, read by any."""

    datagrams_sent: int
    bytes_sent: int
    datagrams_received: int
    bytes_received: int
    kernel_stamped: int
    unstamped: int
    send_errors: int
    receive_errors: int
    reopened: int
    overflowed: int

    def __init__(self, listening: bool) -> None:
        vars(self).update(dict.fromkeys(_COUNTS, 0))
        self.listening = listening  # there is a socket, and it is open
        self.last_error: str | None = None

    def failed(self, doing: str, address: Address | None, error: OSError) -> None:
        where = "" if address is None else f" {address}"
        self.last_error = f"{doing}{where}: {os_words(error)}"

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _COUNTS}


def os_words(error: OSError) -> str:
    """What the operating system says, and its number."""
    return f"{error.strerror} (os error {error.errno})" if error.strerror and error.errno else str(error)
