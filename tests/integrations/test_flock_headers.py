"""``inject`` and ``extract`` with a flock: measurements ride on messages, and nothing that is wrong with them breaks one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.clock import Clock, DriftError, SkewedSource
from flocktime.errors import FlockError, HeaderError, InvalidTimestamp, NotReady
from flocktime.flock import Flock, new_key
from flocktime.integrations.headers import FLOCK_HEADER, HEADER, Received, counters, extract, inject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.processes

Make = Callable[..., Flock] if TYPE_CHECKING else Any
KEY = new_key(1)


@pytest.fixture
def make() -> Iterator[Make]:
    """A function that makes a flock without a socket, closed when the test ends."""
    with ExitStack() as stack:

        def one(name: str, **options: Any) -> Flock:
            return stack.enter_context(Flock(name=name, **{"key": KEY, **options}))

        yield one


def call(client: Flock | Clock, server: Flock | Clock) -> tuple[Received, Received]:
    """A request and its answer; what either side received."""
    request: dict[str, str] = {}
    sent = inject(client, request, to="server")
    at_server = extract(server, request)
    answer: dict[str, str] = {}
    answered = inject(server, answer, reply_to=at_server)
    at_client = extract(client, answer)
    assert sent < at_server.stamp < answered < at_client.stamp
    assert (at_server.remote, at_client.remote) == (sent, answered)
    return at_server, at_client


def samples(flock: Flock) -> int:
    return flock.status().counters["samples"]


def test_an_exchange_is_a_measurement_on_both_sides(make: Make) -> None:
    """Each answer is a sample for the caller, each further call one for the called; every stamp is above its cause."""
    client, server = make("client"), make("server")
    for _ in range(5):
        at_server, at_client = call(client, server)
        assert (at_server.outcome, at_client.outcome) == ("adopted", "adopted")
        assert (at_server.error, at_client.error) == (None, None)
    assert samples(client) == 5
    assert samples(server) >= 3  # the first two calls go by until the caller has shown that it hears the answers
    for flock in (client, server):
        counted = counters(flock)
        assert (counted["injected"], counted["adopted"], counted["refused"]) == (5, 5, 0)
        assert (counted["flock_injected"], counted["flock_taken"], counted["flock_refused"]) == (5, 5, 0)
        (peer,) = flock.status().peers
        assert peer.offset_us is None or abs(peer.offset_us) < 60e6
    assert client.status().peers[0].name == "server"


@pytest.mark.parametrize("client_is_a_flock", [True, False])
def test_a_flock_and_a_clock_understand_each_other(make: Make, client_is_a_flock: bool) -> None:
    """A service with only a clock goes on as before, whichever side it is."""
    flock, clock = make("flock"), Clock(name="clock")
    pair = (flock, clock) if client_is_a_flock else (clock, flock)
    for received in call(*pair):
        assert (received.outcome, received.error, received.flock_header) == ("adopted", None, None)
    assert samples(flock) == 0


def test_without_a_receiver_only_the_plain_header_goes_out(make: Make) -> None:
    """Nobody can be measured who is not named; the timestamp goes out all the same."""
    headers = {"Flocktime-Flock": "copied", "flocktime-flock": "copied"}
    inject(make("a"), headers)
    assert set(headers) == {HEADER}
    for clock in (Clock(), make("b")):
        copied = {"Flocktime": "x", "Flocktime-Flock": "x"}
        inject(clock, copied)
        assert set(copied) == {HEADER}


def test_arguments_that_are_none_are_named(make: Make) -> None:
    """What is no name and no receipt is the caller's mistake, with a flock and with a clock alone; nothing is stamped."""
    for clock in (make("one"), Clock()):
        headers = {HEADER: "as it was"}
        for given, words in (
            ({"reply_to": 5}, "reply_to must be what extract returned, not int"),
            ({"to": 5}, "to must be a str"),
        ):
            with pytest.raises(TypeError, match=words):
                inject(clock, headers, **given)  # type: ignore[arg-type]
        assert headers == {HEADER: "as it was"}
        assert counters(clock)["injected"] == 0


