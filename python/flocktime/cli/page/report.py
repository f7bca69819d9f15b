"""What there is to say of a page, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flocktime.cli.page.layout import FORMAT, MAJOR, SIZE, Guidance, Header, Live, Page, Record
from flocktime.clock import Timestamp

#: The states of a flock by the numbers that packets and pages carry.
STATES: Final = ("alone", "joining", "undecided", "synchronised", "degraded", "monitoring")
_STALE_ROUNDS: Final = 5
_DETACHED_ROUNDS: Final = 10
_DETACHED_NS: Final = 60_000_000_000
_AHEAD_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """When the page is looked at: wall clock, raw counter (``None``: there is none here), and the machine's start."""

    wall_us: int
    raw_ns: int | None
    boot: str | None


def described(path: str, page: Page, inode: int, now: Moment) -> dict[str, Any]:
    """Everything, and a list of what is wrong. Numbers that JavaScript would bend are text."""
    faults = _faults(page, inode)
    shown: dict[str, Any] = {"page": path, "bytes": page.size, "faults": faults}
    if page.size == 0 or not page.ours:
        return shown
    header = page.header
    shown["header"] = None if header is None else _header(header)
    node = 0 if header is None else header.node
    shown["records"] = [_record(record, node, page) for record in page.records]
    shown["live"] = None
    if page.live is not None:
        current = now.boot is not None and page.live.boot.hex() == now.boot
        shown["live"] = _live(page.live, node, current, now)
        faults += _live_faults(page.live, node, current)
    return shown


def _faults(page: Page, inode: int) -> list[str]:
    if page.size == 0:
        return ["the file is empty"]
    if not page.ours:
        return ["it is no host page of flocktime"]
    faults = [] if page.size == SIZE else [f"it has {page.size} bytes, a page has {SIZE}"]
    header = page.header
    if header is None or not header.valid:
        faults.append("the header is damaged: nothing below is certain")
    elif header.major != MAJOR:
        faults.append(f"it is of version {header.major}.{header.minor}, and {MAJOR} is read here")
    elif header.inode != inode:
        faults.append(
            f"it was made as another file (inode {header.inode}, this one has {inode}): a copy, not to be opened"
        )
    faults += [f"record {slot} is damaged" for slot, record in enumerate(page.records) if not record.valid]
    if len(page.records) == 2 and not any(record.valid for record in page.records):
        faults.append("no record is left: nobody knows what was issued")
    return faults


def _live_faults(live: Live, node: int, current: bool) -> list[str]:
    if not current:
        return []  # of an earlier start of the machine: means nothing
    if live.format != FORMAT:
        return [f"what is shared in memory is of format {live.format}, and {FORMAT} is read here"]
    faults = (
        []
        if live.last & 0xFFFF_FFFF_FFFF == node
        else ["the clock's word is none that a clock of this page has written"]
    )
    if live.guidance is None and live.published:
        rest = "the one before is used" if live.before else "clocks follow the OS clock"
        faults.append(f"the flock member's record is damaged: {rest}")
    return faults


def _header(header: Header) -> dict[str, Any]:
    return {
        "valid": header.valid,
        "version": f"{header.major}.{header.minor}",
        "id": header.id.hex(),
        "node": f"{header.node:012x}",
        "inode": header.inode,
        "born_ns": str(header.born_ns),
        "made_us": header.made_us,
        "made": _utc(header.made_us),
    }


def _record(record: Record, node: int, page: Page) -> dict[str, Any]:
    valid = [each.sequence for each in page.records if each.valid]
    return {
        "valid": record.valid,
        "holds": record.valid and record.sequence == max(valid),
        "sequence": record.sequence,
        "bound": _bound(record.bound, node),
        "limit": _bound(record.limit, node),
        "written_us": record.written_us,
        "written": _utc(record.written_us),
        "process": record.process,
    }


def _live(live: Live, node: int, current: bool, now: Moment) -> dict[str, Any]:
    certified = live.last & 0xFFFF_FFFF_FFFF == node
    last = Timestamp.from_int(live.last)
    leased = Timestamp.from_int(live.leased << 64)
    reached_us = max(now.wall_us, last.physical_us) if certified and last.epoch == leased.epoch else now.wall_us
    guidance = live.guidance or live.before
    return {
        "boot": live.boot.hex(),
        "this_boot": current,
        "format": live.format,
        "certified": certified,
        "last": str(last),
        "leased_until": _bound(live.leased, node),
        "lease_left_us": leased.physical_us - reached_us if current else None,
        "confirmed_by": live.confirmed,
        "writer": live.writer,
        "flock": _flock(live, guidance, now) if current else None,
    }


def _flock(live: Live, guidance: Guidance | None, now: Moment) -> dict[str, Any]:
    discipline = _discipline(live, guidance, now.raw_ns)
    shown: dict[str, Any] = {"discipline": discipline, "valid": live.guidance is not None or not live.published}
    if guidance is None or now.raw_ns is None:
        return shown
    followed = discipline in ("synchronised", "stale")
    return shown | {
        "process": guidance.process,
        "state": STATES[guidance.state] if guidance.state < len(STATES) else f"unknown ({guidance.state})",
        "published_ago_us": (now.raw_ns - guidance.posted_ns) / 1e3,
        "steered_ago_us": (now.raw_ns - guidance.steered_ns) / 1e3 if guidance.in_force else None,
        "round_us": guidance.round_ns / 1e3,
        "refuses_until_ready": guidance.refuse,
        "error_us": None if guidance.error_ns is None else guidance.error_ns / 1e3,
        "limit_us": guidance.limit_us,
        "rate_ppm": guidance.y * 1e6,
        "slew_ppm": (guidance.s + guidance.u) * 1e6,
        "os_offset_us": now.wall_us - guidance.at(now.raw_ns) / 1e3 if followed else None,
    }


def _discipline(live: Live, guidance: Guidance | None, raw_ns: int | None) -> str:
    """The rule of ``docs/wire-format.md``."""
    if guidance is None:
        return "detached" if live.published else "none"
    if raw_ns is None or guidance.left or guidance.posted_ns > raw_ns + _AHEAD_NS:
        return "detached"
    stale_ns = _STALE_ROUNDS * guidance.round_ns
    if not guidance.in_force:
        return "waiting" if raw_ns - guidance.posted_ns <= stale_ns else "detached"
    age_ns = raw_ns - guidance.steered_ns
    if age_ns <= stale_ns:
        return "synchronised"
    return "stale" if age_ns <= max(_DETACHED_ROUNDS * guidance.round_ns, _DETACHED_NS) else "detached"


def _bound(upper_half: int, node: int) -> str:
    """The first timestamp that lies beyond."""
    return str(Timestamp.from_int(upper_half << 64 | node))


def _utc(us: int) -> str:
    if us > Timestamp.MAX.physical_us:
        return f"{us} us"
    return f"{Timestamp(us).to_datetime():%Y-%m-%dT%H:%M:%S.%fZ}"
