"""Other forms of a valid request: unusual, conditional, incomplete and invalid ones.

Most are refused. All are sent before the request itself, on every run in the same order.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tools.behaviour.call import Call

Json = dict[str, Any]
Variants = Iterator[tuple[str, Call]]

METHODS = ("HEAD", "OPTIONS", "GET", "POST", "PUT", "PATCH", "TRACE", "BREW")
"""Without DELETE, which would take from later requests what they need."""
ACCEPTS = ("text/html", "application/xml", "text/csv", "*/*;q=0", "application/*;q=0.1, text/csv")
MEDIA_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin-1",
)
BODIES = ("", "{", "[]", "null", '"text"', "{}", '{"a": 1, "a": 2}', "[" * 40, "\ufeff{}")
VALUES: tuple[Any, ...] = (None, "", " é\u0000", "x" * 300, -1, 0, 10**20, 1.5, True, [], {})
QUERY_VALUES = ("", "x", "-1", "0", "99999999999999999999", "%00", "%ff")
IDS = ("0", "-1", "x", "99999999999999999999", "00000000-0000-4000-8000-000000000000", "%2e%2e")
HEADERS = (
    ("If-Match", "*"),
    ("If-Match", '"other"'),
    ("If-Match", "W/malformed"),
    ("If-None-Match", "*"),
    ("If-None-Match", '"other"'),
    ("Idempotency-Key", ""),
    ("Idempotency-Key", "k" * 300),
    ("Idempotency-Key", "a, b"),
    ("Larder-Position", "malformed"),
    ("Range", "bytes=0-9"),
    ("Origin", "https://shop.example"),
    ("Accept-Language", "de"),
    ("Content-Encoding", "gzip"),
    ("Correlation-ID", "not one of ours"),
    ("X-HTTP-Method-Override", "DELETE"),
)
STRANGERS = (
    ("no credentials", None),
    ("an empty bearer", "Bearer "),
    ("a malformed token", "Bearer a.b.c"),
    ("an unknown key", "Token 0123456789abcdef"),
    ("a wrong password", "Basic ZGVtbzp3cm9uZw=="),
    ("an unknown scheme", "Digest x"),
)
MEMBERS = 8
"""Of a body at most so many members are varied, those of lists and nested objects included."""


def of_path(call: Call, documented: frozenset[str]) -> Variants:
    """Yield the requests that each path gets once: methods that are not documented, other
    spellings."""
    for method in METHODS:
        if method not in documented:
            yield f"method {method}", call.but(method=method, body=None)
    path, mark, query = call.target.partition("?")
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    for name, spelled in (("slash", other), ("slashes", f"/{path}"), ("case", path.upper())):
        yield f"path with other {name}", call.but(method="GET", target=f"{spelled}{mark}{query}")


def of(call: Call, parameters: list[Json], template: str) -> Variants:
    """Yield the variants of a request, whose document has these parameters and this path."""
    for name, authorization in STRANGERS:
        yield name, call.with_header("Authorization", authorization)
    yield from _of_ids(call, template)
    if call.method == "DELETE":
        yield "If-Match another", call.with_header("If-Match", '"other"')
        return
    for accept in ACCEPTS:
        yield f"accept {accept}", call.with_header("Accept", accept)
    for header, value in HEADERS:
        yield f"{header} {value[:20]}", call.with_header(header, value)
    yield from _of_query(call, [one["name"] for one in parameters if one["in"] == "query"])
    if call.body is not None:
        yield from _of_body(call)


def _of_query(call: Call, names: list[str]) -> Variants:
    path, _, query = call.target.partition("?")
    for name in (*names, "unknown"):
        for value in QUERY_VALUES if name != "unknown" else ("1",):
            yield f"query {name}={value}", call.but(target=f"{path}?{name}={value}")
    for name in names:
        yield f"query {name} twice", call.but(target=f"{path}?{query}&{name}=1&{name}=2")


def _of_ids(call: Call, template: str) -> Variants:
    path, mark, query = call.target.partition("?")
    wanted, sent = template.split("/"), path.split("/")
    for place, part in enumerate(wanted):
        if part.startswith("{"):
            for id in IDS:
                changed = "/".join([*sent[:place], id, *sent[place + 1 :]])
                yield f"{part} {id}", call.but(target=f"{changed}{mark}{query}")


def _of_body(call: Call) -> Variants:
    for media_type in (*MEDIA_TYPES, None):
        yield f"media type {media_type}", call.with_header("Content-Type", media_type)
    for body in BODIES:
        yield f"body {body[:20]!r}", call.but(body=body)
    if not call.headers.get("Content-Type", "").startswith("application/json"):
        return
    valid = json.loads(call.body or "")
    for place in islice(_places(valid), MEMBERS):
        name = ".".join(map(str, place))
        yield f"without {name}", call.but(body=json.dumps(_changed(valid, place)))
        for value in VALUES:
            changed = json.dumps(_changed(valid, place, value))
            yield f"{name} = {json.dumps(value)[:20]}", call.but(body=changed)
    if isinstance(valid, dict):
        yield "an unknown member", call.but(body=json.dumps(valid | {"unknown": 1}))


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all members, the outermost of each object first."""
    members = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, one in members:
        yield (*above, name)
        if isinstance(one, (dict, list)):
            yield from _places(one, (*above, name))


_REMOVED = object()


def _changed(body: Any, place: tuple[Any, ...], value: Any = _REMOVED) -> Any:
    """Return a copy of the body with another value at that place, or without it."""
    *above, last = place
    changed = copy.deepcopy(body)
    inside = changed
    for name in above:
        inside = inside[name]
    if value is _REMOVED:
        del inside[last]
    else:
        inside[last] = value
    return changed
