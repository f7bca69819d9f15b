"""Packets as text, on messages: impostors, restarts, and many on their way at once. Both backends are of one mind about each."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import pytest

from tests.parity.twins import SECOND_NS, Twins

MILLISECOND_NS = SECOND_NS // 1000


class Line:
    """Members that say nothing to each other but by messages."""

    def __init__(self, rng: Random, *members: Twins) -> None:
        self.rng = rng
        self.members = members
        self.now_ns = 0

    def later(self, ns: float) -> None:
        """Time passes; every member does what is due."""
        self.now_ns += int(ns)
        for member in self.members:
            member.true_ns = self.now_ns
            while member.raw_ns >= member.returned("due_ns"):
                member.tick()

    def call(self, client: Twins, server: Twins, label: str = "server") -> tuple[bool, bool]:
        """A question and its answer; whether each was trusted."""
        question: str = client.returned("header", label, client.readings())
        self.later(self.rng.uniform(2e5, 5e5))
        asked = self.taken(server, question)
        answer: str = server.returned("reply_header", question, server.readings())
        self.later(self.rng.uniform(2e5, 5e5))
        return asked, self.taken(client, answer)

    def taken(self, member: Twins, text: str) -> bool:
        """Whether it was trusted; it must not be refused."""
        trusted: bool = member.returned("take_header", text, member.raw_ns, member.readings())[1]
        return trusted


@pytest.mark.parametrize("first", ["client", "impostor"])
def test_nobody_becomes_another_by_coming_back(first: str, rng: Random) -> None:
    """Who shows a member's ids, and comes back with the nonce that it was given, is somebody else: the member is heard as before,
    and again at once after a restart, whoever was there first."""
    server, client = Twins(rng, 0), Twins(rng, 1, incarnation=71)
    impostor = Twins(rng, 1, incarnation=71)
    impostor.os_offset_ns = client.os_offset_ns + 400_000_000
    line = Line(rng, server, client, impostor)
    for _ in range(300):
        impostor.returned("header", "nobody", impostor.readings())  # far ahead in its numbers
    for incarnation in (71, 72):
        client.options["incarnation"] = impostor.options["incarnation"] = incarnation
        if incarnation == 72:
            client.start()
            impostor.start()
        for turn in range(100):
            if turn or first == "impostor":
                line.call(impostor, server)
            assert line.call(client, server) == (turn > 0, True)
            line.later(SECOND_NS / 10)
        seen = server.agree()
        assert seen["counters"]["replayed"] == 0
        assert sum(peer["voted"] for peer in seen["peers"]) <= 1, "one origin, one vote"
        client.agree()


def test_fifty_in_flight(rng: Random) -> None:
    """Five hundred questions a second, each answered after a tenth of one: soon all are trusted, and enough of them are
    measured."""
    client, server = Twins(rng, 0), Twins(rng, 1)
    line = Line(rng, client, server)
    served: deque[tuple[int, str]] = deque()
    trusted: list[bool] = []
    for turn in range(5000):
        question: str = client.returned("header", "server", client.readings())
        line.later(MILLISECOND_NS)
        trusted.append(line.taken(server, question))
        served.append((line.now_ns + 100 * MILLISECOND_NS, question))
        while served and served[0][0] <= line.now_ns:
            how, answer = server.both("reply_header", served.popleft()[1], server.readings())
            if how == "returned":
                trusted.append(line.taken(client, answer))
        line.later(MILLISECOND_NS)
        if turn == 250:
            trusted.clear()
        if turn % 100 == 0:
            client.agree()
            server.agree()
    assert all(trusted)
    for member in (client, server):
        assert member.agree()["counters"]["samples"] > 40


def test_replies_are_to_what_was_taken_in(rng: Random) -> None:
    """What was not taken in, or too long ago, has no reply; a stranger's has one."""

    def replies(text: str) -> bool:
        return bool(server.both("reply_header", text, server.readings())[0] == "returned")

    client, server = Twins(rng, 0), Twins(rng, 1)
    line = Line(rng, client, server)
    question: str = client.returned("header", "server", client.readings())
    assert not replies(question)
    assert not line.taken(server, question)
    assert [replies(question), replies(question)] == [True, False]
    line.call(client, server)
    known: str = client.returned("header", "server", client.readings())
    assert not replies(known)
    assert line.taken(server, known)
    assert [replies(known), replies(known)] == [True, True]
    for _ in range(1024):
        other: Any = client.returned("header", "server", client.readings())
        assert line.taken(server, other)
    assert not replies(known)
    server.agree()
