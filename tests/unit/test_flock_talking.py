"""What members tell each other, by datagrams and by headers, with keys and without."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from flocktime import DriftError, EpochError, Timestamp
from flocktime.errors import FlockError, HeaderError, InvalidKey
from flocktime.flock import Flock, FlockStatus, new_key
from flocktime.testing import SkewedSource
from tests.unit.flocks import PATIENCE_S, ROUND_S, Changes, flocks, introduce, together, until

HERE = "127.0.0.1:0"
OLD, NEW = new_key(1), new_key(2)


def exchange(asker: Flock, answerer: Flock) -> None:
    """One request and its answer, by headers alone."""
    asked = asker.header(answerer.name)
    answerer.receive(asked)
    asker.receive(answerer.reply(asked))


def test_headers_alone() -> None:
    """Members without sockets that only send headers know each other's offset; each receipt lies above what was sent."""
    with Flock(name="one", key=OLD, round=ROUND_S) as one, Flock(name="two", key=OLD, round=ROUND_S) as two:
        assert one.address is None
        asked = one.header("two")
        assert len(asked) == 224
        assert asked.isascii()
        before = two.clock.now()
        assert two.receive(asked) > before
        deadline_s = time.monotonic() + PATIENCE_S
        while one.status().peers[0].offset_us is None:  # measured once a round
            assert time.monotonic() < deadline_s
            exchange(one, two)
        (peer,) = one.status().peers
        assert (peer.name, peer.node) == ("two", two.clock.node)
        assert peer.offset_us is not None
        assert peer.delay_us is not None
        assert abs(peer.offset_us) < 1000.0


@pytest.mark.parametrize(
    ("header", "reason"),
    [("", "malformed"), ("x" * 224, "malformed"), ("é" * 224, "malformed"), ("A" * 100_000, "malformed")],
    ids=["empty", "letters", "not ASCII", "long"],
)
def test_headers_that_are_none(header: str, reason: str) -> None:
    """Text that is no packet is refused by name and counted, and leaves the clock alone."""
    with Flock(name="one") as flock:
        before = flock.clock.last
        with pytest.raises(HeaderError) as refusal:
            flock.receive(header)
        assert refusal.value.reason == reason
        assert flock.clock.last == before
        assert flock.status().counters["malformed"] == 1


@pytest.mark.parametrize("wrong", [5, b"x", None])
def test_what_is_no_text_is_refused_by_name(wrong: Any) -> None:
    """A header, or a receiver's name, that is no text: a mistake of the caller's, which names the argument."""
    with Flock(name="one") as flock:
        for call, argument in (
            (flock.receive, "header"),
            (flock.take, "header"),
            (flock.reply, "header"),
            (flock.header, "to"),
        ):
            with pytest.raises(TypeError, match=f"^{argument} must be a str, not {type(wrong).__name__}$"):
                call(wrong)
        assert flock.status().counters["received"] == 0


def test_headers_that_are_not_taken() -> None:
    """Another key, no key, one's own, one seen before, a reply to a stranger who never wrote: each has its own reason."""
    with (
        Flock(name="one", key=OLD) as one,
        Flock(name="two", key=OLD) as two,
        Flock(name="three", key=new_key(1)) as forger,
        Flock(name="four", key=NEW) as stranger,
        Flock(name="five") as unsigned,
        Flock(name="six", key=OLD) as six,
    ):
        exchange(one, two)
        again = one.header("two")
        two.receive(again)
        cases = [
            (forger.header("two"), "forged"),
            (stranger.header("two"), "unknown_key"),
            (unsigned.header("two"), "unauthenticated"),
            (two.header("one"), "own"),
            (again, "replayed"),
        ]
        for header, reason in cases:
            with pytest.raises(HeaderError) as refusal:
                two.receive(header)
            assert refusal.value.reason == reason
        with pytest.raises(HeaderError) as refusal:
            one.reply(six.header("one"))
        assert refusal.value.reason == "not_received"
        for label, length in (("", 0), ("x" * 256, 256), ("é" * 128, 256)):
            with pytest.raises(HeaderError, match=f"1 to 255 bytes, this one has {length}$") as refusal:
                two.header(label)
            assert refusal.value.reason == "label"


