"""Run a recording through clocks: one for each process, messages carrying timestamps, events in a causal order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

from flocktime.cli.judgement import Edge, Event, Verdict, judge_stamps, judge_wall
from flocktime.cli.replay.recording import Malformed, Recorded, Recording, quoted
from flocktime.clock import Clock, ManualSource, Timestamp


class Stamper(Protocol):
    """What the engine asks of a clock."""

    def now(self) -> Timestamp: ...

    def update_many(self, timestamps: list[Timestamp], /) -> Timestamp: ...


#: Makes the clock of a process, from its node and its source of time.
MakeClock = Callable[[int, ManualSource], Stamper]


def unlimited_clock(node: int, source: ManualSource) -> Stamper:
    """A clock that refuses nothing: a log is judged as it is, however wrong its clocks were."""
    clock: Stamper = Clock(node=node, source=source, max_drift=None)
    return clock


@dataclass(slots=True)
class Replayed:
    """A recording with a timestamp for every event, and the verdicts before and after.

    ``before`` holds the log's own wall times against the causal order, or the order of its lines if it has no times;
    ``after`` the timestamps. ``repeated`` counts timestamps that an earlier event has already, ``strayed`` those that
    are earlier than what their own process's clock showed, or later than every clock in their causal past.
    """

    recording: Recording
    events: list[Event]
    edges: list[Edge]
    before: Verdict
    after: Verdict
    repeated: int
    strayed: int

    @property
    def contradictions(self) -> int:
        """What must be 0."""
        return self.after.inverted + self.repeated + self.strayed


def replay(recording: Recording, number: int = 1, make_clock: MakeClock = unlimited_clock) -> Replayed:
    """Stamp and judge. The ``number`` keeps the nodes of several recordings apart.

    Raises:
        Malformed: the causal order of the recording is a circle.
    """
    readings = _readings(recording)
    order = causal_order(recording, readings)
    senders = _senders(recording)
    stamps = _stamps(recording, readings, order, senders, _clocks(recording, number, make_clock))
    untimed = not recording.timed
    events = [
        Event(event.process, event.label, reading if untimed or event.wall_us is not None else None, stamp)
        for event, reading, stamp in zip(recording.events, readings, stamps, strict=True)
    ]
    edges = [Edge(link.cause, link.effect) for link in recording.links]
    return Replayed(
        recording=recording,
        events=events,
        edges=edges,
        before=judge_wall(events, edges),
        after=judge_stamps(events, edges),
        repeated=len(stamps) - len(set(stamps)),
        strayed=_strayed(recording, readings, order, senders, stamps),
    )


def _clocks(recording: Recording, number: int, make_clock: MakeClock) -> dict[str, tuple[Stamper, ManualSource]]:
    made = {}
    for position, process in enumerate(recording.processes, 1):
        source = ManualSource()
        made[process] = make_clock(number << 32 | position, source), source
    return made


def _senders(recording: Recording) -> dict[int, list[int]]:
    """For each event that receives messages, the events that sent them."""
    senders: dict[int, list[int]] = defaultdict(list)
    for link in recording.links:
        if link.carried:
            senders[link.effect].append(link.cause)
    return dict(senders)


def _stamps(
    recording: Recording,
    readings: Sequence[int],
    order: Sequence[int],
    senders: dict[int, list[int]],
    clocks: dict[str, tuple[Stamper, ManualSource]],
) -> list[Timestamp]:
    stamps: dict[int, Timestamp] = {}
    for position in order:
        clock, source = clocks[recording.events[position].process]
        source.set(readings[position])
        received = [stamps[sender] for sender in senders.get(position, ())]
        stamps[position] = clock.update_many(received) if received else clock.now()
    return [stamps[position] for position in range(len(recording.events))]


def _strayed(
    recording: Recording,
    readings: Sequence[int],
    order: Sequence[int],
    senders: dict[int, list[int]],
    stamps: Sequence[Timestamp],
) -> int:
    """How many timestamps name a time that nobody's clock showed: a counter alone is causal, too, but tells no time.

    The physical part lies between the process's own reading and the latest reading in the causal past, and only exceeds
    that where more than 4,096 timestamps share one reading.
    """
    carries = len(recording.events) // (Timestamp.MAX.logical + 1)
    latest: dict[str, int] = defaultdict(int)  # of each process, with all that it has heard of
    seen_by = [0] * len(readings)
    strayed = 0
    for position in order:
        process = recording.events[position].process
        heard = (seen_by[sender] for sender in senders.get(position, ()))
        seen_by[position] = latest[process] = max(readings[position], latest[process], *heard)
        strayed += not readings[position] <= stamps[position].physical_us <= seen_by[position] + carries
    return strayed


def _readings(recording: Recording) -> list[int]:
    """What each process's clock shows at each event.

    That is the recorded wall time; in a log without any, the place in the file; for an event without one in a log that
    has them, the time of the process's event before it (or of its first one that has one).
    """
    if not recording.timed:
        return list(range(1, len(recording.events) + 1))
    readings = [0] * len(recording.events)
    for positions in _queues(recording.events).values():
        times = (recording.events[position].wall_us for position in positions)
        last = next((time for time in times if time is not None), 0)
        for position in positions:
            time = recording.events[position].wall_us
            last = last if time is None else time
            readings[position] = last
    return readings


def _queues(events: Sequence[Recorded]) -> dict[str, list[int]]:
    """The events of each process in the order in which it lived them, as far as the file tells."""
    queues: dict[str, list[int]] = defaultdict(list)
    for position, event in enumerate(events):
        queues[event.process].append(position)
    for positions in queues.values():
        positions.sort(key=lambda position: (events[position].turn, position))
    return dict(queues)


def causal_order(recording: Recording, readings: Sequence[int]) -> list[int]:
    """Every event once, causes first; otherwise by reading, then by place in the file.

    A process's own events are kept in their turn, as it lived them, unless causality forbids it: a trace may say that
    an event which its process dates later came first.

    Raises:
        Malformed: the causal order is a circle.
    """
    events = recording.events
    effects: list[list[int]] = [[] for _ in events]
    causes_left = [0] * len(events)
    for link in recording.links:
        effects[link.cause].append(link.effect)
        causes_left[link.effect] += 1
    queues = {process: positions[::-1] for process, positions in _queues(events).items()}  # the next one stands last
    free = [(readings[position], position) for position, left in enumerate(causes_left) if not left]
    heapify(free)
    in_turn = [(readings[queue[-1]], queue[-1]) for queue in queues.values() if not causes_left[queue[-1]]]
    heapify(in_turn)
    done = [False] * len(events)
    order: list[int] = []
    while free or in_turn:
        _, position = heappop(in_turn or free)  # out of turn only when nobody is in turn
        if done[position]:
            continue
        done[position] = True
        order.append(position)
        for effect in effects[position]:
            causes_left[effect] -= 1
            if not causes_left[effect]:
                heappush(free, (readings[effect], effect))
                if queues[events[effect].process][-1] == effect:
                    heappush(in_turn, (readings[effect], effect))
        queue = queues[events[position].process]
        while queue and done[queue[-1]]:
            queue.pop()
        if queue and not causes_left[queue[-1]]:
            heappush(in_turn, (readings[queue[-1]], queue[-1]))
    if len(order) < len(events):
        circle = _on_circle(recording, done)
        what = f"an event of {quoted(circle.process)} ({quoted(circle.label)})"
        raise Malformed(f"{what} happened before itself: the causal order is a circle", circle.line)
    return order


def _on_circle(recording: Recording, done: Sequence[bool]) -> Recorded:
    """An event of the circle: every event that is left has a cause that is left, so going back ends up on it."""
    cause_of = {link.effect: link.cause for link in recording.links if not done[link.cause]}
    position = next(position for position, is_done in enumerate(done) if not is_done)
    passed: set[int] = set()
    while position not in passed:
        passed.add(position)
        position = cause_of[position]
    return recording.events[position]
