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


def faults(options: Options) -> Table:
    """kill -9 and restart, SIGSTOP, a frozen oscillator, a set clock: back in step within 30 s, and nothing runs backward."""
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
    table.add("stamps", sum(one["stamps"] for one in ticks))
    table.add("stamps that do not rise", sum(one["backward_stamps"] for one in ticks), "", most=0)
    table.add("readings of disciplined clocks", sum(one["disciplined"] for one in ticks))
    table.add("disciplined clocks that fall", sum(one["backward_disciplined"] for one in ticks), "", most=0)
    worst = {name: one["worst_reading_ns"] for name, one in by_name.items()}
    running = [ns for name, ns in worst.items() if name not in frozen]
    table.add("what stamps follow falls by, most", max(running), "ns", most=MOST_READING_NS)
    for name in frozen:
        table.add("  the same where H was frozen", worst[name], "ns", most=FROZEN_READING_NS)


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
