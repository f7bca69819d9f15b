"""The cluster's key: who has it may tell the others the time."""

from __future__ import annotations

import base64
import secrets

from flocktime.errors import InvalidKey

__all__ = ["FRESH_BYTES", "new_key", "normalised"]

#: Bytes of a fresh secret: as long as the hash that it is used with.
FRESH_BYTES = 32
_IDS = range(1, 65536)
_LENGTHS = range(16, 65)
_MOST = 16


def new_key(key_id: int | None = None) -> str:
    """A fresh key, ``ID:SECRET``, from the operating system's randomness.

    The id tells keys apart while one replaces another; a random one is taken where none is given.

    Raises:
        InvalidKey: an id out of 1..=65535.

    >>> key = new_key(7)
    >>> key.startswith("7:"), len(key)
    (True, 45)
    """
    if key_id is None:
        key_id = secrets.choice(_IDS)
    if isinstance(key_id, bool) or not isinstance(key_id, int) or key_id not in _IDS:
        raise InvalidKey(f"a key id must lie in 1..=65535, got {key_id!r}")
    return f"{key_id}:{base64.urlsafe_b64encode(secrets.token_bytes(FRESH_BYTES)).decode().rstrip('=')}"


def normalised(keys: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """One key or several as a tuple: the first signs, all of them verify.

    Raises:
        InvalidKey: there is none, or one that cannot be used: it says which one and why, and never shows a secret.
        TypeError: neither text nor a list of texts.
    """
    if keys is None:
        # None is what a configuration holds that was never filled in: it must not take the keys away.
        raise InvalidKey("no key: keys can be replaced and not taken away; a flock without one is made with key=None")
    if not isinstance(keys, str | tuple | list):
        raise TypeError(f"key must be a str 'ID:SECRET' or a list of them, not {type(keys).__name__}")
    given = (keys,) if isinstance(keys, str) else tuple(keys)
    if not given:
        raise InvalidKey("an empty list of keys: a flock without a key is made with key=None")
    if len(given) > _MOST:
        raise InvalidKey(f"at most {_MOST} keys at once, got {len(given)}")
    ids = [_checked(key, place) for place, key in enumerate(given, start=1)]
    if len(set(ids)) < len(ids):
        twice = next(key_id for key_id in ids if ids.count(key_id) > 1)
        raise InvalidKey(f"key id {twice} is given twice")
    return given


def _checked(key: object, place: int) -> int:
    if not isinstance(key, str):
        raise InvalidKey(f"key {place} must be a str 'ID:SECRET', not {type(key).__name__}")
    head, colon, secret = key.partition(":")
    if not colon or not head.isascii() or not head.isdigit() or str(int(head)) != head or int(head) not in _IDS:
        raise InvalidKey(f"key {place} must be 'ID:SECRET' with an id in 1..=65535 (see `flocktime key new`)")
    try:
        decoded = base64.b64decode(secret + "=" * (-len(secret) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidKey(f"the secret of key {head} is no base64url text") from None
    if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != secret:
        raise InvalidKey(f"the secret of key {head} is no base64url text without padding")
    if len(decoded) not in _LENGTHS:
        raise InvalidKey(f"the secret of key {head} must have 16 to 64 bytes, got {len(decoded)}")
    return int(head)
