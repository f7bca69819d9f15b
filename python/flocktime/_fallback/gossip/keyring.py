"""Who may speak: packets are signed with one key and read with any of a few, so that keys change without a gap.

The tag is HMAC-SHA-256 (RFC 2104, FIPS 198-1) over everything before it, cut to its leftmost 128 bits (SP 800-107). It says that
somebody who has the key wrote these bytes, to anybody and at any time: that they are new and meant for this member is the
business of the replay window and of the echoed nonces.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from flocktime._fallback.gossip import base64url
from flocktime._fallback.gossip.packet import KEY_ID_AT, TAG_SIZE, Frame, Refusal

#: The most keys that a keyring holds.
MAX_KEYS: Final = 16
#: The shortest secret, in bytes.
MIN_SECRET: Final = 16
#: The longest secret, in bytes: one block of the hash, so that every bit of it counts as it is.
MAX_SECRET: Final = 64
#: Bytes of a secret made by ``Key.fresh``.
FRESH_SECRET: Final = 32

#: The most characters of a key as text: five digits, a colon, 64 bytes.
_MAX_KEY_TEXT: Final = 5 + 1 + -(-MAX_SECRET * 4 // 3)
_PLAIN_NUMBER = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class KeyRefused(ValueError):
    """Why a key or a keyring was refused. It never tells a secret, or text that may hold one."""


class Key:
    """A shared secret and the number that packets name it by. Its text form is ``ID:SECRET``, the secret in base64url."""

    __slots__ = ("id", "secret")

    def __init__(self, id: int, secret: bytes) -> None:
        if id == 0:
            raise KeyRefused("the id of a key must lie in 1..=65535")
        if not MIN_SECRET <= len(secret) <= MAX_SECRET:
            raise KeyRefused(
                f"the secret of key {id} has {len(secret)} bytes, must have {MIN_SECRET} to {MAX_SECRET}"
            )  # fmt: skip
        self.id = id
        self.secret = secret

    @classmethod
    def fresh(cls, id: int) -> Key:
        """A key of the operating system's randomness."""
        return cls(id, secrets.token_bytes(FRESH_SECRET))

    @classmethod
    def parse(cls, text: str) -> Key:
        """Strict: decimal digits without a sign or a leading zero, one colon, base64url without padding, nothing around it."""
        if len(text) > _MAX_KEY_TEXT:
            raise _no_key("too long")
        digits, colon, encoded = text.partition(":")
        if not colon:
            raise _no_key("no colon after the id")
        if not _PLAIN_NUMBER.fullmatch(digits):
            raise _no_key("the id is not a plain decimal number")
        if int(digits) > 0xFFFF:
            raise _no_key("the id is above 65535")
        try:
            secret = base64url.decode(encoded)
        except ValueError:
            raise _no_key("the secret is not base64url without padding") from None
        return cls(int(digits), secret)

    def to_text(self) -> str:
        """``ID:SECRET``. **Whoever reads this text may speak for the whole flock.**"""
        return f"{self.id}:{base64url.encode(self.secret)}"

    def __repr__(self) -> str:
        return f"<Key {self.id}, {len(self.secret)} bytes>"


def _no_key(reason: str) -> KeyRefused:
    return KeyRefused(f"not a key (ID:SECRET): {reason}")


class Opened(NamedTuple):
    """A packet that a keyring lets in."""

    frame: Frame

    @property
    def key_id(self) -> int:
        """The key that it was signed with; 0 where there are no keys."""
        return self.frame.key_id


class Keyring:
    """The keys of a member: it signs with the first and reads with all. Without keys it signs nothing and demands nothing."""

    __slots__ = ("_keys", "signing_id")

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        if len(keys) > MAX_KEYS:
            raise KeyRefused(f"{len(keys)} keys, at most {MAX_KEYS} are kept")
        self._keys: dict[int, bytes] = {}
        for key in keys:
            if key.id in self._keys:
                raise KeyRefused(f"there are two keys with the id {key.id}")
            self._keys[key.id] = key.secret
        #: The id that this member signs with; ``None`` without keys.
        self.signing_id = keys[0].id if keys else None

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Keyring:
        """The keys as text; the first one signs."""
        return cls([Key.parse(text) for text in texts])

    def seal(self, packet: bytes) -> bytes:
        """The packet with key id and tag, over what was there. Without keys, both are zero."""
        key_id = (self.signing_id or 0).to_bytes(2, "big")
        body = packet[:KEY_ID_AT] + key_id + packet[KEY_ID_AT + 2 : -TAG_SIZE]
        return body + (bytes(TAG_SIZE) if self.signing_id is None else _tag(self._keys[self.signing_id], body))

    def open(self, data: bytes) -> Opened:
        """Judge who wrote a packet, in time that does not depend on where a tag is wrong. Of its fields nothing is looked at
        but magic, version and key id."""
        frame = Frame.of(data)
        key_id = frame.key_id
        if key_id == 0:
            if self._keys:
                raise Refusal("unauthenticated")
            if frame.tag != bytes(TAG_SIZE):
                raise Refusal("malformed", "tag")
            return Opened(frame)
        secret = self._keys.get(key_id)
        if secret is None:
            raise Refusal("unknown_key", key_id)
        if not hmac.compare_digest(_tag(secret, frame.body), frame.tag):
            raise Refusal("forged")
        return Opened(frame)

    def __repr__(self) -> str:
        return f"<Keyring signs with {self.signing_id}, reads {list(self._keys)}>"


def _tag(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256")[:TAG_SIZE]
