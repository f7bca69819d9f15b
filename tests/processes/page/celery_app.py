"""An application of Celery whose tasks stamp. Its messages and results are files: it needs no server.

The page is opened at import, by the worker before it forks its pool, and by whoever sends tasks.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from celery import Celery

from flocktime import Clock
from tests.processes.page.following import whom

folder = Path(os.environ["CELERY_FOLDER"])
messages, results = folder / "messages", folder / "results"
for each in (messages, results, folder / "control"):
    each.mkdir(exist_ok=True)

app = Celery("stamping")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.01,
    },
    result_backend=f"file://{results}",
    worker_prefetch_multiplier=1,
)
clock = Clock.open(os.environ["HOST_PAGE"])
#: Of the tasks that one process does.
numbers = count()


@app.task
def stamp(many: int) -> tuple[str, int, int, list[str]]:
    """Whom the process of the pool follows, its number, which one of its tasks this is, and so many timestamps."""
    return whom(clock), os.getpid(), next(numbers), [clock.now().to_hex() for _ in range(many)]
