"""``flocktime replay``: clocks are driven causes first, and broken rules are found out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from flocktime import Clock, Timestamp
from flocktime.cli import replay as command
from flocktime.cli.replay import reading
from flocktime.cli.replay.command import MOST_EVENTS
from flocktime.cli.replay.engine import Replayed, replay
from flocktime.cli.replay.recording import LAST_US, Limits, Malformed
from flocktime.clock import ManualSource
from flocktime.testing.strategies import LAST_USABLE_US

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

State = tuple[int, int]  # physical, logical
Tick = Callable[[State, int], State]
Merge = Callable[[State, State], State]


def good_tick(state: State, reading_us: int) -> State:
    return (reading_us, 0) if reading_us > state[0] else (state[0], state[1] + 1)


def good_merge(state: State, remote: State) -> State:
    return max(state, remote)


class StandIn:
    """A clock whose rules can be replaced by wrong ones."""

    def __init__(
        self,
        node: int,
        source: ManualSource,
        *,
        tick: Tick = good_tick,
        merge: Merge = good_merge,
        ticks_after_merge: bool = True,
        own_node: bool = True,
    ) -> None:
        self._node = node if own_node else 0
        self._source = source
        self._tick = tick
        self._merge = merge
        self._ticks_after_merge = ticks_after_merge
        self._state: State = (0, 0)

    def now(self) -> Timestamp:
        self._state = self._tick(self._state, self._source() // 1000)
        return Timestamp(*self._state, node=self._node)

    def update_many(self, timestamps: list[Timestamp], /) -> Timestamp:
        for remote in timestamps:
            self._state = self._merge(self._state, (remote.physical_us, remote.logical))
        if not self._ticks_after_merge:
            return Timestamp(*self._state, node=self._node)
        return self.now()


#: Every way of getting a merge rule wrong that we could think of.
MUTANTS: dict[str, dict[str, object]] = {
    "update ignores the remote": {"merge": lambda state, _: state},
    "update forgets its own state": {"merge": lambda _, remote: remote},
    "update takes the smaller": {"merge": min},
    "update takes the physical part only": {"merge": lambda state, remote: (max(state[0], remote[0]), state[1])},
    "update takes the logical part only": {"merge": lambda state, remote: (state[0], max(state[1], remote[1]))},
    "update takes each part's maximum, physical last": {
        "merge": lambda state, remote: (state[0], 0) if remote[0] >= state[0] else state
    },
    "update does not tick": {"ticks_after_merge": False},
    ">= for > in tick": {"tick": lambda state, at: (at, 0) if at >= state[0] else (state[0], state[1] + 1)},
    "< for > in tick": {"tick": lambda state, at: (at, 0) if at < state[0] else (state[0], state[1] + 1)},
    "tick follows the clock back": {"tick": lambda state, at: (at, state[1] + 1 if at == state[0] else 0)},
    "tick does not count": {"tick": lambda state, at: (at, 0) if at > state[0] else state},
    "tick starts at zero again": {"tick": lambda state, at: (max(at, state[0]), 0)},
    "tick leaves the clock alone, and only counts": {"tick": lambda state, _: (state[0], state[1] + 1)},
    "update runs ahead": {"merge": lambda state, remote: (max(state, remote)[0] + 1, max(state, remote)[1])},
}


def random_log(rng: Random, skew_us: int, *, steps: int = 120) -> str:
    """A log of five hosts with wrong wall clocks that chatter at random; half of the events share a microsecond."""
    hosts = "abcde"
    clocks: dict[str, dict[str, int]] = {host: {} for host in hosts}
    offsets = {host: rng.randint(-skew_us, skew_us) for host in hosts}
    wires: list[dict[str, int]] = []
    rows, true_us = [], 1_700_000_000_000_000
    for step in range(steps):
        host = rng.choice(hosts)
        if wires and rng.random() < 0.4:
            for name, count in wires.pop(rng.randrange(len(wires))).items():
                clocks[host][name] = max(count, clocks[host].get(name, 0))
        clocks[host][host] = clocks[host].get(host, 0) + 1
        if rng.random() < 0.6:
            wires.append(dict(clocks[host]))
        true_us += rng.choice((0, 1))
        rows.append(f"{true_us + offsets[host]} {host} {json.dumps(clocks[host])}\nstep {step}\n")
    rng.shuffle(rows)
    return "".join(rows)


def replayed(text: str, **rules: object) -> Replayed:
    return replay(reading.parse(text, Limits()), make_clock=lambda node, source: StandIn(node, source, **rules))  # type: ignore[arg-type]


def test_the_stand_in_with_the_right_rules_passes(rng: Random) -> None:
    """The stand-in is no mutant itself: with the right rules it contradicts nothing, and agrees with the real clock."""
    for _ in range(20):
        text = random_log(rng, 50)
        ours, theirs = replayed(text), replay(reading.parse(text, Limits()))
        assert ours.contradictions == theirs.contradictions == 0
        assert [event.stamp for event in ours.events] == [event.stamp for event in theirs.events]
        assert ours.before.inverted > 0


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_is_found_out(mutant: str, rng: Random) -> None:
    """Every broken rule leads to contradictions on a log of 120 random events with skewed clocks."""
    assert replayed(random_log(rng, 50), **MUTANTS[mutant]).contradictions > 0


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_makes_the_command_fail(
    mutant: str, rng: Random, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a broken rule the command says what is contradicted and exits with 1; with the real clock with 0."""
    log = tmp_path / "log"
    log.write_text(random_log(rng, 50))
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = parser.parse_args(["replay", str(log)])
    assert command.run(options) == 0
    assert "CONTRADICTED" not in capsys.readouterr().out
    assert command.run(options, lambda node, source: StandIn(node, source, **MUTANTS[mutant])) == 1  # type: ignore[arg-type]
    assert "CONTRADICTED" in capsys.readouterr().out


