"""For the tests of programs that use flocktime: time that stands still until you move it.

Libraries that freeze time patch Python's own functions; they never reach a clock that reads the operating system in Rust.
These sources go in where the clock takes its time from instead: ``Clock(source=ManualSource())``.

``flocktime.testing.strategies`` holds hypothesis strategies and is the only module here that imports hypothesis.
``flocktime.testing.plugin`` holds the pytest fixtures ``manual_source`` and ``manual_clock``; pytest finds it by itself.
"""

from flocktime.clock import ManualSource, SkewedSource

__all__ = ["ManualSource", "SkewedSource"]
