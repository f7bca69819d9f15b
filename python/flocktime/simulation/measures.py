"""Numbers of a run that bars speak of, and the bars that hold everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flocktime.simulation.judging import Bar, Measure, Row, Run
from flocktime.simulation.outcome import Outcome, Sample, Summary, Totals
from flocktime.simulation.running import Scenario

__all__ = [
    "BELOW_1MS",
    "BELOW_1MS_TOLD",
    "BELOW_100US",
    "JOINED",
    "LATE_FROM_S",
    "SAFETY",
    "STAMPS",
    "astray",
    "closed",
    "gap_us",
    "not_undecided",
    "of_summary",
    "of_totals",
    "off_utc_ms",
    "others_named",
    "own_row",
    "rate_outside",
    "ratio",
    "settled_after",
    "skew",
    "skew_us",
    "stamp_lead_ms",
    "stamps_moved_us",
    "stamps_over_skew",
    "together",
    "typical_skew",
    "unnamed",
    "unsuspecting",
]

LATE_FROM_S: Final = 60.0  # by then a flock that started together has joined


def skew_us(run: Run) -> float | None:
    """The greatest late skew of L."""
    return _us(run.outcome.summary.skew_max_ns)


def _us(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / 1e3


def of_summary(number: Callable[[Summary], float | None], scale: float = 1.0) -> Measure:
    """A number of the summary, divided by ``scale``."""

    def measure(run: Run) -> float | None:
        value = number(run.outcome.summary)
        return None if value is None else value / scale

    return measure


def of_totals(number: Callable[[Totals], float]) -> Measure:
    """A count."""
    return lambda run: float(number(run.outcome.totals))


def ratio(number: Callable[[Outcome], float | None]) -> Measure:
    """A number of the run over that of its baseline."""

    def measure(run: Run) -> float | None:
        if run.baseline is None:
            return None
        own, without = number(run.outcome), number(run.baseline)
        return None if own is None or not without else own / without

    return measure


def stamps_over_skew(run: Run) -> float | None:
    """How many times as far from the flock's time a stamp strays as clocks stray from each other."""
    summary = run.outcome.summary
    if summary.stamp_error_max_us is None or not summary.skew_max_ns:
        return None
    return summary.stamp_error_max_us * 1e3 / summary.skew_max_ns


def rate_outside(run: Run) -> float | None:
    """How far the common rate lies outside of what the honest oscillators span, ppm."""
    summary = run.outcome.summary
    if summary.common_rate_ppm is None or summary.slowest_ppm is None or summary.fastest_ppm is None:
        return None
    return max(0.0, summary.slowest_ppm - summary.common_rate_ppm, summary.common_rate_ppm - summary.fastest_ppm)


def unnamed(run: Run) -> float:
    """Faulty members whom nobody calls wrong at the end."""
    accused = {named.member for named in run.outcome.named if named.accusers}
    return float(sum(m.standing == "faulty" and m.member not in accused for m in run.outcome.members))


def unsuspecting(run: Run) -> float:
    """Members with a wrong OS clock that do not know it at the end."""
    return float(sum(m.standing == "troubled" and not m.suspects_itself for m in run.outcome.members))


def others_named(run: Run) -> float:
    """Members that anybody called wrong, at any time, other than a faulty or a troubled one."""
    return float(sum(named.standing == "honest" for named in run.outcome.named))


def not_undecided(run: Run) -> float:
    """Members that do not say at the end that they cannot tell who is right, and with whom they are apart."""
    return float(sum(m.state != "undecided" or not m.apart_from for m in run.outcome.members))


def stamp_lead_ms(since_s: float = LATE_FROM_S) -> Measure:
    """The most that an honest stamp led its own member's time since then."""
    return lambda run: max((s.stamp_lead_us / 1e3 for s in run.outcome.series if s.t_s >= since_s), default=None)


