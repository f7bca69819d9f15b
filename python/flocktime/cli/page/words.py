"""A page for people, one thing a line."""

from __future__ import annotations

from typing import Any

from flocktime.cli.status.words import clean, ppm, span


def in_words(shown: dict[str, Any]) -> str:
    """What ``described`` has put together."""
    rows = [("page", f"{clean(shown['page'])}, {shown['bytes']} bytes")]
    if "header" in shown:
        rows += _header(shown["header"])
        rows += [row for slot, record in enumerate(shown["records"]) for row in _record(slot, record)]
        rows += _live(shown["live"])
    rows += [("WRONG", fault) for fault in shown["faults"]]
    return "\n".join(f"{name:<9} {value}" for name, value in rows)


def _checked(part: dict[str, Any]) -> str:
    return "" if part["valid"] else " (DAMAGED)"


def _header(header: dict[str, Any] | None) -> list[tuple[str, str]]:
    if header is None:
        return []
    return [
        ("id", f"{header['id']}, version {header['version']}{_checked(header)}"),
        ("node", f"{header['node']} ({int(header['node'], 16)})"),
        ("made", f"{header['made']} as inode {header['inode']}"),
    ]


def _record(slot: int, record: dict[str, Any]) -> list[tuple[str, str]]:
    holds = ", holds" if record["holds"] else ""
    return [
        (f"record {slot}", f"number {record['sequence']}{holds}{_checked(record)}"),
        ("", f"bound   {record['bound']}"),
        ("", f"limit   {record['limit']}"),
        ("", f"written {record['written']} by process {record['process']}"),
    ]


def _live(live: dict[str, Any] | None) -> list[tuple[str, str]]:
    if live is None:
        return []
    if not live["this_boot"]:
        return [("memory", "of an earlier start of the machine: the next one to open it begins at the bound")]
    left_us = live["lease_left_us"]
    lease = (
        f"{span(left_us)} left" if left_us >= 0 else f"used up {span(-left_us)} ago; renewed when a timestamp is wanted"
    )
    rows = [
        ("last", f"{live['last']}{'' if live['certified'] else ' (NOT CERTIFIED)'}"),
        ("lease", f"until {live['leased_until']}, {lease}"),
        ("", f"confirmed by record number {live['confirmed_by']}, written by process {live['writer']}"),
    ]
    return rows + _flock(live["flock"])


def _flock(flock: dict[str, Any]) -> list[tuple[str, str]]:
    damaged = "" if flock["valid"] else " (DAMAGED)"
    if "process" not in flock:
        nobody = ": no member has published since the machine started"
        return [("flock", flock["discipline"] + (nobody if flock["discipline"] == "none" else damaged))]
    by = f"process {flock['process']}, {flock['state']}, published {span(flock['published_ago_us'])} ago"
    rows = [("flock", f"{flock['discipline']}{damaged}: {by}")]
    if flock["os_offset_us"] is not None:
        error = "" if flock["error_us"] is None else f" ± {span(flock['error_us'])}"
        rows.append(
            (
                "",
                f"steered {span(flock['steered_ago_us'])} ago, the OS clock {span(flock['os_offset_us'], True)} from it{error}",
            )
        )
        rows.append(("", f"rate {ppm(flock['rate_ppm'])}, slew {ppm(flock['slew_ppm'])}"))
    return rows
