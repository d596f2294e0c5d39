"""Finds all faults of a body. msgspec stops at the first one, so this runs after msgspec failed.

Compares the parsed JSON with the declared struct, and lets msgspec check each value separately, so
that the rules stay in the declaration.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from larder.core.errors import Fault
from larder.core.limits import MAX_POINTER_LENGTH
from larder.core.texts import text_fault

_PATTERN = "matching regex"
_CODES = (
    (_PATTERN, "invalid_format"),
    ("`str` of length <=", "too_long"),
    ("`str` of length >=", "too_short"),
    ("`array` of length <=", "too_many"),
    ("`array` of length >=", "too_few"),
    ("Expected `int` <=", "out_of_range"),
    ("Expected `int` >=", "out_of_range"),
    ("Integer value out of range", "out_of_range"),
    ("Invalid enum value", "unknown_value"),
    ("with a timezone component", "invalid_format"),
    ("Invalid", "invalid_format"),
)
"""Parts of msgspec's messages, and the codes for them. A test compares them with the installed
version (tests/v1/test_fault_details.py)."""


def faults(value: Any, kind: Any, *, pointer: str = "") -> list[Fault]:
    """Returns all faults of a parsed JSON value that should be a `kind`."""
    return list(each_fault(value, kind, pointer))


def character_faults(value: Any) -> Iterator[Fault]:
    """Yields a fault for each string with a character that no text may have; names included. A
    password may have all but NUL.

    Uses no recursion, and makes a pointer only for a fault, because the value may be as deep and
    its names as long as the body allows.
    """
    waiting: list[tuple[Any, _Place]] = [(value, None)]
    while waiting:
        item, place = waiting.pop()
        if isinstance(item, str) and (fault := text_fault(item)):
            is_password = place is not None and str(place[1]).endswith("password")
            if not is_password or "\0" in item:
                yield Fault(_pointer(place), fault.code, fault.detail)
        elif isinstance(item, dict):
            waiting += [(inner, (place, name)) for name, inner in reversed(item.items())]
            waiting += [(name, (place, name)) for name in item if text_fault(name)]
        elif isinstance(item, list):
            waiting += [(inner, (place, at)) for at, inner in reversed(list(enumerate(item)))]


_Place = tuple[Any, str | int] | None
"""The place of a value: the place of its container, and its name or index there."""


def _pointer(place: _Place) -> str:
    """Returns the JSON pointer (RFC 6901) of a place, cut off if it is very long."""
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(_escaped(str(name)[:MAX_POINTER_LENGTH]))
    return "".join(f"/{name}" for name in reversed(names))[:MAX_POINTER_LENGTH]


def parameter_faults(texts: Mapping[str, str], kind: type[msgspec.Struct]) -> Iterator[Fault]:
    """Yields all faults of query parameters: text that may represent a number or a boolean."""
    for name, (hint, is_required) in _fields(kind).items():
        if name not in texts:
            if is_required:
                yield Fault(name, "required", "This parameter is required.")
        elif "\0" in texts[name]:
            yield Fault(name, "nul", "Text must not contain the character U+0000.")
        else:
            yield from _judged(texts[name], hint, name, strict=is_moment(hint))


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    """Returns the type of each field, by its name in JSON, and whether the field is required.

    Cached, because Python and msgspec evaluate all annotations at each call, which takes 60 µs, and
    a body may have a struct for each of 1,000 lines.
    """
    hints = get_type_hints(kind, include_extras=True)
    fields = msgspec.structs.fields(kind)
    return {field.encode_name: (hints[field.name], field.required) for field in fields}


def is_moment(hint: Any) -> bool:
    """Returns whether a type is a time, or a time or None."""
    plain, _ = _plain(hint)
    return plain is datetime or any(is_moment(member) for member in get_args(plain))


def each_fault(value: Any, hint: Any, pointer: str = "") -> Iterator[Fault]:
    """Yields the faults of a parsed JSON value that should have the type `hint`."""
    plain, rules = _plain(hint)
    members = get_args(plain) if get_origin(plain) in {Union, UnionType} else (plain,)
    for member in members:
        bare, own_rules = _plain(member)
        if isinstance(value, dict) and isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            return (yield from _faults_of_struct(value, bare, pointer))
        if isinstance(value, list) and get_origin(bare) is list:
            return (yield from _faults_of_list(value, bare, (*rules, *own_rules), pointer))
    yield from _judged(value, hint, pointer)


def _plain(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a type without Annotated, and its annotations."""
    if get_origin(hint) is Annotated:
        return get_args(hint)[0], get_args(hint)[1:]
    return hint, ()


