"""A status in words and units: what the display, the lines of a log and the table have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flocktime.flock.status import FlockStatus, Suspect

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NAMED: Final = 5
#: Whoever has asked for so many rounds and has heard nothing is not just early.
_ROUNDS_OF_SILENCE: Final = 10
#: The counters of what came in and was refused, in words: with the first ones members cannot hear each other, ever.
_REFUSED: Final = {
    "unknown_key": "signed with a key that this member does not have",
    "unauthenticated": "not signed, though this member has a key",
    "forged": "signed with another secret under the same key id",
    "version": "of another major version",
    "malformed": "not packets of a flock",
}
#: Stamps this far ahead of their clock, in microseconds, are worth a word: bursts and small corrections are less.
_AHEAD_US: Final = 1_000_000


def clean(text: str) -> str:
    """Text of unknown origin without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in text)


def span(us: float | None, sign: bool = False) -> str:
    """A time with a unit that suits it: ``54.6 us``, ``+1.2 ms``, ``-3600.000 s``; ``-`` where there is none."""
    if us is None:
        return "-"
    flag = "+" if sign else ""
    size = abs(us)
    if size < 999.95:
        return f"{us:{flag}.1f} us"
    if size < 999_950:
        return f"{us / 1e3:{flag}.1f} ms"
    return f"{us / 1e6:{flag},.3f} s"


def ppm(value: float | None) -> str:
    """A rate, parts in a million."""
    return "-" if value is None else f"{value:+.2f} ppm"


def moment(us: int | None) -> str:
    """An instant, UTC, to the hundredth of a second."""
    if us is None:
        return "not shown before it is synchronised"
    try:
        return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S.%f}"[:-4]
    except OverflowError:
        return "beyond the year 9999"


def who(suspects: Iterable[Suspect]) -> str:
    """Peers with how far they are off, the first few of them."""
    all_of_them = [clean(str(suspect)) for suspect in suspects]
    more = len(all_of_them) - _MOST_NAMED
    return ", ".join(all_of_them[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def standing(status: FlockStatus) -> str:
    """The state with what a person has to know about it."""
    text = clean(status.state)
    if status.state == "undecided":
        apart = status.apart()
        text += f": cannot agree with {who(apart)}" if apart else ": too few, or too divided, to tell who is right"
    if status.state == "failed":
        text += f": {clean(str(status.io.get('failure')))}"
    return text


def offset(status: FlockStatus) -> str:
    """Where the flock is, as this member's clock sees it."""
    if not status.voters:
        return "not known: nobody has voted lately"
    return f"{span(status.offset_us, sign=True)} ± {span(status.error_us)} to the flock's mean"


def facts(status: FlockStatus) -> list[tuple[str, str]]:
    """What there is to say of a member, one thing a row."""
    heard = sum(peer.verdict != "silent" for peer in status.peers)
    rows = [
        ("member", f"{clean(status.name)}, node {status.node:012x}, at {clean(status.address or 'no socket')}"),
        ("state", standing(status)),
        ("offset", offset(status)),
        ("rate", f"{ppm(status.rate_ppm)}, slew {ppm(status.slew_ppm + status.utc_slew_ppm)}"),
        ("time", f"{moment(status.time_us)} UTC, epoch {status.epoch}"),
        ("OS clock", f"{span(status.os_offset_us, sign=True)} from the flock's time"),
    ]
    if status.utc is not None:
        rows.append(
            ("UTC", f"{span(status.utc.offset_us, sign=True)} ± {span(status.utc.error_us)} from the flock's time")
        )
    rows.append(("peers", f"{heard} of {len(status.peers)} heard, {status.voters} voted"))
    return rows + [("warning", warning) for warning in warnings(status)]


def warnings(status: FlockStatus) -> list[str]:
    """What is not as it should be, each in a sentence."""
    found = []
    if status.wrong:
        found.append(f"wrong: {who(status.wrong)}")
    if status.namesakes:
        some = clean(", ".join(status.namesakes[:_MOST_NAMED]))
        found.append(f"of the same name, and so with one vote together: {some}; each member needs a name of its own")
    if status.suspects_itself:
        found.append("this member, or the OS clock beneath it, is the odd one out")
    if status.ahead_us > _AHEAD_US:
        found.append(f"its stamps are {span(status.ahead_us)} ahead of its time: stamps of a future were accepted")
    if status.replaced_by is not None:
        found.append(f"process {status.replaced_by} has taken its place on the host's page: it was stopped for a while")
    found += _silence(status)
    if status.peers_error is not None:
        found.append(f"no new list of peers: {clean(status.peers_error)}")
    found += [
        f"{clean(str(name.get('name')))}: {clean(str(name['error']))}" for name in status.names if name.get("error")
    ]
    if status.io.get("last_error"):
        found.append(f"the latest error of the network: {clean(str(status.io['last_error']))}")
    return found


def _silence(status: FlockStatus) -> list[str]:
    """Why nobody is heard, as far as that can be told from here: what comes in is refused, or nothing comes in."""
    if any(peer.verdict != "silent" for peer in status.peers):
        return []
    count = status.counters.get
    refused = {words: count(name, 0) for name, words in _REFUSED.items() if count(name, 0)}
    if refused:
        reasons = ", ".join(f"{number} {words}" for words, number in refused.items())
        return [
            f"nobody is heard, and {sum(refused.values())} packets were refused: {reasons}; "
            "do all members have the same keys, and the same version?"
        ]
    sent, came = status.io.get("datagrams_sent"), count("received", 0) - count("own", 0)
    if isinstance(sent, int) and sent > 0 and came <= 0 and status.round >= _ROUNDS_OF_SILENCE:
        return [
            f"{sent} datagrams were sent and none came back: are the addresses of the peers right, is a firewall in the way, or "
            "have the peers another key?"
        ]
    return []
