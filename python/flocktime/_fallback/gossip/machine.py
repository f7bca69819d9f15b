"""``Machine``: one member, driven from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from flocktime._fallback.arithmetic import saturated_u64
from flocktime._fallback.discipline import Discipline
from flocktime._fallback.flocking import Progress, Step, UtcStep
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.admission import Admission, accept, admit, open_datagram
from flocktime._fallback.gossip.compose import answer_stranger, compose, request
from flocktime._fallback.gossip.cookie import CookieJar
from flocktime._fallback.gossip.counters import Counters
from flocktime._fallback.gossip.host import Host
from flocktime._fallback.gossip.keyring import Keyring
from flocktime._fallback.gossip.packet import Kind
from flocktime._fallback.gossip.partners import Partners
from flocktime._fallback.gossip.peer import by_address
from flocktime._fallback.gossip.round import finish_round
from flocktime._fallback.gossip.settings import Settings
from flocktime._fallback.gossip.table import PeerTable
from flocktime._fallback.gossip.utc import Said
from flocktime._fallback.gossip.waiting import Waiting
from flocktime._fallback.layout import MAX_NODE
from flocktime._fallback.steered_source import Guidance

#: So many strangers are answered in a round; an answer is never larger than what it answers.
STRANGERS: Final = 256

Send = Callable[[Address, bytes], None]


class Machine:
    """A member of a flock without its sockets and threads: bytes and readings in, bytes and a discipline out.

    It is driven by one thread: ``tick`` at ``due_ns`` or later, ``receive`` for each datagram. Same calls with the same
    readings, same bytes out. What it remembers is bounded, whatever comes in. ``round``, ``admission``, ``compose``, ``header``
    and ``report`` are parts of it, each in a file of its own.
    """

    def __init__(self, settings: Settings, host: Host) -> None:
        """A member that has heard nobody yet; its disciplined clock begins at the OS clock. The first round is due at once."""
        now_ns = host.raw_ns()
        settings.node &= MAX_NODE
        self.settings = settings
        #: The disciplined clock as it runs now.
        self.discipline = Discipline(h0_ns=now_ns, l0_ns=host.os().wall_ns)
        #: What this member's clock is to follow. It changes in ``tick`` only.
        self.guidance = Guidance(discipline=self.discipline, refuse=settings.refuse_until_ready)
        self.table = PeerTable()
        self.partners = Partners(settings.view)
        self.cookies = CookieJar([host.random() for _ in range(4)])
        self.progress = Progress()
        self.last: Step | None = None
        self.utc = UtcStep()
        self.utc_span_ns: tuple[float, float] | None = (
            None  # where UTC lies, less this member's clock, as of the latest round
        )
        self.utc_said: Said | None = None  # what this member says of UTC
        #: The counts so far.
        self.counters = Counters()
        self.sequence = 0
        self.round = 0
        self.next_round_ns = now_ns
        self.requests: list[tuple[int, Address]] = []  # whom this round still asks, and when, latest first
        self.seen_raw_ns = now_ns
        self.own_suspicion = 0
        self.settled_rounds = 0
        self.os_agrees = False  # most of the flock lies within the drift limit of this member's OS clock
        self.strangers_left = STRANGERS
        self.waiting = Waiting()
        self.found_flock: bool | None = None  # whether the first who voted were a flock already
        self.os_before: tuple[int, int] | None = None

    def set_peers(self, addresses: Iterable[Address]) -> None:
        """The addresses that requests may go to; at most ``MAX_PEERS`` of them are used."""
        self.partners.set(addresses)

    def set_keyring(self, keyring: Keyring) -> None:
        """Other keys from now on, for a rotation: first all members get the new key beside the old one, then they sign with
        it, then the old one goes."""
        self.settings.keyring = keyring

    def due_ns(self) -> int:
        """H at which ``tick`` has something to do next."""
        return min(self.requests[-1][0], self.next_round_ns) if self.requests else self.next_round_ns

    def tick(self, host: Host, send: Send) -> None:
        """Do what is due: the step of a round, and requests. What is overdue is done once, never caught up with."""
        now_ns = self._watch_oscillator(host)
        if now_ns >= self.next_round_ns:
            self._turn_round(host, now_ns)
        while self.requests and self.requests[-1][0] <= now_ns:
            _, address = self.requests.pop()
            request(self, address, host, send)

    def _turn_round(self, host: Host, now_ns: int) -> None:
        round_ns = self.settings.tuning.round_ns
        finish_round(self, host, now_ns)
        self.round += 1
        self.strangers_left = STRANGERS
        next_ns = saturated_u64(self.next_round_ns + round_ns)
        # Late, or stopped for a while: go on from here.
        self.next_round_ns = next_ns if next_ns > now_ns else saturated_u64(now_ns + round_ns)
        asked = self.partners.ask(self.round, self.settings.fanout, host.random)
        # Spread over the round, each at a random moment of its share, so that members do not fall into step.
        share_ns = round_ns // max(1, len(asked))
        self.requests.clear()
        for place, address in reversed(list(enumerate(asked))):
            within_ns = host.random() % max(1, share_ns)
            self.requests.append((saturated_u64(now_ns + place * share_ns + within_ns), address))

    def receive(self, sender: Address, datagram: bytes, received_ns: int, host: Host, send: Send) -> None:
        """Take a datagram in that came at this H (the kernel's time stamp, where there is one). A request is answered at once."""
        self.counters.received += 1
        opened = open_datagram(self, sender, datagram)
        if opened is None:
            return
        packet, signed = opened
        route = by_address(sender)
        admission = admit(self, route, packet)
        if admission is Admission.REPLAYED:
            self.counters.replayed += 1
        elif admission is Admission.UNPROVEN:
            self.counters.unproven += 1
            if packet.kind == Kind.REQUEST:
                answer = answer_stranger(self, sender, packet, received_ns, host)
                if answer is not None:
                    send(sender, answer)
        else:
            accept(self, route, packet, received_ns, signed=signed, host=host)
            self.partners.answered(sender)
            if packet.kind == Kind.REQUEST:
                send(sender, compose(self, Kind.REPLY, route, host))

    def _watch_oscillator(self, host: Host) -> int:
        """Own H must not go back. Where it does (a migrated machine, an injected fault) all that was measured with it is void."""
        now_ns = host.raw_ns()
        if now_ns < self.seen_raw_ns:
            self.counters.backward_raw += 1
            self.discipline = self._reached(self.discipline, now_ns)
            # A degraded member shows another line, which would stand still until H is where it was.
            self.guidance = self.guidance._replace(
                discipline=self._reached(self.guidance.discipline, now_ns), error_ns=None
            )
            self.utc_said = None
            self.next_round_ns = now_ns
            self.requests.clear()
            self.table.forget_samples()
        self.seen_raw_ns = now_ns
        return now_ns

    def _reached(self, line: Discipline, now_ns: int) -> Discipline:
        """From this H on, where it has gone back to, a line goes on from where it was."""
        return Discipline(h0_ns=now_ns, l0_ns=line.at(self.seen_raw_ns), y=line.y)
