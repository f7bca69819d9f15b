"""Writing packets: a part of ``Machine``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.arithmetic import clamp, to_u64
from flocktime._fallback.flocking import State
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.host import Host
from flocktime._fallback.gossip.packet import MAX_S, MAX_U, MAX_Y, Echo, Kind, Packet, encode
from flocktime._fallback.gossip.peer import Route, by_address
from flocktime._fallback.layout import MAX_NODE
from flocktime._fallback.timestamp import Timestamp

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine, Send

#: All of an hour: what a member may be away from its flock while it does not know.
UNKNOWN_NS: Final = 3_600_000_000_000


def request(machine: Machine, to: Address, host: Host, send: Send) -> None:
    """Ask a partner. What it says about the time it leaves is read last."""
    route = by_address(to)
    _, evicted = machine.table.enter(route, machine.round, machine.partners.keeps)
    machine.counters.evicted += evicted
    send(to, compose(machine, Kind.REQUEST, route, host))


def compose(machine: Machine, kind: Kind, to: Route, host: Host) -> bytes:
    """A packet to a peer of the table, with a nonce that it may echo."""
    nonce = max(1, host.random())
    stamp = _stamp(machine, to, host)
    peer = machine.table.find(to)
    echo = None if peer is None or peer.known is None else peer.known.latest
    sent_ns = host.raw_ns()
    nonce = machine.table.send(to, nonce, sent_ns)
    return _write(machine, kind, nonce, host, echo=echo, stamp=stamp, sent_ns=sent_ns)


def _stamp(machine: Machine, to: Route, host: Host) -> Timestamp | None:
    """A message that is sent anyway is stamped, whatever the time is. A datagram is not before the clock takes part."""
    return None if to.kind == "address" and not takes_part(machine) else host.stamp()


def takes_part(machine: Machine) -> bool:
    """Whether this member's clock gossips. One that has never been synchronised runs on an OS clock that may be years ahead,
    and a clock that has once stamped that does not come back: the gossip itself must not make it. An OS clock that a majority
    agrees with is none of those.
    """
    return machine.progress.joined or machine.os_agrees


def answer_stranger(machine: Machine, sender: Address, asked: Packet, received_ns: int, host: Host) -> bytes | None:
    """The answer to a request of somebody who has not proven to be there, who is not remembered. ``None``: too many of them."""
    if not _may_answer(machine):
        return None
    route = by_address(sender)
    peer = machine.table.find(route)
    nonce = machine.cookies.nonce(sender, asked, 0 if peer is None else peer.begun, machine.round)
    stamp = _stamp(machine, route, host)
    echo = Echo(asked.nonce, received_ns)
    return _write(machine, Kind.REPLY, nonce, host, echo=echo, stamp=stamp, sent_ns=host.raw_ns())


def answer_header(machine: Machine, asked: Packet, received_ns: int, host: Host) -> bytes | None:
    """The answer to a header of somebody who has not proven to be there; ``None``: too many of them. Whoever comes back with its
    nonce is who asked, and nobody else: what two say of themselves may be the same."""
    if not _may_answer(machine):
        return None
    nonce = max(1, host.random())
    stamp = host.stamp()
    sent_ns = host.raw_ns()
    machine.waiting.add_offer(nonce, asked, sent_ns, machine.round)
    echo = Echo(asked.nonce, received_ns)
    return _write(machine, Kind.REPLY, nonce, host, echo=echo, stamp=stamp, sent_ns=sent_ns)


def _may_answer(machine: Machine) -> bool:
    """Whether one more stranger is answered in this round."""
    if machine.strangers_left == 0:
        machine.counters.unanswered += 1
        return False
    machine.strangers_left -= 1
    return True


def _write(
    machine: Machine, kind: Kind, nonce: int, host: Host, *, echo: Echo | None, stamp: Timestamp | None, sent_ns: int
) -> bytes:
    node = host.node()
    if node is not None:
        machine.settings.node = node & MAX_NODE
    machine.sequence += 1
    machine.counters.sent += 1
    line, said = machine.discipline, machine.utc_said
    slewing, shown_ns = line.is_slewing(sent_ns), line.at(sent_ns)
    packet = Packet(
        kind=kind,
        state=state(machine),
        node=machine.settings.node,
        incarnation=machine.settings.incarnation,
        origin=machine.settings.origin,
        sequence=machine.sequence,
        nonce=nonce,
        tx_h_ns=sent_ns,
        tx_l_ns=shown_ns,
        y=clamp(line.y, -MAX_Y, MAX_Y),
        s=clamp(line.s, -MAX_S, MAX_S) if slewing else 0.0,
        u=clamp(line.u, -MAX_U, MAX_U) if slewing else 0.0,
        error_ns=error_ns(machine),
        anchor=None if said is None else said.at(sent_ns, shown_ns),
        echo=echo,
        synchronised_once=machine.progress.joined,
        stamp=Timestamp.MIN if stamp is None else stamp,
    )
    return machine.settings.keyring.seal(encode(packet))


def state(machine: Machine) -> State:
    """How this member stands since its latest round."""
    return machine.progress.state if machine.settings.steer else State.MONITORING


def error_ns(machine: Machine) -> int:
    """What this member may be away from its flock, nanoseconds."""
    step = machine.last
    known = step is not None and not step.undecided and step.error_ns > 0.0
    return min(to_u64(step.error_ns), UNKNOWN_NS) if step is not None and known else UNKNOWN_NS