def stamps_moved_us(run: Run) -> float | None:
    """The farthest that an honest member's last stamp lies from where it is in the baseline."""
    if run.baseline is None:
        return None
    moved = [0]
    for own, without in zip(run.outcome.members, run.baseline.members, strict=True):
        if own.standing == "honest":
            if own.stamp_lead_us is None or without.stamp_lead_us is None:
                return None
            moved.append(abs(own.stamp_lead_us - without.stamp_lead_us))
    return float(max(moved))


def off_utc_ms(run: Run) -> float | None:
    """How far from true time the flock is at the end."""
    lead_ns = run.outcome.series[-1].lead_ns
    return None if lead_ns is None else abs(lead_ns) / 1e6


def gap_us(from_s: float, to_s: float) -> Measure:
    """The greatest distance between both halves while they are cut off from each other."""

    def measure(run: Run) -> float | None:
        gaps = [s.gap_ns for s in run.outcome.series if from_s <= s.t_s <= to_s and s.gap_ns is not None]
        return _us(max(gaps, default=None))

    return measure


def settled_after(event_s: float, fine: Callable[[Sample], bool]) -> Measure:
    """How long after an event all samples are fine for good; ``None`` if the last one is not."""

    def measure(run: Run) -> float | None:
        since: float | None = None
        for sample in reversed(run.outcome.series):
            if sample.t_s < event_s or not fine(sample):
                break
            since = sample.t_s - event_s
        return since

    return measure


def together(members: int, limit_us: float) -> Callable[[Sample], bool]:
    """So many members are in step, and no two farther apart."""
    return lambda s: s.synchronised >= members and s.skew_ns is not None and s.skew_ns < limit_us * 1e3


def closed(limit_us: float) -> Callable[[Sample], bool]:
    """Both sides of a partition are as close."""
    return lambda s: s.gap_ns is not None and s.gap_ns < limit_us * 1e3


def astray(run: Run) -> float:
    """Members that are not in step at the end, or farther than a millisecond from the flock."""
    return float(
        sum(m.state != "synchronised" or m.lead_ns is None or abs(m.lead_ns) > 1e6 for m in run.outcome.members)
    )


#: What holds in every run, whatever is wrong with some members.
SAFETY: Final = (
    Bar("L went back", "", of_totals(lambda totals: totals.backward_ticks), 0),
    Bar("stamps went back", "", of_totals(lambda totals: totals.stamps_backward), 0),
    Bar("stamps failed", "", of_totals(lambda totals: totals.stamps_failed), 0),
    Bar("stamps beyond the drift limit", "", of_totals(lambda totals: totals.stamps_beyond_limit), 0),
    Bar("largest datagram", "bytes", of_totals(lambda totals: totals.largest), 256),
)
JOINED: Final = Bar("members that never joined", "", of_summary(lambda summary: summary.never_joined), 0)
BELOW_1MS: Final = Bar("all within 1 ms", "s", of_summary(lambda summary: summary.below_1ms_s), 30)
BELOW_1MS_TOLD: Final = replace(BELOW_1MS, most=None)
BELOW_100US: Final = Bar("all within 100 µs", "s", of_summary(lambda summary: summary.below_100us_s))
STAMPS: Final = Bar("stamps / skew of L", "x", stamps_over_skew, 10)


def skew(limit_us: float | None) -> Bar:
    """The bar of the greatest late skew."""
    return Bar("skew of L", "µs", skew_us, limit_us)


def typical_skew() -> Bar:
    """Reported beside it: the skew at half of all instants."""
    return Bar("skew of L, half of the time", "µs", of_summary(lambda summary: summary.skew_median_ns, 1e3))


def own_row(scenario: Scenario, name: str) -> Row:
    """A scenario from elsewhere: it is held against what holds everywhere, and the rest is told."""
    return Row(
        name=str(scenario.get("name") or name),
        description="a scenario of your own",
        scenario=scenario,
        bars=(skew(None), typical_skew(), BELOW_1MS_TOLD, BELOW_100US, *SAFETY),
        group="your own",
    )
