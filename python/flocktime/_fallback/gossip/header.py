"""Riding on messages that services send anyway: the same packets as text. A part of ``Machine``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flocktime._fallback.gossip.admission import Admission, accept, admit, enter, is_own
from flocktime._fallback.gossip.compose import answer_header, compose
from flocktime._fallback.gossip.host import Host
from flocktime._fallback.gossip.packet import Kind, Packet, Refusal, from_text, to_text
from flocktime._fallback.gossip.peer import Route, by_caller, by_label
from flocktime._fallback.timestamp import Timestamp

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine


class HeaderRefusal(Exception):
    """Why a header was not taken in: the reason, in a word. The machine is as before, but for its counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TakenHeader(NamedTuple):
    """What a header has brought."""

    packet: Packet  # its timestamp is the caller's to merge: the message is there, whatever its sender's standing
    trusted: bool  # its sender has proven to be there now, and the cluster's key vouches for it


def header(machine: Machine, label: str, host: Host) -> str:
    """A header for a message to whom this member calls ``label``. It asks for nothing; a reply's header completes an exchange."""
    route = by_label(label)
    enter(machine, route)
    return to_text(compose(machine, Kind.NOTE, route, host))


def take_header(machine: Machine, text: str, received_ns: int, host: Host) -> TakenHeader:
    """Take a header in that came with a message at this H."""
    machine.counters.received += 1
    try:
        packet, signed = _open(machine, text)
    except Refusal as refusal:
        machine.counters.refused(refusal)
        raise _reason(refusal) from None
    except HeaderRefusal:
        machine.counters.own += 1
        raise
    route = _sender_of(machine, packet)
    admission = Admission.UNPROVEN if route is None else admit(machine, route, packet)
    if admission is Admission.REPLAYED:
        machine.counters.replayed += 1
        raise HeaderRefusal("replayed")
    if route is None or admission is Admission.UNPROVEN:
        machine.counters.unproven += 1
        machine.waiting.add_stranger(packet, received_ns)
        return TakenHeader(packet, False)
    accept(machine, route, replace(packet, stamp=Timestamp.MIN), received_ns, signed=signed, host=host)
    machine.waiting.add_accepted(packet, route)
    return TakenHeader(packet, signed)


def reply_header(machine: Machine, text: str, host: Host) -> str:
    """The header of the answer to a message whose header was taken in. A sender that has yet to prove itself gets a nonce to
    do it with, once."""
    try:
        packet, _ = _open(machine, text)
    except Refusal as refusal:
        raise _reason(refusal) from None
    received_ns = machine.waiting.take_stranger(packet)
    if received_ns is not None:
        answer = answer_header(machine, packet, received_ns, host)
        if answer is None:
            raise HeaderRefusal("not_received")
        return to_text(answer)
    route = machine.waiting.find_accepted(packet)
    peer = None if route is None else machine.table.find(route)
    if route is None or peer is None or peer.known_as(packet) is None:
        raise HeaderRefusal("not_received")
    return to_text(compose(machine, Kind.REPLY, route, host))


def _open(machine: Machine, text: str) -> tuple[Packet, bool]:
    opened = machine.settings.keyring.open(from_text(text))
    packet = opened.frame.decode()
    if is_own(machine, packet):
        raise HeaderRefusal("own")
    return packet, opened.key_id != 0


def _sender_of(machine: Machine, packet: Packet) -> Route | None:
    """Whose header it is, by the nonce that it echoes, which its sender alone was sent with a message. What it says of itself
    anybody could say: no peer is found by that, and none is reached by datagrams because of a header."""
    if packet.echo is None:
        return None
    route = machine.table.find_sender(packet.echo.nonce)
    if route is not None:
        return route
    offered_ns = machine.waiting.take_offer(packet.echo.nonce, packet, machine.round)
    if offered_ns is None:
        return None
    route = by_caller(packet.origin, packet.echo.nonce)
    enter(machine, route)
    machine.table.send(route, packet.echo.nonce, offered_ns)
    return route


def _reason(refusal: Refusal) -> HeaderRefusal:
    return HeaderRefusal("malformed" if refusal.name in ("length", "magic") else refusal.name)
