"""Log records through an event buffer: prepared as the standard library does, stamped, in order, and never waited for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import QueueHandler
from typing import Any

import pytest

from flocktime import EventBuffer, Timestamp
from flocktime.integrations.logging import EventBufferHandler, hand_on
from tests.buffers import Running, Watched, adds_up, events, is_ascending, together


class Kept(logging.Handler):
    """Keeps what it is given, as text."""

    def __init__(self, level: int = logging.NOTSET, form: str = "%(flocktime)s|%(levelname)s|%(message)s") -> None:
        super().__init__(level)
        self.setFormatter(logging.Formatter(form))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """One of its own, which hands nothing on to the others."""
    logger = logging.Logger("tests", logging.DEBUG)
    yield logger
    for handler in logger.handlers:
        handler.close()


def test_a_record_goes_in_prepared(logger: logging.Logger) -> None:
    """The message is put together, arguments and traceback are text: the record is the same as ``QueueHandler`` makes."""
    buffer = EventBuffer(5)
    logger.addHandler(EventBufferHandler(buffer))
    argument = ["mutable"]
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logger.exception("it was %s, %d times", argument, 3)
    argument.append("changed")
    timestamp, record = buffer.pop()
    assert isinstance(timestamp, Timestamp)
    assert record.getMessage().startswith("it was ['mutable'], 3 times\nTraceback")
    assert "ZeroDivisionError" in record.getMessage()
    assert (record.levelname, record.name, record.args, record.exc_info) == ("ERROR", "tests", None, None)
    source = logging.makeLogRecord({"msg": "a %s", "args": ("b",)})
    expected = vars(QueueHandler(None).prepare(source))  # type: ignore[arg-type]
    EventBufferHandler(buffer).emit(logging.makeLogRecord({"msg": "a %s", "args": ("b",)}))
    found = vars(buffer.pop()[1])
    times = {"created", "msecs", "relativeCreated"}
    assert {name: value for name, value in found.items() if name not in times} == {
        name: value for name, value in expected.items() if name not in times
    }


def test_handlers_behind_see_the_timestamp(logger: logging.Logger) -> None:
    """The record that was logged has it, and its arguments, for whoever comes next."""
    buffer, behind = EventBuffer(5), Kept()
    logger.addHandler(EventBufferHandler(buffer))
    logger.addHandler(behind)
    logger.warning("hello %s", "world")
    timestamp, _ = buffer.pop()
    assert behind.lines == [f"{timestamp}|WARNING|hello world"]


def test_records_are_handed_on(logger: logging.Logger) -> None:
    """In their order, with the timestamp, to each handler whose level they have, until the buffer is closed."""
    buffer = Watched(100)
    logger.addHandler(EventBufferHandler(buffer))
    everything, errors = Kept(), Kept(logging.ERROR)
    reader = Running(lambda: hand_on(buffer, iter([everything, errors])))
    buffer.until_somebody_waits()
    for number in range(10):
        (logger.error if number % 5 == 0 else logger.info)("number %d", number)
    buffer.close()
    reader.result()
    assert [line.split("|")[2] for line in everything.lines] == [f"number {number}" for number in range(10)]
    stamps = [Timestamp.from_str(line.split("|")[0]) for line in everything.lines]
    assert stamps == sorted(set(stamps))
    assert errors.lines == [everything.lines[0], everything.lines[5]]


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest"])
def test_logging_never_waits(logger: logging.Logger, overflow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes anything out: what is dropped is counted, what is refused goes to ``handleError``, and logging goes on."""
    buffer, failed = EventBuffer(2, overflow=overflow), []
    handler = EventBufferHandler(buffer)
    logger.addHandler(handler)
    logger.info("1")
    logger.info("2")
    logger.info("3")
    complaint = capsys.readouterr().err
    assert ("BufferFull" in complaint) == (overflow == "reject")
    handler.handleError = failed.append  # type: ignore[method-assign, assignment]
    logger.info("4")
    assert [record.getMessage() for record in failed] == (["4"] if overflow == "reject" else [])
    kept = [record.getMessage() for record in events(buffer.drain())]
    assert kept == (["1", "2"] if overflow == "reject" else ["3", "4"])
    assert adds_up(buffer)


def test_a_closed_buffer_and_a_record_that_fails(logger: logging.Logger) -> None:
    """Whatever fails is handled as in any handler: the program that logs does not notice."""
    buffer, failed = EventBuffer(5), []
    handler = EventBufferHandler(buffer)
    handler.handleError = failed.append  # type: ignore[method-assign, assignment]
    logger.addHandler(handler)
    logger.info("one %s too many", 1, 2)
    assert len(buffer) == 0
    buffer.close()
    logger.info("closed")
    assert [record.msg for record in failed] == ["one %s too many", "closed"]
    assert buffer.stats().rejected == 1


def test_threads_log_in_one_order(logger: logging.Logger) -> None:
    """What comes out is one sequence, in which each thread's records are in its own order."""
    buffer = EventBuffer(1_000)
    logger.addHandler(EventBufferHandler(buffer))
    together(*[lambda name=name: [logger.info("%s %d", name, each) for each in range(100)] for name in "abc"])  # type: ignore[misc]
    pairs = buffer.drain()
    assert is_ascending(pairs)
    messages = [record.getMessage() for record in events(pairs)]
    for name in "abc":
        assert [message for message in messages if message[0] == name] == [f"{name} {each}" for each in range(100)]


def test_levels_filters_and_formats(logger: logging.Logger) -> None:
    """It is a handler like any other: its level and filters hold, and its formatter makes the message."""
    buffer = EventBuffer(5)
    handler = EventBufferHandler(buffer)
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    handler.setFormatter(logging.Formatter("<%(message)s>"))
    logger.addHandler(handler)
    logger.info("too low")
    logger.error("a secret")
    logger.error("this one")
    assert [record.getMessage() for record in events(buffer.drain())] == ["<this one>"]
