"""Headers carry timestamps: ``inject`` stamps a send, ``extract`` merges a receipt.

``flocktime`` carries one timestamp. Between members of a flock a second header goes beside it, ``flocktime-flock``: with
it the messages that services send anyway measure how far their clocks are apart, and the flock needs no port of its own.

A header comes from somebody else. Whatever is in it, ``extract`` answers with a fresh local timestamp and an outcome,
and never raises because of it; a header that is not adopted leaves the clock as it was, apart from the tick that
every event takes. Who may move the clock at all is decided before: use this only between parties that trust each
other's clocks (see ``docs/headers.md``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakKeyDictionary

from flocktime.clock import Clock, ClockError, DriftError, EpochError, InvalidTimestamp, NodeCollision, Timestamp
from flocktime.errors import FlockError, HeaderError

if TYPE_CHECKING:
    from flocktime.flock import Flock

__all__ = ["FLOCK_HEADER", "HEADER", "MOST_HEADERS", "Outcome", "Received", "counters", "extract", "inject"]

#: The header's name, in lower case as ASGI and HTTP/2 write it. Its value is ``Timestamp.to_hex()``: 32 characters.
HEADER: Final = "flocktime"
#: The one beside it between members of a flock. Its value is ``Flock.header()`` or ``Flock.reply()``: 224 characters.
FLOCK_HEADER: Final = "flocktime-flock"
#: A message with more headers than this is not searched: its header counts as malformed.
MOST_HEADERS: Final = 1_000

Outcome = Literal["adopted", "absent", "malformed", "refused"]
Text = str | bytes

_COUNTED: Final = ("injected", "adopted", "absent", "malformed", "refused")
_FLOCK_COUNTED: Final = ("flock_injected", "flock_taken", "flock_refused")
_NAMES: Final[dict[Text, str]] = {
    HEADER: HEADER,
    HEADER.encode(): HEADER,
    FLOCK_HEADER: FLOCK_HEADER,
    FLOCK_HEADER.encode(): FLOCK_HEADER,
}


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a received header.

    Attributes:
        stamp: the timestamp of the receipt, always fresh and issued by the local clock. With ``"adopted"`` it lies
            above ``remote``, otherwise it says nothing about the sender's time.
        remote: the sender's timestamp, as its ``inject`` returned it; ``None`` where there was none that could be read.
        outcome: ``"adopted"``; ``"absent"``: no header; ``"malformed"``: no timestamp, or more than one;
            ``"refused"``: a timestamp that the clock did not take, or not fully.
        error: why it was malformed (``InvalidTimestamp``) or refused (``DriftError``, ``EpochError``,
            ``NodeCollision``); where nothing was wrong with the timestamp, why a flock's header was not taken in
            (``HeaderError``). A clock whose drift policy is ``"ignore"`` or ``"clamp"`` refuses without an error.
        flock_header: the flock's header, where it was taken in: what the answer's replies to.
    """

    stamp: Timestamp
    remote: Timestamp | None
    outcome: Outcome
    error: ClockError | None = None
    flock_header: str | None = field(default=None, repr=False)


def inject(
    clock: Clock | Flock,
    headers: MutableMapping[str, str],
    *,
    to: str | None = None,
    reply_to: Received | None = None,
) -> Timestamp:
    """Stamp a send: put a fresh timestamp into ``headers`` and return it.

    A header that is already there, in whatever case, is replaced: a request that is sent again, or built from the
    headers of an incoming one, must not carry an older timestamp, nor two.

    A flock puts its own header beside it, where it knows for whom: ``to``, what this process calls the one process that
    receives it; or ``reply_to``, what ``extract`` said of the message that this one answers. Call it as late as possible:
    what passes until the message leaves is measured as delay.

    Raises:
        HeaderError: ``to`` is empty or longer than 255 bytes: nobody can be called so, and no message to it would ever be
            measured. ``headers`` then has no timestamp.
        TypeError: ``to`` is no text, or ``reply_to`` nothing that ``extract`` returned. ``headers`` is then as it was.
        ForkedClock, SourceError, NotReady: the local clock cannot issue any timestamp at all.
    """
    stamper, flock = _parts(clock)
    if to is not None and not isinstance(to, str):
        raise TypeError(f"to must be a str, not {type(to).__name__}")
    if reply_to is not None and not isinstance(reply_to, Received):
        raise TypeError(f"reply_to must be what extract returned, not {type(reply_to).__name__}")
    for name in [name for name in headers if name != HEADER and name.lower() in _NAMES]:
        del headers[name]
    stamp = stamper.now()
    text = None if flock is None else _flock_header(flock, to, reply_to)
    headers[HEADER] = stamp.to_hex()
    _count(stamper, "injected")
    if text is not None:
        headers[FLOCK_HEADER] = text
        _count(stamper, "flock_injected")
    return stamp


