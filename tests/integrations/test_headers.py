"""``inject`` and ``extract``: what a header may do to a clock, and what it may not."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from http.client import HTTPMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime.clock import (
    Clock,
    DriftError,
    EpochError,
    ForkedClock,
    InvalidTimestamp,
    ManualSource,
    NodeCollision,
    SourceError,
    Timestamp,
)
from flocktime.integrations import headers as module
from flocktime.integrations.headers import HEADER, MOST_HEADERS, Received, counters, extract, inject

START_US = 1_800_000_000_000_000
NODE = 0x0A0B0C0D0E0F
REMOTE = Timestamp(START_US + 400_000, 7, node=1)


def make_clock(**options: Any) -> Clock:
    return Clock(node=NODE, source=ManualSource(START_US), **options)


def assert_only_ticked(clock: Clock, events: int) -> None:
    """The clock is where that many local events alone would have brought it."""
    assert clock.last == Timestamp(START_US, events - 1, node=NODE)


HOSTILE = {
    "empty": "",
    "short": REMOTE.to_hex()[:-1],
    "long": REMOTE.to_hex() + "0",
    "very long": "f" * 1_000_000,
    "upper case": REMOTE.to_hex().upper().replace("0", "A"),
    "leading space": " " + REMOTE.to_hex()[1:],
    "trailing space": REMOTE.to_hex() + " ",
    "inner space": REMOTE.to_hex()[:15] + " " + REMOTE.to_hex()[16:],
    "not hexadecimal": "g" * 32,
    "sign": "+" + REMOTE.to_hex()[1:],
    "underscores": "_".join("0" * 16) + "0",
    "prefix": "0x" + REMOTE.to_hex()[2:],
    "newline": REMOTE.to_hex()[:31] + "\n",
    "carriage return and newline": REMOTE.to_hex()[:30] + "\r\n",
    "second header smuggled in": REMOTE.to_hex() + "\r\nx-admin: 1",
    "nul": REMOTE.to_hex()[:31] + "\0",
    "joined by a proxy": f"{REMOTE.to_hex()}, {REMOTE.to_hex()}",
    "joined, same length": "0" * 15 + "," + "0" * 16,
    "latin-1": "\xe9" * 32,
    "fullwidth digits": "\uff10" * 32,
    "arabic digits": "\u0660" * 32,
    "surrogate": "\ud800" * 32,
    "text form": REMOTE.to_str(),
    "JSON form": REMOTE.to_json(),
    "UUID form": str(REMOTE.to_uuid()),
    "decimal form": str(REMOTE.to_int()),
}


class TestInject:
    def test_it_stamps_a_send(self) -> None:
        """The header holds the returned timestamp in hex, and it is the clock's latest."""
        clock, headers = make_clock(), {"accept": "*/*"}
        stamp = inject(clock, headers)
        assert headers == {"accept": "*/*", HEADER: stamp.to_hex()}
        assert clock.last == stamp

    def test_it_replaces_an_older_stamp_in_any_case(self) -> None:
        """Headers copied from another message leave with one timestamp, the fresh one."""
        clock = make_clock()
        headers = {"Flocktime": REMOTE.to_hex(), "FLOCKTIME": "x", HEADER: "y", "other": "z"}
        stamp = inject(clock, headers)
        assert headers == {HEADER: stamp.to_hex(), "other": "z"}

    def test_each_send_is_later_than_the_one_before(self) -> None:
        """Two sends of one clock are ordered, within one microsecond too."""
        clock = make_clock()
        assert inject(clock, {}) < inject(clock, {})


