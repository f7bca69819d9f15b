"""What a run has shown, as plain data: the simulator's JSON with types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["MemberOutcome", "Named", "Outcome", "Sample", "Standing", "Summary", "Totals"]

#: Nothing was ever wrong with it; its process or its OS clock was; it lies, or its counter is broken.
Standing = Literal["honest", "troubled", "faulty"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The honest members at one instant of true time, judged from outside. "In step" are those synchronised then."""

    #: Simulated second.
    t_s: float
    #: Honest members that run.
    alive: int
    #: Honest and troubled ones that are in step.
    synchronised: int
    #: Honest members that know their own clock to be far off.
    degraded: int
    #: Honest members that cannot tell who is right.
    undecided: int
    #: Latest less earliest L of those in step, nanoseconds.
    skew_ns: int | None
    #: Median distance of two of them.
    p50_ns: int | None
    #: 99 of 100 pairs are closer.
    p99_ns: int | None
    #: Of those in step, members that know the rates of others.
    settled: int
    #: Latest less earliest L of these, nanoseconds.
    settled_skew_ns: int | None
    #: Latest less earliest L of all honest members, in step or not.
    all_skew_ns: int | None
    #: Standard deviation of the same.
    all_sd_ns: float | None
    #: Latest less earliest physical part of the stamps that those in step would issue at this instant, microseconds.
    #: Who has joined less than a drift limit ago is not judged by stamps: their OS clock may have been ahead, and
    #: stamps never go back.
    stamp_skew_us: int | None
    #: The same of all honest members, in step or not.
    all_stamp_skew_us: int | None
    #: The greatest distance between the physical part of an honest stamp since the last sample and the flock's time
    #: then.
    stamp_error_us: int | None
    #: The most that one of these led its own member's time.
    stamp_lead_us: int
    #: How fast the time of those in step runs against true time, ppm.
    common_rate_ppm: float | None
    #: The slowest honest oscillator.
    slowest_ppm: float
    #: The fastest honest oscillator.
    fastest_ppm: float
    #: The median L of those in step less true time.
    lead_ns: int | None
    #: Between the two sides of the first partition: the difference of their medians.
    gap_ns: int | None
    #: Members in step that call a faulty one wrong.
    accusers: int
    #: Honest members that some member in step calls wrong.
    honest_accused: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole run in a few numbers. "Late" is its last quarter."""

    #: The greatest late skew, nanoseconds.
    skew_max_ns: int | None
    #: The median late skew.
    skew_median_ns: int | None
    #: The greatest late skew of members that know others' rates.
    settled_skew_max_ns: int | None
    #: The greatest late 99th percentile of pairs.
    p99_max_ns: int | None
    #: The greatest late difference of stamps issued at one instant, microseconds.
    stamp_skew_max_us: int | None
    #: The greatest late distance of a stamp from the flock's time.
    stamp_error_max_us: int | None
    #: The most that a late stamp led its own member's time.
    stamp_lead_max_us: int
    #: The mean late common rate, ppm.
    common_rate_ppm: float | None
    #: The slowest honest oscillator late.
    slowest_ppm: float | None
    #: The fastest honest oscillator late.
    fastest_ppm: float | None
    #: From the start: all honest members within a millisecond for the first time, in step or not, seconds.
    below_1ms_s: float | None
    #: The same for 100 µs.
    below_100us_s: float | None
    #: From its start to its first synchronisation: the median member, seconds.
    join_median_s: float | None
    #: The slowest one.
    join_max_s: float | None
    #: Honest processes that ran for a minute or more and never got there.
    never_joined: int
    #: The most honest members that were called wrong at one instant, late.
    honest_accused_max: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole run, of honest members where it does not say otherwise."""

    #: Everything that happened.
    events: int
    #: Datagrams sent, by all.
    datagrams: int
    #: Datagrams that arrived, by all.
    delivered: int
    #: Datagrams for members that were gone.
    unreachable: int
    #: Datagrams that a stopped process had no room for.
    overflowed: int
    #: Bytes of datagrams sent, by all.
    bytes: int
    #: The largest datagram.
    largest: int
    #: Messages of applications, by all.
    messages: int
    #: Rounds of all machines.
    rounds: int
    #: Times that L went back after a member had joined; there must be none.
    backward_ticks: int
    #: The same of faulty members, whose counters may go back.
    backward_ticks_faulty: int
    #: Stamps issued.
    stamps: int
    #: Stamps that were not above the one before; there must be none.
    stamps_backward: int
    #: Stamps that led their own member's time by more than the configured drift limit.
    stamps_beyond_limit: int
    #: Stamps that could not be issued or merged for another reason than drift.
    stamps_failed: int
    #: Messages of honest members in step that one in step refused for drift.
    refused_honest: int
    #: Messages of honest members that had not yet joined.
    refused_joining: int
    #: Messages of troubled members.
    refused_troubled: int
    #: Messages of faulty members.
    refused_faulty: int
    #: Stamps in gossip refused for drift by members that ran at the end.
    refused_gossip: int
    #: Jumps of members' disciplined clocks: running at the end.
    jumps: int
    #: The same after they had joined, as far as it was seen from outside.
    jumps_joined: int
    #: Exchanges completed by members that ran at the end.
    samples: int
    #: Datagrams that members running at the end did not accept.
    rejected: int
    #: Members replaced.
    replaced: int


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody was called wrong."""

    #: Who.
    member: int
    #: And how it is judged from outside.
    standing: Standing
    #: By so many honest members in step at the end.
    accusers: int
    #: At most by so many.
    accusers_most: int
    #: First at this sample.
    first_sample: int


@dataclass(frozen=True, slots=True)
class MemberOutcome:
    """A member at the end."""

    #: Its number.
    member: int
    #: How it is judged.
    standing: Standing
    #: How it says that it stands; `down` without a process.
    state: str
    #: From its start to its first synchronisation, seconds.
    joined_s: float | None
    #: Its L less the flock's median.
    lead_ns: int | None
    #: Its machine thinks that it or its OS clock is wrong.
    suspects_itself: bool
    #: Its clock has refused many and thinks the same.
    clock_suspects_itself: bool
    #: Whom it calls wrong.
    accuses: tuple[int, ...]
    #: Whom it sees farther away than the drift limit.
    apart_from: tuple[int, ...]
    #: Its latest stamp less true time, microseconds.
    stamp_lead_us: int | None
    #: Jumps of its disciplined clock.
    jumps: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: a scenario and a seed."""

    #: The scenario's name.
    name: str
    #: How many members it started with.
    nodes: int
    #: How long it lasted, simulated seconds.
    seconds: float
    #: Its seed.
    seed: int
    #: Every datagram that arrived and every step that was taken, as one number: the same for the same scenario and seed.
    trace: str
    summary: Summary
    totals: Totals
    #: Who was called wrong, and by how many; the most accused first, at most 64.
    named: tuple[Named, ...]
    #: The members at the end: all of a small flock, of a large one those that are not simply honest and synchronised; at
    #: most 256.
    members: tuple[MemberOutcome, ...]
    #: The run from outside, instant by instant.
    series: tuple[Sample, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """From the simulator's JSON, read. A field too many or too few is a ``TypeError``."""
        parts = {
            "summary": Summary(**data["summary"]),
            "totals": Totals(**data["totals"]),
            "named": tuple(Named(**each) for each in data["named"]),
            "members": tuple(_member(each) for each in data["members"]),
            "series": tuple(Sample(**each) for each in data["series"]),
        }
        return cls(**{**data, **parts})

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries, lists and numbers."""
        return asdict(self)


def _member(data: Mapping[str, Any]) -> MemberOutcome:
    return MemberOutcome(**{**data, "accuses": tuple(data["accuses"]), "apart_from": tuple(data["apart_from"])})
