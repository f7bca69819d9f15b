"""``FlockMember``: the handle of a standing member."""

from __future__ import annotations

import math
import os
import socket as sockets
import threading
from collections.abc import Sequence
from typing import Any, Final

from flocktime._fallback.clock import Clock
from flocktime._fallback.flocking import Tuning
from flocktime._fallback.gossip import header as headers
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.by_hand import checked_anchor, keyring
from flocktime._fallback.gossip.report import report
from flocktime._fallback.gossip.settings import Settings
from flocktime._fallback.member.driver import Driver
from flocktime._fallback.member.io import os_words
from flocktime._fallback.member.log import Transition
from flocktime._fallback.member.peers import PeerList, parse_name
from flocktime._fallback.member.port import Port
from flocktime._fallback.member.shared import Shared
from flocktime._fallback.member.socket import Socket
from flocktime._fallback.skewed_source import SkewedSource
from flocktime._fallback.sources import Source
from flocktime._fallback.steered_source import FlockSource
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import _flock, _header

#: The longest name that a header's receiver may be given, bytes.
MAX_LABEL: Final = 255


class FlockMember:
    """This process's member of a flock: what ``flocktime.Flock`` is made of.

    Any thread may call anything at any time. Nothing here waits for the network or for another process; only ``wait`` waits at
    all, and ``stop``, for the member's thread to end, which it does at once.
    """

    def __init__(
        self,
        *,
        listen: str | None,
        keys: Sequence[str],
        origin: int,
        steer: bool,
        max_drift_us: int,
        refuse: bool,
        anchor: int | None,
        fanout: int,
        round_s: float,
        resolve_s: float,
        source: SkewedSource | None,
        page: Clock | None = None,
    ) -> None:
        """Open the socket and start the thread."""
        if source is not None and not isinstance(source, SkewedSource):
            raise TypeError(f"source must be a SkewedSource, not {type(source).__name__}")
        if page is not None:  # no clock of this backend is on one
            raise ValueError("page must be a clock that follows the flock of a page")
        settings = Settings(
            node=0,  # the clock's, once it is attached
            incarnation=int.from_bytes(os.urandom(8), "big"),
            origin=origin,
            keyring=keyring(keys),
            fanout=_within("fanout", fanout, 0, 256),
            steer=steer,
            refuse_until_ready=refuse,
            anchor=checked_anchor(anchor),
            tuning=Tuning(
                round_ns=_within("round_ns", _nanoseconds("round", round_s), 1_000_000, 3_600_000_000_000),
                max_drift_ns=float(max_drift_us) * 1e3,
            ),
        )
        _within("resolve_every_ms", _nanoseconds("resolve_every", resolve_s) // 1_000_000, 10, 2**64 - 1)
        port = None if listen is None else _listen(listen)
        try:
            self._shared = Shared(
                settings, Source(source), on_os_clock=source is None, listening=port is not None, resolve_s=resolve_s
            )
            self._source = FlockSource(self._shared.base, self._shared.steering)
            self._address = None if port is None else str(port.address)
            driver = Driver(self._shared, None if port is None else Socket(port, self._shared.io))
            self._thread = threading.Thread(target=driver.run, name="flocktime-flock", daemon=True)
            self._thread.start()
        except BaseException:
            if port is not None:
                port.close()
            raise

    @property
    def source(self) -> FlockSource:
        """What ``Clock(source=...)`` takes to follow this flock."""
        return self._source

    def attach(self, clock: Clock) -> None:
        """The clock whose stamps travel in packets and which merges theirs."""
        if not isinstance(clock, Clock):
            raise TypeError(f"clock must be a Clock, not {type(clock).__name__}")
        with self._shared.running():
            self._shared.world.clock = clock

    @property
    def address(self) -> str | None:
        """Where it listens, or ``None``."""
        return self._address

    def set_peers(self, names: Sequence[str]) -> None:
        """Replace the peers: ``host:port`` each."""
        peers = PeerList.parse(names)
        self._shared.check_running()
        self._shared.directory.set(peers)

    def rotate(self, keys: Sequence[str]) -> None:
        """Replace the keys; the first signs."""
        fresh = keyring(keys)
        with self._shared.running() as machine:
            machine.set_keyring(fresh)

    def report(self) -> dict[str, Any]:
        """Everything as plain numbers and strings."""
        shared, flock = self._shared, None
        if not self.detached:
            with shared.lock:
                flock = report(shared.machine, shared.world)
        return {
            "status": shared.status,
            "flock": flock,  # None in a forked child
            "io": {
                **shared.io.as_dict(),
                "unsupported_peers": 0 if self.detached else shared.unsupported_peers,
                "listening": shared.io.listening,
                "failure": None if self.detached else shared.log.failure,
                "last_error": shared.io.last_error,
            },
            "replaced_by": None,  # it publishes on no page
            "names": [] if self.detached else shared.directory.names(),
        }

    def header(self, label: str) -> str:
        """A header for a message to ``label``."""
        if not isinstance(label, str):
            raise TypeError(f"label must be a str, not {type(label).__name__}")
        length = len(label.encode())
        if not 1 <= length <= MAX_LABEL:
            raise _header("label", length)
        with self._shared.running() as machine:
            return headers.header(machine, label, self._shared.world)

    def take(self, header: str) -> tuple[Timestamp, bool]:
        """Take a header in. Returns its timestamp and whether the cluster's key vouches for it."""
        received_ns = self._shared.base.raw_ns()
        with self._shared.running() as machine:
            try:
                taken = headers.take_header(machine, header, received_ns, self._shared.world)
            except headers.HeaderRefusal as refusal:
                raise _header(refusal.reason) from None
        return taken.packet.stamp, taken.trusted

    def reply(self, header: str) -> str:
        """The header for the answer."""
        with self._shared.running() as machine:
            try:
                return headers.reply_header(machine, header, self._shared.world)
            except headers.HeaderRefusal as refusal:
                raise _header(refusal.reason) from None

    def wait(self, serial: int, timeout: float) -> list[Transition]:
        """The changes after ``serial``, oldest first; waits for one, up to ``timeout`` seconds.

        Serial number, state, and who is called wrong: name, node, offset in nanoseconds.
        """
        wait_s = 0.0 if math.isnan(timeout) else max(0.0, min(timeout, 86_400.0))
        return [] if self.detached else self._shared.log.wait(serial, wait_s)

    @property
    def running(self) -> bool:
        """Its thread runs: not stopped, not failed, and not a copy in a forked child."""
        return self._shared.status == "running"

    @property
    def detached(self) -> bool:
        """A copy in a forked child, where nothing runs."""
        return self._shared.is_detached

    def stop(self) -> None:
        """Stop talking; wait for the thread. The steering keeps the last guidance, whose slews expire."""
        if self.detached:
            return
        self._ask_to_stop()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _ask_to_stop(self) -> None:
        self._shared.stopping = True
        self._shared.directory.close()
        self._shared.bell.ring()

    def __del__(self) -> None:
        # Without waiting: a finaliser runs in any thread, the member's own included.
        if hasattr(self, "_thread") and not self.detached:
            self._ask_to_stop()


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, and must be between {least} and {most}")
    return value


def _nanoseconds(name: str, seconds: float) -> int:
    if not 0.0 <= seconds <= 86_400.0:  # false for NaN too
        raise ValueError(f"{name} must lie in 0..=86400 seconds, got {seconds}")
    return int(seconds * 1e9)


def _listen(text: str) -> Port:
    """A port at ``host:port``, resolved once: a socket is bound to one address."""
    try:
        address = _resolved(text)
    except (OSError, ValueError) as error:
        raise _flock(f'cannot listen on "{text}": {error}') from None
    try:
        return Port(address)
    except OSError as error:
        raise _flock(f"cannot listen on {address}: {os_words(error)}") from None


def _resolved(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError:
        host, _, digits = text.rpartition(":")
        name = parse_name(f"{host}:{digits if digits.strip('0') else '1'}")  # port 0: any, which is no peer's
        found = sockets.getaddrinfo(name.host, int(digits or "x"), type=sockets.SOCK_DGRAM)
        return Address.from_socket(found[0][4])
