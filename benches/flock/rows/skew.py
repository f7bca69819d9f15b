"""How far apart real processes are: on the loopback, idle and busy, and through a bad network."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benches.flock.compared import add_synchronised, compare
from benches.flock.figures import Table, quantile, spread_us
from benches.flock.processes import HarnessError
from benches.flock.relay import Weather, relay
from benches.flock.village import Village, pause, sketches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.flock.options import Options

__all__ = ["busy", "headers", "loopback", "relayed", "settled"]

CLOSE_NS = 1_000_000
WEATHER = Weather(delay_ms=1.0, jitter_ms=0.5, loss=0.05)
#: Computes until its standard input ends.
COMPUTE = "import threading, sys, os\nthreading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()\nwhile True: pass"


def loopback(options: Options) -> Table:
    """16 members on the loopback of an idle machine."""
    return _measured(options, Table("loopback", "real processes on the loopback", _settings(options)), 50.0)


def busy(options: Options) -> Table:
    """The same beside two processes that compute."""
    table = Table("busy", "real processes on the loopback beside two busy ones", _settings(options))
    return _measured(options, table, 50.0, busy_processes=2)


def relayed(options: Options) -> Table:
    """The same through a relay with 1 ms +- 0.5 ms delay each way and 5 % loss."""
    table = Table("relay", "real processes through a relay, 1 ms +- 0.5 ms each way, 5 % loss", _settings(options))
    return _measured(options, table, 300.0, weather=WEATHER)


def headers(options: Options) -> Table:
    """The same without a socket of the flock's: it rides on the headers of HTTP requests, four a second."""
    table = Table("headers", "real processes, by the headers of HTTP requests only", _settings(options))
    return _measured(options, table, 500.0, http=True)


def _settings(options: Options) -> dict[str, object]:
    return options.settings("members", "settle_s", "seconds")


def _measured(
    options: Options,
    table: Table,
    p99_us: float,
    *,
    weather: Weather | None = None,
    busy_processes: int = 0,
    http: bool = False,
) -> Table:
    rng = options.random()
    with ExitStack() as stack:
        village = stack.enter_context(Village())
        for _ in range(busy_processes):
            stack.enter_context(_busy())
        village.start(*sketches(options.members, rng, round=options.round_s, http=http))
        talker = None
        if weather is not None:
            talker, doors = relay(village.addresses, weather, options.seed)
            stack.callback(talker.close)
            for name, found in doors.items():
                village.ask(name, "peers", peers=list(found.values()))
        else:
            village.meet()
        close_s = settled(village, options.settle_s)
        compared = compare(village, options.seconds, rng)
        spread_us(table, "pairwise skew", compared.ns, p99=p99_us)
        table.add("all within 1 ms after", close_s, "s", most=30.0 * max(1.0, options.round_s))
        add_synchronised(table, village.at_once().states.values(), options.members)
        half = village.half_delays_us()
        table.add("half the least delay, median", quantile(half, 50), "us")
        compared.add_to(table)
        table.add("judgement wrong by at most, p99", quantile(compared.errors_ns, 99) / 1e3, "us", most=p99_us / 10)
        if http:
            total = sum((Counter(one) for one in village.ask_all("talk").values()), Counter[str]())
            table.remarks.append("headers: " + ", ".join(f"{name} {count}" for name, count in total.items()))
        if talker is not None:
            counts = talker.ask("counts")
            table.remarks.append("the relay: " + ", ".join(f"{name} {value:g}" for name, value in counts.items()))
    return table


def settled(village: Village, settle_s: float) -> float:
    """Wait for all to come within a millisecond and to say so, and for what is left of the time to settle. Returns after how
    many seconds they were that close; NaN, and why on the standard error, where that does not come about.
    """
    begin, patience_s = time.monotonic(), max(settle_s, 60.0)
    try:
        close_s, _ = village.until(lambda instant: instant.widest_ns() < CLOSE_NS, patience_s, every_s=0.2)
        village.until(lambda instant: set(instant.states.values()) == {"synchronised"}, patience_s, every_s=0.2)
    except HarnessError as failure:
        print(failure, file=sys.stderr)
        return float("nan")
    pause(settle_s - (time.monotonic() - begin))
    return close_s


@contextmanager
def _busy() -> Iterator[None]:
    """A process that computes."""
    process = subprocess.Popen([sys.executable, "-c", COMPUTE], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.kill()
        process.communicate()
