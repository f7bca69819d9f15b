"""``Driver``: the thread of a member."""

from __future__ import annotations

import select
import signal
import time
from functools import partial
from typing import Final

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.interval import grown
from flocktime._fallback.kernel_clock import KERNEL_DRIFT_PPB, utc_error_ns
from flocktime._fallback.member.port import Local
from flocktime._fallback.member.shared import Shared
from flocktime._fallback.member.socket import Socket
from flocktime._fallback.member.watch import Watch
from flocktime._fallback.member.world import arrival_ns

#: So many datagrams are read before deadlines are looked at again.
BATCH: Final = 64
#: What a thread brings upon itself: whoever handles crashes is to see it.
_OWN_SIGNALS: Final = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGABRT")


class Driver:
    """Owned by the thread. It looks at its socket, its bell and H, in turn."""

    def __init__(self, shared: Shared, socket: Socket | None) -> None:
        self._shared = shared
        self._socket = socket
        self._round_s = shared.machine.settings.tuning.round_ns / 1e9
        self._watch = Watch(shared.machine)
        self._refreshed: float | None = None  # when the operating system was last asked what takes a call
        self._waited_at_ns: int | None = None  # H before the latest wait, if that ended by itself

    def run(self) -> None:
        """Until it is stopped, or comes to a bad end, which it records."""
        failure = None
        try:
            _be_quiet()
            while not self._shared.stopping:
                self._refresh()
                self._take_news()
                now_ns, due_ns = self._tick()
                if self._socket is not None:
                    self._socket.reopen()
                if self._wait(now_ns, due_ns):
                    self._drain()
        except BaseException as error:
            failure = f"{type(error).__name__}: {error}"
        # The socket is closed before the end is announced: who waits for that may want the port.
        if self._socket is not None:
            self._socket.close()
        self._shared.io.listening = False
        self._shared.log.end(failure)

    def _refresh(self) -> None:
        """Ask the operating system, once a round, before the machine is locked."""
        now = time.monotonic()
        if not self._shared.on_os_clock or (self._refreshed is not None and now - self._refreshed < self._round_s):
            return
        self._refreshed = now
        error_ns = utc_error_ns()
        # Asked once a round: by the time it is passed on, it may be two rounds old.
        old_ns = 2 * self._shared.machine.settings.tuning.round_ns
        self._shared.world.error_ns = None if error_ns is None else grown(error_ns, old_ns, KERNEL_DRIFT_PPB)

    def _take_news(self) -> None:
        """Tell the machine who the peers are, when that has changed."""
        addresses = self._shared.directory.news()
        if addresses is None:
            return
        own = None if self._socket is None else self._socket.address
        reach = frozenset[int]() if self._socket is None else self._socket.reach
        others = [address for address in addresses if address != own]
        reachable = [address for address in others if address.version in reach]
        self._shared.unsupported_peers = len(others) - len(reachable)
        with self._shared.lock:
            self._shared.machine.set_peers(reachable)

    def _tick(self) -> tuple[int, int]:
        """What is due; then what others are to know of it. Returns H and when something is due next."""
        shared = self._shared
        with shared.lock:
            shared.machine.tick(shared.world, self._send)
            guidance, due_ns = shared.machine.guidance, shared.machine.due_ns()
            changed = self._watch.look(shared.machine)
        shared.steering.guidance = guidance
        if changed is not None:
            shared.log.add(*changed)
        return shared.base.raw_ns(), due_ns

    def _wait(self, now_ns: int, due_ns: int) -> bool:
        """Until H is there, the socket has something or the bell rings. H need not go on as time does: at the latest after a
        round it is looked at again, and where it stands still not before."""
        stands = self._waited_at_ns == now_ns
        wait_s = self._round_s if stands else min(max(0, due_ns - now_ns) / 1e9, self._round_s)
        waiting = select.poll()
        waiting.register(self._shared.bell, select.POLLIN)
        port = None if self._socket is None else self._socket.port
        if self._socket is not None and port is None:
            wait_s = min(wait_s, self._socket.until_reopening_s() or 0.0)
        if port is not None:
            waiting.register(port, select.POLLIN)
        happened = {number for number, _ in waiting.poll(wait_s * 1e3)}
        self._waited_at_ns = None if happened else now_ns
        if self._shared.bell.fileno() in happened:
            self._shared.bell.hush()
        return port is not None and port.fileno() in happened

    def _drain(self) -> None:
        """Read what came in, up to a bound."""
        shared = self._shared
        for _ in range(BATCH):
            arrival = None if self._socket is None else self._socket.receive()
            if arrival is None:
                return
            received_ns, stamped = arrival_ns(shared.base, arrival.stamp_ns)
            shared.io.kernel_stamped += stamped
            shared.io.unstamped += not stamped
            answer = partial(self._send, local=arrival.local)  # all that it sends here answers the datagram
            with shared.lock:
                shared.machine.receive(arrival.sender, arrival.data, received_ns, shared.world, answer)

    def _send(self, to: Address, data: bytes, local: Local | None = None) -> None:
        if self._socket is not None:
            self._socket.send(to, data, local)


def _be_quiet() -> None:
    """No signal interrupts this thread: the process's handlers run on the threads they were meant for."""
    if hasattr(signal, "pthread_sigmask"):
        own = {getattr(signal, name) for name in _OWN_SIGNALS if hasattr(signal, name)}
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - own)
