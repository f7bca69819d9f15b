"""Figures, the bars they are held against, and the table that shows both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from flocktime.cli.bench import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Figure", "Table", "markdown", "print_table", "quantile", "short", "spread_us"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. ``most`` and ``least`` are bars; a figure without one is there to be read."""

    what: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; ``None`` without one. What is no number meets none."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.met]

    @property
    def bar(self) -> str:
        if self.most is not None and self.most == self.least:
            return f"= {self.most:g}"
        sides = (("<=", self.most), (">=", self.least))
        return " ".join(f"{sign} {limit:g}" for sign, limit in sides if limit is not None)


@dataclass
class Table:
    """What a row found, under which seed and with which settings."""

    row: str
    title: str
    settings: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.met is False]

    def add(
        self, what: str, value: float, unit: str = "", *, most: float | None = None, least: float | None = None
    ) -> None:
        self.figures.append(Figure(what, value, unit, most, least))

    def as_data(self) -> dict[str, Any]:
        """What JSON can say: a value that is no number is ``None``."""
        figures = [
            {**asdict(one), "value": one.value if isfinite(one.value) else None, "met": one.met} for one in self.figures
        ]
        return {"row": self.row, "title": self.title, "settings": self.settings, "figures": figures,
                "remarks": self.remarks, "machine": machine.describe()}  # fmt: skip


def print_table(table: Table) -> None:
    """As plain text."""
    print(f"\n{table.row}: {table.title}")
    print(", ".join(f"{name} {value}" for name, value in machine.describe().items()))
    print(", ".join(f"{name} {value}" for name, value in table.settings.items()))
    wide = max((len(one.what) for one in table.figures), default=0)
    print(f"\n{'':{wide}} {'measured':>12} {'':7} {'bar':>11}")
    for one in table.figures:
        print(f"{one.what:{wide}} {short(one.value):>12} {one.unit:7} {one.bar:>11}  {one.verdict}".rstrip())
    for remark in table.remarks:
        print(remark)


def markdown(table: Table) -> str:
    """As Markdown, for a page: a heading, what it was measured on and with, and the table."""
    described = [
        ", ".join(f"{name} {value}" for name, value in of.items()) for of in (machine.describe(), table.settings)
    ]
    lines = [f"\n### `{table.row}`: {table.title}", "", *(f"{one}.  " for one in described), ""]
    lines += ["| | measured | | bar | |", "|---|---:|---|---|---|"]
    for one in table.figures:
        verdict = "**MISSED**" if one.met is False else one.verdict
        bar = one.bar.replace("<=", "≤").replace(">=", "≥")
        lines.append(f"| {one.what.strip()} | {short(one.value)} | {one.unit} | {bar} | {verdict} |")
    return "\n".join([*lines, *(f"\n{remark}" for remark in table.remarks)])


def short(value: float) -> str:
    """Whole numbers whole, others to three digits behind the point at most."""
    if isnan(value):
        return "none"
    if not isfinite(value):
        return "no end"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


def quantile(values: Sequence[float], percent: float) -> float:
    """Of the sorted values the one at that place; NaN of none, which meets no bar."""
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]) if ordered else float("nan")


def spread_us(table: Table, what: str, ns: Sequence[float], *, p99: float | None = None) -> None:
    """Median, 99th percentile and the most of nanoseconds, in microseconds."""
    for name, percent, bar in (("p50", 50, None), ("p99", 99, p99), ("max", 100, None)):
        table.add(f"{what}, {name}", quantile(ns, percent) / 1e3, "us", most=bar)
