"""Deeply nested and malformed bodies, for every operation that reads one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from tools.http_client import Client

DOCUMENTS = (
    "/api/v1/openapi.json",
    *(f"/api/compat/contract{number}/openapi.json" for number in range(5)),
)
METHODS = ("post", "put", "patch", "delete")
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
DEPTHS = (5_000, 9_000, 300_000, 7_000, 20_000, 60_000, 100_000)
MALFORMED = (
    b"9" * 20_000,
    b"-" + b"9" * 20_000,
    b"[1e" + b"9" * 20_000 + b"]",
    b'"' + b"a" * 1_500_000 + b'"',
    b'"' + b"\\" * 300_000,
    b"\0",
    b'"\0"',
    b'"\\u0000"',
    b'["\\ud800"]',
    b'["\\udc00\\ud800"]',
    b'"\xed\xa0\x80"',
    b"\xff\xfe[\0]\0",
)
"""Top-level values that are no object: no operation takes one of these."""


class Operation(NamedTuple):
    """An operation that reads a body."""

    method: str
    path: str


def operations(client: Client, *, product: int, user: str) -> list[Operation]:
    """Read the served OpenAPI documents; return every operation that has a body."""
    values = {"integer": str(product), "uuid": ID, "user": user}
    documents = [client.call("GET", path) for path in DOCUMENTS]
    assert all(reply.status == 200 for reply in documents)
    listed = chain.from_iterable(_with_bodies(reply.body, values) for reply in documents)
    return [*dict.fromkeys(listed), Operation("POST", "/admin/login/")]


def _with_bodies(document: Any, values: Mapping[str, str]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            said = methods.get(method, {})
            if "requestBody" in said:
                yield Operation(method.upper(), _filled_in(path, said, values))


def _filled_in(path: str, said: Any, values: Mapping[str, str]) -> str:
    for parameter in said.get("parameters", []):
        schema, name = parameter["schema"], parameter["name"]
        kind = name if name in values else schema.get("format", "")
        value = values.get(kind) or values.get(schema.get("type"), "A-1")
        path = path.replace(f"{{{name}}}", value)
    return path


def bodies(depths: Sequence[int]) -> list[bytes]:
    """Return nested bodies of every depth, open and closed, and the malformed ones."""
    malformed = list(MALFORMED)
    for depth in depths:
        malformed += [b"[" * depth, b'{"a":' * depth, b'[{"a":' * (depth // 2)]
        malformed += [b"[" * depth + b"]" * depth, b'{"lines":' + b"[" * depth]
    return [body for body in malformed if len(body) <= 2 * 1024 * 1024]


def send(client: Client, operations: Sequence[Operation], sent: Sequence[bytes], token: str) -> int:
    """Send every body to every operation; fails unless all are answered with 4xx."""
    for operation, body in ((route, body) for route in operations for body in sent):
        reply = client.call(operation.method, operation.path, body, token=token)
        shown = f"{operation.method} {operation.path} with {len(body)} bytes {body[:12]!r}"
        assert 400 <= reply.status < 500, f"{shown} was answered {reply.status}"
    return len(operations) * len(sent)
