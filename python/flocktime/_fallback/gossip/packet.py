"""What members say to each other: one packet of constant size, as bytes and as text. Numbers in, bytes out.

A packet is judged in three stages, cheapest first, and each has its refusals: the frame (length, magic, version), the tag (see
``keyring``), the fields. ``docs/wire-format.md`` has the table.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import MAX_U64
from flocktime._fallback.flocking.progress import State
from flocktime._fallback.gossip import base64url
from flocktime._fallback.layout import MAX_NODE
from flocktime._fallback.timestamp import Timestamp

#: The major version that is spoken here. Another one is refused.
MAJOR: Final = 1
#: The minor version that is written here. A higher one is read: its appended fields are skipped.
MINOR: Final = 0
#: Bytes of a packet of this version.
SIZE: Final = 168
#: The most bytes that a packet of this major version may have, whatever its minor version appends.
MAX_SIZE: Final = 256
#: Bytes of the tag, always the last ones.
TAG_SIZE: Final = 16
#: The most characters of a packet as text.
MAX_TEXT: Final = -(-MAX_SIZE // 3) * 4 - 2
#: The largest rate correction, phase slew and slow slew, either way, dimensionless.
MAX_Y: Final = 0.001
MAX_S: Final = 0.06
MAX_U: Final = 0.001
#: Where the key id begins.
KEY_ID_AT: Final = 6

_MAGIC: Final = b"ft"
_SYNCHRONISED_ONCE: Final = 1
#: Where the anchor's hops begin, in the flags.
_HOPS: Final = 8
#: The error of an anchor that is none.
_NO_ANCHOR: Final = MAX_U64
#: Everything but the tag: magic, major, minor, kind, state, key id; node, incarnation, origin, sequence, nonce, tx H;
#: tx L; y, s, u; error; anchor and its error; echo and when it came, flags; timestamp.
_FIELDS: Final = struct.Struct(">2s4BH6Qq3dQqQ3Q16s")


class Kind(IntEnum):
    """What a packet asks for."""

    REQUEST = 1  # please answer
    REPLY = 2  # the answer to a request, whose nonce it echoes
    NOTE = 3  # nothing: it rides on a message that is sent anyway


class Anchor(NamedTuple):
    """A member's estimate of UTC."""

    offset_ns: int  # UTC minus the sender's L
    error_ns: int  # how far that may be off; below 2^64 - 1, which says that there is no anchor
    hops: int  # how often it was passed on: zero for the sender's own OS clock


class Echo(NamedTuple):
    """Proof that a packet arrived, and when."""

    nonce: int  # of the packet that arrived, not 0
    received_ns: int  # by the H of who sends the echo


class Refusal(Exception):
    """Why bytes or text were not taken for a packet. Nothing has changed but a counter."""

    def __init__(self, name: str, detail: str | int | None = None) -> None:
        super().__init__(
            {
                "length": f"no packet of {SIZE} to {MAX_SIZE} bytes has this length",
                "magic": "not a packet of this protocol",
                "version": f"a packet of major version {detail}, {MAJOR} is spoken here",
                "malformed": f"malformed packet: {detail}",
                "unknown_key": f"signed with the unknown key {detail}",
                "unauthenticated": "not signed, but keys are configured",
                "forged": "the tag does not belong to the packet",
            }[name]
        )
        self.name = name
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Everything that a packet says. The key and the tag are the keyring's."""

    kind: Kind
    state: State
    node: int  # who sends, 48 bits: the node of its timestamps
    incarnation: int  # which life of the sender: another one after every start
    origin: int  # the sender's identity over restarts
    sequence: int  # counts up from 1 within an incarnation
    nonce: int  # random, not 0: what the peer echoes
    tx_h_ns: int  # the sender's H when it sent
    tx_l_ns: int  # the sender's L at that H, since 1970
    y: float  # the sender's rate correction
    s: float  # the sender's phase slew
    u: float  # the sender's slow slew
    error_ns: int  # how far the sender's L may be off
    anchor: Anchor | None
    echo: Echo | None
    synchronised_once: bool  # at some time in this incarnation
    stamp: Timestamp  # the sender's hybrid timestamp


