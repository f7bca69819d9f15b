"""``flocktime sim``: flocks that do not exist, in worlds that go wrong on purpose."""

from flocktime.cli.sim.command import register, run

__all__ = ["register", "run"]
