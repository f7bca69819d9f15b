"""``flocktime replay``: the demo's judgement over logs of others, with vector clocks or Zipkin spans."""

from flocktime.cli.replay.command import register, run

__all__ = ["register", "run"]