def encode(packet: Packet) -> bytes:
    """The bytes of a packet, with key id 0 and a tag of zeros. ``Refusal`` for one that no reader would take."""
    _check(packet)
    anchor = packet.anchor or Anchor(0, _NO_ANCHOR, 0)
    echo = packet.echo or Echo(0, 0)
    fields = _FIELDS.pack(
        _MAGIC, MAJOR, MINOR, packet.kind, packet.state, 0,
        packet.node, packet.incarnation, packet.origin, packet.sequence, packet.nonce, packet.tx_h_ns, packet.tx_l_ns,
        packet.y, packet.s, packet.u, packet.error_ns,
        anchor.offset_ns, anchor.error_ns, *echo, packet.synchronised_once | anchor.hops << _HOPS, packet.stamp.to_bytes(),
    )  # fmt: skip
    return fields + bytes(TAG_SIZE)


class Frame(NamedTuple):
    """A packet whose length, magic and version are right. Nothing else is known about it."""

    body: bytes  # all that the tag covers
    tag: bytes

    @classmethod
    def of(cls, data: bytes) -> Frame:
        """Major versions may differ in everything else, so the magic and the version come before the length."""
        if len(data) < 4:
            raise Refusal("length")
        if data[:2] != _MAGIC:
            raise Refusal("magic")
        if data[2] != MAJOR:
            raise Refusal("version", data[2])
        if not SIZE <= len(data) <= (MAX_SIZE if data[3] > MINOR else SIZE):
            raise Refusal("length")
        return cls(data[:-TAG_SIZE], data[-TAG_SIZE:])

    @property
    def key_id(self) -> int:
        return int.from_bytes(self.body[KEY_ID_AT : KEY_ID_AT + 2], "big")

    def decode(self) -> Packet:
        """What it says. Nothing is authenticated here: that is the keyring's business, and comes first."""
        (_, _, _, kind, state, _, node, incarnation, origin, sequence, nonce, tx_h, tx_l, y, s, u, error,
         anchor_offset, anchor_error, echo_nonce, echo_received, flags, stamp) = _FIELDS.unpack_from(self.body)  # fmt: skip
        if kind not in (1, 2, 3):
            raise Refusal("malformed", "kind")
        if state > State.MONITORING:
            raise Refusal("malformed", "state")
        packet = Packet(
            kind=Kind(kind),
            state=State(state),
            node=node,
            incarnation=incarnation,
            origin=origin,
            sequence=sequence,
            nonce=nonce,
            tx_h_ns=tx_h,
            tx_l_ns=tx_l,
            y=y,
            s=s,
            u=u,
            error_ns=error,
            anchor=None if anchor_error == _NO_ANCHOR else Anchor(anchor_offset, anchor_error, flags >> _HOPS & 0xFF),
            echo=None if echo_nonce == 0 else Echo(echo_nonce, echo_received),
            synchronised_once=bool(flags & _SYNCHRONISED_ONCE),
            stamp=Timestamp.from_bytes(stamp),
        )
        _check(packet)
        # An absent value has one form only, so that nothing can be said between the lines.
        if packet.anchor is None and anchor_offset != 0:
            raise Refusal("malformed", "anchor")
        if packet.echo is None and echo_received != 0:
            raise Refusal("malformed", "echo")
        return packet


def _check(packet: Packet) -> None:
    """The limits that writing and reading share. What is no number is within no bound."""
    right = {
        "node": packet.node <= MAX_NODE,
        "sequence": packet.sequence != 0,
        "nonce": packet.nonce != 0,
        "y": abs(packet.y) <= MAX_Y,
        "s": abs(packet.s) <= MAX_S,
        "u": abs(packet.u) <= MAX_U,
        "anchor": packet.anchor is None or packet.anchor.error_ns != _NO_ANCHOR,
        "echo": packet.echo is None or packet.echo.nonce != 0,
    }
    for field, is_right in right.items():
        if not is_right:
            raise Refusal("malformed", field)


def to_text(data: bytes) -> str:
    """A packet as text: base64url without padding, 224 characters for a packet of this version."""
    return base64url.encode(data)


def from_text(text: str) -> bytes:
    """The bytes that a text holds, as untrusted as the text was."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise Refusal("length")
    try:
        return base64url.decode(text)
    except ValueError:
        raise Refusal("malformed", "text") from None
