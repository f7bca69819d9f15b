"""``GossipMachine``: the machine driven by hand, for tests that hold both backends against each other, and for examples without
sockets. A flock itself uses ``member``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from flocktime._fallback.flocking import WORST_ANCHOR_NS, Tuning
from flocktime._fallback.gossip import header as headers
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.host import OsTime
from flocktime._fallback.gossip.keyring import KeyRefused, Keyring
from flocktime._fallback.gossip.machine import Machine
from flocktime._fallback.gossip.report import report
from flocktime._fallback.gossip.settings import Settings
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import _header, _key

T = TypeVar("T")

#: ``(raw_ns, wall_ns, os_error_ns, randoms, stamp)``: the oscillator, the OS clock, its error where it is synchronised (else
#: ``None``), 64-bit random numbers in the order of their use, and the timestamp to send as an int.
Readings = tuple[int, int, int | None, Sequence[int], int]
Sent = list[tuple[str, bytes]]


class _Reading:
    """One reading for a whole call, and random numbers in the order given."""

    def __init__(self, readings: Readings) -> None:
        self._raw_ns, wall_ns, error_ns, randoms, stamp = readings
        self._os = OsTime(wall_ns, error_ns)
        self._randoms = iter(randoms)
        self._stamp = Timestamp.from_int(stamp)
        self._ran_out = 0
        self._merged: list[tuple[int, bool]] = []

    def raw_ns(self) -> int:
        return self._raw_ns

    def os(self) -> OsTime:
        return self._os

    def random(self) -> int:
        drawn = next(self._randoms, None)
        if drawn is None:
            self._ran_out += 1
            return self._ran_out  # other ones each time: some draw until it fits
        return drawn

    def stamp(self) -> Timestamp:
        return self._stamp

    def node(self) -> None:
        return None

    def merge(self, remote: Timestamp, trusted: bool) -> None:
        self._merged.append((int(remote), trusted))

    def checked(self, outcome: T) -> tuple[T, list[tuple[int, bool]]]:
        """Running out of random numbers is the caller's mistake: what was computed with a made-up one must not be used."""
        if self._ran_out:
            raise ValueError("the call needed more random numbers than were given")
        return outcome, self._merged


class GossipMachine:
    """One member's rules without sockets, threads and clocks.

    ``readings`` of a call are ``(raw_ns, wall_ns, os_error_ns, randoms, stamp)``: the oscillator, the OS clock, its error where
    it is synchronised (else ``None``), 64-bit random numbers in the order of their use, and the timestamp to send as an int.
    """

    __slots__ = ("_machine",)

    def __init__(
        self,
        *,
        node: int,
        incarnation: int,
        origin: int,
        readings: Readings,
        keys: Sequence[str] = (),
        fanout: int = 4,
        view: int = 16,
        steer: bool = True,
        max_drift_us: int = 500_000,
        refuse: bool = False,
        anchor: int | None = None,
    ) -> None:
        settings = Settings(
            node=node,
            incarnation=incarnation,
            origin=origin,
            keyring=keyring(keys),
            fanout=fanout,
            view=view,
            steer=steer,
            refuse_until_ready=refuse,
            anchor=checked_anchor(anchor),
            tuning=Tuning(max_drift_ns=float(max_drift_us) * 1e3),
        )
        host = _Reading(readings)
        self._machine, _ = host.checked(Machine(settings, host))

    def set_peers(self, addresses: Iterable[str]) -> None:
        """Replace the addresses, ``ip:port``, that requests may go to."""
        self._machine.set_peers([Address.parse(text) for text in addresses])

    def due_ns(self) -> int:
        """The oscillator's reading at which ``tick`` has something to do next."""
        return self._machine.due_ns()

    def tick(self, readings: Readings) -> Sent:
        """Do what is due. Returns the datagrams to send, ``(address, bytes)``."""
        host, (sent, send) = _Reading(readings), _collector()
        self._machine.tick(host, send)
        return host.checked(sent)[0]

    def receive(
        self, sender: str, datagram: bytes, received_ns: int, readings: Readings
    ) -> tuple[Sent, list[tuple[int, bool]]]:
        """Take a datagram in. Returns the answers and the timestamps to merge, ``(int, trusted)``."""
        host, (sent, send) = _Reading(readings), _collector()
        self._machine.receive(Address.parse(sender), datagram, received_ns, host, send)
        return host.checked(sent)

    def header(self, label: str, readings: Readings) -> str:
        """A header for a message to ``label``."""
        host = _Reading(readings)
        return host.checked(headers.header(self._machine, label, host))[0]

    def take_header(self, text: str, received_ns: int, readings: Readings) -> tuple[int, bool]:
        """Take a header in. Returns its timestamp as an int and whether it is trusted."""
        host = _Reading(readings)
        try:
            taken = headers.take_header(self._machine, text, received_ns, host)
        except headers.HeaderRefusal as refusal:
            raise _header(refusal.reason) from None
        return int(taken.packet.stamp), taken.trusted

    def reply_header(self, text: str, readings: Readings) -> str:
        """The header of the answer to a message whose header was taken in."""
        host = _Reading(readings)
        try:
            reply = headers.reply_header(self._machine, text, host)
        except headers.HeaderRefusal as refusal:
            raise _header(refusal.reason) from None
        return host.checked(reply)[0]

    def discipline(self) -> tuple[int, int, float, float, float, int]:
        """``(h0_ns, l0_ns, y, s, u, slew_ns)``: see ``docs/wire-format.md``."""
        h0_ns, l0_ns, y, s, u, slew_ns = self._machine.discipline
        return h0_ns, l0_ns, y, s, u, slew_ns

    def guidance(self) -> dict[str, Any]:
        """What a clock is to follow: ``in_force``, ``discipline``, ``limit_us`` and ``refuse``."""
        guidance = self._machine.guidance
        return {**guidance._asdict(), "discipline": tuple(guidance.discipline)}

    def report(self, readings: Readings) -> dict[str, Any]:
        """How it stands, as plain numbers."""
        return report(self._machine, _Reading(readings))


def keyring(keys: Sequence[str]) -> Keyring:
    """The first signs, all verify; none: neither."""
    try:
        return Keyring.parse(keys)
    except KeyRefused as refused:
        raise _key(str(refused)) from None


def checked_anchor(anchor: int | None) -> int | None:
    """``None``: as the operating system says; -1: never; else always, within so many nanoseconds."""
    most_ns = int(WORST_ANCHOR_NS)
    if anchor is not None and not -1 <= anchor <= most_ns:
        raise ValueError(f"anchor must be None, -1 or 0 to {most_ns} nanoseconds, got {anchor}")
    return anchor


def _collector() -> tuple[Sent, Callable[[Address, bytes], None]]:
    sent: Sent = []
    return sent, lambda to, data: sent.append((str(to), data))
