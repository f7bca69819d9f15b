"""What a power failure leaves of a page: whatever the memory was, and at most the last write torn.

Everybody who has the page open must be dead. The block in memory begins with what names the machine's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.host_page.records import BLOCK, LIVE_AT, SIZE, confirmed, latest

if TYPE_CHECKING:
    import random
    from pathlib import Path

__all__ = ["KINDS", "fail"]

#: What lies where the memory was.
KINDS = ("zeros", "random", "as it was", "older")
BOOT = 16


def fail(path: Path, older: bytes, rng: random.Random) -> tuple[str, bool]:
    """Leave the page so. ``older``: the file as it was some time before. Returns the kind, and whether a write was torn."""
    with path.open("r+b") as file:
        page = file.read()
        kind = rng.choice(KINDS)
        # The machine starts anew, so that what is left of its memory names another start.
        live = {
            "zeros": bytes(SIZE - LIVE_AT),
            "random": rng.randbytes(SIZE - LIVE_AT),
            "as it was": rng.randbytes(BOOT) + page[LIVE_AT + BOOT :],
            "older": rng.randbytes(BOOT) + older[LIVE_AT + BOOT :],
        }[kind]
        torn = _tear(path, rng)
        if torn is not None:
            file.seek(torn[0])
            file.write(torn[1])
        file.seek(LIVE_AT)
        file.write(live)
    return kind, torn is not None


def _tear(path: Path, rng: random.Random) -> tuple[int, bytes] | None:
    """A record that nobody has confirmed may not have reached the disk, or some of it only: which bytes, and where."""
    record, known = latest(path), confirmed(path)
    if record is None or known is None or record.sequence <= known:
        return None  # where nobody has begun, nobody has written
    landed = rng.randrange(BLOCK)
    return record.at + landed, rng.randbytes(BLOCK - landed)
