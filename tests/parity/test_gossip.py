"""Villages of both backends: under the same schedule of readings, random numbers, delays and losses they send the same bytes."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from flocktime._fallback.discipline import Discipline
from tests.parity.twins import KEYS, SECOND_NS, Twins
from tests.parity.village import Village

HOUR_NS = 3600 * SECOND_NS
PLAIN: list[dict[str, Any]] = [{} for _ in range(6)]


def _states(village: Village) -> list[str]:
    return [member.agree()["state"] for member in village.members]


def test_a_village_for_two_minutes(rng: Random) -> None:
    """Quiet members of every kind: not a bit differs over 120 rounds, and they come to agree."""
    kinds: list[dict[str, Any]] = [
        *PLAIN,
        {"anchor": 20_000_000, "fanout": 2, "view": 3},
        {"steer": False},
        {"refuse": True, "max_drift_us": 200_000},
        {"anchor": -1},
    ]
    village = Village(rng, kinds)
    first, _, third, *_, seventh, _, _, last = village.members
    first.os_error_ns, last.os_error_ns = 20_000_000, 300_000
    seventh.os_offset_ns = first.os_offset_ns
    village.run(120)
    states = _states(village)
    assert states.count("synchronised") == 9, states
    assert states[7] == "monitoring"
    assert third.agree()["utc"] is not None, "anchors are heard of by all"


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_few(size: int, rng: Random) -> None:
    """Where there is no quorum, or only just one, nothing differs either."""
    village = Village(rng, PLAIN[:size], lost=0.2)
    village.run(60)
    village.disturb(village.members[0], os_ns=-HOUR_NS, raw_ns=SECOND_NS)
    village.run(40)
    village.disturb(village.members[-1], raw_ns=10 * HOUR_NS)
    village.run(40)


def test_steps_and_a_runaway(rng: Random) -> None:
    """Clocks that are set, oscillators that jump either way, members that are stopped: degraded, named, back, all the same."""
    village = Village(rng, PLAIN)
    first, second, third, fourth, fifth, _ = village.members
    village.run(30)
    assert set(_states(village)) == {"synchronised"}
    seen: set[str] = set()
    verdicts: set[str] = set()
    disturbances: list[tuple[Twins, dict[str, int]]] = [
        (first, {"os_ns": 25 * 365 * 24 * HOUR_NS}),
        (second, {"raw_ns": 700_000_000}),
        (third, {"raw_ns": -SECOND_NS}),
        (fourth, {"raw_ns": -20 * SECOND_NS, "os_ns": HOUR_NS}),
        (fifth, {"raw_ns": HOUR_NS}),
    ]
    for member, moves in disturbances:
        village.disturb(member, **moves)
        for _ in range(20):
            village.run(1)
            seen.update(_states(village))
            verdicts.update(peer["verdict"] for member in village.members for peer in member.agree()["peers"])
    assert {"synchronised", "degraded"} <= seen, seen
    assert {"good", "wrong", "listening"} <= verdicts, verdicts


@pytest.mark.parametrize("size", [3, 6])
def test_degraded_and_cut_off(size: int, rng: Random) -> None:
    """A member far from its flock that loses it, and a flock that is cut in two and heals: the same on the way."""
    village = Village(rng, PLAIN[:size], lost=0.0)
    village.run(60)
    assert set(_states(village)) == {"synchronised"}
    seen: set[str] = set()
    for step_ns in (2 * SECOND_NS, -HOUR_NS):
        village.disturb(village.members[0], raw_ns=step_ns)
        for lost, seconds in ((0.0, 8), (1.0, 30), (0.0, 30)):
            village.lost = lost
            for _ in range(seconds):
                village.run(1)
                seen.update(_states(village))
    assert {"synchronised", "alone", "degraded" if size > 3 else "joining"} <= seen, "three are too few to be degraded"


def test_a_moments_freeze(rng: Random) -> None:
    """An oscillator that stands still for ten milliseconds: degraded for a while, and what is shown never falls."""
    village = Village(rng, PLAIN)
    village.run(60)
    assert set(_states(village)) == {"synchronised"}
    member, seen, shown = village.members[0], set(), 0
    member.true_ns = village.now_ns
    member.freeze()
    village.run(0.01)
    member.true_ns = village.now_ns
    member.thaw()
    for _ in range(300):
        village.run(0.1)
        member.true_ns = village.now_ns
        seen.add(member.agree()["state"])
        before, shown = shown, Discipline(*member.returned("guidance")["discipline"]).at(member.raw_ns)
        assert shown > before, "what is shown fell"
    assert "degraded" in seen, seen
    assert member.agree()["state"] == "synchronised"


def test_h_goes_back_while_degraded(rng: Random) -> None:
    """Far ahead, degraded, and then the oscillator goes back, with its flock and without."""
    village = Village(rng, PLAIN, lost=0.0)
    village.run(60)
    village.disturb(village.members[0], raw_ns=HOUR_NS)
    for lost in (0.0, 1.0):
        village.run(20)
        assert _states(village)[0] == "degraded"
        village.lost = lost
        village.disturb(village.members[0], raw_ns=-30 * SECOND_NS)
        village.run(40)
    assert _states(village)[0] == "alone"


def test_members_that_are_told_of_themselves(rng: Random) -> None:
    """An address that is one's own is asked once, counted and avoided, also when it is told again; after an hour once more."""
    village = Village(rng, PLAIN[:3], lost=0.0)
    addresses = [member.address for member in village.members]
    for _ in range(3):
        for member in village.members:
            member.set_peers(addresses)
        village.run(10)
    for member in village.members:
        counters = member.agree()["counters"]
        assert (counters["own_addresses"], counters["own"]) == (1, 1)
        assert member.address not in [peer["name"] for peer in member.agree()["peers"]]
    alone = Village(rng, PLAIN[:1], lost=0.0)
    alone.members[0].set_peers([alone.members[0].address])
    alone.run(3650, agree_every_ns=60 * SECOND_NS)
    assert alone.members[0].agree()["counters"]["own_addresses"] == 2


