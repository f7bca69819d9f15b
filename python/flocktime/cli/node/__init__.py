"""``flocktime node``: a standing member of a flock for any host, whatever runs on it."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flocktime.cli import key_options
from flocktime.cli.extras import require
from flocktime.cli.status.address import Address, address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.cli.node.files import KeyFile, WatchedFile
    from flocktime.cli.node.telling import Teller
    from flocktime.flock import Flock

__all__ = ["register", "run"]

#: Whoever has waited for so long wonders why.
_PATIENCE_S: Final = 1.0

DESCRIPTION = """\
Run a member of a flock until a signal stops it (SIGINT, SIGTERM, SIGHUP). It is one more that is asked, votes and watches: on a
time server, on a host of its own, or (--no-steer) beside chrony or PTP. It serves no clock to other programs, unless --page
names the file of a host page: then all processes of the host that open it (Clock.open) share one clock, which follows this
member. On a terminal it shows a table that is redrawn every second; elsewhere it prints a line for each change of its state or
of who is wrong, and one a minute."""


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("node", help="run a standing member of a flock", description=DESCRIPTION)
    parser.add_argument(
        "--listen", type=_utf8, required=True, metavar="HOST:PORT", help="where it listens for datagrams; port 0: any"
    )
    parser.add_argument(
        "--peer",
        type=_utf8,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a neighbour, by name or address; may be repeated",
    )
    parser.add_argument(
        "--peers-file", type=Path, metavar="PATH", help="neighbours, one a line; read again when it changes"
    )
    key_options.add_options(parser)
    parser.add_argument(
        "--name",
        type=_name,
        help="what its one vote hangs on: no other member's, and the same after a restart (default: host name and address, "
        "with port 0 another one each time)",
    )
    parser.add_argument(
        "--page",
        type=_page,
        metavar="PATH",
        help="the page of this host, made where there is none; refused while another member publishes on it, and after one that "
        "was killed it waits for five rounds; not with --no-steer",
    )
    parser.add_argument("--no-steer", action="store_true", help="measure and report only: its state is 'monitoring'")
    parser.add_argument(
        "--anchor",
        choices=("auto", "always", "never"),
        default="auto",
        help="whether this host's clock counts as UTC; auto: while the operating system says that it is synchronised "
        "(default: auto)",
    )
    parser.add_argument(
        "--status",
        type=address,
        metavar="HOST:PORT",
        help="serve GET /status (JSON) and GET /metrics (Prometheus) over HTTP; PORT alone: on this machine only. NOT "
        "PROTECTED: on any other address everybody who can reach it reads the names and addresses of all peers",
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines instead")
    parser.add_argument(
        "--round",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="from one round of requests to the next, the same for all members; short ones for trials (default: 1)",
    )
    parser.add_argument("--epoch", type=int, default=0, metavar="N", help="the epoch to begin in (default: 0)")
    parser.add_argument(
        "--advance-epoch",
        type=_reason,
        metavar="REASON",
        help="once it is synchronised with a quorum, begin a new epoch at the flock's time: the way back from accepted "
        "stamps of the future. Read the runbook first; not for a service that restarts by itself",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until a signal comes. Returns the exit code: 0 after a signal, 1 when the member fails, 2 for wrong input."""
    if options.no_steer and options.page is not None:
        return _complain("--no-steer cannot be given with --page: its clocks would wait for steering that never comes")
    on_terminal = sys.stdout.isatty() and not options.json
    if on_terminal:
        require("cli", "rich")
    from flocktime.cli.node.files import BadFile, KeyFile, watched
    from flocktime.errors import ClockError

    try:
        key_file = KeyFile.of(options.key_file)
        keys = key_options.given_keys(options)
        peers = watched(options.peers_file)
        with _a_word_if_it_waits(options.page):
            member = _flock(options, keys, peers)
    except (key_options.BadKeys, BadFile, ClockError, ValueError) as error:
        return _complain(str(error))
    with member as flock:
        return _run(options, flock, on_terminal, peers, key_file)


@contextmanager
def _a_word_if_it_waits(page: Path | None, after_s: float = _PATIENCE_S) -> Iterator[None]:
    """A member that was killed leaves its page in use, as far as another process can tell, and the next one waits."""
    why = f"--page {page}: waiting for five rounds, to see whether the member that was there before is still alive"
    waiting = threading.Timer(after_s, _complain, [why])
    waiting.daemon = True
    if page is not None:
        waiting.start()
    try:
        yield
    finally:
        waiting.cancel()


def _flock(options: argparse.Namespace, keys: tuple[str, ...], peers: WatchedFile | None) -> Flock:
    from flocktime.flock import Flock

    return Flock(
        options.listen,
        [*options.peer, *(peers.lines if peers else ())],
        key=keys or None,
        steer=not options.no_steer,
        name=options.name,
        anchor={"auto": None, "always": True, "never": False}[options.anchor],
        page=options.page,
        round=options.round,
        epoch=options.epoch,
    )


def _run(
    options: argparse.Namespace, flock: Flock, on_terminal: bool, peers: WatchedFile | None, key_file: KeyFile | None
) -> int:
    from flocktime.cli.node.running import Node, signals
    from flocktime.cli.node.serving import StatusServer

    inbox = signals()
    try:
        server = None if options.status is None else StatusServer(options.status, flock)
    except OSError as error:
        return _complain(f"--status {options.status}: {error.strerror or error}")
    try:
        with inbox, _teller(options.json, on_terminal) as teller:
            node = Node(
                flock,
                teller,
                inbox,
                named=options.peer,
                peers=peers,
                keys=key_file,
                advance=options.advance_epoch,
            )
            teller.started(flock, None if server is None else str(server.address))
            for caution in _cautions(options, flock):
                teller.note(caution)
            return node.run()
    finally:
        if server is not None:
            server.close()


def _teller(as_json: bool, on_terminal: bool) -> Teller:
    from flocktime.cli.node.telling import JsonTeller, PlainTeller

    if as_json:
        return JsonTeller()
    if not on_terminal:
        return PlainTeller()
    from flocktime.cli.node.display import LiveTeller

    return LiveTeller()


def _cautions(options: argparse.Namespace, flock: Flock) -> list[str]:
    found = []
    if not options.peer and options.peers_file is None:
        found.append("no peers: it waits to be asked by others")
    host = Address((flock.address or "").rpartition(":")[0].strip("[]"), 0)
    if options.key_file is None and options.key_env is None and not host.is_loopback:
        found.append("no key: everybody who can reach it can tell it the time")
    if options.status is not None and not options.status.is_loopback:
        found.append(f"the status on {options.status} is for everybody who can reach it, and not protected")
    return found


def _complain(message: str) -> int:
    print(f"flocktime node: {message}", file=sys.stderr)
    return 2


def _page(text: str) -> Path:
    if not text:  # as a Path it would be the working directory
        raise argparse.ArgumentTypeError("must not be an empty path")
    return Path(text)


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes on the command line that are no text
        raise argparse.ArgumentTypeError(f"must be UTF-8, got {text[:80]!a}") from None
    return text


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty: all members that have it would have one vote together")
    return _utf8(text)


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: it says afterwards why there is a new epoch")
    return _utf8(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.01 <= seconds <= 3600.0:
        raise argparse.ArgumentTypeError(f"must lie in 0.01 to 3600, got {text[:40]!a}")
    return seconds
