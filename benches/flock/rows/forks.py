"""A forked child of a member's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.flock.village import Village, sketches

if TYPE_CHECKING:
    from benches.flock.options import Options

__all__ = ["forks"]

STAMPS = 20_000
#: The child's clock is compared with the clock beneath it from Python, stamp first.
NEAR_US = 5_000


def forks(options: Options) -> Table:
    """A forked child says that it is detached, its clock follows the OS clock, and no stamp is made twice."""
    table = Table("forks", "a child forked by a synchronised member", options.settings())
    with Village() as village:
        village.start(*sketches(5, options.random(), round=options.round_s))
        village.meet()
        village.ask_all("ready", timeout=55.0)
        name = max(village.members, key=lambda one: abs(village.drawn[one].offset_s))
        flock_us = -village.drawn[name].offset_s * 1e6  # about where the flock is, seen from its OS clock
        child = village.ask(name, "fork", stamps=STAMPS)
        status = village.ask(name, "status")
    if child["failure"] is not None:
        table.remarks.append(f"the child failed: {child['failure']}")
    table.add("the child says 'detached'", child.get("state") == "detached", "", least=1)
    table.add("its stamps rise", child.get("rising", False), "", least=1)
    table.add("its clock from the OS clock beneath it", abs(child.get("from_os_us", float("nan"))), "us", most=NEAR_US)
    table.add("  and the flock's, for comparison", abs(flock_us), "us")
    table.add("stamps of the parent", child["own"], "", least=STAMPS)
    table.add("stamps of the child", child["theirs"], "", least=STAMPS)
    table.add("stamps made twice", child["twice"], "", most=0)
    table.add("the parent is still synchronised", status["state"] == "synchronised", "", least=1)
    table.remarks.append(f"what the child's ready() said: {child.get('why')}")
    return table