class TestExtract:
    @pytest.mark.parametrize("name", [HEADER, "Flocktime", "FLOCKTIME", b"flocktime", b"FlockTime"])
    @pytest.mark.parametrize("value", [REMOTE.to_hex(), REMOTE.to_hex().encode()], ids=["str", "bytes"])
    @pytest.mark.parametrize("form", [dict, list, iter, tuple])
    def test_it_finds_the_header_in_every_form(self, name: Any, value: Any, form: Any) -> None:
        """Mappings and pairs, ``str`` and ``bytes``, and names in any case are the same header."""
        clock = make_clock()
        received = extract(clock, form({b"accept": b"*/*", name: value, "host": "here"}.items()))
        assert received == Received(clock.last, REMOTE, "adopted")
        assert received.stamp > REMOTE

    def test_what_was_injected_comes_out(self) -> None:
        """A send happened before its receipt, whichever wall clock is ahead."""
        for behind_us in (-400_000, 0, 400_000):
            sender, receiver = make_clock(), Clock(source=ManualSource(START_US - behind_us))
            message: dict[str, str] = {}
            sent = inject(sender, message)
            received = extract(receiver, message)
            assert (received.remote, received.outcome, received.error) == (sent, "adopted", None)
            assert sent < received.stamp < receiver.now()

    @pytest.mark.parametrize("headers", [{}, [], {"flock": "x"}, [("flocktime2", "x")], {1: "x", None: "y"}.items()])
    def test_absent(self, headers: Any) -> None:
        """Without a header a receipt is a local event."""
        clock = make_clock()
        received = extract(clock, headers)
        assert (received.remote, received.outcome, received.error) == (None, "absent", None)
        assert received.stamp == clock.last
        assert_only_ticked(clock, 1)

    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
    @pytest.mark.parametrize("raw", [False, True], ids=["str", "bytes"])
    def test_malformed(self, value: str, raw: bool) -> None:
        """What is no timestamp raises nothing, moves nothing, is counted, and is shown in a short printable message."""
        clock = make_clock()
        sent = value.encode("utf-8", "surrogatepass") if raw else value
        received = extract(clock, {HEADER: sent})
        assert (received.remote, received.outcome) == (None, "malformed")
        assert isinstance(received.error, InvalidTimestamp)
        assert str(received.error).isascii()
        assert str(received.error).isprintable()
        assert len(str(received.error)) < 500
        assert_only_ticked(clock, 1)
        assert counters(clock)["malformed"] == 1

    @pytest.mark.parametrize("value", [None, 5, 5.0, [REMOTE.to_hex()], REMOTE, object()])
    def test_a_value_that_is_no_text_is_malformed(self, value: Any) -> None:
        """Carriers with values of other types (a message queue's ``None``) are no reason to fail either."""
        clock = make_clock()
        assert extract(clock, [(HEADER, value)]).outcome == "malformed"
        assert_only_ticked(clock, 1)

    @pytest.mark.parametrize("second", [REMOTE.to_hex(), "x", Timestamp(START_US).to_hex()])
    @pytest.mark.parametrize("name", ["Flocktime", HEADER, b"FLOCKTIME"])
    def test_a_repeated_header_is_malformed(self, name: Any, second: str) -> None:
        """Of two timestamps neither is taken, even if they are equal: nobody can tell which one the sender meant."""
        clock = make_clock()
        received = extract(clock, [(HEADER, REMOTE.to_hex()), ("a", "b"), (name, second)])
        assert received.outcome == "malformed"
        assert "sent 2 times" in str(received.error)
        assert_only_ticked(clock, 1)

    def test_the_search_is_bounded(self) -> None:
        """The last header that is searched is found; one more header, and nothing is taken."""
        filler = [("a", "b")] * (MOST_HEADERS - 1)
        assert extract(make_clock(), [*filler, (HEADER, REMOTE.to_hex())]).outcome == "adopted"
        clock = make_clock()
        received = extract(clock, [(HEADER, REMOTE.to_hex()), *filler, ("a", "b")])
        assert received.outcome == "malformed"
        assert str(MOST_HEADERS) in str(received.error)
        assert_only_ticked(clock, 1)

    @pytest.mark.parametrize("policy", ["reject", "adopt", "ignore", "clamp"])
    def test_the_end_of_time_is_refused_under_every_policy(self, policy: str) -> None:
        """A timestamp at the end of the range never gets in."""
        clock = make_clock(on_drift=policy)
        received = extract(clock, {HEADER: "f" * 32})
        assert (received.outcome, type(received.error)) == ("refused", DriftError)
        assert_only_ticked(clock, 1)

    @pytest.mark.parametrize(
        ("remote", "error"),
        [
            (Timestamp(START_US + 500_001, node=1), DriftError),
            (Timestamp(START_US, node=1, epoch=65_535), EpochError),
            (Timestamp(START_US, 5, node=NODE), NodeCollision),
        ],
        ids=["far future", "far epoch", "own node"],
    )
    def test_refused(self, remote: Timestamp, error: type[Exception]) -> None:
        """What the clock refuses is named with its evidence, and the receipt is a local event."""
        clock = make_clock()
        clock.now()
        received = extract(clock, {HEADER: remote.to_hex()})
        assert (received.remote, received.outcome, type(received.error)) == (remote, "refused", error)
        assert_only_ticked(clock, 2)
        assert counters(clock)["refused"] == 1

    @pytest.mark.parametrize("policy", ["ignore", "clamp"])
    def test_a_policy_that_goes_on_is_refused_without_an_error(self, policy: str) -> None:
        """``"adopted"`` is said only where the receipt lies above what was received."""
        far = Timestamp(START_US + 10_000_000, node=1)
        received = extract(make_clock(on_drift=policy), {HEADER: far.to_hex()})
        assert (received.outcome, received.error) == ("refused", None)
        assert received.stamp < far

    def test_a_policy_that_adopts(self) -> None:
        """``on_drift="adopt"`` is the user's word, and then the receipt lies above the send."""
        far = Timestamp(START_US + 10_000_000, node=1)
        received = extract(make_clock(on_drift="adopt"), {HEADER: far.to_hex()})
        assert received.outcome == "adopted"
        assert received.stamp > far

    @given(st.text(max_size=40) | st.binary(max_size=40) | st.text("0123456789abcdef", min_size=32, max_size=32))
    def test_no_value_moves_a_clock_too_far(self, value: str | bytes) -> None:
        """Any text at all: no exception, a fresh stamp, never beyond the drift limit."""
        clock = make_clock(last=Timestamp(START_US, node=NODE))
        before = clock.now()
        received = extract(clock, {HEADER: value})
        assert received.stamp > before
        assert received.stamp == clock.last
        if received.outcome != "adopted":
            assert received.stamp == Timestamp(START_US, before.logical + 1, node=NODE)
        assert received.stamp.physical_us <= START_US + 500_001

    def test_a_fault_of_the_clock_itself_is_not_swallowed(self) -> None:
        """A source that returns nonsense fails the receipt loudly: there is no timestamp to give."""

        def broken() -> Any:
            return "noon"

        clock = Clock(source=broken)
        with pytest.raises(SourceError):
            extract(clock, {})
        with pytest.raises(SourceError):
            extract(clock, {HEADER: REMOTE.to_hex()})

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_clock_with_a_fixed_node_is_refused_in_a_child(self) -> None:
        """``ForkedClock`` reaches the caller from both calls: a child must not stamp under its parent's node."""
        clock = make_clock()
        clock.now()

        def use() -> bool:
            refused = 0
            for call in (lambda: inject(clock, {}), lambda: extract(clock, {HEADER: REMOTE.to_hex()})):
                try:
                    call()
                except ForkedClock:
                    refused += 1
            return refused == 2

        assert _in_child(use)


