"""Host pages, byte by byte, for tests that have to do without one: written from the specification alone."""

from __future__ import annotations

import struct
import sys
from hashlib import sha256
from typing import Final

NODE: Final = 0x0123_4567_89AB
ID: Final = bytes(range(16))
INODE: Final = 4242
BOOT: Final = bytes(range(100, 116))
#: The latest timestamp's microseconds, and where its lease ends.
LAST_US: Final = 1_795_399_074_000_000
LEASED_US: Final = LAST_US + 2_000_000
RAW_NS: Final = 5_000_000_000_000
ROUND_NS: Final = 1_000_000_000
GUIDANCE_AT: Final = 12288 + 256


def sealed(fields: bytes) -> bytes:
    """A durable block: its fields, zeros, and the digest of both."""
    body = fields.ljust(4096 - 32, b"\0")
    return body + sha256(body).digest()


def header(node: int = NODE, major: int = 1) -> bytes:
    return sealed(struct.pack(">16sHHI16sQQQQ", b"flocktime page\r\n", major, 0, 4096, ID, node, INODE, 7, LAST_US))


def record(sequence: int, bound_us: int, limit_us: int) -> bytes:
    bound, limit = bound_us // 16, limit_us // 16
    return sealed(struct.pack(">16s16sQQQQI", b"flocktime lease\n", ID, sequence, bound, limit, LAST_US, 99))


def words(
    *,
    steered_ns: int = RAW_NS,
    posted_ns: int = RAW_NS,
    flags: int = 1 | 3 << 8,
    limit_us: int = 5000,
    ahead_ns: int = 0,
) -> list[int]:
    """What a flock member publishes: at ``RAW_NS`` the flock's time is ``LAST_US``, and so much more; 10 ppm fast."""
    (y,) = struct.unpack("=Q", struct.pack("=d", 10e-6))
    line = [RAW_NS, LAST_US * 1000 + ahead_ns, y, 0, 0, 0]
    given = [*line, flags, limit_us, 42_000, ROUND_NS, steered_ns, posted_ns, 77, 0xDEAD_BEEF]
    total = int.from_bytes(b"flocktim", "big")
    for word in given:
        total = ((total << 5 | total >> 59) & (1 << 64) - 1) ^ word
        total = total * 0x9E37_79B9_7F4A_7C15 % (1 << 64)
    return [*given, total]


def page(*copies: list[int], version: int = 2, node: int = NODE) -> bytes:
    """A whole page, with none, one or two records of a flock member."""
    word = LAST_US << 60 | 5 << 48
    folded = (word >> 48 & (1 << 64) - 1) ^ (word >> 112 << 48)
    word |= node ^ (folded * 0x9E37_79B9_7F4A_7C15 % (1 << 64) >> 16)
    live = bytearray(4096)
    first, second = struct.unpack(">QQ", BOOT)
    struct.pack_into("=QQQQIII", live, 0, first, second, 1, 2, 0, 0, 99)
    live[128:144] = word.to_bytes(16, sys.byteorder)
    struct.pack_into("=Q", live, 144, LEASED_US // 16)
    both = [copy for copies_of_one in ([*copies, [0] * 15, [0] * 15][:2]) for copy in copies_of_one]
    struct.pack_into("=Q30Q", live, 256, version if copies else 0, *both)
    records = record(2, LEASED_US, LEASED_US + 6_000_000) + record(1, LEASED_US - 1_000_000, LEASED_US + 5_000_000)
    return header(node) + records + bytes(live)
