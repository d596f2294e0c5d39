"""Structs with fields that are declared elsewhere."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, Struct

Declared = TypeVar("Declared", bound=Struct)


def with_fields(
    more: Iterable[tuple[Any, ...]], *, behind: str, **options: Any
) -> Callable[[type[Declared]], type[Declared]]:
    """Returns a decorator that gives a struct more fields, behind its field `behind`.

    `more` is as `msgspec.defstruct` takes fields. Those that the class declares, which are those
    that type checkers know, keep their type, and up to `behind` their place. `options` are those of
    the class.
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
