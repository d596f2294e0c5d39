"""The OpenAPI 3.1 document of v1, made from what the operations declare and their structs."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from inspect import cleandoc, getdoc
from typing import Annotated, Any, get_type_hints
from uuid import UUID

import msgspec

from larder.core.errors import Telling
from larder.core.limits import MAX_PAGE_LINES, MAX_PAGE_ROWS, PAGE_ROWS
from larder.core.structs import with_fields
from larder.http.problems import first_sentence, kind_of
from larder.v1.bodies import CSV_TYPES, Csv
from larder.v1.operations import CACHED, Operation, Trait
from larder.v1.resources import METHODS, Resource
from larder.v1.shapes import Number, open_enum
from larder.v1.stream import EVENT_STREAM
from larder.v1.urls import urlpatterns
from tools.openapi_parts import (
    BODY,
    EVERYWHERE,
    HEADERS,
    SHAPES,
    TOKEN,
    WRITTEN,
    Header,
    example,
    kinds,
    receivers,
)

ABOUT = f"""\
The ordering backend behind a mobile app. It never sells units that are not in stock, never loses \
or duplicates an order, and explains each refusal with a stable code.

**Authentication.** `POST auth/token` exchanges a username and password for an access token \
(5 minutes) and a refresh token (30 days); send `Authorization: Bearer …`. On 401 `token_expired` \
use `POST auth/token/refresh`. Programs use a key from `POST auth/keys` instead. Operations for \
staff begin with "Staff:".

**Money** is a string with two decimals (a third only if it is not zero), such as `"2.55"`, \
tax included, in `currency`. Times are RFC 3339 in UTC.

**Errors** are `application/problem+json` with a stable `code`, by which apps decide and \
translate; `type` is the address of its explanation. `errors` names all faults of a request by \
JSON pointer (those of rules between fields once each field is valid), `lines` all products that \
cannot be ordered. Each operation lists its codes.

**Pages.** Lists take `limit` ({PAGE_ROWS}, at most {MAX_PAGE_ROWS}) and answer `next`, the \
absolute URL of the next page or null. Use it unchanged. A page may be shorter than `limit` \
and still have a `next`: a page of orders has at most {MAX_PAGE_LINES:,} lines.

**Safe retries.** Send an `Idempotency-Key` (a new UUID for each action) with every POST that \
creates or changes something, and repeat the request with the same key until there is an answer: \
it has one effect. An order may also have an `id` that the client chooses.

**ETags.** Answers to reads have an `ETag`. Sent as `If-None-Match`, the answer is 304 while \
nothing has changed. Sent as `If-Match`, a change is made only if the object has not changed since \
you read it (412 otherwise). Send it unchanged, with its quotes. The `version` of an object is the \
number in its ETag, and grows with each change.

**Freshness.** `quantity` is the number of units that can be ordered at the time of the answer. \
The product list shows orders up to 100 ms late, your own at once if you echo `Larder-Position` \
of the last write. Nothing is reserved until an order is placed. `version` and `updated_at` of a \
product change with the catalogue, not with units sold.

