"""Processes that are killed at random points, and start again under another OS clock."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from benches.flock.figures import Table, quantile
from benches.host_page import power
from benches.host_page.herd import Herd
from benches.host_page.journal import STARTED
from benches.host_page.judging import Verdict
from benches.host_page.records import blocks
from benches.host_page.stamping import FOUND, FOUNDS, QUEUED

if TYPE_CHECKING:
    import random

    from benches.host_page.herd import Life
    from benches.host_page.options import Options

__all__ = ["START_MS", "kills", "reboots"]

#: From before the page is opened until the first stamp is there, milliseconds.
START_MS = 50.0
#: As short as it may be: many renewals, so that kills fall into them.
LEASE_S = 0.1
#: How far the OS clock is set back at most, and how far it goes on from run to run.
BACK_S, STEP_S = 3600.0, 0.5
PATTERNS = ("all at once", "one at random", "the writer")


class Campaign:
    """Starts, kills and what was found."""

    def __init__(self, herd: Herd, options: Options) -> None:
        self.herd, self.options, self.chance = herd, options, options.random()
        self.verdict, self.done = Verdict(), Counter[str]()
        self.start_ms, self.own_ms = list[float](), list[float]()

    def start(self) -> None:
        """As many as are missing. Half of them under a clock that has gone on, half under one that was set back."""
        while len(self.herd.alive) < self.options.processes:
            self.done["starts"] += 1
            back_s = self.chance.choice((0.0, self.chance.uniform(0.0, BACK_S)))
            offset_s = STEP_S * self.done["kills"] - back_s
            self.herd.start("until_killed", peers=self.herd.peers(), offset_s=offset_s, lease_s=LEASE_S,
                            seed=self.chance.getrandbits(32))  # fmt: skip

    def kill(self, pattern: str, aimed: bool = False) -> dict[int, bytes]:
        """At a random point of what they do: in half of the rounds the start included, in the others once all have started.
        ``aimed``: in the middle of the renewal after that.

        Returns the records as they were a moment before.
        """
        if self.done["kills"] // 2 % 2 == 0:  # two and two: every other round may be aimed
            self.herd.wait_until_started(self.herd.alive)
        time.sleep(self.chance.uniform(0.0, self.options.life_s))
        earlier = self._wait_for_a_record() if aimed else {}
        writer = self.herd.writer() if pattern == "the writer" else None
        if writer is not None:
            self.done["of the writer"] += 1
        victims = self.herd.alive if pattern == "all at once" else [writer or self.chance.choice(self.herd.alive)]
        self.done["killed"] += len(victims)
        self.done["kills"] += 1
        self.herd.kill(victims)
        if not self.herd.alive:
            self.judge()
        return earlier

    def _wait_for_a_record(self) -> dict[int, bytes]:
        """Until one is in the file that was not there, and most likely is not durable yet, for two leases at most."""
        deadline = time.monotonic() + 2 * LEASE_S
        before = blocks(self.herd.page) if self.herd.page.exists() else {}
        while before and time.monotonic() < deadline and blocks(self.herd.page) == before:
            pass
        return before

    def judge(self) -> None:
        """Everybody is dead. What they have noted is held against what was noted when each was started."""
        lives = self.herd.forget()
        self.verdict.judge([one.journal.stamps() for one in lives], [one.floor for one in lives])
        for one in lives:
            self._look_back(one)

    def _look_back(self, life: Life) -> None:
        if life.journal[STARTED]:
            self.start_ms.append(life.journal[STARTED] / 1e6)
            self.own_ms.append(max(0, life.journal[STARTED] - life.journal[QUEUED]) / 1e6)
            if life.journal[FOUND]:
                self.done[FOUNDS[life.journal[FOUND] - 1]] += 1
        else:
            self.done["before the first stamp"] += 1
        life.journal.close()

    def table(self, row: str, title: str) -> Table:
        table = Table(row, title, self.options.settings("kills", "processes"))
        done = self.done
        table.add("kills", done["kills"], least=self.options.kills)
        table.add("processes killed", done["killed"])
        table.add("  before their first stamp", done["before the first stamp"])
        table.add("  that wrote the lease last", done["of the writer"])
        for found in FOUNDS:
            table.add(f"starts that found the page {found}", done[found])
        self.verdict.add_to(table)
        table.add("at or below one noted before the start", self.verdict.below, most=0)
        table.add("starts measured", len(self.start_ms), least=done["starts"] / 4)
        table.add("start, median", quantile(self.start_ms, 50), "ms", most=START_MS)
        table.add("start, p99", quantile(self.start_ms, 99), "ms")
        table.add("start, max", quantile(self.start_ms, 100), "ms", most=START_MS)
        table.add("  less the time without a processor, max", quantile(self.own_ms, 100), "ms", most=START_MS)
        return table


def kills(options: Options) -> Table:
    """SIGKILLs of all, of one and of the writer, at random points, the OS clock set back by up to 1 h: no stamp twice or back."""
    with Herd(options.directory) as herd:
        campaign = Campaign(herd, options)
        patterns = _evenly(options.kills, campaign.chance)
        for pattern in patterns:
            campaign.start()
            campaign.kill(pattern)
        campaign.herd.kill(herd.alive)
        campaign.judge()
    return campaign.table("kills", "killed at random points, the OS clock set back by up to 1 h between runs")


def _evenly(count: int, chance: random.Random) -> list[str]:
    """Each pattern a third of the time, in random order."""
    patterns = [PATTERNS[number % len(PATTERNS)] for number in range(count)]
    chance.shuffle(patterns)
    return patterns


def reboots(options: Options) -> Table:
    """The same where all die and the memory with them, as when the power fails: only what is durable counts."""
    left, unconfirmed = Counter[str](), Counter[str]()
    with Herd(options.directory) as herd:
        campaign = Campaign(herd, options)
        older = bytes(0)
        for number in range(options.kills):
            campaign.start()
            earlier = campaign.kill("all at once", aimed=number % 2 == 1)
            if herd.page.exists():
                before = herd.page.read_bytes()
                kind, what = power.fail(herd.page, older or before, earlier, campaign.chance)
                left[kind] += 1
                unconfirmed[what or "none"] += 1
                older = before
    table = campaign.table("reboots", "killed at random points, and the machine with them")
    for kind in power.KINDS:
        table.add(f"memory left: {kind}", left[kind], least=options.kills // 20)
    for what in power.TORN:
        table.add(f"records {what} that were not yet confirmed", unconfirmed[what], least=options.kills // 50)
    return table