def test_both_headers_are_exactly_as_long_as_documented(make: Make) -> None:
    """32 and 224 characters, ASCII, and no two flock headers alike."""
    flock, seen = make("a"), set()
    for _ in range(10):
        headers: dict[str, str] = {}
        inject(flock, headers, to="b:80")
        assert {name: len(value) for name, value in headers.items()} == {HEADER: 32, FLOCK_HEADER: 224}
        assert headers[FLOCK_HEADER].isascii()
        seen.add(headers[FLOCK_HEADER])
    assert len(seen) == 10


WRONG: dict[str, tuple[Any, str]] = {
    "empty": ("", "malformed"),
    "garbage": ("hello", "malformed"),
    "not ASCII": ("\xe9" * 224, "malformed"),
    "surrogates": ("\ud800" * 224, "malformed"),
    "bytes that are no text": (b"\xff" * 224, "malformed"),
    "no text": (None, "malformed"),
    "a megabyte": ("A" * 1_000_000, "malformed"),
    "newline": ("A" * 223 + "\n", "malformed"),
}


@pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG)
def test_a_flock_header_that_is_none_costs_only_the_measurement(make: Make, value: Any, reason: str) -> None:
    """The plain header beside it counts as ever; the error says what was wrong with the other."""
    flock = make("a")
    sent = Clock().now()
    received = extract(flock, [(HEADER, sent.to_hex()), (FLOCK_HEADER, value)])
    assert (received.outcome, received.remote, received.flock_header) == ("adopted", sent, None)
    assert received.stamp > sent
    assert isinstance(received.error, HeaderError)
    assert received.error.reason == reason
    assert received.error.__traceback__ is None
    alone = extract(flock, [(FLOCK_HEADER, value)])
    assert (alone.outcome, alone.remote, type(alone.error)) == ("malformed", None, HeaderError)
    assert received.stamp < alone.stamp == flock.clock.last
    assert counters(flock) | {"flock_taken": 0, "flock_refused": 2, "adopted": 1, "malformed": 1} == counters(flock)


def _changed(text: str) -> str:
    place = len(text) // 2
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def test_what_the_flock_does_not_vouch_for_is_no_more_than_a_plain_header(make: Make) -> None:
    """Another key, none, a changed character, a second time, two at once: refused by reason, the plain header still merged."""
    flock, seen = make("a"), make("seen")
    cases = {
        "unknown_key": [_header(make("b", key=new_key(2)))],
        "unauthenticated": [_header(make("c", key=None))],
        "forged": [_changed(_header(make("d")))],
        "malformed": [_header(make("e")), _header(make("f"))],
    }
    for reason, values in cases.items():
        sent = Clock().now()
        received = extract(flock, [(HEADER, sent.to_hex()), *((FLOCK_HEADER, value) for value in values)])
        assert isinstance(received.error, HeaderError), reason
        assert (received.outcome, received.remote, received.error.reason) == ("adopted", sent, reason)
        alone = extract(flock, [(FLOCK_HEADER, value) for value in values])
        assert (alone.outcome, alone.remote) == ("malformed" if reason == "malformed" else "refused", None)
    assert samples(flock) == 0
    for _ in range(3):
        call(seen, flock)
    request: dict[str, str] = {}
    inject(seen, request, to="server")
    first, second = extract(flock, request), extract(flock, request)
    assert (first.outcome, first.error) == ("adopted", None)
    assert (second.outcome, second.remote) == ("adopted", first.remote)
    assert isinstance(second.error, HeaderError)
    assert second.error.reason == "replayed"


def _header(flock: Flock) -> str:
    headers: dict[str, str] = {}
    inject(flock, headers, to="server")
    return headers[FLOCK_HEADER]


