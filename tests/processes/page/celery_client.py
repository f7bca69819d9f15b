"""Sends tasks and prints, of each, its own stamps before and after, whom it follows, and what the task answered."""

from __future__ import annotations

from tests.processes.page.celery_app import clock, stamp
from tests.processes.page.following import whom

TASKS, EACH = 60, 20
PATIENCE_S = 50


def main() -> None:
    """All of them at once."""
    sent = [(clock.now().to_hex(), stamp.delay(EACH)) for _ in range(TASKS)]
    for mine, result in sent:
        follows, pid, number, stamps = result.get(timeout=PATIENCE_S, interval=0.02)
        print(mine, clock.now().to_hex(), whom(clock), follows, pid, number, *stamps)


if __name__ == "__main__":
    main()
