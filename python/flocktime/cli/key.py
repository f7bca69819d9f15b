"""``flocktime key new``: a fresh key for a cluster, and nothing else on standard output."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = """\
Keys sign what the members of a flock tell each other. Whoever has the key may tell the others the time: keep it like a
password, in a file that only the service may read (--key-file) or in the environment (--key-env)."""


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("key", help="make a key for a flock", description=DESCRIPTION)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        help="print a fresh key, ID:SECRET",
        description="Print a fresh key, ID:SECRET, from the operating system's randomness, and nothing else. To replace a "
        "key give the new one another id: members tell by it which key a message is signed with.",
    )
    new.add_argument("--id", type=_key_id, metavar="N", help="the key's id, 1 to 65535 (default: a random one)")
    new.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one key. Returns the exit code."""
    from flocktime.flock.keys import new_key

    print(new_key(options.id))
    return 0


def _key_id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:8]) <= 65535 or len(text) > 5:
        raise argparse.ArgumentTypeError(f"must be a number in 1 to 65535, got {text[:40]!a}")
    return int(text)
