"""From a file name to a recording, or to the reason why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime.cli.replay import spans, vector_clocks, zipkin
from flocktime.cli.replay.recording import Limits, Malformed, Recording, TooLarge

if TYPE_CHECKING:
    import re
    from pathlib import Path

_CHUNK: Final = 1 << 20


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
    data = bytearray()  # grows with the file: the limit says nothing of how large that is
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                data += chunk
                if len(data) > limits.most_bytes:
                    raise TooLarge(f"larger than {limits.most_bytes / (1 << 20):g} MiB (see --max-mib)")
    except OSError as error:
        raise Malformed(error.strerror or str(error)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}", line) from None
