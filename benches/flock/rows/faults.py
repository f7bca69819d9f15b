"""What happens to a member: killed and started again, stopped, its oscillator frozen, its clock set. Back in step, and when?"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.flock.rows.skew import settled
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benches.flock.options import Options

__all__ = ["add_ticks", "back_in_step", "faults"]

#: In step is what stamps follow within so much of the median of all…
IN_STEP_NS = 1_000_000.0
#: … at so many looks in a row.
STEADY = 5
#: … after so many rounds.
ROUNDS = 3
MEMBERS = 8
HOUR_S = 3600.0
#: Reading through the processor's counter may go back by so much: 1 us for a slope that falls, 1 us for the calibration.
MOST_READING_NS = 2000
#: For so long the counter runs on without looking whether the oscillator beneath does, and a little.
FROZEN_READING_NS = 1_100_000
#: What each ticker looks at in a second of its life at least: of less it would prove little that nothing falls. That is a
#: fiftieth of what it does on an idle machine, since it is stopped for a while, may be young, and others compute beside it.
LEAST_STAMPS, LEAST_READINGS, LEAST_DISCIPLINED = 150.0, 150.0, 3.0


def faults(options: Options) -> Table:
    """kill -9 and restart, SIGSTOP, a frozen oscillator, a set clock: back in step within 30 s, and no stamp ever falls.

    Nor does a disciplined clock. What stamps follow may, by what a reading of it costs: see ``add_ticks``.
    """
    table = Table("faults", "what happens to a member of eight", options.settings("settle_s", "pause_s"))
    with Village() as village:
        village.start(*sketches(MEMBERS, options.random(), round=options.round_s, ticking=True))
        village.meet()
        settled(village, options.settle_s)
        village.ask_all("ready", timeout=55.0)
        for what, fault in _FAULTS.items():
            back_s, worst_others_ns = fault(village, options)
            table.add(f"{what}: back in step after", back_s, "s", most=30.0 * max(1.0, options.round_s))
            table.add(f"{what}: the others from their median meanwhile, most", worst_others_ns / 1e3, "us", most=1000.0)
        add_ticks(table, village, frozen=["m2"])
    return table


def back_in_step(village: Village, names: Sequence[str], patience_s: float) -> float:
    """Seconds until these are synchronised and what their stamps follow lies with the others', and stays so for a while.

    Not before some rounds have ended, so that the state is not one from before.
    """
    begin = time.monotonic()
    since: float | None = None
    steady = 0
    rounds: dict[str, int] = {}
    while time.monotonic() - begin < patience_s:
        shown, answers = village.shown_ns()
        rounds = rounds or {one: answers[one]["round"] for one in names}
        good = all(
            abs(shown[one]) < IN_STEP_NS
            and answers[one]["state"] == "synchronised"
            and answers[one]["round"] >= rounds[one] + ROUNDS
            for one in names
        )
        if not good:
            since, steady = None, 0
        else:
            since = time.monotonic() - begin if since is None else since
            steady += 1
            if steady >= STEADY:
                return since
        pause(0.1)
    return float("nan")


def add_ticks(table: Table, village: Village, frozen: Sequence[str] = ()) -> None:
    """What the threads that stamp all the time have seen.

    ``frozen``: members whose oscillator was. The processor's counter, by which stamps go on for up to a millisecond between
    two readings of it, cannot be frozen with it, as it is in a paused machine; so what they follow falls by up to that.
    """
    by_name = village.ask_all("ticks")
    ticks = list(by_name.values())
    table.remarks += [f"a ticker failed: {one['failure']}" for one in ticks if one["failure"] is not None]
    table.add("tickers that failed", sum(one["failure"] is not None for one in ticks), "", most=0)
    _add_often(table, "stamps", [(one["stamps"], one["seconds"]) for one in ticks], LEAST_STAMPS)
    table.add("stamps that do not rise", sum(one["backward_stamps"] for one in ticks), "", most=0)
    disciplined = [(one["disciplined"], one["seconds"]) for one in ticks]
    _add_often(table, "readings of disciplined clocks", disciplined, LEAST_DISCIPLINED)
    table.add("disciplined clocks that fall", sum(one["backward_disciplined"] for one in ticks), "", most=0)
    _add_often(table, "readings of what stamps follow", [(o["readings"], o["seconds"]) for o in ticks], LEAST_READINGS)
    worst = {name: one["worst_reading_ns"] for name, one in by_name.items()}
    running = max((ns for name, ns in worst.items() if name not in frozen), default=float("nan"))
    us, frozen_us = MOST_READING_NS / 1e3, FROZEN_READING_NS / 1e3
    table.add(f"what stamps follow falls by, most, {us:g} us allowed", running, "ns", most=MOST_READING_NS)
    for name in frozen:
        what = f"  the same where H was frozen, {frozen_us:g} us allowed"
        table.add(what, worst[name], "ns", most=FROZEN_READING_NS)
    table.remarks.append(
        f"no stamp and no disciplined clock may fall at all; what stamps follow may, by {us:g} us, which is what a reading "
        f"through the processor's counter costs, and by {frozen_us:g} us where that counter could not be frozen with H"
    )


def _add_often(table: Table, what: str, seen: Sequence[tuple[int, float]], least: float) -> None:
    """How often all have looked, and the one that did so least often, each (times, seconds): that nothing fell is worth
    something only where there was somebody to see it.
    """
    table.add(what, sum(times for times, _ in seen))
    seldom = min((times / seconds for times, seconds in seen), default=float("nan"))
    table.add("  a second, of the member with the fewest", seldom, "/s", least=least)


def _others(village: Village, names: Sequence[str], seconds: float) -> float:
    """How far the others stray from their own median within so many seconds."""
    chosen = [name for name in village.members if name not in names]
    worst, end = 0.0, time.monotonic() + seconds
    while True:
        shown, _ = village.shown_ns(chosen)
        worst = max(worst, *map(abs, shown.values()))
        if time.monotonic() >= end:
            return worst
        pause(0.1)


def _killed(village: Village, options: Options) -> tuple[float, float]:
    """``kill -9``, and at once started again: another process at the same address under the same name, and a wrong clock."""
    name = "m0"
    village.kill(name)
    worst = _others(village, [name], 2 * options.round_s)
    begin = time.monotonic()
    village.start(replace(village.drawn[name], listen=village.addresses[name]))
    village.meet([name])
    started_s = time.monotonic() - begin
    return started_s + back_in_step(village, [name], 60.0 * max(1.0, options.round_s)), worst


def _stopped(village: Village, options: Options) -> tuple[float, float]:
    """SIGSTOP, and SIGCONT after a while: its raw counter goes on meanwhile, its thread does not."""
    name = "m1"
    village.members[name].stop_by(signal.SIGSTOP)
    worst = _others(village, [name], options.pause_s)
    village.members[name].stop_by(signal.SIGCONT)
    return back_in_step(village, [name], 60.0 * max(1.0, options.round_s)), worst


def _frozen(village: Village, options: Options) -> tuple[float, float]:
    """The oscillator stands still for a while, with the OS clock: a paused virtual machine."""
    name = "m2"
    village.ask(name, "freeze")
    worst = _others(village, [name], options.pause_s)
    village.ask(name, "thaw")
    return back_in_step(village, [name], 90.0 * max(1.0, options.round_s)), worst


def _set(by_s: float, name: str) -> Callable[[Village, Options], tuple[float, float]]:
    """Somebody sets the OS clock, which stamps do not follow any more."""

    def happen(village: Village, options: Options) -> tuple[float, float]:
        village.ask(name, "set_wall", seconds=by_s)
        worst = _others(village, [], 5 * options.round_s)  # nobody strays, whose clock was set least of all
        return back_in_step(village, [name], 60.0 * max(1.0, options.round_s)), worst

    return happen


_FAULTS: dict[str, Callable[[Village, Options], tuple[float, float]]] = {
    "kill -9 and restart": _killed,
    "SIGSTOP": _stopped,
    "frozen H": _frozen,
    "OS clock set an hour ahead": _set(HOUR_S, "m3"),
    "OS clock set an hour back": _set(-HOUR_S, "m4"),
}
