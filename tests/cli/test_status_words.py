"""A status in words: what is wrong, each in a sentence, and numbers with their units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flocktime.cli.status.words import facts, moment, ppm, span, warnings
from flocktime.flock import Flock, new_key
from tests.cli.statuses import ALONE, FULL, PEER
from tests.unit.flocks import ROUND_S, until


def test_everything_that_is_wrong_is_said() -> None:
    """Wrong peers, a wrong self, stamps of a future, names and sockets that fail: each has its sentence."""
    text = "\n".join(warnings(FULL))
    for words in (
        "wrong: 10.0.0.3:7700 (node 00000000002a) is +788400000.000000 s off",
        "the odd one out",
        "788,400,000.000 s ahead of its time",
        "ConnectionError: away",
        "flock.local:7700: no such host",
        "Network is unreachable",
    ):
        assert words in text
    rows = dict(facts(FULL))
    assert rows["offset"] == "-1.2 us ± 1.2 ms to the flock's mean"
    assert rows["UTC"] == "+1.5 ms ± 300.0 us from the flock's time"
    assert rows["time"] == "2026-11-23 01:57:54.12 UTC, epoch 3"
    assert rows["OS clock"] == "-2.500 s from the flock's time"


@pytest.mark.parametrize(
    ("counters", "words"),
    [
        ({"unknown_key": 7}, "7 packets were refused: 7 signed with a key that this member does not have; do all"),
        ({"forged": 7}, "7 packets were refused: 7 signed with another secret under the same key id; do all"),
        ({"unauthenticated": 7}, "7 packets were refused: 7 not signed, though this member has a key; do all"),
        ({"version": 7}, "7 packets were refused: 7 of another major version; do all"),
        ({"unknown_key": 2, "malformed": 3}, "5 packets were refused: 2 signed with a key that this member does not"),
    ],
)
def test_packets_that_are_refused_are_said(counters: dict[str, int], words: str) -> None:
    """As long as nobody is heard: how many, why, and what to look at."""
    peers = (replace(PEER, verdict="silent"),)
    (warning,) = warnings(replace(ALONE, counters={"received": 9, **counters}, peers=peers, io={"datagrams_sent": 9}))
    assert words in warning
    heard = replace(ALONE, counters=counters, peers=(replace(PEER, verdict="good"),))
    assert warnings(heard) == []


@pytest.mark.parametrize(
    ("changed", "is_said"),
    [
        ({}, True),
        ({"counters": {"received": 3, "own": 3}}, True),
        ({"counters": {"received": 3, "own": 2}}, False),
        ({"round": 9}, False),
        ({"io": {"datagrams_sent": 0}}, False),
        ({"io": {}}, False),
    ],
)
def test_peers_that_do_not_answer_are_said(changed: dict[str, Any], is_said: bool) -> None:
    """Only after some rounds, where something was sent, and where nothing at all has come but what was its own."""
    found = warnings(replace(ALONE, **{"io": {"datagrams_sent": 40}, **changed}))
    assert [warning.startswith("40 datagrams were sent and none came back") for warning in found] == [True] * is_said


def test_a_wrong_key_is_said_on_both_sides() -> None:
    """Who asks with it hears nothing, who is asked refuses; both say so, and what it may be."""
    given = {"round": ROUND_S, "anchor": False}
    with Flock("127.0.0.1:0", key=new_key(1), name="right", **given) as right:  # type: ignore[arg-type]
        peers = [str(right.address)]
        with Flock("127.0.0.1:0", peers, key=new_key(2), name="wrong", **given) as wrong:  # type: ignore[arg-type]
            until(lambda: any("signed with a key that" in each for each in warnings(right.status())))
            until(lambda: any("have the peers another key?" in each for each in warnings(wrong.status())))


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (None, "-"),
        (0.0, "0.0 us"),
        (999.94, "999.9 us"),
        (999.95, "1.0 ms"),
        (-999_949.0, "-999.9 ms"),
        (1e6, "1.000 s"),
    ],
)
def test_units(us: float | None, words: str) -> None:
    """A time has the unit that suits it, and never a thousand of the smaller one."""
    assert span(us) == words


def test_what_cannot_be_shown() -> None:
    """A time beyond the calendar and a rate that nobody knows are words, no tracebacks."""
    assert moment(1 << 63) == "beyond the year 9999"
    assert moment(None) == "not shown before it is synchronised"
    assert ppm(None) == "-"
