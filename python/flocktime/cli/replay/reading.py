"""From a file name to a recording, or to the reason why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flocktime.cli.replay import spans, vector_clocks, zipkin
from flocktime.cli.replay.recording import Limits, Malformed, Recording, TooLarge

if TYPE_CHECKING:
    import re
    from pathlib import Path


def read(path: Path, limits: Limits, pattern: re.Pattern[str] | None = None) -> Recording:
    """Read a log, whichever of the two formats it is in: its content decides.

    Raises:
        Malformed: it cannot be read, is too large, or is malformed.
    """
    return parse(_text(path, limits), limits, pattern)


def parse(text: str, limits: Limits, pattern: re.Pattern[str] | None = None) -> Recording:
    """The same from a text. A pattern is given for vector-clock logs only, so it settles the format.

    Raises:
        Malformed: it is too large or malformed.
    """
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise Malformed("the file is empty")
    if pattern is None and spans.looks_like(text):
        return zipkin.read(text, limits)
    if pattern is None and text.lstrip().startswith("{"):
        raise Malformed("a JSON object, where Zipkin has a list: [{...}, ...]; for other logs see --pattern", 1)
    return vector_clocks.read(text, limits, pattern)


def _text(path: Path, limits: Limits) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(limits.most_bytes + 1)
    except OSError as error:
        raise Malformed(error.strerror or str(error)) from None
    if len(data) > limits.most_bytes:
        raise TooLarge(f"larger than {limits.most_bytes / (1 << 20):g} MiB (see --max-mib)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}", line) from None