def test_equal_timestamps_are_contradictions() -> None:
    """Clocks that issue the same timestamp twice are found out, even where no edge joins the two events."""
    text = '2026-01-01 00:00:00 x\na {"a":1}\n2026-01-01 00:00:00 y\nb {"b":1}\n'
    assert replayed(text).contradictions == 0
    outcome = replayed(text, own_node=False)
    assert (outcome.after.inverted, outcome.repeated, outcome.strayed, outcome.contradictions) == (0, 1, 0, 1)


def test_times_that_no_clock_has_shown_are_contradictions() -> None:
    """A mere counter orders all events and is found out: its timestamps are behind the clocks that it was read from."""
    outcome = replayed('a {"a":1}\nx\nb {"a":1, "b":1}\ny\n', tick=lambda state, _: (0, state[1] + 1))
    assert (outcome.after.inverted, outcome.repeated, outcome.strayed, outcome.contradictions) == (0, 0, 2, 2)


def test_carries_are_not_held_against_a_clock() -> None:
    """10,000 events within one microsecond carry into the time twice, which is what they should do."""
    text = "".join(f'1700000000000000 a {{"a":{count}}}\nx\n' for count in range(1, 10_001))
    outcome = replay(reading.parse(text, Limits()))
    assert (outcome.contradictions, max(event.stamp.physical_us for event in outcome.events)) == (
        0,
        1_700_000_000_000_002,
    )


def test_carries_past_the_last_time_are_taken_by_other_clocks() -> None:
    """What the counter carries to from the last time that a log may name, other clocks take; beyond it is refused."""
    events = [{"timestamp": LAST_US, "value": f"event {number}"} for number in range(4_197)]
    sent = {"traceId": "1", "id": "1", "kind": "PRODUCER", "timestamp": LAST_US, "duration": 0,
            "localEndpoint": {"serviceName": "a"}, "annotations": events}  # fmt: skip
    again = {"traceId": "1", "id": "2", "parentId": "1", "kind": "PRODUCER", "timestamp": LAST_US,
             "localEndpoint": {"serviceName": "a"}}  # fmt: skip
    received = {"traceId": "1", "id": "3", "parentId": "2", "kind": "CONSUMER", "timestamp": LAST_US,
                "localEndpoint": {"serviceName": "b"}}  # fmt: skip
    outcome = replay(reading.parse(json.dumps([sent, again, received]), Limits()))
    assert len(outcome.events) == 4_200
    assert outcome.contradictions == 0
    assert outcome.events[-1].stamp.physical_us == LAST_US + 1
    with pytest.raises(Malformed, match="timestamp must lie in"):
        reading.parse(json.dumps([sent, again, received | {"timestamp": LAST_US + 1}]), Limits())


