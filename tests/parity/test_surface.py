"""The same names, signatures, documentation and kinds on both backends."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.parity.backends import BACKENDS, CLASSES, core, fallback, on_both

#: What Python calls by itself and users rely on.
PROTOCOLS = {
    "Timestamp": ["__bytes__", "__str__", "__int__", "__repr__", "__hash__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__",
                  "__add__", "__radd__", "__sub__", "__copy__", "__deepcopy__", "__reduce__"],
    "Clock": ["__repr__", "__reduce__"],
    "ManualSource": ["__call__", "__repr__"],
    "SkewedSource": ["__call__", "__repr__"],
    "EventBuffer": ["__len__", "__reduce__"],
}  # fmt: skip
#: The classes that are complete, and what is beneath one that is completed above both.
KINDS = (*CLASSES, "EventBuffer")


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


MEMBERS = [(kind, name) for kind in KINDS for name in sorted(_public(getattr(fallback, kind)))]


def _parameters(of: Any) -> list[tuple[str, object, object]]:
    """Name, kind and default of each parameter but the receiver: annotations are in the stubs."""
    parameters = inspect.signature(of).parameters.values()
    return [(each.name, each.kind, each.default) for each in parameters if each.name not in ("self", "cls")]


def _first_line(of: Any) -> str:
    return (inspect.getdoc(of) or "").partition("\n")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_public_names(kind: str) -> None:
    """No method or property is there on one backend only."""
    assert _public(getattr(core, kind)) == _public(getattr(fallback, kind))


def test_the_same_exports() -> None:
    """Both modules export these classes, and what a flock is made of; the compiled one the simulator besides."""
    assert set(fallback.__all__) == {*KINDS, "FlockMember", "GossipMachine"}
    exported = {name for name in dir(core) if inspect.isclass(getattr(core, name)) and not name.startswith("_")}
    assert exported >= set(KINDS)
    assert set(core.__all__) >= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_protocols(kind: str) -> None:
    """What Python calls by itself is there on both."""
    for backend in BACKENDS:
        for name in PROTOCOLS[kind]:
            assert getattr(getattr(backend, kind), name, None) is not None, (backend.__name__, name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_constructor(kind: str) -> None:
    """The arguments of the class have the same names, kinds and defaults."""
    assert _parameters(getattr(core, kind)) == _parameters(getattr(fallback, kind))


@pytest.mark.parametrize(("kind", "name"), MEMBERS)
def test_the_same_signature(kind: str, name: str) -> None:
    """A method takes the same arguments, by the same names, with the same defaults; a property is one on both."""
    compiled, pure = (getattr(getattr(backend, kind), name) for backend in BACKENDS)
    assert callable(compiled) == callable(pure)
    if callable(pure):
        assert _parameters(compiled) == _parameters(pure)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_documented(kind: str) -> None:
    """A class says what it is, in the same first line on both."""
    compiled, pure = (_first_line(getattr(backend, kind)) for backend in BACKENDS)
    assert compiled, f"{kind} of the compiled core says nothing"
    assert compiled == pure


@pytest.mark.parametrize(("kind", "name"), [pair for pair in MEMBERS if pair[1] not in ("MIN", "MAX")])
def test_members_are_documented(kind: str, name: str) -> None:
    """Each method and property says what it is for, in the same first line on both."""
    compiled, pure = (_first_line(inspect.getattr_static(getattr(backend, kind), name)) for backend in BACKENDS)
    assert compiled, f"{kind}.{name} of the compiled core says nothing"
    assert compiled == pure


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_home(kind: str) -> None:
    """The classes show the same module and name, and so do their error messages and pickles."""
    compiled, pure = (getattr(backend, kind) for backend in BACKENDS)
    assert (compiled.__module__, compiled.__qualname__) == (pure.__module__, pure.__qualname__)
    assert str(compiled) == str(pure)


@pytest.mark.parametrize("kind", CLASSES)
def test_neither_can_be_subclassed(kind: str) -> None:
    """Both say the same to who tries."""
    assert on_both(lambda backend: type("Mine", (getattr(backend, kind),), {}))[0] == "raised"


def test_buffers_are_documented_alike() -> None:
    """What is beneath an event buffer says the same on both, word for word, also where only ``flocktime.events`` reads it."""
    for name in vars(core.EventBuffer):
        compiled, pure = (inspect.getdoc(getattr(backend.EventBuffer, name)) for backend in BACKENDS)
        assert compiled == pure or (name.startswith("__") and name != "__doc__"), name
        assert compiled, f"{name} says nothing"


def test_buffers_can_be_completed() -> None:
    """Both can be subclassed: what waits stands above."""
    for backend in BACKENDS:
        assert type("Mine", (backend.EventBuffer,), {})(5).capacity == 5


def test_the_same_pattern() -> None:
    """A ``case`` takes the fields in the same order."""
    assert core.Timestamp.__match_args__ == fallback.Timestamp.__match_args__


def test_the_two_are_strangers() -> None:
    """A timestamp of one backend is no timestamp to the other: neither equal nor accepted."""
    assert core.Timestamp(1) != fallback.Timestamp(1)
    for own, other in (BACKENDS, BACKENDS[::-1]):
        with pytest.raises(TypeError, match="ts must be a Timestamp"):
            own.Clock().update(other.Timestamp(1))
