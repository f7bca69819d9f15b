"""The outcome as one HTML file that needs nothing else: pictures inside, no scripts, nothing loaded from anywhere."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from flocktime import __version__
from flocktime.cli.demo import plots
from flocktime.cli.demo.skewplot import skews
from flocktime.cli.demo.summary import network_line, verdict_lines
from flocktime.cli.demo.words import counted, lasting, signed, wrongness
from flocktime.clock import BACKEND

if TYPE_CHECKING:
    from pathlib import Path

    from flocktime.cli.demo.verdict import Judgement


def write_report(judgement: Judgement, path: Path) -> None:
    """Render the report and write it to ``path``, replacing what is there."""
    path.write_text(render(judgement), encoding="utf-8")


def render(judgement: Judgement) -> str:
    """The report's HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(lasting=lasting, signed=signed, wrongness=wrongness)
    environment.globals.update(counted=counted)
    template = files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        judgement=judgement,
        verdict=verdict_lines(judgement),
        network=network_line(judgement.plan),
        honest=judgement.largest(honest=True),
        wrong=judgement.largest(honest=False),
        pictures=_pictures(judgement),
        version=__version__,
        backend=BACKEND,
    )


def _pictures(judgement: Judgement) -> dict[str, Any]:
    request = plots.one_request(judgement)
    skew = skews(judgement)
    return {
        "skews": None if skew is None else _inline(skew),
        "request": None if request is None else {"image": _inline(request[0]), "name": request[1]},
        "delays": _inline(plots.delays(judgement)),
        "distances": _inline(plots.distances(judgement)),
        "pairs": _inline(plots.pairs(judgement)),
    }


def _inline(svg: str) -> str:
    """As an image's address: the pictures' ids cannot clash, and no browser runs what is inside."""
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
