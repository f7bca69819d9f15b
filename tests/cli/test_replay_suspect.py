"""``flocktime replay``: whose wall clock is wrong, by how much, and when to say that nobody can tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flocktime.cli.replay import reading
from flocktime.cli.replay.engine import replay
from flocktime.cli.replay.recording import Limits
from flocktime.cli.replay.suspect import Suspicion, in_words, suspicion

START = datetime(2026, 1, 1, tzinfo=UTC)


def conversation(offsets_ms: dict[str, float], messages: list[tuple[str, str]], *, travel_ms: float = 1) -> str:
    """A log in which each pair is a message, one after the other; every host's wall time is off by its offset."""
    clocks: dict[str, dict[str, int]] = {host: {} for host in offsets_ms}
    rows, true_ms = [], 0.0

    def log(host: str, text: str) -> None:
        clocks[host][host] = clocks[host].get(host, 0) + 1
        wall = START + timedelta(milliseconds=true_ms + offsets_ms[host])
        rows.append(f"{wall:%Y-%m-%d %H:%M:%S.%f} {text}\n{host} {json.dumps(clocks[host])}\n")

    for sender, receiver in messages:
        true_ms += 10
        log(sender, "sends")
        true_ms += travel_ms
        clocks[receiver] |= {host: max(count, clocks[receiver].get(host, 0)) for host, count in clocks[sender].items()}
        log(receiver, "receives")
    return "".join(rows)


def suspected(text: str) -> Suspicion:
    return suspicion(replay(reading.parse(text, Limits())))


ALL_PAIRS = [(one, other) for one in "abcd" for other in "abcd" if one != other]


def test_good_clocks_are_not_suspected() -> None:
    """Where nothing is inverted, nobody is named."""
    found = suspected(conversation(dict.fromkeys("abcd", 0.0), ALL_PAIRS))
    assert (found.between, found.named) == (0, [])
    assert in_words(found) == "no wrong clock evident: no inversion between processes"


@pytest.mark.parametrize("host", "abcd")
@pytest.mark.parametrize("offset", [-70, 70])
def test_one_wrong_clock_among_four_is_named(host: str, offset: int) -> None:
    """Who stands on the wrong side of every inversion is named, with its direction; the bounds enclose the offset."""
    found = suspected(conversation(dict.fromkeys("abcd", 0.0) | {host: offset}, ALL_PAIRS * 3))
    assert [(suspect.process, suspect.ahead) for suspect in found.named] == [(host, offset > 0)]
    suspect = found.named[0]
    assert suspect.explained == found.between > 0
    assert suspect.at_most_us is not None
    assert 60_000 <= suspect.at_least_us < 70_000 < suspect.at_most_us <= 80_000
    assert in_words(found).startswith(f"{host} is {'ahead of' if offset > 0 else 'behind'} ")


def test_the_bounds_are_exact() -> None:
    """A message that took 1 ms over an offset of 70 ms shows at least 69 ms, and one the other way at most 71 ms."""
    found = suspected(conversation({"a": 0, "b": -70}, [("a", "b"), ("b", "a")]))
    assert [(suspect.at_least_us, suspect.at_most_us) for suspect in found.named] == [(69_000, 71_000)] * 2


def test_of_two_parties_either_may_be_wrong() -> None:
    """Two hosts alone cannot tell who is wrong, and both readings are given."""
    found = suspected(conversation({"a": 0, "b": -70}, [("a", "b")] * 4))
    assert {(suspect.process, suspect.ahead) for suspect in found.named} == {("a", True), ("b", False)}
    assert all(suspect.at_most_us is None for suspect in found.named)
    words = in_words(found)
    assert words.startswith("b is behind a, or a ahead of b, ")
    assert words.endswith("by at least 69.000 ms: that explains 4 of 4 inversions between processes")


def test_two_wrong_clocks_are_no_single_culprit() -> None:
    """Inversions that no host explains by more than half: nobody is named, their number and size are."""
    found = suspected(conversation({"a": 0, "b": -70, "c": 0, "d": -50}, [("a", "b"), ("c", "d")]))
    assert found.named == []
    expected = "no single wrong clock evident: 2 inversions between processes over 2 pairs, at most 69.000 ms"
    assert in_words(found) == expected


def test_an_offset_that_changes() -> None:
    """Bounds that contradict each other mean that a clock moved, which is said instead of an empty interval."""
    text = conversation({"a": 0, "b": -70}, [("a", "b")]) + ""
    later = '2026-01-01 00:00:01.0 sends\nb {"a":1,"b":2}\n2026-01-01 00:00:01.001 receives\na {"a":2,"b":2}\n'
    found = suspected(text + later)
    assert "at one time (the offset changes within the log)" in in_words(found)


def test_a_log_without_times_names_nobody() -> None:
    """Without wall times there is no clock to suspect, however disordered the lines are."""
    found = suspected('b {"a":1, "b":1}\nx\na {"a":1}\ny\n')
    assert in_words(found) == "no wall times in this log, so no clock to suspect"


def test_a_clock_that_steps_back_is_told_apart() -> None:
    """An inversion within one process is no offset between processes, and is counted by itself."""
    found = suspected('2026-01-01 00:00:01 x\na {"a":1}\n2026-01-01 00:00:00 y\na {"a":2}\n')
    assert (found.between, found.within, found.named) == (0, 1, [])
    assert in_words(found).endswith("; 1 within one process, where no offset explains them")


def test_evidence_from_responses_alone_is_marked() -> None:
    """A server span that ends after its client's may have been closed late: the report says so if that is all."""

    def half(kind: str, service: str, start: int, duration: int) -> dict[str, Any]:
        made = {"traceId": "1", "id": "1", "kind": kind, "timestamp": start, "duration": duration}
        return made | {"localEndpoint": {"serviceName": service}}

    late = suspected(json.dumps([half("CLIENT", "a", 100, 50), half("SERVER", "b", 110, 60)]))
    assert [suspect.only_responses for suspect in late.named] == [True, True]
    assert "(judged by responses alone, which some servers record late)" in in_words(late)
    early = suspected(json.dumps([half("CLIENT", "a", 100, 50), half("SERVER", "b", 90, 40)]))
    assert [suspect.only_responses for suspect in early.named] == [False, False]
    assert [(suspect.at_least_us, suspect.at_most_us) for suspect in early.named] == [(10, 20)] * 2
