"""Reads the bodies and the parameters of requests, and finds all their faults.

msgspec stops at the first fault. After that, the parsed JSON is compared with the declared struct,
and msgspec checks each value separately, so that the rules stay in the declaration.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS
from larder.core.texts import text_fault
from larder.http.bodies import TOO_DEEP, decode_if_valid, has_many_brackets
from larder.http.refusals import MalformedJson, UnsupportedMediaType

MAX_POINTER_LENGTH = 1_000
"""A JSON pointer in an answer: its names come from the client."""

Body = TypeVar("Body", bound=msgspec.Struct)

JSON = "application/json"
CSV_TYPES = ("text/csv", "application/octet-stream")
"""Of a file. Typed clients know the second one, and leave out operations that have only others."""
Csv = NewType("Csv", bytes)
"""The body of an operation that takes a file, as it was sent."""

Signed = NewType("Signed", bytes)
"""The body of an operation that checks its signature, byte for byte as it was sent."""


def read_body(request: HttpRequest, kind: type[Body], most: int = MAX_FAULTS) -> Body:
    """Returns the body as a `kind`. An empty body counts as `{}`. If a name is repeated, the last
    value counts.

    Raises UnsupportedMediaType, MalformedJson (no JSON), InvalidInput (all faults, up to `most`).
    """
    return decode_or_explain(read_raw(request) or b"{}", kind, most)


def decode_or_explain(raw: bytes, kind: type[Body], most: int = MAX_FAULTS) -> Body:
    """Returns the bytes as a `kind`. Raises MalformedJson, InvalidInput (all faults, up to
    `most`)."""
    body = decode_if_valid(raw, kind)
    if body is not None:
        return body
    try:
        value = _parsed(raw)
    except RecursionError:
        raise MalformedJson(TOO_DEEP) from None
    faults = list(islice(each_fault(value, kind), most))
    if faults:
        raise InvalidInput(faults)
    return msgspec.convert(value, kind)


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError)


def _parsed(raw: bytes) -> Any:
    if has_many_brackets(raw):
        raise MalformedJson(TOO_DEEP)
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        detail = "A number in the body is too large for any field."
        raise InvalidInput([Fault("", "out_of_range", detail)]) from error
    except _NO_JSON as error:
        raise MalformedJson(f"{error}.") from error


def read_raw(request: HttpRequest, kind: str = JSON, *also: str) -> bytes:
    """Returns the bytes of the body, which has one of these media types. Raises
    UnsupportedMediaType."""
    raw = request.body  # Resource has read it completely, within the limit
    media_type = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    is_json = media_type.endswith("+json") and kind == JSON
    if raw and media_type not in {kind, *also} and not is_json:
        raise UnsupportedMediaType(f"Send Content-Type: {kind}.")
    return raw


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


def read_parameters(request: HttpRequest, kind: type[Body]) -> Body:
    """Returns the query parameters that `kind` declares. Ignores others.

    Raises InvalidInput (all faults); the pointer of a fault is the parameter's name.
    """
    names = _fields(kind)
    values = {name: str(text) for name, text in request.GET.items() if name in names}
    is_time = all(values[name][4:5] == "-" for name in _times(kind) if name in values)
    if is_time and not any("\0" in text for text in values.values()):
        try:
            return msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError:
            pass
    raise InvalidInput([*_parameter_faults(values, kind)])


@cache
def _times(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Returns the names of the parameters that are times: in lax mode, msgspec would read a number
    as seconds since 1970."""
    return frozenset(name for name, (hint, _) in _fields(kind).items() if _is_moment(hint))


def _parameter_faults(texts: Mapping[str, str], kind: type[msgspec.Struct]) -> Iterator[Fault]:
    """Yields all faults of query parameters: text that may represent a number or a boolean."""
    for name, (hint, is_required) in _fields(kind).items():
        if name not in texts:
            if is_required:
                yield Fault(name, "required", "This parameter is required.")
        elif "\0" in texts[name]:
            yield Fault(name, "nul", "Text must not contain the character U+0000.")
        else:
            yield from _judged(texts[name], hint, name, strict=_is_moment(hint))


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    """Returns the type of each field, by its name in JSON, and whether the field is required.

    Cached, because Python and msgspec evaluate all annotations at each call, which takes 60 µs, and
    a body may have a struct for each of 1,000 lines.
    """
    hints = get_type_hints(kind, include_extras=True)
    fields = msgspec.structs.fields(kind)
    return {field.encode_name: (hints[field.name], field.required) for field in fields}


def _is_moment(hint: Any) -> bool:
    """Returns whether a type is a time, or a time or None."""
    plain, _ = _plain(hint)
    return plain is datetime or any(_is_moment(member) for member in get_args(plain))


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
    fault = text_fault(value) if isinstance(value, str) else None
    # A password may have all characters but NUL.
    if fault and ("\0" in value or not pointer.endswith("password")):
        yield Fault(pointer, fault.code, fault.detail)
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
    for name in value if kind.__struct_config__.forbid_unknown_fields else ():
        if name not in fields:
            escaped = name[:MAX_POINTER_LENGTH].replace("~", "~0").replace("/", "~1")  # RFC 6901
            where = f"{pointer}/{escaped}"[:MAX_POINTER_LENGTH]
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
        return f"Expected one of: {', '.join(get_args(_plain(hint)[0]))}."
    return f"{sentence}."


def _form(rule: Any) -> str:
    """Returns the form that a pattern requires, as its declaration describes it; without a
    description the pattern itself."""
    pattern = getattr(rule, "pattern", None)
    form = (getattr(rule, "extra", None) or {}).get("form")
    return form or (f"Must match {pattern}.".replace(r"\Z", "$") if pattern else "")


def _rules(hint: Any) -> Iterator[Any]:
    """Yields the annotations of a type, and of the members of a union."""
    plain, rules = _plain(hint)
    yield from rules
    for member in get_args(plain) if get_origin(plain) in {Union, UnionType} else ():
        yield from _rules(member)


def _code(sentence: str, hint: Any) -> str:
    """Returns the code of a sentence, or that which the pattern's declaration names."""
    for rule in _rules(hint) if _PATTERN in sentence else ():
        if "fault" in (getattr(rule, "extra", None) or {}):
            return str(rule.extra["fault"])
    return next((code for start, code in _CODES if start in sentence), "wrong_type")
