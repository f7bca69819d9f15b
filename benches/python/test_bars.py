"""``python -m pytest benches/python``: the bars themselves, on figures made up for the purpose."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from benches.python import ratios, tail
from benches.python.bars import BARS, PEER, PEER_CLOCK, REFERENCE, Outcome, judge
from benches.yardstick import build

from flocktime.cli.bench import forms, peers, subjects
from flocktime.cli.bench.timer import EMPTY, Measurement, Spread, Subject

if TYPE_CHECKING:
    from pathlib import Path

#: Nanoseconds that meet every bar.
GOOD = {
    (subjects.FLOCKTIME, "now"): 50.0,
    (subjects.FLOCKTIME, "update"): 55.0,
    (subjects.FLOCKTIME, "less"): 20.0,
    (subjects.FLOCKTIME, "equal"): 20.0,
    (subjects.FLOCKTIME, "hash"): 30.0,
    (subjects.FLOCKTIME, "to_bytes"): 40.0,
    (subjects.FLOCKTIME, "now_many"): 12.0,
    (REFERENCE, "now"): 45.0,
    (REFERENCE, "update"): 45.0,
    (REFERENCE, "less"): 15.0,
    (REFERENCE, "equal"): 15.0,
    (REFERENCE, "hash"): 25.0,
    (REFERENCE, "to_bytes"): 30.0,
    (subjects.FALLBACK, "now"): 3000.0,
    ("a clock", "now"): 700.0,
    ("a generator", "now"): 90.0,
}


def outcomes(figures: dict[tuple[str, str], float]) -> dict[tuple[str, str], Outcome]:
    """Every bar on these figures, by operation and opponent."""
    known = {key: Subject(key[1], key[0], forms.nothing) for key in figures}
    samples = {EMPTY: [5.0] * 5, subjects.TIME_NS: [60.0] * 5}
    samples |= {known[key]: [ns] * 5 for key, ns in figures.items()}
    timed = [subjects.TIME_NS, *known.values()]
    found = [
        peers.Found(peers.Peer(who, who, kind, peers._uuid7), "1", tuple(one for one in timed if one.who == who))
        for who, kind in (("a clock", peers.CLOCK), ("a generator", peers.GENERATOR))
    ]
    judged = judge(Measurement(5, 0.001, 1, samples), timed, found)
    return {(one.bar.operation, one.bar.against): one for one in judged}


def test_good_figures_meet_every_bar() -> None:
    """Figures within all limits miss none, and every bar was held against somebody."""
    judged = outcomes(GOOD)
    assert len(judged) == len(BARS)
    assert all(one.met for one in judged.values())


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: f"{bar.operation} against {bar.against}")
def test_each_bar_can_be_missed(bar: Any) -> None:
    """A figure three times as long misses each bar that it is in; no bar is one that everything meets."""
    ours = (subjects.FLOCKTIME, bar.operation)
    judged = outcomes({**GOOD, ours: GOOD[ours] * (60 if bar.faster else 3)})
    one = judged[bar.operation, bar.against]
    assert one.met is False
    assert one.verdict == ("above the aim" if bar.aim else "MISSED")
    assert ratios._passes(one, []) is bar.aim


def test_the_best_peer_is_the_fastest() -> None:
    """A generator counts among the peers but not among the clocks; of several the fastest is held against us."""
    judged = outcomes(GOOD)
    peer, clock = judged["now", PEER].opponent, judged["now", PEER_CLOCK].opponent
    assert peer is not None
    assert clock is not None
    assert (peer.who, clock.who) == ("a generator", "a clock")


def test_what_was_not_measured_does_not_pass() -> None:
    """A bar with nobody on the other side passes only if that side was left out by name."""
    judged = outcomes({key: ns for key, ns in GOOD.items() if key[0] != REFERENCE})
    one = judged["now", REFERENCE]
    assert (one.met, one.verdict) == (None, "not measured")
    assert not ratios._passes(one, [])
    assert not ratios._passes(one, ["peers"])
    assert ratios._passes(one, ["reference"])


def test_noise_is_told() -> None:
    """A limit between the quartiles is met or missed within noise; outside them it is certain."""
    bar = BARS[0]
    assert Outcome(bar, EMPTY, Spread(1.30, 1.28, 1.40)).verdict == "met, within noise"
    assert Outcome(bar, EMPTY, Spread(1.36, 1.28, 1.40)).verdict == "MISSED, within noise"
    assert Outcome(bar, EMPTY, Spread(1.30, 1.28, 1.32)).verdict == "met"
    assert Outcome(bar, EMPTY, Spread(1.40, 1.38, 1.42)).verdict == "MISSED"


def runs(now: list[int], alone: list[int], empty: list[int]) -> list[tail.Tail]:
    """A study with so many waits at each interval."""
    plain = tail.Tail("", 0, 0.0, 1_000_000, 100.0, 90.0, 150.0, 300.0, 900.0, 5e6, 0, None)
    return [
        replace(plain, what=what, threads=threads, interval_s=interval_s, caught=caught, caught_median=interval_s * 1e9)
        for what, threads, counts in (
            (tail.NOW, 2, now), (tail.NOW, 1, alone), (tail.EMPTY, 2, empty), (tail.EMPTY, 1, alone)
        )
        for interval_s, caught in zip(tail.INTERVALS, counts, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "alone", "empty", "shown"),
    [
        ([20, 200, 800], [0, 0, 9], [15, 150, 500], True),
        ([20, 200, 800], [20, 200, 800], [15, 150, 500], False),  # one thread waits as often
        ([20, 20, 20], [0, 0, 0], [15, 150, 500], False),  # the interval changes nothing
        ([20, 200, 800], [0, 0, 9], [0, 0, 0], False),  # an empty call is spared: it is the clock
    ],
)
def test_a_cause_is_only_named_when_shown(now: list[int], alone: list[int], empty: list[int], shown: bool) -> None:
    """The interpreter is blamed only if waits follow its interval, need two threads and hit an empty call too."""
    text = " ".join(tail.explain(runs(now, alone, empty)))
    assert ("handing over from thread to thread" in text) is shown
    assert ("not shown by this run" in text) is not shown


def test_hammering_counts_every_call() -> None:
    """Every timed call is in the summary, the interval is put back, and what a call raises comes out."""
    kept = sys.getswitchinterval()
    one = tail.hammer("x", ().__len__, threads=2, interval_s=0.0005, calls=500)
    assert one.calls == 1000
    assert 0 < one.p50 <= one.p99 <= one.p999 <= one.longest
    with pytest.raises(ZeroDivisionError):
        tail.hammer("x", lambda: 1 // 0, threads=2, interval_s=0.0005, calls=500)
    assert sys.getswitchinterval() == kept


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler")
def test_the_yardstick_rises() -> None:
    """The C reference does the work that it stands for: rising stamps, above what it received, sixteen bytes."""
    reference = build.load_reference()
    a = reference.now()
    b = reference.update(a)
    c = reference.now()
    assert a < b < c
    assert a != b
    assert hash(a) != hash(b)
    assert a.to_bytes() < b.to_bytes()
    assert len(a.to_bytes()) == 16


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler the message says what was looked for and how to name another; the command ends with 2."""
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(build.BuildError, match="no C compiler: looked for no-such-compiler"):
        build.load_reference()
    assert ratios.main(["--blocks", "5"]) == 2


def test_a_failing_compiler_is_quoted(tmp_path: Path) -> None:
    """What the compiler said is in the message."""
    source = tmp_path / "broken.c"
    source.write_text("this is no C\n")
    with pytest.raises(build.BuildError, match=r"broken\.c"):
        build.compile_shared(source, tmp_path / "broken.so")