def test_what_anchors_say(rng: Random) -> None:
    """Anchors that may be wrong by more than a second, several of one origin, and wrong ones: weighed alike."""
    kinds: list[dict[str, Any]] = [{}, {}, {}, {"origin": 7}, {"origin": 7}, {"origin": 7}, {}, {"anchor": 10**9}]
    village = Village(rng, kinds)
    errors_ns = (2_000_000_000, None, 999_999_999, 1_000_000, 1_000_000, 1_000_000_001, 3_000_000, None)
    for member, error_ns in zip(village.members, errors_ns, strict=True):
        member.os_error_ns, member.os_offset_ns = error_ns, 0
    village.members[4].os_offset_ns = 300_000_000
    village.run(60)
    assert sum(member.agree()["utc"] is not None for member in village.members) >= 3
    assert {member.agree()["shared_origins"] for member in village.members} == {1}
    village.disturb(village.members[6], raw_ns=HOUR_NS)
    village.run(60)


def test_churn(rng: Random) -> None:
    """Members that stop and start again, as somebody new or with other peers: the same bytes."""
    village = Village(rng, [*PLAIN, *PLAIN], lost=0.1)
    for _ in range(12):
        village.run(10)
        gone = rng.choice(village.members)
        gone.running = not gone.running
        reborn = rng.choice(village.members)
        reborn.start()
        moved = rng.choice(village.members)
        moved.set_peers(
            rng.sample([other.address for other in village.members if other is not moved], rng.randrange(11))
        )


def test_junk_and_replays(rng: Random) -> None:
    """Noise, cut and flipped packets, recordings, other people's addresses and keys: refused alike, counted alike."""
    village = Village(
        rng, [*PLAIN[:4], {"keys": ()}, {"keys": ("2:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg", *KEYS)}]
    )
    addresses = [*(member.address for member in village.members), "192.0.2.1:9", "[2001:db8::7]:7000", "[fe80::1%4]:1"]
    for _ in range(40):
        village.run(1)
        for _ in range(10):
            sender, to, data = rng.choice([each for each in village.delivered if each[2]])
            kind = rng.randrange(6)
            if kind == 0:
                data = rng.randbytes(rng.choice([0, 3, 4, 167, 168, 169, 256, 257]))
            elif kind == 1:
                data = data[: rng.randrange(len(data))]
            elif kind == 2:
                place = rng.randrange(len(data))
                data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
            elif kind == 3:
                sender = rng.choice(addresses)
            elif kind == 4:
                to = rng.choice(addresses[:6])
            village.hand_over(sender, to, data)
    counted = {name for member in village.members for name, n in member.agree()["counters"].items() if n}
    assert {"malformed", "unknown_key", "unauthenticated", "forged", "replayed", "unproven", "own"} <= counted, counted


