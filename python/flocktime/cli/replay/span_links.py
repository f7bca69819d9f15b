"""Which events of a trace happened before which. Only what a trace really implies becomes an edge:

===========  ===============================  ====================================================================
request      start of CLIENT → of SERVER      two halves of one call: they share an id, or one is the other's child
response     end of SERVER → of CLIENT        the same, if there is one server only, and the client tells of no error
                                              that left it without an answer
message      start of PRODUCER → of CONSUMER  one way: the producer does not wait
parent span  start of a span → of its child   the child's context comes from its parent
duration     start of a span → its end        one operation in one process
===========  ===============================  ====================================================================

Two spans of one service, neither an ancestor of the other, are concurrent as far as a trace tells, whatever their times
say. A parent may end before its child. Annotations need not lie within their span, and in practice do not: no edges.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flocktime.cli.replay.recording import Link, Malformed, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flocktime.cli.replay.spans import Span

Key = tuple[str, str]  # trace, span id


@dataclass(frozen=True, slots=True)
class Operation:
    """A span with a start: its process, and the positions of its two events."""

    span: Span
    process: str
    start: int
    end: int | None

    @property
    def key(self) -> Key:
        return self.span.trace, self.span.id


class Operations:
    """All of them, by id. One id may belong to several: the halves of a call, or a message that several received."""

    def __init__(self) -> None:
        self._by_key: dict[Key, list[Operation]] = defaultdict(list)
        self._fragment_parents: dict[Key, str] = {}
        self.orphans = 0
        self.ambiguous = 0

    def add(self, operation: Operation) -> None:
        self._by_key[operation.key].append(operation)

    def add_fragment(self, span: Span) -> None:
        """A span without a start may still link its children to its own parent."""
        if span.parent is not None:
            self._fragment_parents[span.trace, span.id] = span.parent

    def __iter__(self) -> Iterator[Operation]:
        for operations in self._by_key.values():
            yield from operations

    def sharing(self, key: Key, kind: str) -> list[Operation]:
        """The spans of one kind under one id."""
        return [operation for operation in self._by_key.get(key, ()) if operation.span.kind == kind]

    def parent_of(self, child: Operation) -> Operation | None:
        """The span that certainly started before the child did, and was its parent or the parent's client.

        Raises:
            Malformed: its ancestors form a circle.
        """
        parent, passed = child.span.parent, {child.span.id}
        while parent is not None:
            if parent in passed:
                raise Malformed(f"span {child.span.id} descends from itself", child.span.line)
            passed.add(parent)
            if candidates := self._by_key.get((child.span.trace, parent)):
                found = _meant(candidates, child)
                self.ambiguous += found is None
                return found
            if (child.span.trace, parent) not in self._fragment_parents:
                self.orphans += 1
                return None
            parent = self._fragment_parents[child.span.trace, parent]
        return None


def _meant(candidates: list[Operation], child: Operation) -> Operation | None:
    """Which of the spans under one id is the parent.

    What starts where its parent runs is the child of the one half that runs there. For what was received from elsewhere
    the place says nothing; then the client half is taken: every other half of a call starts after it.
    """
    if child.span.kind not in ("SERVER", "CONSUMER"):
        here = [operation for operation in candidates if operation.process == child.process]
        if len(here) == 1:
            return here[0]
    clients = [operation for operation in candidates if operation.span.kind == "CLIENT"]
    return _only(clients) or _only(candidates)


def _only(operations: list[Operation]) -> Operation | None:
    return operations[0] if len(operations) == 1 else None


def links(operations: Operations) -> list[Link]:
    """Every edge between spans.

    Raises:
        Malformed: spans descend from each other in a circle.
    """
    made: list[Link] = []
    called: dict[Key, list[Operation]] = defaultdict(list)  # servers under an id of their own, by their client's
    for child in operations:
        client = _only(operations.sharing(child.key, "CLIENT")) if child.span.kind == "SERVER" else None
        if client is not None:
            made.append(_link(client, child, Why.REQUEST))
            continue
        parent = operations.parent_of(child)
        if parent is None:
            continue
        why = _why(parent, child)
        made.append(_link(parent, child, why))
        if why is Why.REQUEST:
            called[parent.key].append(child)
    return made + list(_responses(operations, called))


def _why(parent: Operation, child: Operation) -> Why:
    match parent.span.kind, child.span.kind:
        case "CLIENT", "SERVER":
            return Why.REQUEST
        case "PRODUCER", "CONSUMER":
            return Why.MESSAGE
    return Why.PARENT


def _link(cause: Operation, effect: Operation, why: Why) -> Link:
    return Link(cause.start, effect.start, why, carried=cause.process != effect.process)


def _responses(operations: Operations, called: dict[Key, list[Operation]]) -> Iterable[Link]:
    for client in operations:
        if client.span.kind != "CLIENT" or client.end is None or not client.span.answered:
            continue
        if _only(operations.sharing(client.key, "CLIENT")) is None:
            continue
        server = _only(operations.sharing(client.key, "SERVER") + called[client.key])
        if server is not None and server.end is not None:
            carried = server.process != client.process
            yield Link(server.end, client.end, Why.RESPONSE, carried=carried)