def _faults_of_struct(
    value: dict[str, Any], kind: type[msgspec.Struct], pointer: str
) -> Iterator[Fault]:
    fields = _fields(kind)
    for name, (hint, is_required) in fields.items():
        if name in value:
            yield from each_fault(value[name], hint, f"{pointer}/{name}")
        elif is_required:
            yield Fault(f"{pointer}/{name}", "required", "This field is required.")
    for name in value:
        if name not in fields:
            where = f"{pointer}/{_escaped(name[:MAX_POINTER_LENGTH])}"[:MAX_POINTER_LENGTH]
            yield Fault(where, "unknown_field", "There is no such field.")


def _faults_of_list(
    value: list[Any], hint: Any, rules: tuple[Any, ...], pointer: str
) -> Iterator[Fault]:
    length_faults = list(_judged(value, Annotated[list[Any], *rules], pointer))
    yield from length_faults
    if not any(fault.code == "too_many" for fault in length_faults):
        for position, item in enumerate(value):
            yield from each_fault(item, get_args(hint)[0], f"{pointer}/{position}")


def _judged(value: Any, hint: Any, pointer: str, *, strict: bool = True) -> Iterator[Fault]:
    try:
        msgspec.convert(value, hint, strict=strict)
    except msgspec.ValidationError as error:
        sentence = str(error).split(" - at `$")[0]
        if not strict:
            # A parameter is text; null means only that it was not sent.
            sentence = sentence.replace(" | null", "").removesuffix(", got `str`")
        yield Fault(pointer, _code(sentence, hint), _detail(sentence, hint))


def _detail(sentence: str, hint: Any) -> str:
    """Returns msgspec's message; for a pattern or an enumeration what is allowed."""
    if _PATTERN in sentence:
        return next(form for form in map(_form, _rules(hint)) if form)
    if "enum value" in sentence:
        return f"Expected one of: {', '.join(_values(hint))}."
    return f"{sentence}."


_END = r"\Z"


def _form(rule: Any) -> str:
    """Returns the form that a pattern requires, as its declaration describes it; without a
    description the pattern itself."""
    pattern = getattr(rule, "pattern", None)
    form = (getattr(rule, "extra", None) or {}).get("form")
    return form or (f"Must match {pattern.replace(_END, '$')}." if pattern else "")


def _rules(hint: Any) -> Iterator[Any]:
    """Yields the annotations of a type, and of the members of a union."""
    plain, rules = _plain(hint)
    yield from rules
    for member in get_args(plain) if get_origin(plain) in {Union, UnionType} else ():
        yield from _rules(member)


def _values(hint: Any) -> list[str]:
    """Returns the allowed values of an enumeration or Literal; empty for other types."""
    plain, _ = _plain(hint)
    if get_origin(plain) is Literal:
        return [str(member) for member in get_args(plain)]
    return [value for member in get_args(plain) for value in _values(member)]


def _code(sentence: str, hint: Any) -> str:
    """Returns the code of a sentence, or that which the pattern's declaration names."""
    for rule in _rules(hint) if _PATTERN in sentence else ():
        if "fault" in (getattr(rule, "extra", None) or {}):
            return str(rule.extra["fault"])
    return next((code for start, code in _CODES if start in sentence), "wrong_type")


def _escaped(name: str) -> str:
    """Returns the name of a member, escaped for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
