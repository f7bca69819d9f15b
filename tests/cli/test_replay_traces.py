"""``flocktime replay`` over logs of real systems, which are no part of this repository.

They are looked for where the environment variable ``FLOCKTIME_TRACES`` points. Without them these tests are skipped; the
formats have small logs of their own in the other tests.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flocktime import Timestamp
from flocktime.cli import replay as command
from flocktime.cli.replay import reading
from flocktime.cli.replay.engine import replay
from flocktime.cli.replay.recording import Limits, Malformed
from flocktime.cli.replay.suspect import suspicion

if TYPE_CHECKING:
    from flocktime.testing import ManualSource

ROOT = Path(__file__).parent.parent.parent
TRACES = Path(os.environ.get("FLOCKTIME_TRACES") or ROOT.parent / "shared" / "traces")

pytestmark = pytest.mark.skipif(
    not TRACES.is_dir(),
    reason=f"no traces at {TRACES}: set FLOCKTIME_TRACES to a folder with spans/ and vector-clocks/",
)


@dataclass(frozen=True)
class Expected:
    """What a file holds. ``inverted`` counts edges by wall time, or by order of lines where there is none."""

    name: str
    processes: int
    events: int
    messages: int
    inverted: int


SOUND = [
    Expected("spans/messaging-kafka.json", 2, 56, 3, 3),
    Expected("spans/skew.json", 2, 8, 2, 1),
    Expected("spans/smartthings-mobile-web-install.json", 136, 1915, 609, 17),
    Expected("spans/smartthings-oauth-authorization.json", 41, 340, 112, 3),
    Expected("spans/yelp.json", 6, 33, 10, 0),
    Expected("vector-clocks/chord.log", 8, 1235, 541, 484),
    Expected("vector-clocks/facebook.log", 4, 47, 23, 1),
    Expected("vector-clocks/reliable-broadcast.log", 4, 116, 48, 0),
    Expected("vector-clocks/simpledb.log", 5, 509, 95, 72),
    Expected("vector-clocks/voldemort.log", 20, 864, 34, 0),
]
MALFORMED = "vector-clocks/voldemort-simple-threadnames.log"


def path_of(name: str) -> Path:
    path = TRACES / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the traces at {TRACES}")
    return path


@pytest.mark.parametrize("expected", SOUND, ids=lambda expected: expected.name)
def test_no_contradiction_after(expected: Expected) -> None:
    """Every sound file is read whole, and no timestamp contradicts what the file says of causality."""
    outcome = replay(reading.read(path_of(expected.name), Limits()))
    recording = outcome.recording
    found = Expected(
        expected.name,
        len(recording.processes),
        len(recording.events),
        sum(link.carried for link in recording.links),
        outcome.before.inverted,
    )
    assert found == expected
    assert outcome.after.judged == len(recording.links)
    assert (outcome.after.inverted, outcome.repeated, outcome.strayed) == (0, 0, 0)


class Deaf:
    """A clock whose ``update`` ignores what it is given."""

    def __init__(self, node: int, source: ManualSource) -> None:
        self._node, self._source = node, source
        self._state = (0, 0)

    def now(self) -> Timestamp:
        at = self._source() // 1000
        self._state = (at, 0) if at > self._state[0] else (self._state[0], self._state[1] + 1)
        return Timestamp(*self._state, node=self._node)

    def update_many(self, _: list[Timestamp], /) -> Timestamp:
        return self.now()


@pytest.mark.parametrize("name", [expected.name for expected in SOUND if expected.inverted])
def test_a_deaf_clock_is_found_out(name: str) -> None:
    """Clocks that ignore what they receive contradict every file in which wall times do: the zero is no accident."""
    outcome = replay(reading.read(path_of(name), Limits()), make_clock=Deaf)
    within = suspicion(outcome).within  # those are mended by program order alone
    assert (outcome.after.inverted > 0) == (outcome.before.inverted > within)


def test_the_malformed_log_is_refused() -> None:
    """The log in which an event lacks its own entry is refused with the line of that event."""
    with pytest.raises(Malformed, match="lacks its own entry") as refusal:
        reading.read(path_of(MALFORMED), Limits())
    assert refusal.value.line == 1001


def test_half_of_the_receives_in_chord_precede_their_send() -> None:
    """274 of 541 receives stand above their send in the file, and are replayed after it all the same."""
    recording = reading.read(path_of("vector-clocks/chord.log"), Limits())
    received = {link.effect: link.cause for link in recording.links if link.carried}
    assert (len(received), sum(cause > effect for effect, cause in received.items())) == (541, 274)


def test_the_server_before_its_client_is_named() -> None:
    """In skew.json the server is dated 65 ms before its client: serviceb is behind, or servicea ahead."""
    found = suspicion(replay(reading.read(path_of("spans/skew.json"), Limits())))
    assert [(suspect.process, suspect.ahead) for suspect in found.named] == [("serviceb", False), ("servicea", True)]
    assert {(suspect.at_least_us, suspect.at_most_us) for suspect in found.named} == {(65_441, 66_403)}
    assert not any(suspect.only_responses for suspect in found.named)


def test_all_files_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command reports every file, writes every sound event by its stamp, and exits with 2 for the bad one."""
    paths = [str(path_of(name)) for name in [*(expected.name for expected in SOUND), MALFORMED]]
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    output = tmp_path / "merged.jsonl"
    assert command.run(parser.parse_args(["replay", "--json", "--output", str(output), *paths])) == 2
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [result["after"]["inverted"] for result in document["files"]] == [0] * len(SOUND)
    assert [(refused["file"], refused["line"]) for refused in document["malformed"]] == [(paths[-1], 1001)]
    stamps = [json.loads(line)["stamp"] for line in output.read_text().splitlines()]
    assert len(stamps) == sum(expected.events for expected in SOUND)
    assert stamps == sorted(set(stamps))