def extract(
    clock: Clock | Flock, headers: Mapping[str, Any] | Mapping[bytes, Any] | Iterable[tuple[Text, Any]]
) -> Received:
    """Stamp a receipt: find the header, merge its timestamp, and say what became of it.

    ``headers`` is a mapping or an iterable of pairs; names and values are ``str`` or ``bytes``, names in any case.
    Give pairs where the framework has them: in a mapping, a header that was sent twice is already lost or joined.

    A flock takes its own header first, where there is one: a measurement, and a timestamp that the cluster's key vouches
    for. Call it as early as possible. Where that header is refused, the plain one counts as it does for a clock.

    Raises:
        ForkedClock, SourceError, NotReady: the local clock cannot issue any timestamp at all. That is a fault of this
            process and not of the message, and no receipt can be stamped around it.
    """
    clock, flock = _parts(clock)
    try:
        found = _find(headers)
    except InvalidTimestamp as error:
        return _received(clock, Received(clock.now(), None, "malformed", error.with_traceback(None)))
    refusal: HeaderError | None = None
    if flock is not None and found[FLOCK_HEADER]:
        taken = _take(flock, clock, found[FLOCK_HEADER])
        if isinstance(taken, _Taken):
            return _received(clock, _merged(clock, _sent(found[HEADER], taken.remote), taken))
        refusal = taken
    if refusal is not None and not found[HEADER]:
        outcome: Outcome = "malformed" if refusal.reason == "malformed" else "refused"
        return _received(clock, Received(clock.now(), None, outcome, refusal))
    try:
        remote = _plain(found[HEADER])
    except InvalidTimestamp as error:
        return _received(clock, Received(clock.now(), None, "malformed", error.with_traceback(None)))
    if remote is None:
        return _received(clock, Received(clock.now(), None, "absent"))
    return _received(clock, _merged(clock, remote, _Taken(remote, False, None), refusal))


def counters(clock: Clock | Flock) -> dict[str, int]:
    """How many headers this clock has ``injected`` and how the received ones ended, since its creation.

    ``clock.stats()`` splits the refused ones by reason. For a flock also how many of its own headers were sent
    (``flock_injected``), ``flock_taken`` and ``flock_refused``; ``flock.status().counters`` splits these. A forked child
    goes on from its parent's numbers.
    """
    clock, flock = _parts(clock)
    names = _COUNTED if flock is None else _COUNTED + _FLOCK_COUNTED
    with _lock:
        counts = _counts.get(clock, {})
        return {name: counts.get(name, 0) for name in names}


def _parts(clock: Clock | Flock) -> tuple[Clock, Flock | None]:
    return (clock, None) if isinstance(clock, Clock) else (clock.clock, clock)


# Finding the headers.


def _find(headers: Mapping[Any, Any] | Iterable[tuple[Text, Any]]) -> dict[str, list[Any]]:
    """The values of either header; ``InvalidTimestamp`` where there are too many headers to look through."""
    # Not every mapping of headers is a Mapping: those of the standard library's HTTP are e-mail messages.
    items = getattr(headers, "items", None)
    pairs: Iterable[tuple[Any, Any]] = headers if items is None else items()
    found: dict[str, list[Any]] = {HEADER: [], FLOCK_HEADER: []}
    for searched, (name, value) in enumerate(islice(pairs, MOST_HEADERS + 1)):
        if searched == MOST_HEADERS:
            raise _malformed(f"more than {MOST_HEADERS} headers")
        ours = _NAMES.get(name.lower()) if isinstance(name, str | bytes) else None
        if ours is not None:
            found[ours].append(value)
    return found