class TestCounters:
    def test_a_new_clock_has_counted_nothing(self) -> None:
        """All outcomes are there from the beginning, as zeros, and asking creates nothing."""
        clock = make_clock()
        assert counters(clock) == {"injected": 0, "adopted": 0, "absent": 0, "malformed": 0, "refused": 0}
        assert clock not in module._counts

    def test_each_outcome_is_counted_once_and_for_its_own_clock(self) -> None:
        """One message, one count; two clocks of one process are apart."""
        clock, other = make_clock(), make_clock()
        inject(clock, {})
        for value in (REMOTE.to_hex(), "x", "f" * 32):
            extract(clock, {HEADER: value})
        extract(clock, {})
        assert counters(clock) == {"injected": 1, "adopted": 1, "absent": 1, "malformed": 1, "refused": 1}
        assert set(counters(other).values()) == {0}

    def test_the_answer_is_a_copy(self) -> None:
        """Nobody outside can change what was counted."""
        clock = make_clock()
        inject(clock, {})
        counters(clock)["injected"] = 99
        assert counters(clock)["injected"] == 1

    def test_counting_keeps_no_clock_alive(self) -> None:
        """The counters go with their clock."""
        clock = make_clock()
        inject(clock, {})
        gone = weakref.ref(clock)
        assert gone in module._counts.keyrefs()
        del clock
        gc.collect()
        assert gone() is None
        assert gone not in module._counts.keyrefs()

    def test_no_count_is_lost_between_threads(self) -> None:
        """Four threads, every call counted."""
        clock = Clock()

        def work() -> None:
            for _ in range(2_000):
                inject(clock, {})
                extract(clock, {})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counters(clock) == {"injected": 8_000, "adopted": 0, "absent": 8_000, "malformed": 0, "refused": 0}

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_fork_in_the_middle_of_counting_leaves_the_child_able_to_count(self) -> None:
        """A lock that another thread holds at the moment of a fork does not stay locked in the child."""
        clock, stop = Clock(), threading.Event()

        def count_on() -> None:
            while not stop.is_set():
                inject(clock, {})

        def use() -> bool:
            child = Clock()
            inject(child, {})
            return counters(child)["injected"] == 1

        thread = threading.Thread(target=count_on)
        thread.start()
        try:
            assert all(_in_child(use) for _ in range(20))
        finally:
            stop.set()
            thread.join()


def _in_child(check: Any) -> bool:
    """Run ``check`` in a forked child, ended after ten seconds whatever happens."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            import signal

            signal.alarm(10)
            code = 0 if check() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_refused_message_does_not_outlive_its_request() -> None:
    """The error of a ``Received`` holds no frames, and so nothing of the request that it came with."""
    clock = make_clock()
    far = Timestamp(START_US + 10_000_000, node=1).to_hex()
    for value, outcome in (("nonsense", "malformed"), (far, "refused")):
        received = extract(clock, {HEADER: value})
        assert received.outcome == outcome
        assert received.error is not None
        assert received.error.__traceback__ is None


def test_the_standard_librarys_headers_are_read() -> None:
    """``http.client`` gives e-mail messages, which have items and are no mappings."""
    message = HTTPMessage()
    message["te"] = "trailers"
    message["Flocktime"] = REMOTE.to_hex()
    received = extract(make_clock(), message)
    assert (received.outcome, received.remote) == ("adopted", REMOTE)
    message["flocktime"] = REMOTE.to_hex()
    assert extract(make_clock(), message).outcome == "malformed"
