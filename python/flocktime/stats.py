"""What a clock has absorbed, refused and survived, how its page is, and what went through an event buffer, as plain numbers."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from datetime import timedelta

    from flocktime._backend import Timestamp

__all__ = ["BufferStats", "ClockStats", "PageStatus"]

#: What a clock itself counts, one by one; the rest of the snapshot is put together from elsewhere.
COUNTERS = (
    "carries",
    "readings_out_of_range",
    "refused_drift",
    "refused_epoch",
    "refused_collision",
    "adopted_beyond_limit",
    "ignored",
    "clamped",
    "collisions_adopted",
    "epochs_adopted",
    "epochs_advanced",
    "resets",
    "forks",
)


class _Snapshot:
    """Values by name, as they were at some moment."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, **values: object) -> None:
        for name in self.__slots__:
            setattr(self, name, values[name])

    def as_dict(self) -> dict[str, object]:
        """The same values as a plain dictionary, for metrics and JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, type(self)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a snapshot is no key

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({shown})"


class ClockStats(_Snapshot):
    """A snapshot of a clock's counters. Other threads may count on while it is taken; each number is exact by itself.

    Counters only grow, from zero at the clock's creation (a forked child goes on from its parent's numbers).

    Attributes:
        carries: times that 4,096 timestamps within one microsecond carried into ``physical_us``.
        backward_jumps: times that the source moved back against monotonic time (see ``docs/clock.md`` for the threshold).
        forward_jumps: the same, ahead.
        readings_out_of_range: readings before 1970 or beyond the last usable instant, taken as the nearest usable one.
        refused_drift: remote timestamps refused with ``DriftError``.
        refused_epoch: remote timestamps refused with ``EpochError``.
        refused_collision: remote timestamps refused with ``NodeCollision``.
        adopted_beyond_limit: taken all the same (``on_drift="adopt"``).
        ignored: passed over (``on_drift="ignore"``); the result may lie below the remote timestamp.
        clamped: taken in part (``on_drift="clamp"``); likewise.
        collisions_adopted: own-node timestamps from above taken all the same (``on_collision="adopt"``).
        epochs_adopted: steps to a higher epoch that came with a message.
        epochs_advanced: calls of ``advance_epoch``.
        resets: calls of ``reset``.
        last_reset: the reason given to the latest one, or ``None``.
        last_advance: the reason given to the latest ``advance_epoch``, or ``None``.
        forks: times that this clock took a new node id after a fork.
        suspects: nodes refused for drift within the last ten minutes, at most sixteen, the latest last.
        suspect_self: true when three or more distinct nodes are among them: who refuses everybody is probably wrong.
    """

    __slots__ = tuple(
        sorted((*COUNTERS, "backward_jumps", "forward_jumps", "last_advance", "last_reset", "suspect_self", "suspects"))
    )

    carries: int
    backward_jumps: int
    forward_jumps: int
    readings_out_of_range: int
    refused_drift: int
    refused_epoch: int
    refused_collision: int
    adopted_beyond_limit: int
    ignored: int
    clamped: int
    collisions_adopted: int
    epochs_adopted: int
    epochs_advanced: int
    resets: int
    last_reset: str | None
    last_advance: str | None
    forks: int
    suspects: tuple[int, ...]
    suspect_self: bool

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items() if value)
        return f"ClockStats({shown})"


class BufferStats(_Snapshot):
    """An event buffer's account: ``pushed == drained + dropped + rejected + inside``, whenever nobody is in the middle of a call.

    Other threads may go on while it is taken; its numbers are then of slightly different moments.

    Attributes:
        pushed: events that somebody tried to push.
        drained: events that were taken out.
        dropped: events that were dropped as the oldest, to make room (``overflow="drop_oldest"``).
        rejected: events that were refused, whatever the reason; each is in the error that said so.
        inside: events that are in the buffer.
        high_water: the most that were inside at once.
        capacity: the most that fit.
        closed: no more are taken in.
    """

    __slots__ = ("capacity", "closed", "drained", "dropped", "high_water", "inside", "pushed", "rejected")

    pushed: int
    drained: int
    dropped: int
    rejected: int
    inside: int
    high_water: int
    capacity: int
    closed: bool


class PageStatus(_Snapshot):
    """A host page, as one of its processes sees it. Others may go on while it is taken.

    Attributes:
        path: the file.
        id: which page it is, 32 hexadecimal digits.
        node: the node of all its timestamps.
        found: how this process found it: ``"made"`` (there was none), ``"attached"`` (in use since the machine started: goes on
            from the last timestamp), ``"restarted"`` (the machine started anew, or the last process was killed in the middle of
            a renewal: goes on from the durable bound), ``"damaged"`` (what lay in memory was no state of this page: as if
            restarted) or ``"restored"`` (somebody else has changed the file since, as a backup does: goes on from then).
        damaged_record: which of the two records of the lease was unreadable then, 0 or 1, or ``None``.
        last: the latest timestamp of all processes; of 1970 where there is none yet.
        leased_until: every timestamp has to lie below this one, which is durable.
        lease: how far ahead this process makes it.
        sequence: the number of the record that says so.
        writer: the process that renewed the lease last.
        renewals: how often this process did.
        failures: how often the operating system refused it.
        errno: what it said to the latest attempt, or ``None``.
        discipline: what its clocks follow: ``"synchronised"`` (the flock of a member that publishes here), ``"stale"`` (its line
            still, though nothing new has come for five rounds), ``"waiting"`` (a member publishes, whose flock is not together
            yet: the OS clock, unless the member refuses until then), ``"detached"`` (there was a member, which has left, has been
            silent for a minute, or left damage: the OS clock) or ``"none"`` (no member since the machine started: the OS clock).
        discipline_age: how old the flock's latest word on how to steer is; ``None`` where no flock is followed.
        discipline_writer: the process of the member that published last, or ``None``.
        discipline_damaged: how often this process found a record of the member's with a wrong checksum, which is not used.
        error_bound: what the flock's time may be wrong by; ``None`` where no flock is followed, or it does not say.
    """

    __slots__ = (
        "damaged_record", "discipline", "discipline_age", "discipline_damaged", "discipline_writer", "errno", "error_bound",
        "failures", "found", "id", "last", "lease", "leased_until", "node", "path", "renewals", "sequence", "writer",
    )  # fmt: skip

    path: str
    id: str
    node: int
    found: str
    damaged_record: int | None
    last: Timestamp
    leased_until: Timestamp
    lease: timedelta
    sequence: int
    writer: int
    renewals: int
    failures: int
    errno: int | None
    discipline: str
    discipline_age: timedelta | None
    discipline_writer: int | None
    discipline_damaged: int
    error_bound: timedelta | None