def test_the_clock_has_the_last_word() -> None:
    """A header whose stamp the clock refuses raises the clock's error, and the clock is as it was."""
    with Flock(name="one", key=OLD) as one, Flock(name="two", key=OLD) as two:
        two.clock.now()
        one.clock.advance_epoch("drill", force=True)
        one.clock.advance_epoch("drill", force=True)
        with pytest.raises(EpochError):
            two.receive(one.header("two"))  # a stranger so far: nobody vouches for it
        assert two.clock.epoch == 0
        exchange(two, one)  # after this it has proven to be there
        assert two.clock.epoch == 2


def test_rotation_without_a_gap() -> None:
    """Both keys everywhere, the new one first, the new one alone: after each step everybody hears everybody."""
    with flocks(4, key=OLD) as members:
        together(members)
        for keys in ((OLD, NEW), (NEW, OLD), (NEW,)):
            for member in members:
                member.rotate(keys)
                assert refused(member.status()) == 0
        for member in members:
            member.ready(PATIENCE_S)
        late = new_key(3)
        with pytest.raises(InvalidKey, match="twice"):
            members[0].rotate((NEW, NEW))
        members[0].rotate(late)  # too early: the others do not have it
        until(lambda: members[0].state != "synchronised")
        assert all(refused(member.status()) for member in members)


def test_keys_are_not_taken_away() -> None:
    """``rotate(None)``, as from a configuration that was never filled in, is refused, and signatures are asked for as before."""
    with Flock(name="one", key=OLD) as one, Flock(name="two") as unsigned:
        for nothing in (None, ()):
            with pytest.raises(InvalidKey, match="key=None"):
                one.rotate(nothing)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not bytes"):
            one.rotate(OLD.encode())  # type: ignore[arg-type]
        with pytest.raises(HeaderError, match="not signed"):
            one.receive(unsigned.header("one"))


def refused(status: FlockStatus) -> int:
    """What came in and was not believed for its key."""
    return sum(status.counters[name] for name in ("unauthenticated", "unknown_key", "forged"))


def test_who_is_wrong() -> None:
    """A member an hour ahead that only monitors is called wrong by name and by how much, by all others; nobody else is."""
    source = SkewedSource(offset=3600.0)
    given = {"steer": False, "source": source, "round": ROUND_S, "anchor": False}
    with flocks(4) as members, Flock(HERE, name="ahead", **given) as ahead:  # type: ignore[arg-type]
        together(members)
        introduce([*members, ahead])
        for member in members:
            change = Changes(member).wait(lambda change: bool(change.wrong))
            (suspect,) = change.wrong
            assert suspect.name == ahead.address
            assert suspect.node == ahead.clock.node
            assert suspect.offset_us == pytest.approx(3600e6, rel=0.01)
            assert str(suspect).startswith(f"{ahead.address} (node ")
            assert member.metrics()["flocktime_peers_wrong"] == 1.0
            assert member.state == "synchronised"
        until(lambda: ahead.status().suspects_itself)
        assert ahead.state == "monitoring"
        with pytest.raises(EpochError, match="force=True"):
            ahead.advance_epoch("its own time is not the flock's")


def test_a_wrong_clock_beneath_a_member() -> None:
    """A member whose OS clock is an hour ahead joins all the same: its stamps are the flock's, and it suspects itself."""
    source = SkewedSource(offset=3600.0)
    with flocks(4) as members, Flock(HERE, round=ROUND_S, anchor=False, source=source) as ahead:
        together(members)
        assert ahead.clock.now() - members[0].clock.now() > timedelta(minutes=59)
        with pytest.raises(DriftError):
            members[0].clock.update(ahead.clock.now())
        introduce([*members, ahead])
        ahead.ready(PATIENCE_S)
        until(lambda: ahead.status().suspects_itself)
        assert ahead.status().os_offset_us == pytest.approx(3600e6, abs=1e6)
        assert not any(member.status().wrong for member in members)


def test_metrics_are_plain_numbers() -> None:
    """Flat floats, one state among all that is 1, counters in ``_total``; the status is JSON of the same numbers."""
    import json

    with flocks(4) as members:
        together(members)
        metrics = members[0].metrics()
        assert all(type(value) is float for value in metrics.values())
        states = {name: value for name, value in metrics.items() if name.startswith("flocktime_state_")}
        assert [name for name, value in states.items() if value] == ["flocktime_state_synchronised"]
        assert metrics["flocktime_accepted_total"] > 0
        plain = json.loads(json.dumps(members[0].status().as_dict()))
        assert plain["wrong"] == []
        assert len(plain["peers"]) == 3
        assert plain["counters"]["accepted"] >= metrics["flocktime_accepted_total"]


