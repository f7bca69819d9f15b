"""What a power failure leaves of a page: whatever the memory was, and at most the last write torn or lost.

Everybody who has the page open must be dead. The block in memory begins with what names the machine's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.host_page.records import BLOCK, LIVE_AT, SIZE, confirmed, latest, record

if TYPE_CHECKING:
    import random
    from pathlib import Path

__all__ = ["KINDS", "TORN", "fail"]

#: What lies where the memory was.
KINDS = ("zeros", "random", "as it was", "older")
#: What becomes of a record that nobody has confirmed.
TORN = ("lost", "torn", "whole")
BOOT = 16


def fail(path: Path, older: bytes, earlier: dict[int, bytes], rng: random.Random) -> tuple[str, str | None]:
    """Leave the page so. ``older``: the file as it was some time before; ``earlier``: the records just before the last ones.

    Returns the kind, and what became of the last record, if that was not confirmed.
    """
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
        what, at, block = _tear(path, earlier, rng)
        file.seek(at)
        file.write(block)
        file.seek(LIVE_AT)
        file.write(live)
    return kind, what


def _tear(path: Path, earlier: dict[int, bytes], rng: random.Random) -> tuple[str | None, int, bytes]:
    """A record that nobody has confirmed may have reached the disk, or some of it, or nothing: which bytes then lie where."""
    last, known = latest(path), confirmed(path)
    if last is None or known is None or last.sequence <= known:
        return None, LIVE_AT, b""  # where nobody has begun, nobody has written
    what = rng.choice(TORN)
    before = record(earlier.get(last.at, b""), last.at)
    if what == "lost" and before is not None and before.sequence < last.sequence:
        return what, last.at, earlier[last.at]
    if what == "whole":
        return what, LIVE_AT, b""
    landed = rng.randrange(BLOCK)
    return "torn", last.at + landed, rng.randbytes(BLOCK - landed)
