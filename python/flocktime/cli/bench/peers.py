"""Other people's packages that stamp events, where one is installed: only what it does that flocktime does as well.

Two kinds, which must not be confused. A *clock* merges what it receives, so that an effect is stamped after its cause.
A *generator* only makes identifiers that sort by the time of their making; it has nothing like ``update``, and none is
made up for it here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from flocktime.cli.bench import forms
from flocktime.cli.bench.forms import clock_ns
from flocktime.cli.bench.timer import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["CLOCK", "GENERATOR", "PEERS", "Found", "Peer", "find"]

CLOCK, GENERATOR = "clock", "generator"
_NODE = "node-1"


@dataclass(frozen=True, slots=True)
class Peer:
    """One package and how to find its operations in it."""

    distribution: str
    module: str
    kind: str
    subjects: Callable[[str, Any], list[Subject]]


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the search for one peer: its subjects, or the reason why there are none.

    Attributes:
        peer: who was looked for.
        version: what is installed; ``None`` where nothing is.
        subjects: what can be timed; empty where nothing is installed or ``failure`` says why not.
        failure: why an installed peer is not timed.
    """

    peer: Peer
    version: str | None
    subjects: tuple[Subject, ...] = ()
    failure: str | None = None


def find(peers: Iterable[Peer] | None = None) -> list[Found]:
    """Look for every peer in this environment."""
    return [_find(peer) for peer in (PEERS if peers is None else peers)]


def _find(peer: Peer) -> Found:
    try:
        version = metadata.version(peer.distribution)
    except metadata.PackageNotFoundError:
        return Found(peer, None)
    try:
        subjects = peer.subjects(f"{peer.distribution} {version}", import_module(peer.module))
        for subject in subjects:
            subject.loop(range(1), *subject.values)
    except Exception as failure:  # a stranger's package, any version: whatever it raises is the report
        return Found(peer, version, failure=f"{type(failure).__name__}: {failure}")
    return Found(peer, version, tuple(subjects))


# The loops of those who leave the state, or the reading of the clock, to the caller: what the caller has to write.


def _tick(steps: Iterable[object], state: Any, read_ns: Callable[[], int]) -> int:
    start = clock_ns()
    for _ in steps:
        state = state.tick(read_ns() // 1_000_000)
    return clock_ns() - start


def _receive(steps: Iterable[object], state: Any, remote: object, read_ns: Callable[[], int], limit_ms: int) -> int:
    start = clock_ns()
    for _ in steps:
        state = state.receive(remote, read_ns() // 1_000_000, limit_ms)
    return clock_ns() - start


def _compare(steps: Iterable[object], function: Callable[[Any, Any], object], a: object, b: object) -> int:
    start = clock_ns()
    for _ in steps:
        function(a, b)
    return clock_ns() - start


def _hlcpy(who: str, hlcpy: Any) -> list[Subject]:
    clock, remote = hlcpy.HLC.from_now(), hlcpy.HLC.from_now()
    a, b = hlcpy.HLC.from_now(), hlcpy.HLC.from_now()
    in_place = "moves the clock in place and returns nothing; reading the value is a second call"
    return [
        Subject("now", who, forms.call, (clock.sync,), note=in_place),
        Subject("update", who, forms.call_with, (clock.merge, remote), note=in_place),
        Subject("less", who, forms.less, (a, b)),
        Subject("equal", who, forms.equal, (a, b)),
        Subject("to_bytes", who, forms.call, (a.to_bytes,), note="8 bytes, milliseconds, little-endian"),
    ]


def _accordsync(who: str, accordsync: Any) -> list[Subject]:
    state = accordsync.Hlc.initial(_NODE)
    remote = accordsync.Hlc.initial("node-2").tick(time.time_ns() // 1_000_000)
    a = state.tick(time.time_ns() // 1_000_000)
    b = a.tick(0)
    ours = "the caller reads the clock and keeps the state; no lock"
    return [
        Subject("now", who, _tick, (state, time.time_ns), note=ours),
        Subject("update", who, _receive, (state, remote, time.time_ns, 500), note=ours),
        Subject("less", who, _compare, (accordsync.compare_hlc, a, b), note="compare_hlc(a, b)"),
        Subject("equal", who, forms.equal, (a, b)),
        Subject("hash", who, forms.call_with, (hash, a)),
        Subject("to_bytes", who, forms.call, (a.encode,), note="text"),
    ]


def _uuid7(who: str, module: Any) -> list[Subject]:
    a, b = module.uuid7(), module.uuid7()
    return [
        Subject("now", who, forms.call, (module.uuid7,), note="a UUIDv7: milliseconds, counter, random bits"),
        Subject("less", who, forms.less, (a, b)),
        Subject("equal", who, forms.equal, (a, b)),
        Subject("hash", who, forms.call_with, (hash, a)),
        Subject("to_bytes", who, forms.attribute, (a,), note="the attribute .bytes"),
    ]


PEERS = (
    Peer("hlcpy", "hlcpy", CLOCK, _hlcpy),
    Peer("accordsync-core", "accordsync_core", CLOCK, _accordsync),
    Peer("uuid-utils", "uuid_utils", GENERATOR, _uuid7),
    Peer("uuid7-rs", "uuid7_rs", GENERATOR, _uuid7),
)