def test_no_log_carries_past_what_clocks_take() -> None:
    """The room after the last time that a log may name suffices for as many events as the option can allow."""
    taken = Timestamp(LAST_USABLE_US, Timestamp.MAX.logical, node=1)
    assert Clock(node=2, source=ManualSource(), max_drift=None).update(taken) > taken
    assert (LAST_USABLE_US - LAST_US) * (Timestamp.MAX.logical + 1) > MOST_EVENTS


def test_causes_are_stamped_first() -> None:
    """A receive that stands before its send in the file is stamped after it all the same."""
    outcome = replay(reading.parse('b {"a":1, "b":1}\nreceives\na {"a":1}\nsends\n', Limits()))
    assert [event.stamp.physical_us for event in outcome.events] == [2, 2]
    assert outcome.events[1].stamp < outcome.events[0].stamp
    assert (outcome.before.inverted, outcome.contradictions) == (1, 0)


def test_without_times_the_order_of_lines_is_judged() -> None:
    """A log without times counts as before whatever its lines put before its cause, and has no wall times to show."""
    outcome = replay(reading.parse('a {"a":2}\nsecond\na {"a":1}\nfirst\n', Limits()))
    assert (outcome.before.judged, outcome.before.inverted) == (1, 1)
    assert [event.wall_us for event in outcome.recording.events] == [None, None]


def test_a_process_lives_its_events_in_its_own_order() -> None:
    """A server 60 us behind its client: what its clock dated after the request is stamped after the request."""
    rows = [
        {"traceId": "1", "id": "1", "kind": "CLIENT", "timestamp": 100, "localEndpoint": {"serviceName": "a"}},
        {"traceId": "1", "id": "1", "kind": "SERVER", "timestamp": 40, "localEndpoint": {"serviceName": "b"},
         "annotations": [{"timestamp": 50, "value": "reads"}, {"timestamp": 30, "value": "idles"}]},
    ]  # fmt: skip
    outcome = replay(reading.parse(json.dumps(rows), Limits()))
    client, server, reads, idles = (event.stamp for event in outcome.events)
    assert idles < client < server < reads
    assert (outcome.before.inverted, outcome.before.largest_us) == (1, 60)


def test_a_local_order_that_contradicts_the_trace_gives_way() -> None:
    """A child that its own process dates before its parent is stamped after it: the trace decides, not the times."""
    rows = [
        {"traceId": "1", "id": "2", "parentId": "1", "timestamp": 90},
        {"traceId": "1", "id": "1", "timestamp": 100},
    ]
    outcome = replay(reading.parse(json.dumps(rows), Limits()))
    assert outcome.events[1].stamp < outcome.events[0].stamp
    assert (outcome.before.inverted, outcome.contradictions) == (1, 0)


def test_an_event_without_a_time_takes_that_of_the_event_before() -> None:
    """A process's clock stands still over an event whose time the log does not give; the wall clock is not blamed."""
    text = "".join(
        f'{time} x\na {{"a":{at}}}\n'
        for at, time in enumerate(("-", "2026-01-01 00:00:01", "-", "2026-01-01 00:00:02"), 1)
    )
    outcome = replay(reading.parse(text, Limits()))
    seconds = [(event.stamp.physical_us - 1_767_225_600_000_000, event.stamp.logical) for event in outcome.events]
    assert seconds == [(1_000_000, 0), (1_000_000, 1), (1_000_000, 2), (2_000_000, 0)]
    assert (outcome.before.judged, outcome.before.inverted) == (0, 0)


def test_nodes_are_the_same_on_every_run_and_differ_between_files() -> None:
    """A replay is repeatable to the bit; the same log as the second file has other nodes, and no equal timestamp."""
    text = 'a {"a":1}\nx\nb {"b":1}\ny\n'
    first, again, second = (replay(reading.parse(text, Limits()), number) for number in (1, 1, 2))
    assert [event.stamp for event in first.events] == [event.stamp for event in again.events]
    assert {event.stamp for event in first.events}.isdisjoint(event.stamp for event in second.events)
    assert [event.stamp.node for event in second.events] == [2 << 32 | 1, 2 << 32 | 2]


def test_wall_clocks_far_apart_are_not_refused() -> None:
    """A host in 2051 and one in 1971 are judged like any other: nothing is refused."""
    text = '2051-01-01 00:00:00 x\na {"a":1}\n1971-01-01 00:00:00 y\nb {"a":1, "b":1}\n'
    outcome = replay(reading.parse(text, Limits()))
    assert outcome.contradictions == 0
    assert outcome.events[1].stamp.to_datetime().year == 2051
