"""``flocktime status ADDRESS``: asks a node how it stands."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from io import BufferedReader
from typing import TYPE_CHECKING, Any, Final

from flocktime.cli.deadline import Incoming, connected
from flocktime.cli.extras import require
from flocktime.cli.status.address import Address, address
from flocktime.cli.status.reading import NoStatus, status_from
from flocktime.cli.status.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from flocktime.cli.status.watch import JsonLines, Screen
    from flocktime.flock.status import FlockStatus

#: The largest flock that a node remembers is a quarter of this.
MOST_BYTES: Final = 8 * 1024 * 1024
#: How long an answer may take, all in all.
PATIENCE_S: Final = 5.0
_EVERY_S: Final = 1.0

DESCRIPTION = """\
Ask the status address of a node (flocktime node --status HOST:PORT) how it stands. Exit code 0: it is synchronised, or it
monitors (--no-steer) and its own clock lies within the drift limit of the flock it hears; 1: neither; 2: it cannot be reached."""


class Unreachable(Exception):
    """No status came; the message says why."""


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("status", help="ask a node how it stands", description=DESCRIPTION)
    parser.add_argument(
        "address", metavar="ADDRESS", type=address, help="HOST:PORT that the node was given with --status, or PORT"
    )
    parser.add_argument("--json", action="store_true", help="print the JSON; with --watch one line a second")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="ask again every second until interrupted; the exit code is that of the latest answer",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask and print. Returns the exit code."""
    if not options.json:
        require("cli", "rich")
    return _watch(options) if options.watch else _once(options)


def _once(options: argparse.Namespace) -> int:
    try:
        plain, status = ask(options.address)
    except Unreachable as error:
        print(f"flocktime status: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(plain, indent=2))
    else:
        from flocktime.cli.console import wide_console
        from flocktime.cli.status.view import view

        wide_console().print(view(status))
    return _code(status)


def _watch(options: argparse.Namespace) -> int:
    code = 2
    try:
        with _shower(options.json) as show:
            while True:
                began_s = time.monotonic()
                try:
                    plain, status = ask(options.address)
                except Unreachable as error:
                    code = 2
                    show.nothing(str(error))
                else:
                    code = _code(status)
                    show.status(plain, status)
                time.sleep(max(0.0, began_s + _EVERY_S - time.monotonic()))
    except KeyboardInterrupt:
        return code


def _shower(as_json: bool) -> JsonLines | Screen:
    from flocktime.cli.status import watch

    return watch.JsonLines() if as_json else watch.Screen()


def _code(status: FlockStatus) -> int:
    return 0 if status.state == "synchronised" or _watches_well(status) else 1


def _watches_well(status: FlockStatus) -> bool:
    """It only monitors, which is as good as it gets: somebody votes, and they do not say that its own clock is off."""
    if status.state != "monitoring" or not status.voters or status.offset_us is None:
        return False
    return not status.suspects_itself and abs(status.offset_us) <= status.max_drift_us


def ask(where: Address, clock: Callable[[], float] = time.monotonic) -> tuple[dict[str, Any], FlockStatus]:
    """A node's status, as it came and checked.

    Raises:
        Unreachable: nobody is there, or nobody who answers as a node does.
    """
    try:
        code, content = _fetched(where, clock)
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"{where} cannot be reached: {clean(why)}") from None
    except http.client.HTTPException as error:
        why = clean(str(error)[:80]) or type(error).__name__  # it may be what came, of any length
        raise Unreachable(f"{where} answers, but not as a node does: {why}") from None
    if code != 200:
        raise Unreachable(f"{where} answers with HTTP status {code}: is it the status address of a node?")
    return _checked(where, content)


def _fetched(where: Address, clock: Callable[[], float]) -> tuple[int, bytes]:
    deadline_s = clock() + PATIENCE_S
    with connected(where.host, where.port, deadline_s, clock) as connection:
        host = Address(where.host.encode("idna").decode("ascii"), where.port)
        connection.sendall(f"GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        with http.client.HTTPResponse(connection, method="GET") as response:
            response.fp.close()  # the socket's own file, which begins to wait anew with each byte
            response.fp = BufferedReader(Incoming(connection, deadline_s, clock))
            response.begin()
            content = bytearray()
            while len(content) <= MOST_BYTES and (chunk := response.read1(65_536)):
                content += chunk
            return response.status, bytes(content)


def _checked(where: Address, content: bytes) -> tuple[dict[str, Any], FlockStatus]:
    if len(content) > MOST_BYTES:
        raise Unreachable(f"{where} answers with more than {MOST_BYTES:,} bytes, which is no status")
    try:
        plain = json.loads(content)
        return plain, status_from(plain)
    except (ValueError, RecursionError) as error:
        raise Unreachable(f"{where} answers with no JSON: {type(error).__name__}") from None
    except NoStatus as error:
        raise Unreachable(f"{where} answers with no status of a node: {error}") from None
