"""ShiViz logs: check that the vector clocks are vector clocks, and read the causal order off them.

An event of host ``h`` whose own entry is ``k`` is the ``k``-th event of ``h``. What it knows of another host ``g`` is
the number of ``g``'s events that happened before it. So each event follows its host's previous one, and it follows the
event behind every entry that has grown since. Wall times and timestamps play no part.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from flocktime.cli.replay import layouts
from flocktime.cli.replay.causes import Comparison
from flocktime.cli.replay.entries import Entry, own_entry_missing, wall_times
from flocktime.cli.replay.json_list import described
from flocktime.cli.replay.recording import MOST_PROCESSES, Limits, Link, Malformed, Recorded, Recording, Why, quoted

if TYPE_CHECKING:
    import re

Histories = dict[str, list[int]]  # host -> positions of its events, the k-th at k - 1


def read(text: str, limits: Limits, pattern: re.Pattern[str] | None = None) -> Recording:
    """A log with vector clocks.

    Raises:
        Malformed: the lines, a clock, or the clocks together make no sense.
    """
    found = layouts.read(text, limits, pattern)
    times, timeless = wall_times(found.events)
    histories = _histories(found.events)
    recording = Recording(
        form=f"vector clocks, {found.layout}",
        events=[
            Recorded(entry.host, entry.text, time, entry.line, entry.clock[entry.host])
            for entry, time in zip(found.events, times, strict=True)
        ],
        links=_links(found.events, histories),
    )
    if found.skipped:
        recording.notes.append(f"{found.skipped} line(s) without a vector clock passed over")
    if timeless:
        recording.notes.append(f"{timeless} event(s) without a wall time: not judged by it")
    return recording


def _histories(entries: list[Entry]) -> Histories:
    """The events of each host in their own order, which need not be the order of the file.

    Raises:
        Malformed: an event without a number of its own, or numbers that are not 1, 2, 3, ...
    """
    numbered: dict[str, dict[int, int]] = defaultdict(dict)
    for position, entry in enumerate(entries):
        own = entry.clock.get(entry.host)
        if own is None:
            raise own_entry_missing(entry)
        if own == 0:
            raise Malformed(f"an event of {quoted(entry.host)} has 0 as its own entry: the first one is 1", entry.line)
        earlier = numbered[entry.host].setdefault(own, position)
        if earlier != position:
            raise Malformed(
                f"event {described(own)} of {quoted(entry.host)} stands in the log twice: "
                f"also on line {entries[earlier].line}",
                entry.line,
            )
        if len(numbered) > MOST_PROCESSES:
            raise Malformed(f"more than {MOST_PROCESSES} hosts: is it the host that is read as one?", entry.line)
    histories = {host: [events[own] for own in sorted(events)] for host, events in numbered.items()}
    for host, positions in histories.items():
        for expected, position in enumerate(positions, 1):
            own = entries[position].clock[host]
            if own != expected:
                follows = f"event {described(own)} of {quoted(host)} follows event {expected - 1}"
                raise Malformed(f"{follows}: event {expected} is missing", entries[position].line)
    return histories


def _links(entries: list[Entry], histories: Histories) -> list[Link]:
    """The order within hosts, and an edge for each entry that has grown.

    Raises:
        Malformed: a clock forgets, names what the log does not hold, or does not know what its causes knew.
    """
    learned = _all_learned(entries, histories)  # whole, first: only counts that exist can be compared
    comparison = Comparison([entry.clock for entry in entries], {host: len(all_) for host, all_ in histories.items()})
    links: list[Link] = []
    for positions in histories.values():
        for own, position in enumerate(positions, 1):
            if own > 1:
                links.append(Link(positions[own - 2], position, Why.NEXT))
            causes = learned[position]
            unmerged, direct = comparison.of(position, causes)
            if unmerged is not None:
                raise _not_merged(entries[position], unmerged, entries[causes[unmerged]])
            for name, cause in causes.items():
                links.append(Link(cause, position, Why.CLOCK, carried=name in direct))
    return links


def _all_learned(entries: list[Entry], histories: Histories) -> list[dict[str, int]]:
    """For each event, the events of other hosts that it has just learned of."""
    causes: list[dict[str, int]] = [{}] * len(entries)
    for positions in histories.values():
        known: dict[str, int] = {}
        for own, position in enumerate(positions, 1):
            entry = entries[position]
            learned = _learned(entry, known, own)
            causes[position] = {name: _event(entry, name, count, histories) for name, count in learned.items()}
            known = entry.clock
    return causes


def _learned(entry: Entry, known: dict[str, int], own: int) -> dict[str, int]:
    """The entries of other hosts that have grown since the host's previous event.

    Raises:
        Malformed: one has shrunk or vanished: a host forgets nothing.
    """
    for name, count in known.items():
        if entry.clock.get(name, 0) < count:
            now = f"{described(entry.clock[name])} events" if name in entry.clock else "nothing"
            raise Malformed(
                f"event {own} of {quoted(entry.host)} knows {now} of {quoted(name)}, its previous event knew {count}",
                entry.line,
            )
    return {
        name: count for name, count in entry.clock.items() if name != entry.host and count > known.get(name, 0)
    }  # an entry of 0 says that nothing is known, and is never learned


def _event(entry: Entry, name: str, count: int, histories: Histories) -> int:
    """The position of an event that a clock names.

    Raises:
        Malformed: the log holds no such event.
    """
    positions = histories.get(name, [])
    if count > len(positions):
        raise Malformed(
            f"the clock names event {described(count)} of {quoted(name)}, the log holds {len(positions)} of its events",
            entry.line,
        )
    return positions[count - 1]


def _not_merged(entry: Entry, name: str, cause: Entry) -> Malformed:
    """The complaint about a clock that knows an event, but not what that event knew."""
    other, count = next(item for item in cause.clock.items() if entry.clock.get(item[0], 0) < item[1])
    return Malformed(
        f"the clock names event {entry.clock[name]} of {quoted(name)}, which knew event {count} of "
        f"{quoted(other)}, but itself only {entry.clock.get(other, 0)}",
        entry.line,
    )