def _plain(values: list[Any]) -> Timestamp | None:
    """The one timestamp, ``None`` without one; ``InvalidTimestamp`` for anything else."""
    if not values:
        return None
    if len(values) > 1:
        raise _malformed(f"sent {len(values)} times")
    return Timestamp.from_hex(_text(values[0]))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")  # every byte is a character: what is no digit is named by its position
    raise _malformed(f"a {type(value).__name__} instead of text")


def _malformed(reason: str) -> InvalidTimestamp:
    return InvalidTimestamp(f"not a timestamp (header {HEADER}): {reason}", form="header", reason=reason)


# What is in them.


@dataclass(frozen=True, slots=True)
class _Taken:
    """What to merge; with the flock's header that it came in, if it did."""

    remote: Timestamp
    trusted: bool
    header: str | None


def _merged(clock: Clock, sent: Timestamp, taken: _Taken, refusal: HeaderError | None = None) -> Received:
    try:
        stamp = clock.update(taken.remote, trusted=taken.trusted)
    except (DriftError, EpochError, NodeCollision) as error:
        # Without its frames, which would keep the request alive as long as the error.
        return Received(clock.now(), sent, "refused", error.with_traceback(None), taken.header)
    # Policies that go on without an error may leave the clock below what it was sent.
    outcome: Outcome = "adopted" if stamp > taken.remote else "refused"
    return Received(stamp, sent, outcome, refusal, taken.header)


def _take(flock: Flock, clock: Clock, values: list[Any]) -> _Taken | HeaderError | None:
    """Give the flock its header. ``None``: there is nothing in it to merge, or nobody to give it to."""
    # Several at once are as little a packet as one that is no text: the flock says so, and counts it.
    texts = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values]
    text = ",".join(texts)
    try:
        remote, trusted = flock.take(text)
    except HeaderError as error:
        _count(clock, "flock_refused")
        return error.with_traceback(None)
    except FlockError:
        return None  # it was closed, or this is a forked child: on as with a clock alone
    _count(clock, "flock_taken")
    return None if remote == Timestamp.MIN else _Taken(remote, trusted, text)  # its sender has no time to tell yet


def _sent(values: list[Any], remote: Timestamp) -> Timestamp:
    """The timestamp that the sender's ``inject`` returned. It was drawn right before the one in the flock's header."""
    try:
        plain = _plain(values)
    except InvalidTimestamp:
        return remote
    fits = plain is not None and (plain.node, plain.epoch) == (remote.node, remote.epoch) and plain <= remote
    return plain if fits and plain is not None else remote


def _flock_header(flock: Flock, to: str | None, reply_to: Received | None) -> str | None:
    try:
        if reply_to is not None:
            return None if reply_to.flock_header is None else flock.reply(reply_to.flock_header)
        return None if to is None else flock.header(to)
    except FlockError as error:
        if isinstance(error, HeaderError) and error.reason == "label":
            raise  # the caller's mistake, and the same with every message
        return None  # too late to reply, closed, or a forked child: the plain header does


# The counters, one small dictionary a clock, gone with it.

_counts: WeakKeyDictionary[Clock, dict[str, int]] = WeakKeyDictionary()
_lock = threading.RLock()  # re-entrant: a signal handler may stamp a message of its own
if hasattr(os, "register_at_fork"):  # a thread that is counting while another forks would leave the child's lock held
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _count(clock: Clock, what: str) -> None:
    with _lock:
        counts = _counts.get(clock)
        if counts is None:
            counts = _counts[clock] = dict.fromkeys(_COUNTED + _FLOCK_COUNTED, 0)
        counts[what] += 1


def _received(clock: Clock, received: Received) -> Received:
    _count(clock, received.outcome)
    return received
