"""What wrong clocks do to the others: one that is set to 2051, and one that steps by an hour either way every ten seconds."""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from itertools import cycle
from math import nan, sqrt
from typing import TYPE_CHECKING

from benches.flock.compared import EVERY_S, Compared, add_synchronised
from benches.flock.figures import Table, quantile
from benches.flock.processes import HarnessError
from benches.flock.rows.skew import settled
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benches.flock.options import Options

__all__ = ["liars", "named_by_all"]

#: From the middle of the twenties to 2051.
TO_2051_S = 25 * 365.25 * 86_400.0
HOUR_S = 3600.0
#: The one steps after so many rounds, there and back.
STEP_ROUNDS = 10
#: What their presence may add.
MOST_RATIO = 1.1
#: A ratio of two skews needs more than one minute; and windows, because what follows within one is not independent.
TIMES, WINDOWS, RESAMPLES = 3, 20, 300


def liars(options: Options) -> Table:
    """One of 16 set to 2051 and one that steps by +-1 h every 10 s: the rms of the others' skew, and who is named."""
    title = "one member in 2051, one that steps by an hour either way, beside a flock without them"
    table = Table("liars", title, options.settings("members", "settle_s", "seconds"))
    rng = options.random()
    with Village() as wrong, Village() as plain:
        for village in (wrong, plain):
            village.start(*sketches(options.members, rng, round=options.round_s))
            village.meet()
        for village in (wrong, plain):
            settled(village, options.settle_s)
        *honest, stepping, runaway = wrong.members
        wrong.ask(runaway, "step", seconds=TO_2051_S)
        with Stepping(wrong, stepping, STEP_ROUNDS * options.round_s) as steps:
            begin = time.monotonic()
            named_s = named_by_all(wrong, honest, [runaway, stepping], 60.0 * max(1.0, options.round_s))
            pause(options.settle_s / 2 - (time.monotonic() - begin))
            during, without = _windows(wrong, plain, honest, options.seconds * TIMES, rng)
            still = sum(_names(wrong, honest, [runaway, stepping]))
            states = {"without them": plain.at_once(honest).states, "with them": wrong.at_once(honest).states}
            steps.check()
    for name, windows in (("without them", without), ("with them", during)):
        # None at all: a mean of squares looks at every pair, so each that is left out could have been the one that counts.
        Compared.together(windows).add_to(table, f"honest {name}: ", most_left_out=0.0)
        add_synchronised(table, states[name].values(), len(honest), f"honest {name}: ")
        table.add(f"honest pairwise skew {name}, rms", rms(_flat(windows)) / 1e3, "us")
        for label, percent in (("p50", 50), ("p99", 99), ("max", 100)):
            table.add(f"honest pairwise skew {name}, {label}", quantile(_flat(windows), percent) / 1e3, "us")
    for label, figure, bar in (("rms", rms, MOST_RATIO), ("p99", partial(quantile, percent=99), None)):
        ratio, low, high = _ratio(figure, during, without, rng)
        table.add(f"{label} with them, times without", ratio, "", most=bar)
        table.add("  the same, 5 % of resamples below", low)
        table.add("  the same, 5 % of resamples above", high)
    table.add("both named by all honest members after", named_s, "s", most=30.0 * max(1.0, options.round_s))
    table.add("named at the end, of the honest members", still, "", least=len(honest), most=len(honest))
    table.remarks.append(
        "both flocks ran at the same time, and the same members of both were compared; the rms is held to the bar, p99 and "
        "max are shown, because a p99 of so few rounds is noise"
    )
    return table


class Stepping:
    """Steps a member's oscillator forth and back, from a thread, as long as it is entered. Nobody else may talk to it then."""

    def __init__(self, village: Village, name: str, every_s: float) -> None:
        self._village, self._name, self._every_s = village, name, every_s
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Stepping:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def check(self) -> None:
        if self._failure is not None:
            raise HarnessError(f"{self._name} could not be stepped: {self._failure}")

    def _run(self) -> None:
        for seconds in cycle((HOUR_S, -HOUR_S)):
            try:
                self._village.ask(self._name, "step", seconds=seconds)
            except Exception as error:  # told by check
                self._failure = error
                return
            if self._stopping.wait(self._every_s):
                return


def named_by_all(village: Village, honest: Sequence[str], wrong: Sequence[str], patience_s: float) -> float:
    """Seconds until every honest member names all of these; NaN if that does not come about."""
    begin = time.monotonic()
    while not all(_names(village, honest, wrong)):
        if time.monotonic() - begin > patience_s:
            return float("nan")
        pause(0.1)
    return time.monotonic() - begin


def _names(village: Village, honest: Sequence[str], wrong: Sequence[str]) -> list[bool]:
    """For each honest member whether it names exactly these."""
    addresses = {village.addresses[name] for name in wrong}
    statuses = village.ask_all("status", honest)
    return [{suspect["name"] for suspect in one["wrong"]} == addresses for one in statuses.values()]


def _windows(
    wrong: Village, plain: Village, names: Sequence[str], seconds: float, rng: random.Random
) -> tuple[list[Compared], list[Compared]]:
    """Pairwise skews of these in both flocks, window by window, taken at the same moments."""
    during: list[Compared] = []
    without: list[Compared] = []
    for _ in range(WINDOWS):
        during.append(Compared.of(len(names), seconds / WINDOWS))
        without.append(Compared.of(len(names), seconds / WINDOWS))
        for instant in wrong.instants(seconds / WINDOWS, EVERY_S, rng, names):
            during[-1].look(instant, names)
            without[-1].look(plain.at_once(names), names)
    return during, without


def _flat(windows: Sequence[Compared]) -> list[int]:
    return [skew for window in windows for skew in window.ns]


def rms(values: Sequence[float]) -> float:
    """The root of the mean square; NaN of nothing."""
    return sqrt(sum(value * value for value in values) / len(values)) if values else nan


def _ratio(
    figure: Callable[[Sequence[float]], float],
    above: Sequence[Compared],
    below: Sequence[Compared],
    rng: random.Random,
) -> tuple[float, float, float]:
    """Of the figures of both; and its 5th and 95th percentile when windows are drawn anew, the same of both."""
    drawn = []
    for _ in range(RESAMPLES):
        places = rng.choices(range(len(above)), k=len(above))
        both = (figure(_flat([windows[at] for at in places])) for windows in (above, below))
        drawn.append(next(both) / next(both))
    return figure(_flat(above)) / figure(_flat(below)), quantile(drawn, 5), quantile(drawn, 95)
