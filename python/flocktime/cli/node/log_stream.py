"""A stream that lines of a log go to, whatever becomes of it: a disk that is full for a while costs lines, and nothing else."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable


class LogStream:
    """Writes whole lines at once. Those that cannot be written are lost and counted, which is said before the next one that can.

    Past the stream's own buffer: what a full disk has refused would stay in there, come later in pieces, and fail once more when
    the interpreter ends.

    Args:
        stream: standard output or standard error.
        line: makes a line of what there is to say about lines that were lost.
    """

    def __init__(self, stream: TextIO, line: Callable[[str], str]) -> None:
        self._stream = stream
        buffer = getattr(stream, "buffer", None)
        self._raw: Any = getattr(buffer, "raw", buffer)  # an unbuffered stream is its own
        self._line = line
        self._lost = 0
        self._why = ""
        self._is_torn = False  # the disk was full in the middle of a line

    def write(self, line: str) -> None:
        """Write one line, or count it as lost.

        Raises:
            BrokenPipeError: whoever has read it has gone: nobody will ever see another one.
        """
        try:
            if self._lost:
                self._put(self._line(f"lines lost before this one: {self._lost} ({self._why})"))
                self._lost = 0
            self._put(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._lost += 1
            self._why = error.strerror or str(error)

    def _put(self, line: str) -> None:
        if self._raw is None:  # text in memory
            print(line, file=self._stream, flush=True)
            return
        text = os.linesep * self._is_torn + line + os.linesep
        left = memoryview(text.encode(self._stream.encoding, self._stream.errors or "strict"))
        while left:
            written = self._raw.write(left)
            if not written:  # a pipe that does not block, and is full
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            self._is_torn = written < len(left)
            left = left[written:]
