"""The bytes of a host page, as ``docs/wire-format.md`` has them: read without the library's core, from any bytes whatever."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

BLOCK: Final = 4096
SIZE: Final = 4 * BLOCK
PAGE_MAGIC: Final = b"flocktime page\r\n"
LEASE_MAGIC: Final = b"flocktime lease\n"
MAJOR: Final = 1
FORMAT: Final = 1
#: What a word of the flock member's says where there is nothing to say.
NONE: Final = (1 << 64) - 1

_DIGEST: Final = 32
_NODE_BITS: Final = 48
_MIXER: Final = 0x9E37_79B9_7F4A_7C15
_SUM_START: Final = int.from_bytes(b"flocktim", "big")
_HEADER: Final = struct.Struct(">16sHHI16sQQQQ")
_LEASE: Final = struct.Struct(">16s16sQQQQI")
# What is shared in memory has the machine's own byte order.
_LIVE: Final = struct.Struct("=2QQQIII")
_STATE: Final = struct.Struct("=16sQQQ")
_STATE_AT: Final = 128
_GUIDANCE_AT: Final = 256
_WORDS: Final = struct.Struct("=15Q")


@dataclass(frozen=True, slots=True)
class Header:
    """What a page is for as long as it exists."""

    valid: bool
    major: int
    minor: int
    id: bytes
    node: int
    inode: int
    born_ns: int
    made_us: int


@dataclass(frozen=True, slots=True)
class Record:
    """One of two: up to where timestamps may have been issued. Bounds are the upper halves of timestamps."""

    valid: bool
    sequence: int
    bound: int
    limit: int
    written_us: int
    process: int


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a flock member says to the page's clocks. Moments are those of the raw counter."""

    h0_ns: int
    l0_ns: int
    y: float
    s: float
    u: float
    slew_ns: int
    in_force: bool
    refuse: bool
    left: bool
    state: int
    limit_us: int | None
    error_ns: int | None
    round_ns: int
    steered_ns: int
    posted_ns: int
    process: int

    def at(self, raw_ns: int) -> int:
        """What the line shows, nanoseconds since 1970."""
        elapsed = max(0, raw_ns - self.h0_ns)
        slewing = min(elapsed, self.slew_ns)
        slew = self.s + self.u
        return self.l0_ns + elapsed + int(slewing * (self.y + slew + self.y * slew) + (elapsed - slewing) * self.y)


@dataclass(frozen=True, slots=True)
class Live:
    """What means nothing after the machine has started anew."""

    boot: bytes
    format: int
    confirmed: int
    writer: int
    #: The latest timestamp, and whether it carries the page's node: else no clock of the page has written it.
    last: int
    leased: int
    #: Of the member's two records the one that holds, and what lies where the other one is; ``None``: damaged.
    guidance: Guidance | None
    before: Guidance | None
    #: Somebody has published since the machine started.
    published: bool


@dataclass(frozen=True, slots=True)
class Page:
    """All of it. ``None``: there are not even bytes for it."""

    size: int
    #: It begins as a page does.
    ours: bool
    header: Header | None
    records: tuple[Record, ...]
    live: Live | None

    @property
    def whole(self) -> bool:
        """Whether every part of it is as it was written."""
        live = self.live
        return (
            self.size == SIZE
            and self.header is not None
            and self.header.valid
            and all(record.valid for record in self.records)
            and live is not None
            and live.last & ((1 << _NODE_BITS) - 1) == self.header.node
            and (live.guidance is not None or not live.published)
        )


def parse(content: bytes, size: int) -> Page:
    """What these bytes say, the first ones of a file of this size. Nothing is raised: what is wrong is in the answer."""
    header = _header(content[:BLOCK])
    own_id = b"" if header is None else header.id
    blocks = (content[at : at + BLOCK] for at in (BLOCK, 2 * BLOCK))
    records = tuple(record for record in (_record(block, own_id) for block in blocks) if record is not None)
    live = content[3 * BLOCK : SIZE]
    ours = content.startswith(PAGE_MAGIC)
    return Page(size, ours, header, records, _live(live) if len(live) == BLOCK else None)


def _header(block: bytes) -> Header | None:
    if len(block) < BLOCK:
        return None
    magic, major, minor, size, own_id, *numbers = _HEADER.unpack_from(block)
    fine = magic == PAGE_MAGIC and size == BLOCK and numbers[0] < 1 << _NODE_BITS
    return Header(fine and _is_genuine(block), major, minor, own_id, *numbers)


def _record(block: bytes, own_id: bytes) -> Record | None:
    if len(block) < BLOCK:
        return None
    magic, page, *numbers = _LEASE.unpack_from(block)
    return Record(magic == LEASE_MAGIC and page == own_id and _is_genuine(block), *numbers)


def _is_genuine(block: bytes) -> bool:
    return sha256(block[:-_DIGEST]).digest() == block[-_DIGEST:]


def _live(block: bytes) -> Live:
    first, second, form, confirmed, _renewals, _calls, writer = _LIVE.unpack_from(block)
    word, leased, _wanted, _step = _STATE.unpack_from(block, _STATE_AT)
    (version,) = struct.unpack_from("=Q", block, _GUIDANCE_AT)
    copies = [_WORDS.unpack_from(block, _GUIDANCE_AT + 8 + at * _WORDS.size) for at in (version & 1, (version + 1) & 1)]
    return Live(
        boot=first.to_bytes(8, "big") + second.to_bytes(8, "big"),
        format=form,
        confirmed=confirmed,
        writer=writer,
        last=_unsealed(int.from_bytes(word, sys.byteorder)),
        leased=leased,
        guidance=_guidance(copies[0]),
        before=_guidance(copies[1]),
        published=any(copies[0]),
    )


def _unsealed(word: int) -> int:
    """A timestamp whose node is right where the word is one that a clock has written."""
    folded = (word >> _NODE_BITS & NONE) ^ (word >> 112) << _NODE_BITS
    return word ^ ((folded * _MIXER & NONE) >> 64 - _NODE_BITS)


def _guidance(words: tuple[int, ...]) -> Guidance | None:
    total = _SUM_START
    for word in words[:-1]:
        turned = (total << 5 | total >> 59) & NONE
        total = (turned ^ word) * _MIXER & NONE
    if total != words[-1]:
        return None
    h0, l0, y, s, u, slew, flags, limit, error, round_ns, steered, posted, process, _token, _ = words
    y, s, u = (struct.unpack("=d", struct.pack("=Q", bits))[0] for bits in (y, s, u))
    return Guidance(
        h0_ns=h0,
        l0_ns=l0 - (1 << 64) if l0 >> 63 else l0,
        y=y,
        s=s,
        u=u,
        slew_ns=slew,
        in_force=bool(flags & 1),
        refuse=bool(flags & 2),
        left=bool(flags & 4),
        state=flags >> 8 & 0xFF,
        limit_us=None if limit == NONE else limit,
        error_ns=None if error == NONE else error,
        round_ns=round_ns,
        steered_ns=steered,
        posted_ns=posted,
        process=process & 0xFFFF_FFFF,
    )
