"""The simulator: the very machine of the flock, bytes in and bytes out, in worlds that go wrong on purpose.

``flocktime.testing.simulation`` offers the same to tests, and ``flocktime sim`` on the command line.
"""

from flocktime.simulation.catalogue import CATALOGUE, find
from flocktime.simulation.judging import Bar, Row, Run, Verdict, figure, judge, perform
from flocktime.simulation.latencies import InvalidLatencies, read_latencies
from flocktime.simulation.measures import own_row
from flocktime.simulation.outcome import MemberOutcome, Named, Outcome, Sample, Summary, Totals
from flocktime.simulation.running import ScenarioError, read_scenario, simulate

__all__ = [
    "CATALOGUE",
    "Bar",
    "InvalidLatencies",
    "MemberOutcome",
    "Named",
    "Outcome",
    "Row",
    "Run",
    "Sample",
    "ScenarioError",
    "Summary",
    "Totals",
    "Verdict",
    "figure",
    "find",
    "judge",
    "own_row",
    "perform",
    "read_latencies",
    "read_scenario",
    "simulate",
]