def test_the_clocks_rules_stay_as_they_are(make: Make) -> None:
    """A stamp too far ahead is refused with a ``DriftError``, though its header is measured; the clock only ticks."""
    flock = make("a", source=SkewedSource(0.0))
    ahead = make("b", source=SkewedSource(3600.0))
    request: dict[str, str] = {}
    sent = inject(ahead, request, to="a")
    received = extract(flock, request)
    assert (received.outcome, received.remote, type(received.error)) == ("refused", sent, DriftError)
    assert received.flock_header is not None
    assert received.stamp < sent
    answer: dict[str, str] = {}
    inject(flock, answer, reply_to=received)
    assert FLOCK_HEADER in answer
    assert extract(ahead, answer).outcome == "adopted"
    assert samples(ahead) == 1


def test_a_malformed_plain_header_does_not_spoil_the_flocks(make: Make) -> None:
    """What the cluster's key vouches for is taken, whatever stands beside it."""
    flock = make("a")
    received = extract(flock, [(HEADER, "yesterday"), (FLOCK_HEADER, _header(make("b")))])
    assert (received.outcome, received.error) == ("adopted", None)
    assert received.remote is not None
    assert received.remote < received.stamp
    malformed = extract(flock, {HEADER: "yesterday"})
    assert (malformed.outcome, type(malformed.error)) == ("malformed", InvalidTimestamp)


def test_a_closed_flock_goes_on_as_a_clock(make: Make) -> None:
    """Requests outlive it: no measurement, no error, timestamps as before."""
    client, server = make("client"), make("server")
    call(client, server)
    server.close()
    with pytest.raises(FlockError):
        server.header("client")
    at_server, at_client = call(client, server)
    assert (at_server.outcome, at_server.error) == ("adopted", None)
    assert (at_client.outcome, at_client.error) == ("adopted", None)
    assert counters(server)["flock_refused"] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_as_a_clock(make: Make) -> None:
    """Its flock is its parent's: messages are stamped by the OS clock, and nothing raises."""
    parent, other = make("parent"), make("other")
    call(parent, other)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            headers: dict[str, str] = {}
            inject(parent, headers, to="other")
            received = extract(parent, {HEADER: Clock().now().to_hex(), FLOCK_HEADER: "x"})
            code = 0 if set(headers) == {HEADER} and received.outcome == "adopted" and received.error is None else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_reply_that_comes_twice_or_too_late_is_a_plain_one(make: Make) -> None:
    """What cannot be replied to any more is answered with the plain header alone."""
    client, server = make("client"), make("server")
    request: dict[str, str] = {}
    inject(client, request, to="server")
    received = extract(server, request)
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    inject(server, first, reply_to=received)
    inject(server, second, reply_to=received)
    assert (FLOCK_HEADER in first, FLOCK_HEADER in second) == (True, False)


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_a_receiver_that_nobody_can_be_called_is_an_error(make: Make, name: str) -> None:
    """It would never be measured, and nobody would hear of it; the message gets no timestamp, and the next one does."""
    flock, headers = make("a"), {"accept": "*/*"}
    with pytest.raises(HeaderError, match=f"1 to 255 bytes, this one has {len(name)}$") as refusal:
        inject(flock, headers, to=name)
    assert refusal.value.reason == "label"
    assert headers == {"accept": "*/*"}
    assert counters(flock)["injected"] == 0
    inject(flock, headers, to="b")
    assert set(headers) == {"accept", HEADER, FLOCK_HEADER}


def test_a_host_may_be_called_anything(make: Make) -> None:
    """A request to a host whose name is too long for a receiver's goes out with the plain header."""
    httpx = pytest.importorskip("httpx")
    from flocktime.integrations.httpx import event_hooks

    (send,) = event_hooks(make("a"))["request"]
    for host, both in (("x" * 252, True), ("x" * 253, False)):
        request = httpx.Request("GET", f"http://{host}/")
        send(request)
        assert (FLOCK_HEADER in request.headers, HEADER in request.headers) == (both, True)


def test_not_ready_is_the_users_own_choice(make: Make) -> None:
    """Who asked for no timestamp before the first synchronisation gets none, from either call."""
    flock = make("a", until_ready="raise")
    with pytest.raises(NotReady):
        inject(flock, {}, to="b")
    with pytest.raises(NotReady):
        extract(flock, {})