def test_a_flood_of_strangers(rng: Random) -> None:
    """More strangers in a round than are answered, and more than are remembered: the same answers, and the same are held back."""
    village = Village(rng, PLAIN[:2])
    village.run(2)
    asked = next(data for _, to, data in village.delivered if to == village.members[0].address and data[4] == 1)
    stranger = Twins(rng, 9)
    answers = 0
    for number in range(300):
        answers += village.hand_over(f"10.1.{number >> 8}.{number & 255}:7", village.members[0].address, asked)
    assert answers + village.members[0].agree()["counters"]["unanswered"] == 300
    assert 250 < answers <= 256, "some of this round's were given to members already"
    assert stranger.agree()["counters"]["unanswered"] == 0


def test_headers(rng: Random) -> None:
    """The same packets as text, between members who know each other's names only: the same text, the same refusals."""
    village = Village(rng, PLAIN[:4], lost=1.0)
    texts: list[str] = []
    refused: set[str] = set()
    for _ in range(600):
        village.run(0.2)
        one, other = rng.sample(village.members, 2)
        for member in (one, other):
            member.true_ns = village.now_ns
        text: str = one.returned("header", other.address, one.readings())
        texts = [*texts[-50:], text]
        kind = rng.randrange(12)
        if kind == 0:
            text = rng.choice(texts)
        elif kind == 1:
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice("Aa0-_=+ é") + text[place + 1 :]
        elif kind == 2:
            one = other
            other.both("reply_header", text, other.readings())
        how, _ = other.both("take_header", text, other.raw_ns, other.readings())
        replied, answer = other.both("reply_header", text, other.readings())
        if how == "returned" and replied == "returned":
            one.both("take_header", answer, one.raw_ns, one.readings())
        elif how == "raised":
            refused.add(_reason(other, text))
    samples = [member.agree()["counters"]["samples"] for member in village.members]
    assert min(samples) > 20, samples
    assert {"malformed", "replayed", "forged"} & refused, refused


def _reason(member: Twins, text: str) -> str:
    how, error = member.both("take_header", text, member.raw_ns, member.readings())
    return str(error[3].get("reason", "")) if how == "raised" else ""


def test_too_few_random_numbers(rng: Random) -> None:
    """A call that runs out of random numbers is refused by both: made-up ones would look like real ones."""
    member = Twins(rng, 0)
    member.set_peers(["[::1]:7"])
    raw_ns, wall_ns, error_ns, _, stamp = member.readings()
    assert member.both("tick", (raw_ns, wall_ns, error_ns, [], stamp))[0] == "raised"


@pytest.mark.parametrize(
    "options",
    [{"keys": ("x",)}, {"keys": ("0:" + "A" * 43,)}, {"keys": ("70000:" + "A" * 43,)}, {"keys": ("1:AAAA",)}, {"keys": ("1:=",)},
     {"keys": KEYS * 2}, {"keys": tuple(f"{n}:" + "A" * 43 for n in range(1, 19))}, {"keys": ("01:" + "A" * 43,)},
     {"keys": ("1" + "A" * 43,)}, {"keys": ("1:" + "A" * 100,)}, {"anchor": -2}, {"anchor": 10**9 + 1}],
)  # fmt: skip
def test_the_same_refusals(options: dict[str, Any], rng: Random) -> None:
    """Keys and settings that are none: the same error, word for word."""
    from tests.parity.backends import on_both

    readings = Twins(rng, 0).readings()
    make = {"node": 1, "incarnation": 2, "origin": 3, "readings": readings, **options}
    assert on_both(lambda backend: backend.GossipMachine(**make))[0] == "raised"


def test_the_same_refusals_of_addresses(rng: Random) -> None:
    """A text that is no address: the same error."""
    member = Twins(rng, 0)
    for text in (
        "",
        "10.0.0.1",
        "localhost:7",
        "10.0.0.1:70000",
        "[::1]",
        "::1:7",
        "10.0.0.01:7",
        "[::1%x]:7",
        "1.2.3.4:-1",
    ):
        assert member.both("set_peers", [text])[0] == "raised", text
        assert member.both("receive", text, b"", 0, member.readings())[0] == "raised", text
