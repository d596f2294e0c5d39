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
        known = {info.name: _field(info) for info in msgspec.structs.fields(declared)}
        own = list(declared.__annotations__)
        first = own[: own.index(behind) + 1]
        added = {name: (name, *rest) for name, *rest in more if name not in first}
        names = dict.fromkeys([*first, *added, *own])
        struct = msgspec.defstruct(
            declared.__name__,
            [known.get(name) or added[name] for name in names],
            bases=declared.__bases__,
            module=declared.__module__,
            namespace={"__doc__": declared.__doc__},
            **options,
        )
        return cast(type[Declared], struct)

    return decorate


def _field(info: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    declared = (info.name, info.type)
    return declared if info.default is NODEFAULT else (*declared, info.default)


def prepare_decoding() -> None:
    """Lets msgspec read the fields of every loaded struct now. msgspec 0.22.0 else does it when a
    struct is first decoded, and a thread that decodes it meanwhile ends the process (SIGSEGV)."""
    for struct in structs():
        msgspec.json.Decoder(struct)


def structs() -> Iterator[type[Struct]]:
    """All loaded subclasses of `Struct`."""
    waiting = Struct.__subclasses__()
    while waiting:
        struct = waiting.pop()
        yield struct
        waiting += struct.__subclasses__()
