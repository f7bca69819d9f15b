"""JSON lists read one element at a time, each with the line that it starts on, which the json module does not tell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from flocktime.cli.replay.recording import Malformed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE: Final = re.compile(r"[ \t\r\n]*")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``object_pairs_hook``: an object in which no name stands twice, which JSON itself allows."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{quoted(twice)} stands in one object twice")
    return made


def described(value: Any) -> str:
    """A JSON value for a message: short, whatever it is."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    return json.dumps(value)


DECODER: Final = json.JSONDecoder(object_pairs_hook=once)


def elements(text: str) -> Iterator[tuple[int, Any]]:
    """The elements of a list, or of the lists within a list, with the number of their first line.

    Raises:
        Malformed: it is no JSON list.
    """
    reader = _Reader(text)
    yield from _list(reader, depth=1)
    if left := reader.peek():
        raise Malformed(f"something follows the end of the JSON: {quoted(left)}", reader.line)


def _list(reader: _Reader, depth: int) -> Iterator[tuple[int, Any]]:
    reader.take("[")
    if reader.peek() == "]":
        reader.take("]")
        return
    while True:
        if depth < 2 and reader.peek() == "[":
            yield from _list(reader, depth + 1)
        else:
            reader.peek()
            yield reader.line, reader.value()
        if reader.peek() != ",":
            reader.take("]", "',' or ']'")
            return
        reader.take(",")


class _Reader:
    """A place in a text, and its line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.line = 1

    def peek(self) -> str:
        """The next character that is not space; empty at the end."""
        space = _SPACE.match(self._text, self._at)
        assert space is not None  # it matches nothing, if need be
        self._go(space.end())
        return self._text[self._at : self._at + 1]

    def take(self, char: str, expected: str = "") -> None:
        """Step over a character that must be there."""
        if self.peek() != char:
            found = self._text[self._at : self._at + 20]
            what = quoted(found) if found else "the end of the file"
            raise Malformed(f"no JSON: {expected or char} expected, found {what}", self.line)
        self._go(self._at + 1)

    def value(self) -> Any:
        """Step over a whole value."""
        try:
            value, end = DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise Malformed(f"no JSON: {error.msg}, column {error.colno}", error.lineno) from None
        except RecursionError:
            raise Malformed("JSON nested too deeply", self.line) from None
        except ValueError as error:
            raise Malformed(f"no JSON that can be read: {error}", self.line) from None
        self._go(end)
        return value

    def _go(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to
