"""Structs with fields that are declared elsewhere, and structs that threads decode."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, Struct

Declared = TypeVar("Declared", bound=Struct)


def with_fields(
    more: Iterable[tuple[Any, ...]], *, behind: str, **options: Any
) -> Callable[[type[Declared]], type[Declared]]:
    """Returns a decorator that adds fields to a struct, after its field `behind`.

    `more` has the form of the fields of `msgspec.defstruct`. A field that the class declares too is
    known to type checkers and keeps its type; up to `behind` it also keeps its place. `options` are
    those of the class.
    """

    def decorate(declared: type[Declared]) -> type[Declared]:
        known = {one.name: _field(one) for one in msgspec.structs.fields(declared)}
        own = list(declared.__annotations__)
        first = own[: own.index(behind) + 1]
        given = {name: (name, *rest) for name, *rest in more if name not in first}
        names = dict.fromkeys([*first, *given, *own])
        made = msgspec.defstruct(
            declared.__name__,
            [known.get(name) or given[name] for name in names],
            bases=declared.__bases__,
            module=declared.__module__,
            namespace={"__doc__": declared.__doc__},
            **options,
        )
        return cast(type[Declared], made)

    return decorate


def _field(one: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    declared = (one.name, one.type)
    return declared if one.default is NODEFAULT else (*declared, one.default)


def prepare_decoding() -> None:
    """Lets msgspec read the fields of every loaded struct now. msgspec 0.22.0 else does it when a
    struct is first decoded, and a thread that decodes it meanwhile ends the process (SIGSEGV)."""
    for one in structs():
        msgspec.json.Decoder(one)


def structs() -> Iterator[type[Struct]]:
    """All loaded subclasses of `Struct`."""
    waiting = Struct.__subclasses__()
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.__subclasses__()
