"""Every bar of the clock in one run: ``python -m benches.python.ratios`` from the top of the repository.

Needs flocktime installed and a C compiler; peers take part if they are installed. With ``--check`` the exit code is 1
if a bar is missed, or could not be measured without being left out by ``--without``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

from benches.python import tail
from benches.python.bars import PEER, PEER_CLOCK, REFERENCE, Outcome, judge
from benches.python.figures import print_figures
from benches.yardstick.build import BuildError, load_reference

from flocktime import Clock
from flocktime.cli.bench import forms, machine, peers, report, subjects, timer
from flocktime.cli.bench.timer import Measurement, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 60 blocks of some thirty loops of 2 ms are done long before; a machine that is not is too busy to measure on.
BUDGET_S = 120.0
ABSENT = {"reference": {REFERENCE}, "fallback": {subjects.FALLBACK}, "peers": {PEER, PEER_CLOCK}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    options = _parser().parse_args(arguments)
    try:
        timed, found = _gather(options.without)
    except BuildError as reason:
        print(f"no C reference: {reason}\nleave it out with --without reference", file=sys.stderr)
        return 2
    measured = timer.measure(timed, blocks=options.blocks, budget_s=BUDGET_S, seed=options.seed)
    outcomes = judge(measured, timed, found)
    tails = tail.study(Clock().now, options.tail_calls)
    data = _as_data(measured, timed, found, outcomes, tails)
    if options.json:
        print(json.dumps(data, indent=2))
    else:
        _print(measured, timed, data, outcomes, tails)
    bad = [one for one in outcomes if not _passes(one, options.without)]
    for one in bad if options.check else ():
        print(f"{one.verdict}: {one.bar.operation} against {one.bar.against}", file=sys.stderr)
    return 1 if options.check and bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benches.python.ratios", description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=_blocks, default=60, help="interleaved blocks, %(default)s by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--tail-calls", type=_calls, default=tail.CALLS, help="per thread, %(default)s by default")
    parser.add_argument("--without", action="append", choices=sorted(ABSENT), default=[], help="leave these out")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every bar is met")
    return parser


def _blocks(text: str) -> int:
    return _within(text, timer.LEAST_BLOCKS, 10_000)


def _calls(text: str) -> int:
    return _within(text, 10_000, 5_000_000)


def _within(text: str, least: int, most: int) -> int:
    value = int(text)
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must lie in {least}..={most}, got {value}")
    return value


def _gather(without: Sequence[str]) -> tuple[list[Subject], list[peers.Found]]:
    found = [] if "peers" in without else peers.find()
    timed = [subjects.TIME_NS, *subjects.flocktime()]
    timed += [] if "reference" in without else _reference()
    timed += [] if "fallback" in without else subjects.fallback()
    return timed + [subject for one in found for subject in one.subjects], found


def _reference() -> list[Subject]:
    """The yardstick in the very forms that flocktime is called in."""
    reference = load_reference()
    return [
        Subject("now", REFERENCE, forms.call, (reference.now,)),
        Subject("update", REFERENCE, forms.call_with, (reference.update, reference.now())),
        *subjects.of_stamps(REFERENCE, reference.now(), reference.now()),
    ]


def _passes(one: Outcome, without: Sequence[str]) -> bool:
    if one.met is None:
        return any(one.bar.against in ABSENT[name] for name in without)
    return one.met or one.bar.aim


def _as_data(
    measured: Measurement,
    timed: Sequence[Subject],
    found: Sequence[peers.Found],
    outcomes: Sequence[Outcome],
    tails: Sequence[tail.Tail],
) -> dict[str, Any]:
    data: dict[str, Any] = report.as_data(measured, timed, found, machine.describe())
    data["empty_loop_ns"] = report.spread(measured.ns(timer.EMPTY))
    data["bars"] = [
        {
            **dataclasses.asdict(one.bar),
            "opponent": None if one.opponent is None else one.opponent.who,
            "ratio": None if one.ratio is None else report.spread(one.ratio),
            "net_of_loop": None if one.net is None else round(one.net, 4),
            "met": one.met,
            "verdict": one.verdict,
        }
        for one in outcomes
    ]
    data["tail"] = {"runs": [dataclasses.asdict(one) for one in tails], "cause": tail.explain(tails)}
    return data


def _print(
    measured: Measurement,
    timed: Sequence[Subject],
    data: dict[str, Any],
    outcomes: Sequence[Outcome],
    tails: Sequence[tail.Tail],
) -> None:
    print_figures(measured, timed, data["machine"])
    print(f"\n{'call':10} {'against':24} {'ratio':>7} {'quartiles':>13} {'net':>7} {'bar':>9}  verdict")
    for one in outcomes:
        print(_bar_line(one))
    print("\nratio: loop included on both sides, the median over the blocks; net: without it, from medians\n")
    print("timed singly    threads  interval     mean      p50      p99    p99.9   p99.99    longest (ns)")
    for run in tails:
        figures = (run.mean, run.p50, run.p99, run.p999, run.p9999)
        shown = " ".join(f"{figure:8.0f}" for figure in figures)
        print(f"{run.what:15} {run.threads:7} {run.interval_s * 1e3:6.2f} ms {shown} {run.longest:10.0f}")
    for line in data["tail"]["cause"]:
        print(line)


def _bar_line(one: Outcome) -> str:
    sign = ">=" if one.bar.faster else "<="
    limit = f"{sign} {one.bar.limit:g}"
    if one.ratio is None or one.opponent is None:
        return f"{one.bar.operation:10} {one.bar.against:24} {'':>7} {'':>13} {'':>7} {limit:>9}  {one.verdict}"
    quartiles = f"{one.ratio.lower:.2f}-{one.ratio.upper:.2f}"
    net = "" if one.net is None else f"{one.net:.2f}"
    kind = " (aim)" if one.bar.aim else ""
    return (
        f"{one.bar.operation:10} {one.opponent.who:24} {one.ratio.median:7.2f} {quartiles:>13} {net:>7} {limit:>9}"
        f"  {one.verdict}{kind}"
    )


if __name__ == "__main__":
    sys.exit(main())
