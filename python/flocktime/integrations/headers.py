"""One header carries one timestamp: ``inject`` stamps a send, ``extract`` merges a receipt.

A header comes from somebody else. Whatever is in it, ``extract`` answers with a fresh local timestamp and an outcome,
and never raises because of it; a header that is not adopted leaves the clock as it was, apart from the tick that
every event takes. Who may move the clock at all is decided before: use this only between parties that trust each
other's clocks (see ``docs/headers.md``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from flocktime.clock import Clock, ClockError, DriftError, EpochError, InvalidTimestamp, NodeCollision, Timestamp

__all__ = ["HEADER", "MOST_HEADERS", "Outcome", "Received", "counters", "extract", "inject"]

#: The header's name, in lower case as ASGI and HTTP/2 write it. Its value is ``Timestamp.to_hex()``: 32 characters.
HEADER: Final = "flocktime"
#: A message with more headers than this is not searched: its header counts as malformed.
MOST_HEADERS: Final = 1_000

Outcome = Literal["adopted", "absent", "malformed", "refused"]
Text = str | bytes

_COUNTED: Final = ("injected", "adopted", "absent", "malformed", "refused")
_HEADER_BYTES: Final = HEADER.encode()


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a received header.

    Attributes:
        stamp: the timestamp of the receipt, always fresh and issued by the local clock. With ``"adopted"`` it lies
            above ``remote``, otherwise it says nothing about the sender's time.
        remote: the sender's timestamp, ``None`` where there was none that could be read.
        outcome: ``"adopted"``; ``"absent"``: no header; ``"malformed"``: no timestamp, or more than one;
            ``"refused"``: a timestamp that the clock did not take, or not fully.
        error: why it was malformed (``InvalidTimestamp``) or refused (``DriftError``, ``EpochError``,
            ``NodeCollision``). A clock whose drift policy is ``"ignore"`` or ``"clamp"`` refuses without an error.
    """

    stamp: Timestamp
    remote: Timestamp | None
    outcome: Outcome
    error: ClockError | None = None


def inject(clock: Clock, headers: MutableMapping[str, str]) -> Timestamp:
    """Stamp a send: put a fresh timestamp into ``headers`` and return it.

    A header that is already there, in whatever case, is replaced: a request that is sent again, or built from the
    headers of an incoming one, must not carry an older timestamp, nor two.
    """
    for name in [name for name in headers if name != HEADER and name.lower() == HEADER]:
        del headers[name]
    stamp = clock.now()
    headers[HEADER] = stamp.to_hex()
    _count(clock, "injected")
    return stamp


def extract(clock: Clock, headers: Mapping[str, Any] | Mapping[bytes, Any] | Iterable[tuple[Text, Any]]) -> Received:
    """Stamp a receipt: find the header, merge its timestamp, and say what became of it.

    ``headers`` is a mapping or an iterable of pairs; names and values are ``str`` or ``bytes``, names in any case.
    Give pairs where the framework has them: in a mapping, a header that was sent twice is already lost or joined.

    Raises:
        ForkedClock, SourceError: the local clock cannot issue any timestamp at all. That is a fault of this process
            and not of the message, and no receipt can be stamped around it.
    """
    try:
        remote = _read(headers)
    except InvalidTimestamp as error:
        return _received(clock, Received(clock.now(), None, "malformed", error.with_traceback(None)))
    if remote is None:
        return _received(clock, Received(clock.now(), None, "absent"))
    try:
        stamp = clock.update(remote)
    except (DriftError, EpochError, NodeCollision) as error:
        # Without its frames, which would keep the request alive as long as the error.
        return _received(clock, Received(clock.now(), remote, "refused", error.with_traceback(None)))
    # Policies that go on without an error may leave the clock below what it was sent.
    return _received(clock, Received(stamp, remote, "adopted" if stamp > remote else "refused"))


def counters(clock: Clock) -> dict[str, int]:
    """How many headers this clock has ``injected`` and how the received ones ended, since its creation.

    ``clock.stats()`` splits the refused ones by reason. A forked child goes on from its parent's numbers.
    """
    with _lock:
        return dict(_counts.get(clock) or dict.fromkeys(_COUNTED, 0))


def _read(headers: Mapping[Any, Any] | Iterable[tuple[Text, Any]]) -> Timestamp | None:
    """The one timestamp in the headers, ``None`` without one; ``InvalidTimestamp`` for anything else."""
    # Not every mapping of headers is a Mapping: those of the standard library's HTTP are e-mail messages.
    items = getattr(headers, "items", None)
    pairs: Iterable[tuple[Any, Any]] = headers if items is None else items()
    found: list[Any] = []
    for searched, (name, value) in enumerate(islice(pairs, MOST_HEADERS + 1)):
        if searched == MOST_HEADERS:
            raise _malformed(f"more than {MOST_HEADERS} headers")
        if _is_ours(name):
            found.append(value)
    if not found:
        return None
    if len(found) > 1:
        raise _malformed(f"sent {len(found)} times")
    return Timestamp.from_hex(_text(found[0]))


def _is_ours(name: object) -> bool:
    if isinstance(name, str):
        return name.lower() == HEADER
    return isinstance(name, bytes) and name.lower() == _HEADER_BYTES


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")  # every byte is a character: what is no digit is named by its position
    raise _malformed(f"a {type(value).__name__} instead of text")


def _malformed(reason: str) -> InvalidTimestamp:
    return InvalidTimestamp(f"not a timestamp (header {HEADER}): {reason}", form="header", reason=reason)


# The counters, one small dictionary a clock, gone with it.

_counts: WeakKeyDictionary[Clock, dict[str, int]] = WeakKeyDictionary()
_lock = threading.RLock()  # re-entrant: a signal handler may stamp a message of its own
if hasattr(os, "register_at_fork"):  # a thread that is counting while another forks would leave the child's lock held
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _count(clock: Clock, what: str) -> None:
    with _lock:
        counts = _counts.get(clock)
        if counts is None:
            counts = _counts[clock] = dict.fromkeys(_COUNTED, 0)
        counts[what] += 1


def _received(clock: Clock, received: Received) -> Received:
    _count(clock, received.outcome)
    return received
