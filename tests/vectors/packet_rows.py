"""Rows of ``packets.json``: packets of the flock, written with ``struct`` and ``hmac`` from ``docs/wire-format.md`` alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

Row = dict[str, str]
Refused = tuple[str, str, str | None]  # input, refusal, detail
RefusedBytes = tuple[bytes, str, str | None]

SECRETS = {1: bytes(range(16)), 2: bytes(range(100, 132)), 65535: bytes(range(192, 256))}
NO_ANCHOR = (0, 2**64 - 1)
NO_ECHO = (0, 0)
LIMITS = {"y": 0.001, "s": 0.06, "u": 0.001}


@dataclass(frozen=True)
class Packet:
    """Every field as it is sent. The defaults are the example of the document."""

    magic: bytes = b"ft"
    major: int = 1
    minor: int = 0
    kind: int = 2
    state: int = 3
    key_id: int = 1
    node: int = 0x0123456789AB
    incarnation: int = 0xFEED000000000001
    origin: int = 0x0011223344556677
    sequence: int = 42
    nonce: int = 0x8899AABBCCDDEEFF
    tx_h_ns: int = 123_456_789_012
    tx_l_ns: int = 1_795_399_074_123_456_789
    y: float = -0.0000125
    s: float = 0.00025
    u: float = -0.00003
    error_ns: int = 85_000
    anchor: tuple[int, int] = (-1_250_000, 2_000_000)
    echo: tuple[int, int] = (0x1020304050607080, 123_456_700_000)
    flags: int = 1
    stamp: int = 0x0003_660E7EC0B0EC0_007_0123456789AB
    appended: bytes = b""
    tag: bytes | None = None

    def body(self) -> bytes:
        """All that the tag covers."""
        return (
            struct.pack(">2sBBBBH", self.magic, self.major, self.minor, self.kind, self.state, self.key_id)
            + struct.pack(">QQQQQ", self.node, self.incarnation, self.origin, self.sequence, self.nonce)
            + struct.pack(">Qq", self.tx_h_ns, self.tx_l_ns)
            + struct.pack(">ddd", self.y, self.s, self.u)
            + struct.pack(">QqQ", self.error_ns, *self.anchor)
            + struct.pack(">QQQ", *self.echo, self.flags)
            + self.stamp.to_bytes(16, "big")
            + self.appended
        )

    def bytes(self) -> bytes:
        """Signed with the key that it names, unless it has a tag already."""
        body = self.body()
        if self.tag is not None:
            return body + self.tag
        secret = SECRETS.get(self.key_id)
        return body + (bytes(16) if secret is None else hmac.digest(secret, body, hashlib.sha256)[:16])


EXAMPLE = Packet()
UNSIGNED = replace(EXAMPLE, key_id=0)

GOOD: Mapping[str, Packet] = {
    "the example of the document": EXAMPLE,
    "not signed": UNSIGNED,
    "a secret of 32 bytes": replace(EXAMPLE, key_id=2),
    "the greatest key id, a secret of 64 bytes": replace(EXAMPLE, key_id=65535),
    "a request": replace(EXAMPLE, kind=1, echo=NO_ECHO),
    "a note": replace(EXAMPLE, kind=3),
    "alone": replace(EXAMPLE, state=0, anchor=NO_ANCHOR, echo=NO_ECHO, flags=0),
    "joining": replace(EXAMPLE, state=1, flags=0),
    "undecided": replace(EXAMPLE, state=2),
    "degraded": replace(EXAMPLE, state=4),
    "monitoring": replace(EXAMPLE, state=5),
    "the least of everything": Packet(
        kind=1, state=0, key_id=0, node=0, incarnation=0, origin=0, sequence=1, nonce=1, tx_h_ns=0, tx_l_ns=-(2**63),
        y=-0.001, s=-0.06, u=-0.001, error_ns=0, anchor=(-(2**63), 0), echo=NO_ECHO, flags=0, stamp=0,
    ),
    "the greatest of everything": Packet(
        kind=3, state=5, key_id=65535, node=2**48 - 1, incarnation=2**64 - 1, origin=2**64 - 1, sequence=2**64 - 1,
        nonce=2**64 - 1, tx_h_ns=2**64 - 1, tx_l_ns=2**63 - 1, y=0.001, s=0.06, u=0.001, error_ns=2**64 - 1,
        anchor=(2**63 - 1, 2**64 - 2), echo=(2**64 - 1, 2**64 - 1), flags=1, stamp=2**128 - 1,
    ),
    "no rates": replace(EXAMPLE, y=0.0, s=-0.0, u=5e-324),
    "no anchor": replace(EXAMPLE, anchor=NO_ANCHOR),
    "no echo": replace(EXAMPLE, echo=NO_ECHO),
    "an anchor that was passed on three times": replace(EXAMPLE, flags=0x301),
    "flags that mean nothing yet": replace(EXAMPLE, flags=2**64 - 2),
    "a higher minor version": replace(EXAMPLE, minor=1),
    "one appended byte": replace(EXAMPLE, minor=1, appended=b"\x00"),
    "as much appended as fits": replace(EXAMPLE, minor=255, appended=bytes(range(88))),
    "appended and not signed": replace(UNSIGNED, minor=2, appended=b"appended"),
}  # fmt: skip


def _number(value: float) -> bytes:
    return struct.pack(">d", value)


def _with_rate(name: str, value: float) -> Packet:
    rates = {"y": EXAMPLE.y, "s": EXAMPLE.s, "u": EXAMPLE.u} | {name: value}
    return replace(EXAMPLE, y=rates["y"], s=rates["s"], u=rates["u"])


def _spoiled() -> dict[str, RefusedBytes]:
    """Signed by a member that writes what it should not: bytes, refusal, detail."""
    fields: dict[str, tuple[Packet, str]] = {
        "kind 0": (replace(EXAMPLE, kind=0), "kind"),
        "kind 4": (replace(EXAMPLE, kind=4), "kind"),
        "state 6": (replace(EXAMPLE, state=6), "state"),
        "a node of 49 bits": (replace(EXAMPLE, node=2**48), "node"),
        "sequence 0": (replace(EXAMPLE, sequence=0), "sequence"),
        "nonce 0": (replace(EXAMPLE, nonce=0), "nonce"),
        "an anchor without an error": (replace(EXAMPLE, anchor=(1, 2**64 - 1)), "anchor"),
        "an echo without a nonce": (replace(EXAMPLE, echo=(0, 1)), "echo"),
        "two faults, the first counts": (replace(EXAMPLE, sequence=0, y=1.0), "sequence"),
    }
    for name, limit in LIMITS.items():
        above = struct.unpack(">d", (int.from_bytes(_number(limit), "big") + 1).to_bytes(8, "big"))[0]
        for value in (above, -above, float("inf"), float("-inf"), float("nan")):
            fields[f"{name} = {value}"] = (_with_rate(name, value), name)
    return {name: (packet.bytes(), "malformed", field) for name, (packet, field) in fields.items()}


def _refused() -> dict[str, RefusedBytes]:
    """Bytes, refusal, detail; by a member that has all the keys."""
    good, tag = EXAMPLE.bytes(), EXAMPLE.bytes()[-16:]
    return {
        "nothing": (b"", "length", None),
        "three bytes": (good[:3], "length", None),
        "one byte less": (good[:-1], "length", None),
        "one byte more": (good + b"\x00", "length", None),
        "257 bytes": (replace(EXAMPLE, minor=1, appended=bytes(89)).bytes(), "length", None),
        "a higher minor version, one byte less": (replace(EXAMPLE, minor=1).bytes()[1:], "magic", None),
        "another magic": (replace(EXAMPLE, magic=b"fT").bytes(), "magic", None),
        "major version 0": (replace(EXAMPLE, major=0).bytes(), "version", "0"),
        "major version 2": (replace(EXAMPLE, major=2).bytes(), "version", "2"),
        "major version 255 in four bytes": (b"ft\xff\x00", "version", "255"),
        "a key that is not there": (replace(EXAMPLE, key_id=3).bytes(), "unknown_key", "3"),
        "not signed, with keys": (UNSIGNED.bytes(), "unauthenticated", None),
        "a tag of zeros": (replace(EXAMPLE, tag=bytes(16)).bytes(), "forged", None),
        "the tag of another key": (replace(EXAMPLE, key_id=2, tag=tag).bytes(), "forged", None),
        "the tag of another packet": (replace(EXAMPLE, sequence=43, tag=tag).bytes(), "forged", None),
        "one bit of the tag": (good[:-1] + bytes([good[-1] ^ 1]), "forged", None),
        "forged before it is malformed": (replace(EXAMPLE, kind=0, tag=tag).bytes(), "forged", None),
        "appended without signing again": (replace(EXAMPLE, minor=1, appended=b"x", tag=tag).bytes(), "forged", None),
    }


def _without_keys() -> dict[str, RefusedBytes]:
    """Bytes, refusal, detail; by a member without keys."""
    return {
        "signed, without keys": (EXAMPLE.bytes(), "unknown_key", "1"),
        "a tag and no key": (replace(UNSIGNED, tag=EXAMPLE.bytes()[-16:]).bytes(), "malformed", "tag"),
        "malformed, without keys": (replace(UNSIGNED, state=255).bytes(), "malformed", "state"),
    }


def _texts() -> dict[str, Refused]:
    """Text, refusal, detail."""
    good = text(EXAMPLE.bytes())
    longer = text(replace(EXAMPLE, minor=1, appended=b"\x00").bytes())
    return {
        "text: padded": (longer + "==", "malformed", "text"),
        "text: a space in front": (" " + good, "malformed", "text"),
        "text: a space behind": (good + " ", "malformed", "text"),
        "text: the other alphabet": ("+" + good[1:], "malformed", "text"),
        "text: a length that no bytes have": (good + "A", "malformed", "text"),
        "text: bits that belong to no byte": (longer[:-1] + chr(ord(longer[-1]) + 1), "malformed", "text"),
        "text: too long": ("A" * 343, "length", None),
        "text: too long, and not base64url": (" " * 343, "length", None),
        "text: one byte less": (text(EXAMPLE.bytes()[:-1]), "length", None),
    }


def text(packet: bytes) -> str:
    """The form for headers."""
    return base64.urlsafe_b64encode(packet).decode().rstrip("=")


def _keys(ids: list[int]) -> str:
    return " ".join(f"{key_id}:{text(SECRETS[key_id])}" for key_id in ids)


def _accepted(name: str, packet: Packet) -> Row:
    return {
        "name": name,
        "keys": _keys(list(SECRETS) if packet.key_id else []),
        "bytes": packet.bytes().hex(),
        "text": text(packet.bytes()),
        "minor": str(packet.minor),
        "kind": str(packet.kind),
        "state": str(packet.state),
        "key_id": str(packet.key_id),
        "node": str(packet.node),
        "incarnation": str(packet.incarnation),
        "origin": str(packet.origin),
        "sequence": str(packet.sequence),
        "nonce": str(packet.nonce),
        "tx_h_ns": str(packet.tx_h_ns),
        "tx_l_ns": str(packet.tx_l_ns),
        "y": repr(packet.y),
        "s": repr(packet.s),
        "u": repr(packet.u),
        "error_ns": str(packet.error_ns),
        **({} if packet.anchor == NO_ANCHOR else _pair("anchor", "offset_ns", "error_ns", packet.anchor)),
        **({} if packet.echo == NO_ECHO else _pair("echo", "nonce", "received_ns", packet.echo)),
        "flags": str(packet.flags),
        "stamp": f"{packet.stamp:032x}",
    }


def _pair(prefix: str, first: str, second: str, values: tuple[int, int]) -> Row:
    return {f"{prefix}_{first}": str(values[0]), f"{prefix}_{second}": str(values[1])}


def _refusals(keys: str, form: str, refused: Mapping[str, Refused]) -> list[Row]:
    return [
        {"name": name, "keys": keys, form: given, "refusal": refusal} | ({} if detail is None else {"detail": detail})
        for name, (given, refusal, detail) in refused.items()
    ]


def rows() -> list[Row]:
    """Every row of the file."""
    every, none = _keys(list(SECRETS)), ""
    return [
        *(_accepted(name, packet) for name, packet in GOOD.items()),
        *_refusals(every, "bytes", _hex(_refused() | _spoiled())),
        *_refusals(none, "bytes", _hex(_without_keys())),
        *_refusals(every, "text", _texts()),
    ]


def _hex(refused: dict[str, RefusedBytes]) -> dict[str, Refused]:
    return {name: (given.hex(), refusal, detail) for name, (given, refusal, detail) in refused.items()}
