"""Who is believed: whether a packet is its sender's own word, of now. A part of ``Machine``."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.compose import takes_part
from flocktime._fallback.gossip.host import Host
from flocktime._fallback.gossip.packet import Packet, Refusal
from flocktime._fallback.gossip.peer import Peer, Route, by_address
from flocktime._fallback.gossip.voters import HEARD_ROUNDS

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine


class Admission(Enum):
    """What a packet is to this member."""

    ACCEPTED = auto()  # fresh, from a sender that has proven to be there
    REPLAYED = auto()  # seen before
    UNPROVEN = auto()  # from a sender that has yet to prove that it is there


def open_datagram(machine: Machine, sender: Address, data: bytes) -> tuple[Packet, bool] | None:
    """Authenticate and decode; count what is refused. The flag: it was signed."""
    try:
        opened = machine.settings.keyring.open(data)
        packet = opened.frame.decode()
    except Refusal as refusal:
        machine.counters.refused(refusal)
        return None
    if is_own(machine, packet):
        machine.counters.own += 1
        _meet_itself(machine, sender, packet)
        return None
    return packet, opened.key_id != 0


def is_own(machine: Machine, packet: Packet) -> bool:
    return packet.incarnation == machine.settings.incarnation and packet.origin == machine.settings.origin


def _meet_itself(machine: Machine, sender: Address, packet: Packet) -> None:
    """What was sent to an address has come in from that address, and is this member's own: so it is what others reach it by. A
    member that listens everywhere cannot know that before. Not where somebody else has been heard lately: whoever is on the way,
    or there, could send anything back."""
    route = by_address(sender)
    peer = machine.table.find(route)
    if peer is None or peer.open.find(packet.nonce) is None:
        return
    if peer.known is not None and machine.round - peer.known.heard_round <= HEARD_ROUNDS:
        return
    machine.counters.own_addresses += 1
    machine.partners.avoid(sender, machine.round)
    machine.requests = [request for request in machine.requests if request[1] != sender]
    machine.table.remove(route)


def enter(machine: Machine, route: Route) -> Peer:
    """The peer of this route is remembered from now on; another one may have to go for it."""
    peer, evicted = machine.table.enter(route, machine.round, machine.partners.keeps)
    machine.counters.evicted += evicted
    return peer


def admit(machine: Machine, route: Route, packet: Packet) -> Admission:  # noqa: PLR0911
    """Nothing changes what is known of a peer before it has shown, by an echo of a nonce it was sent, that it is there now: a
    recorded packet proves nothing, here or elsewhere, before or after a restart. Cookies are for who has an address."""
    echoed = 0 if packet.echo is None else packet.echo.nonce
    peer = machine.table.find(route)

    def cookie() -> bool:
        begun = 0 if peer is None else peer.begun
        return isinstance(route.to, Address) and machine.cookies.spend(echoed, route.to, packet, begun, machine.round)

    if peer is None:
        if not cookie():
            return Admission.UNPROVEN
        enter(machine, route).begin(packet, machine.round)
        return Admission.ACCEPTED
    known = peer.known_as(packet)
    if known is None:
        if peer.open.find(echoed) is None and not cookie():
            return Admission.UNPROVEN
        peer.begin(packet, machine.round)
        return Admission.ACCEPTED
    window = known.window.copy()
    if not window.admit(packet.sequence):
        return Admission.REPLAYED
    # Meant for this member, from somebody who hears it: a packet to another member echoes what that one has sent.
    if not (peer.open.sent(echoed) or cookie()):
        return Admission.UNPROVEN
    known.window = window
    return Admission.ACCEPTED


def accept(machine: Machine, route: Route, packet: Packet, received_ns: int, *, signed: bool, host: Host) -> None:
    machine.counters.accepted += 1
    peer = machine.table.find(route)
    if peer is None or peer.known is None:
        return
    t0_ns = None if packet.echo is None else peer.open.close(packet.echo.nonce)
    if packet.echo is not None and t0_ns is not None:
        jumped = peer.known.measure(t0_ns, packet.echo, packet, received_ns)
        if jumped is None:
            machine.counters.impossible += 1
        else:
            machine.counters.samples += 1
            machine.counters.oscillator_jumps += jumped
            peer.known.jumped_round = machine.round if jumped else peer.known.jumped_round
    peer.known.hear(packet, received_ns, machine.round, machine.settings.tuning.round_ns)
    if int(packet.stamp) != 0 and takes_part(machine):
        host.merge(packet.stamp, signed)
