"""Where a command finds its keys: in a file or in the environment, never among its arguments, which everybody can see."""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path
from typing import Final

from flocktime.errors import InvalidKey

#: Sixteen keys with long comments are far smaller.
MOST_BYTES: Final = 65_536


class BadKeys(Exception):
    """Keys that cannot be read or are none. The message names the place, and never shows a secret."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--key-file`` and ``--key-env``, one of them at most."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--key-file",
        type=Path,
        metavar="PATH",
        help="keys, one a line: the first signs, all verify; # begins a comment line. Not for everybody to read. Read again "
        "when it changes, so keys can be replaced without a restart",
    )
    group.add_argument(
        "--key-env",
        metavar="NAME",
        help="the environment variable that holds them, in the same form, instead of a file",
    )


def given_keys(options: argparse.Namespace) -> tuple[str, ...]:
    """The keys that the options point to, checked; none where they point nowhere.

    Raises:
        BadKeys: there are none, or not such that they can be used.
    """
    if options.key_file is not None:
        return keys_of_file(options.key_file)
    if options.key_env is not None:
        text = os.environ.get(options.key_env)
        if text is None:
            raise BadKeys(f"--key-env {options.key_env}: there is no such environment variable")
        return _keys(text, f"--key-env {options.key_env}")
    return ()


def keys_of_file(path: Path) -> tuple[str, ...]:
    """The keys in a file that others may neither read nor write.

    Raises:
        BadKeys: it cannot be read, is open to everybody, or holds no usable keys.
    """
    place = f"--key-file {path}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            _check_mode(mode, place)
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadKeys(f"{place}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise BadKeys(f"{place}: more than {MOST_BYTES:,} bytes are no list of keys")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadKeys(f"{place}: it is no text") from None
    return _keys(text, place)


def _check_mode(mode: int, place: str) -> None:
    if not stat.S_ISREG(mode):
        return  # a pipe from a secret store has no readers but this one
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        shown = oct(stat.S_IMODE(mode))[2:].zfill(4)
        may = " and ".join(word for bit, word in ((stat.S_IROTH, "read"), (stat.S_IWOTH, "write")) if mode & bit)
        raise BadKeys(f"{place}: mode {shown} lets everybody {may} it; chmod 600 would not")


def _keys(text: str, place: str) -> tuple[str, ...]:
    from flocktime.flock.keys import normalised

    lines = (line.strip() for line in text.splitlines())
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise BadKeys(f"{place}: there is no key in it")
    try:
        return normalised(keys)
    except InvalidKey as error:
        raise BadKeys(f"{place}: {error}") from None