**Compatibility.** Within v1, fields, values and codes are only added: ignore unknown ones. \
Unknown fields in a body are refused; unknown query parameters are ignored.
"""

TAGS = {
    "auth": "Registering, logging in and out, and API keys for programs.",
    "products": "The catalogue: all callers read it, staff change it.",
    "cart": "The customer's one cart, the same on all devices, until it is submitted.",
    "orders": "Placing, changing and moving orders, and their history.",
    "payments": "Records of payments, refunds that are due, and events of payment providers.",
    "me": "The caller's own account and addresses.",
    "events": "What has changed, told at once.",
    "categories": "The tree of the products.",
    "stock": "The units that can be ordered now; adjustments and the ledger for staff.",
    "webhooks": "Addresses of other systems that are told events.",
    "audit": "The actions of staff and commands, for staff with the permission.",
}
"""In the order in which an app uses them."""

JSON = "application/json"
PROBLEM = "application/problem+json"
TEXT = {"type": "string"}
FILES = (TEXT, TEXT | {"format": "binary"})
"""The schemas of a file, by CSV_TYPES."""
REFERENCE = "#/components/schemas/{name}"
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token from `auth/token`, or a key from `auth/keys`. "
    "The word Token is accepted in place of Bearer.",
}
PARTS = {
    "int": {"type": "integer", "format": "int64"},
    "id": {"type": "string", "format": "uuid"},
    "path": TEXT,
}
"""The schemas of the variable parts of a path, by converter."""


class ProblemFault(msgspec.Struct):
    """One fault; `pointer` is a JSON pointer into the body, or the name of a parameter or header.

    `detail` is for developers; apps translate by `code`.
    """

    pointer: str
    code: str
    detail: str


# Python 3.13 has the names of RFC 9110; 3.11 and 3.12 have those of RFC 7231 and RFC 4918.
_RFC_9110 = {413: "Content Too Large", 422: "Unprocessable Content"}


def _phrase(status: int) -> str:
    """Returns the name of the status in RFC 9110, section 15."""
    return _RFC_9110.get(status) or HTTPStatus(status).phrase


def _optional(**names: Any) -> list[tuple[str, Any, Any]]:
    """Returns fields of a struct that may be left out, by their names in JSON."""
    return [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in names.items()]


_LINE_NUMBERS = (
    "requested available min_quantity step counted committed limit shipped returned picked"
)


@with_fields(
    _optional(
        product=Number,
        max_per_order=int | None,
        missing=bool,
        **dict.fromkeys(("sku", "expected", "price", "reason"), str),
        **dict.fromkeys(_LINE_NUMBERS.split(), int),
    ),
    behind="code",
)
class ProblemLine(msgspec.Struct):
    """A line with a fault, named by `code`. The code determines which other members are present.

    A product is named once for each of its faults, with the sum of its units.
    """

    code: str


def _told(refusal: type[Telling] = Telling) -> Iterator[tuple[str, type]]:
    """Yields the members of refusals whose fields are members: numbers, and texts."""
    if refusal.code in kinds():
        types = get_type_hints(refusal)
        for field in dataclasses.fields(refusal):
            if field.name != "lines":
                yield field.name, int if types[field.name] is int else str
    for narrower in refusal.__subclasses__():
        yield from _told(narrower)


_FROM = ("from_", str | msgspec.UnsetType, msgspec.field(name="from", default=msgspec.UNSET))


_MEMBERS = _optional(
    errors=list[ProblemFault],
    lines=list[ProblemLine],
    amount=Number,
    product=Number,
    order=UUID,
    differs=list[str],
    **dict.fromkeys(["move", "reason", "carrier", "tracking_number", "quota"], str),
    **dict(sorted(_told())),
)


@with_fields([_FROM, *_MEMBERS], behind="correlation_id")
class Problem(msgspec.Struct):
    """A refusal (RFC 9457). `code` is stable; `type` is the address of its explanation."""

    type: str
    title: str
    status: int
    code: Annotated[str, open_enum("What it is, for programs.", kinds())]
    detail: str
    correlation_id: str


def document() -> dict[str, Any]:
    """Returns the document of v1."""
    declared = [
        (f"/api/v1/{path.pattern}", method, path.callback.operations[method])
        for path in urlpatterns
        for method in METHODS
        if isinstance(path.callback, Resource) and method in path.callback.operations
    ]
    declared.sort(key=lambda operation: list(TAGS).index(operation[2].declared.tag))
    schemas = _schemas(operation for _, _, operation in declared)
    documented: dict[str, Any] = {}
    for path, method, operation in declared:
        operations = documented.setdefault(_PART.sub(r"{\2}", path), {})
        operations[method.lower()] = _operation(path, method, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Larder", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "paths": documented,
        "webhooks": receivers(_reference),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": BEARER},
            # One example for each code, which all refusals with this code share. Without it,
            # readers invent an example with all members of a problem for each status.
            "examples": {code: {"value": example(code)} for code in kinds()},
        },
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
    }


_PART = re.compile(r"<(\w+):(\w+)>")


def _operation(
    path: str, method: str, operation: Operation, schemas: Mapping[str, Any]
) -> dict[str, Any]:
    declared, traits = operation.declared, _traits(method, operation)
    headers = [header for trait in traits for header in HEADERS.get(trait.name, ())]
    members: dict[str, Any] = {
        "operationId": operation.name,
        "description": getdoc(operation.run),
        "summary": first_sentence(operation.run),
        "parameters": sorted(
            _parameters(path, headers, operation), key=lambda parameter: str(parameter["name"])
        ),
        "tags": [declared.tag],
        "requestBody": operation.body and _request_body(operation, schemas),
        "security": declared.token and [{"bearer": []}],
        "responses": _responses(operation, headers, _codes(operation, traits)),
        "x-permissions": list(declared.permissions),
        "x-permission-for-others": declared.for_others,
        "x-permission-of-keys": operation.key_permission,
    }
    return {name: value for name, value in members.items() if value}


def _traits(method: str, operation: Operation) -> list[Trait]:
    had = ((TOKEN, operation.declared.token), (BODY, operation.body), (WRITTEN, method != "GET"))
    return [EVERYWHERE, *operation.declared.traits, *(trait for trait, applies in had if applies)]


_OF_STAFF = ("not_staff", "permission_missing", "second_factor_required")


def _codes(operation: Operation, traits: Iterable[Trait]) -> dict[int, list[str]]:
    """Returns the codes of refusals by their statuses."""
    of_staff = list(_OF_STAFF) if operation.declared.permissions else []
    if operation.declared.for_others:
        of_staff += _OF_STAFF[1:]
    if operation.key_permission:
        of_staff += _OF_STAFF[:2]
    codes = {
        *operation.problems,
        *of_staff,
        *(code for trait in traits for code in trait.codes),
    }
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        for status in filter(None, (kind_of(code).status, kind_of(code).repeatable)):
            by_status.setdefault(status, []).append(code)
    return dict(sorted(by_status.items()))


def _parameters(
    path: str, headers: Iterable[Header], operation: Operation
) -> Iterator[dict[str, Any]]:
    for header in headers:
        if not header.on:
            yield {"in": "header", "name": header.name} | _header(header)
    for converter, name in _PART.findall(path):
        yield {"in": "path", "name": name, "schema": PARTS[converter], "required": True}
    own = (
        described([operation.query])[operation.query.__name__]
        if operation.query
        else {"properties": {}}
    )
    for name, schema in own["properties"].items():
        plain = _plain(schema)
        about = {"description": plain.pop("description")} if "description" in plain else {}
        required = {"required": True} if name in own.get("required", ()) else {}
        yield {"in": "query", "name": name, "schema": plain, **about, **required}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the schema without null: a query parameter is absent, never null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name != "anyOf"}
    return (options[0] if options else {}) | plain


def _header(header: Header) -> dict[str, Any]:
    required = {"required": True} if header.always else {}
    return {"schema": header.schema, "description": header.description, **required}


def _request_body(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    is_file = operation.body is Csv
    examples = {"Example": {"value": operation.declared.example or {}}}
    # An empty JSON body counts as {}.
    required = is_file or schemas[operation.body.__name__].get("required")
    kinds = (
        dict(zip(CSV_TYPES, FILES, strict=True)) if is_file else {JSON: _reference(operation.body)}
    )
    contents = {kind: {"schema": schema, "examples": examples} for kind, schema in kinds.items()}
    body: dict[str, Any] = {"content": contents}
    return body | {"required": True} if required else body


def _responses(
    operation: Operation, headers: Iterable[Header], codes: Mapping[int, list[str]]
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    current = {304: None} if CACHED in operation.declared.traits else {}
    for status, kind in {**operation.declared.answers, **current}.items():
        responses[str(status)] = _response(status, headers, _phrase(status), _answered(kind))
    for status, known in codes.items():
        examples = {code: {"$ref": f"#/components/examples/{code}"} for code in known}
        content = {PROBLEM: {"schema": _reference(Problem), "examples": examples}}
        responses[str(status)] = _response(status, headers, ", ".join(known), content)
    return responses


def _answered(kind: Any) -> dict[str, Any]:
    if isinstance(kind, str):
        # The content of a stream of events is each event, not the text.
        return {kind: {} if kind == EVENT_STREAM else {"schema": TEXT}}
    return {JSON: {"schema": _reference(kind)}} if kind else {}


def _response(
    status: int, headers: Iterable[Header], description: str, content: dict[str, Any]
) -> dict[str, Any]:
    sent = {
        header.name: _header(header)
        for header in headers
        if header.on is True or (header.on and status in header.on)
    }
    response = {"headers": sent, "content": content, "description": description}
    return {name: value for name, value in response.items() if value}


def _reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name=kind.__name__)}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Returns the schemas of all bodies and answers, and those that they refer to, by name."""
    shapes: list[Any] = [Problem, *SHAPES]
    kinds = {kind.__name__: kind for kind in shapes}
    for operation in operations:
        for kind in (operation.body, *operation.declared.answers.values()):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                further = getattr(kind, "REFERS_TO", ())
                kinds |= {named.__name__: named for named in (kind, *further)}
    return dict(sorted(described(list(kinds.values())).items()))


def described(kinds: list[Any]) -> dict[str, dict[str, Any]]:
    """Returns the schemas of these structs, and of the structs in them, by name."""
    _, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    schemas: dict[str, Any] = _in_ecma(components)
    for component in schemas.values():
        component["description"] = cleandoc(component["description"])
        for schema in component["properties"].values():
            _say_default(schema)
    return schemas


def _say_default(schema: dict[str, Any]) -> None:
    """Moves a default into the description. Generators of typed clients treat a field with a
    `default` as always present, also in requests."""
    default = schema.pop("default", None)
    if default is not None and default != "":
        note = f"Left out: {msgspec.json.encode(default).decode()}."
        schema["description"] = f"{schema.get('description', '')} {note}".strip()


def _in_ecma(schema: Any) -> Any:
    r"""Returns the schema with patterns in the dialect of JSON Schema, where $ means Python's
    \Z."""
    return msgspec.json.decode(msgspec.json.encode(schema).replace(rb"\\Z", b"$"))
