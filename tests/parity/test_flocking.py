"""The arithmetic of the flock on both backends: machines among puppets that answer with any numbers a packet can carry."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from flocktime._fallback.flocking import State
from flocktime._fallback.gossip.keyring import Keyring
from flocktime._fallback.gossip.packet import Anchor, Echo, Kind, Packet, encode
from flocktime._fallback.timestamp import Timestamp
from tests.parity.twins import KEYS, SECOND_NS, Twins

MOST, MASK = 2**63 - 1, 2**64 - 1
KEYRING = Keyring.parse(KEYS)


class Answer(NamedTuple):
    """What a puppet says about itself, and how long that takes on the way."""

    there_ns: int
    pause_ns: int
    back_ns: int
    lead_ns: int
    y: float
    s: float
    u: float
    error_ns: int
    anchor: Anchor | None
    state: State


class Round(NamedTuple):
    """How the machine's own clocks move, and what it is told."""

    raw_ns: int
    os_ns: int
    os_error_ns: int | None
    answers: list[Answer | None]


def near(limit: int) -> st.SearchStrategy[int]:
    return st.integers(-limit, limit)


DELAYS = st.one_of(st.integers(0, 300_000), st.sampled_from([0, 5_000_000, 19_999_999_999, 20_000_000_001, 2**62]))
LEADS = st.one_of(near(100_000), near(2_000_000), near(10**9), st.sampled_from([0, MOST, -MOST, 10**18, 2**53 + 1]))
RATES = st.one_of(st.floats(-1e-3, 1e-3), st.floats(-5e-5, 5e-5), st.sampled_from([0.0, -0.0, 5e-324, 2e-4, -2e-4]))
ERRORS = st.one_of(st.integers(0, 10**7), st.sampled_from([0, 10**9, 10**9 + 1, 2**53 + 1, MASK - 1]))
ANCHORS = st.none() | st.builds(
    Anchor, st.one_of(near(10**8), st.sampled_from([MOST, -MOST])), ERRORS, st.integers(0, 10)
)
ANSWERS = st.builds(
    Answer, DELAYS, DELAYS, DELAYS, LEADS, RATES, st.floats(-0.06, 0.06), RATES, ERRORS, ANCHORS, st.sampled_from(State)
)
ROUNDS = st.builds(
    Round,
    st.one_of(st.just(0), st.just(0), near(10**6), st.sampled_from([-SECOND_NS, 7 * SECOND_NS, 10**15, -(10**12)])),
    st.one_of(st.just(0), near(10**9), st.sampled_from([3600 * SECOND_NS, 10**18])),
    st.none() | ERRORS,
    st.lists(st.none() | ANSWERS, max_size=6),
)


class Puppet:
    """Answers a machine's requests with what it is told to say."""

    def __init__(self, place: int, rng: Random) -> None:
        self.address = f"10.9.0.{place}:7"
        self.place = place
        self.rng = rng
        self.ahead_ns = rng.choice([0, 10**12, -(10**9), 2**63])
        self.sequence = 0

    def answer(self, twins: Twins, asked: bytes, told: Answer) -> tuple[bytes, int]:
        """The bytes, and when they come back by the machine's H."""
        nonce, sent_ns = int.from_bytes(asked[40:48], "big"), int.from_bytes(asked[48:56], "big")
        came_ns = sent_ns + told.there_ns + self.ahead_ns & MASK
        left_ns = came_ns + told.pause_ns & MASK
        shown_ns = int.from_bytes(asked[56:64], "big", signed=True) + told.there_ns + told.pause_ns + told.lead_ns
        self.sequence += 1
        packet = Packet(
            kind=Kind.REPLY, state=told.state, node=self.place + 1000, incarnation=self.place, origin=self.place + 2000,
            sequence=self.sequence, nonce=self.rng.getrandbits(64) | 1, tx_h_ns=left_ns,
            tx_l_ns=max(-MOST, min(shown_ns, MOST)), y=told.y, s=told.s, u=told.u, error_ns=told.error_ns,
            anchor=told.anchor, echo=Echo(nonce, came_ns), synchronised_once=False,
            stamp=Timestamp.from_int(self.rng.getrandbits(128)),
        )  # fmt: skip
        back_ns = sent_ns + told.there_ns + told.pause_ns + told.back_ns
        return KEYRING.seal(encode(packet)), min(back_ns, MASK)


def _steady(rng: Random, **options: Any) -> Twins:
    """A machine whose rounds are as long as the test's."""
    twins = Twins(rng, 0, fanout=6, **options)
    twins.ppm = 0.0
    return twins


def _live(twins: Twins, puppets: list[Puppet], turn: Round) -> None:
    """One round: the step, the requests, the answers; everything is compared on the way."""
    twins.boot_ns += turn.raw_ns
    twins.os_offset_ns += turn.os_ns
    twins.os_error_ns = turn.os_error_ns
    sent = twins.tick()
    twins.true_ns += SECOND_NS - 1
    sent += twins.tick()
    twins.agree()
    by_address = {puppet.address: puppet for puppet in puppets}
    for (to, asked), told in zip(sent, turn.answers, strict=False):
        if told is not None:
            answer, back_ns = by_address[to].answer(twins, asked, told)
            twins.returned("receive", to, answer, back_ns, twins.readings())
    twins.agree()
    twins.true_ns += 1


def _calm(rng: Random, count: int) -> Round:
    """A round as it is among friends."""
    answers = [
        Answer(
            rng.randrange(50_000, 300_000), rng.randrange(10_000, 90_000), rng.randrange(50_000, 300_000),
            rng.randrange(-40_000, 40_000), rng.uniform(-5e-5, 5e-5), 0.0, 0.0, 50_000, None, State.SYNCHRONISED,
        )
        for _ in range(count)
    ]  # fmt: skip
    return Round(0, 0, None, list(answers))


@given(
    st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([0, 0, 14, 30]), st.booleans(), st.sampled_from([1_000, 500_000]),
    st.sampled_from([None, -1, 0, 10**6]), st.lists(ROUNDS, max_size=12),
)  # fmt: skip
def test_any_numbers(
    seed: int, count: int, calm: int, steer: bool, drift_us: int, anchor: int | None, turns: list[Round]
) -> None:
    """Whatever puppets say, early or after a member has joined: the same steps, rates, verdicts and bytes, to the bit."""
    rng = Random(seed)
    twins = _steady(rng, steer=steer, max_drift_us=drift_us, anchor=anchor)
    puppets = [Puppet(place, rng) for place in range(count)]
    twins.set_peers([puppet.address for puppet in puppets])
    for turn in [*(_calm(rng, count) for _ in range(calm)), *turns]:
        _live(twins, puppets, turn)


def test_ten_quiet_minutes(rng: Random) -> None:
    """Long enough for every stretch of the filter to double and for its window to move on: nothing differs."""
    twins = _steady(rng)
    puppets = [Puppet(place, rng) for place in range(4)]
    twins.set_peers([puppet.address for puppet in puppets])
    for _ in range(800):
        _live(twins, puppets, _calm(rng, 4))
    seen = twins.agree()
    assert seen["state"] == "synchronised"
    assert seen["rate_settled"]
    assert all(peer["rate"] is not None for peer in seen["peers"])
