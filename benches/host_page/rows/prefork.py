"""A prefork server whose workers inherit the clock of their master."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.host_page.serving import ask, gunicorn, served

if TYPE_CHECKING:
    from benches.host_page.options import Options

__all__ = ["prefork"]

WORKERS = 4


def prefork(options: Options) -> Table:
    """gunicorn --preload, 4 workers, over HTTP: no stamp twice, and none below one that anybody had before asking."""
    table = Table("prefork", "gunicorn --preload on one page", options.settings("requests"))
    with (
        tempfile.TemporaryDirectory(dir=options.directory or None) as directory,
        served(gunicorn(preload=True), Path(directory, "page")) as address,
    ):
        answers = ask(address, options.requests, workers=WORKERS)
    table.add("answers", len(answers.stamps), least=options.requests)
    table.add("workers that answered", len(answers.workers), least=WORKERS, most=WORKERS)
    table.add("duplicates", answers.duplicates, most=0)
    table.add("at or below one answered before", answers.back, most=0)
    table.add("nodes", len(answers.nodes), most=1)
    table.add("requests a second", options.requests / answers.seconds)
    return table
