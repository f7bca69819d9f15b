"""``flocktime replay``: clocks compared many hosts at a time give what comparing them entry by entry gives."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli.replay import reading
from flocktime.cli.replay.causes import HOSTS_IN_A_BLOCK, Comparison
from flocktime.cli.replay.engine import replay
from flocktime.cli.replay.recording import Limits, Malformed

if TYPE_CHECKING:
    from random import Random
    from types import FrameType

Clock = dict[str, int]


def entry_by_entry(clocks: list[Clock], position: int, causes: dict[str, int]) -> tuple[str | None, set[str]]:
    """The definitions, one entry after the other."""
    for name, cause in causes.items():
        if any(clocks[position].get(other, 0) < count for other, count in clocks[cause].items()):
            return name, set()
    return None, {
        name
        for name, cause in causes.items()
        if not any(
            clocks[other].get(name, 0) >= clocks[cause][name] for rival, other in causes.items() if rival != name
        )
    }


def all_know_all(hosts: int, rounds: int) -> str:
    """In each round every host has heard of every event of the round before."""
    names = [f"h{number}" for number in range(hosts)]
    rows = []
    for turn in range(1, rounds + 1):
        known = dict.fromkeys(names, turn - 1) if turn > 1 else {}
        rows += [f"{name} {json.dumps(known | {name: turn})}\nround {turn}\n" for name in names]
    return "".join(rows)


def steps_to_read(text: str) -> int:
    """Lines of Python run while a log is read: a measure of work that does not depend on the machine."""
    steps = 0

    def count(_: FrameType, event: str, __: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        reading.parse(text, Limits())
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("hosts", [3, HOSTS_IN_A_BLOCK, HOSTS_IN_A_BLOCK + 1, 3 * HOSTS_IN_A_BLOCK])
def test_packed_clocks_compare_like_single_entries(hosts: int, rng: Random) -> None:
    """For random clocks, merged or not, of one block and of several: the same offender and the same senders."""
    names = [f"h{number}" for number in range(hosts)]
    outcomes = set()
    for _ in range(300 if hosts < 10 else 60):
        most = rng.choice((1, 2, 7, 8, 1000))
        heard = rng.sample(names, rng.randint(1, min(hosts, 12)))
        clocks = [
            {name: rng.randint(0, most) for name in rng.sample(names, rng.randint(0, hosts))} | {host: most}
            for host in heard
        ]
        event = {name: max(clock.get(name, 0) for clock in clocks) for name in names}
        if rng.random() < 0.5:
            name = rng.choice(names)
            event[name] = max(0, event[name] - 1)
        clocks.append(event)
        causes = {host: position for position, host in enumerate(heard)}
        found = Comparison(clocks, dict.fromkeys(names, most)).of(len(heard), causes)
        assert found == entry_by_entry(clocks, len(heard), causes)
        outcomes.add((found[0] is None, len(found[1]) in (0, len(heard))))
    assert len(outcomes) == 3  # refused; all are senders, or none; some are


def test_hosts_that_all_know_each_other_take_work_in_proportion_to_the_edges() -> None:
    """Twice the hosts, four times the edges: some four times the work, where entry by entry it would be eight."""
    small, large = steps_to_read(all_know_all(30, 3)), steps_to_read(all_know_all(60, 3))
    assert large < 5 * small


def test_hosts_that_all_know_each_other_are_judged() -> None:
    """Hundreds of hosts that hear from all others in each round: every edge of a round is a message, none brings two."""
    recording = reading.parse(all_know_all(150, 3), Limits())
    assert sum(link.carried for link in recording.links) == 2 * 150 * 149
    assert replay(recording).contradictions == 0


def test_one_entry_that_was_not_merged_is_found_among_hundreds() -> None:
    """The complaint names the event, the entry and the numbers, also where the clocks take several blocks."""
    text = all_know_all(300, 2) + 'last {"last":1, "h299":2, "h7":1}\nx\n'
    with pytest.raises(Malformed, match=r"names event 2 of 'h299', which knew event 1 of 'h0', but itself only 0"):
        reading.parse(text, Limits())
