"""``flocktime``: the command line. Each command is a module with ``register`` and ``run``; what it needs is loaded late."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flocktime import BACKEND, __version__
from flocktime.cli.extras import MissingExtra

#: How a stream may be told to treat what its encoding lacks so that printing raises.
_RAISING: Final = ("strict", "surrogateescape", "surrogatepass")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 fine, 1 the command's own bad news, 2 wrong usage or input."""
    _prepare_output()
    try:
        options = _parser().parse_args(arguments)
    except KeyboardInterrupt:  # while the commands are imported, which takes a moment
        return 130
    try:
        code = int(options.run(options))
        sys.stdout.flush()  # here, where its failure can be told, and not at the interpreter's end
        return code
    except MissingExtra as missing:
        print(f"flocktime {options.command}: {missing}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _close_output()  # whoever read it has gone: nothing is left to say it to
        return 1
    except OSError as error:
        print(f"flocktime {options.command}: {error}", file=sys.stderr)
        _close_output()
        return 2


def _prepare_output() -> None:
    """Neither a character that the terminal's encoding lacks nor an output that was closed from the start may end a command:
    names and error texts come from anywhere, and a node runs for months before it meets the one that cannot be shown."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed: print() would then take the other one instead
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open to the end
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in _RAISING:
            stream.reconfigure(errors="backslashreplace")


def _close_output() -> None:
    """What is still buffered goes nowhere, instead of failing once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    from flocktime.cli import bench, demo, inspect, key, node, replay, sim, status

    parser = argparse.ArgumentParser(
        prog="flocktime", description="Clocks for distributed services that respect causality."
    )
    parser.add_argument("--version", action="version", version=f"flocktime {__version__} ({BACKEND} backend)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (demo, replay, bench, inspect, node, status, key, sim):
        command.register(commands)
    return parser