def test_a_callable_for_peers() -> None:
    """It is asked again and again; while it fails the latest answer stays and the failure is in the status."""
    found: list[str] = []
    failing, asked = threading.Event(), threading.Semaphore(0)

    def find() -> list[str]:
        asked.release()
        if failing.is_set():
            raise ConnectionError("the registry is away")
        return found

    def wait_for_calls(count: int) -> None:
        for _ in range(count):
            assert asked.acquire(timeout=PATIENCE_S)

    with flocks(3) as others, Flock(HERE, find, round=ROUND_S, resolve_every=0.02, anchor=False) as flock:
        found += [str(other.address) for other in others]
        flock.ready(PATIENCE_S)
        failing.set()
        wait_for_calls(_drained(asked) + 3)
        status = flock.status()
        assert status.peers_error == "ConnectionError: the registry is away"
        assert len(status.peers) == 3
        failing.clear()
        wait_for_calls(_drained(asked) + 3)
        assert flock.status().peers_error is None
        with pytest.raises(FlockError, match="asks a callable"):
            flock.set_peers(["127.0.0.1:9"])  # the next answer would undo it
        assert len(flock.status().peers) == 3


def _drained(semaphore: threading.Semaphore) -> int:
    while semaphore.acquire(blocking=False):
        pass
    return 0


def test_set_peers_is_all_or_nothing() -> None:
    """A list with one bad name changes nothing; IPv6 is written in brackets."""
    with flocks(4) as members:
        together(members)
        with pytest.raises(ValueError, match="nowhere"):
            members[0].set_peers(["127.0.0.1:9", "nowhere"])
        with pytest.raises(TypeError, match="not a single one"):
            members[0].set_peers("127.0.0.1:9")
        members[0].ready(0)
        members[0].set_peers(["[::1]:9"])


def test_peers_need_a_socket() -> None:
    """A flock that rides on messages alone refuses a list that it could never ask; taking all away is nothing to refuse."""
    with Flock(name="one") as flock:
        with pytest.raises(ValueError, match="peers cannot be given without listen"):
            flock.set_peers(["127.0.0.1:9"])
        flock.set_peers([])


def test_advancing_the_epoch_with_a_quorum() -> None:
    """A synchronised member with a quorum needs no ``force``; everybody follows by ordinary messages, also a newcomer."""
    with flocks(4, key=OLD) as members:
        together(members)
        stamp = members[0].advance_epoch("drill")
        assert stamp.epoch == 1
        assert members[0].clock.stats().last_advance == "drill"
        newcomer = Flock(HERE, [str(m.address) for m in members], key=OLD, round=ROUND_S, anchor=False, name="new")
        with newcomer:
            newcomer.ready(PATIENCE_S)
            assert {member.clock.now().epoch for member in [*members, newcomer]} == {1}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_advancing_the_epoch_without_a_quorum(count: int) -> None:
    """With fewer than three voters nobody vouches for the time: ``EpochError``, unless ``force`` is given."""
    with flocks(count) as members:
        before = members[0].clock.last
        with pytest.raises(EpochError, match="force=True") as refusal:
            members[0].advance_epoch("drill")
        assert (refusal.value.epoch, refusal.value.proposed) == (0, 1)
        assert members[0].clock.last == before or count > 1
        assert members[0].advance_epoch("drill", force=True).epoch == 1


def test_stamps_ahead_are_shown() -> None:
    """Stamps of a future that were taken show as how far the clock leads its time, in the status and the metrics."""
    with Flock(HERE, on_drift="adopt") as flock:
        assert flock.status().ahead_us < 1_000_000
        year_2051 = 2_556_144_000_000_000
        flock.clock.update(Timestamp(year_2051, node=1))
        status = flock.status()
        assert status.time_us is not None
        assert status.ahead_us == pytest.approx(year_2051 - status.time_us, abs=1_000_000)
        assert flock.metrics()["flocktime_stamps_ahead_us"] > 1e12
