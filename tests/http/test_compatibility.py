"""`tools.openapi` reports each breaking change and no addition."""

import copy

import pytest

from tests.http.document import Change, Document, field_of, schema_of
from tools.openapi import (
    PROBLEM,
    breaks,
    inlined,
)


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


SHOP: Document = {
    "paths": {
        "/orders": {
            "get": {
                "operationId": "list_orders",
                "parameters": [
                    {
                        "in": "query",
                        "name": "status",
                        "schema": {"type": "string", "enum": ["placed"]},
                    },
                    {
                        "in": "query",
                        "name": "limit",
                        "schema": {"type": "integer", "minimum": 1},
                    },
                ],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": _ref("Page")}},
                    },
                    "404": {
                        "content": {
                            "application/problem+json": {
                                "schema": {"type": "object"},
                                "examples": {"not_found": {}, "not_yours": {}},
                            }
                        }
                    },
                },
            },
            "post": {
                "operationId": "place_order",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _ref("NewOrder")}},
                },
                "responses": {"201": {"content": {"application/json": {"schema": _ref("Order")}}}},
            },
        }
    },
    "components": {
        "schemas": {
            "Page": {
                "type": "object",
                "properties": {"results": {"type": "array", "items": _ref("Order")}},
            },
            "Order": {
                "type": "object",
                "required": ["id", "total"],
                "properties": {
                    "id": {"type": "integer", "format": "int64"},
                    "total": {"type": "string"},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "replaces": {"anyOf": [_ref("Order"), {"type": "null"}]},
                    "kind": {"type": "string", "const": "order"},
                    "placed": {"type": "boolean", "const": True},
                    "payer": {"oneOf": [_ref("Person"), _ref("Firm")]},
                },
            },
            "Person": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            },
            "Firm": {
                "type": "object",
                "required": ["firm", "number"],
                "properties": {"firm": {"type": "string"}, "number": {"type": "string"}},
            },
            "NewOrder": {
                "type": "object",
                "required": ["lines"],
                "properties": {
                    "lines": {
                        "type": "array",
                        "maxItems": 1000,
                        "items": {
                            "type": "object",
                            "properties": {"quantity": {"type": "integer", "maximum": 100}},
                        },
                    },
                    "note": {"type": "string", "maxLength": 50},
                    "states": {"type": "string", "pattern": "^(new|old)(,(new|old))*$"},
                    "email": {
                        "oneOf": [
                            {"type": "string", "maxLength": 254},
                            {"type": "string", "maxLength": 0},
                        ]
                    },
                    "gift": {"type": "string", "enum": ["yes", "no"]},
                    "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                },
            },
        }
    },
}


@pytest.fixture
def released() -> Document:
    """A small shop."""
    return copy.deepcopy(SHOP)


def get(document: Document) -> Document:
    found: Document = document["paths"]["/orders"]["get"]
    return found


def post(document: Document) -> Document:
    found: Document = document["paths"]["/orders"]["post"]
    return found


def problems(document: Document) -> Document:
    answer = get(document)["responses"]["404"]
    found: Document = answer["content"]["application/problem+json"]["examples"]
    return found


BREAKING: dict[str, Change] = {
    "a path goes": lambda d: d["paths"].clear(),
    "an operation goes": lambda d: d["paths"]["/orders"].pop("get"),
    "an operation is renamed": lambda d: get(d).update(operationId="orders"),
    "a token is needed": lambda d: get(d).update(security=[{"bearer": []}]),
    "an answer goes": lambda d: get(d)["responses"].pop("404"),
    "a code of a problem goes": lambda d: problems(d).pop("not_yours"),
    "a code of a problem is renamed": lambda d: problems(d).update(
        no_such=problems(d).popitem()[1]
    ),
    "a media type goes": lambda d: get(d)["responses"]["200"]["content"].clear(),
    "a header goes": lambda d: get(d)["responses"]["200"]["headers"].clear(),
    "a header may be missing": lambda d: get(d)["responses"]["200"]["headers"]["ETag"].clear(),
    "a parameter goes": lambda d: get(d)["parameters"].pop(),
    "a parameter must be sent": lambda d: get(d)["parameters"][0].update(required=True),
    "a new parameter must be sent": lambda d: get(d)["parameters"].append(
        {"in": "query", "name": "shop", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter's value is refused": lambda d: get(d)["parameters"][0]["schema"].update(
        enum=["x"]
    ),
    "a parameter's limit is raised": lambda d: get(d)["parameters"][1]["schema"].update(minimum=2),
    "a parameter has another type": lambda d: get(d)["parameters"][1].update(
        schema={"type": "string"}
    ),
    "a body goes": lambda d: post(d).pop("requestBody"),
    "a body must be sent": lambda d: get(d).update(requestBody={"required": True, "content": {}}),
    "a body's media type goes": lambda d: post(d)["requestBody"].update(content={}),
    "a field is no longer taken": lambda d: schema_of(d, "NewOrder")["properties"].pop("note"),
    "a field must be sent": lambda d: schema_of(d, "NewOrder")["required"].append("note"),
    "a new field must be sent": lambda d: schema_of(d, "NewOrder").update(
        required=["lines", "shop"],
        properties=schema_of(d, "NewOrder")["properties"] | {"shop": {"type": "string"}},
    ),
    "null is refused": lambda d: field_of(d, "when").update(
        anyOf=[{"type": "string", "format": "date"}]
    ),
    "fewer lines are taken": lambda d: field_of(d, "lines").update(maxItems=999),
    "a smaller number is taken": lambda d: field_of(d, "lines")["items"]["properties"][
        "quantity"
    ].update(maximum=99),
    "a shorter text is taken": lambda d: field_of(d, "note").update(maxLength=49),
    "a limit is new": lambda d: field_of(d, "note").update(minLength=1),
    "a pattern is new": lambda d: field_of(d, "note").update(pattern="^a"),
    "a pattern takes fewer words": lambda d: field_of(d, "states").update(
        pattern="^(new|odd)(,(new|odd))*$"
    ),
    "a pattern takes its words only once": lambda d: field_of(d, "states").update(
        pattern="^(new|old)$"
    ),
    "an enumeration is narrower": lambda d: field_of(d, "gift").update(enum=["yes"]),
    "only one value is taken": lambda d: field_of(d, "gift").update(const="yes"),
    "one of several alternatives takes less": lambda d: field_of(d, "email")["oneOf"][0].update(
        maxLength=99
    ),
    "only multiples are taken": lambda d: field_of(d, "lines")["items"]["properties"][
        "quantity"
    ].update(multipleOf=2),
    "an end of a range is taken out": lambda d: field_of(d, "lines")["items"]["properties"][
        "quantity"
    ].update(exclusiveMaximum=100),
    "more fields have to be sent": lambda d: schema_of(d, "NewOrder").update(minProperties=2),
    "an enumeration is new": lambda d: field_of(d, "note").update(enum=["a"]),
    "unknown fields are refused": lambda d: schema_of(d, "NewOrder").update(
        additionalProperties=False
    ),
    "a read field goes": lambda d: schema_of(d, "Order")["properties"].pop("note"),
    "a read field may be missing": lambda d: schema_of(d, "Order")["required"].remove("total"),
    "a read field has another type": lambda d: field_of(d, "total", "Order").update(type="number"),
    "a read field has another format": lambda d: field_of(d, "id", "Order").pop("format"),
    "a read field has another value": lambda d: field_of(d, "kind", "Order").update(const="x"),
    "a read alternative loses a field": lambda d: schema_of(d, "Firm")["properties"].pop("number"),
    "a read field may be null": lambda d: field_of(d, "total", "Order").update(
        {"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
}

GROWING: dict[str, Change] = {
    "nothing": lambda _: None,
    "a boolean is no constant": lambda d: field_of(d, "placed", "Order").pop("const"),
    "an integer may have 64 bits": lambda d: field_of(d, "lines")["items"]["properties"][
        "quantity"
    ].update(format="int64"),
    "a path comes": lambda d: d["paths"].update({"/cart": {"get": {}}}),
    "an operation comes": lambda d: d["paths"]["/orders"].update({"put": {}}),
    "an answer comes": lambda d: get(d)["responses"].update({"429": {}}),
    "a parameter comes": lambda d: get(d)["parameters"].append(
        {"in": "query", "name": "shop", "schema": {"type": "string"}}
    ),
    "a parameter takes more": lambda d: get(d)["parameters"][0]["schema"].update(
        enum=["placed", "x"]
    ),
    "a token is not needed": lambda d: get(d).pop("security", None),
    "a field can be left out": lambda d: schema_of(d, "NewOrder").update(required=[]),
    "more lines are taken": lambda d: field_of(d, "lines").update(maxItems=2000),
    "a pattern takes more words": lambda d: field_of(d, "states").update(
        pattern="^(new|old|odd)(,(new|old|odd))*$"
    ),
    "a limit goes": lambda d: field_of(d, "note").pop("maxLength"),
    "null is taken": lambda d: field_of(d, "note").update(
        {"anyOf": [field_of(d, "note").copy(), {"type": "null"}]}
    ),
    "an enumeration takes more": lambda d: field_of(d, "gift").update(enum=["yes", "no", "x"]),
    "another alternative takes more": lambda d: field_of(d, "email")["oneOf"][1].update(
        maxLength=9
    ),
    "a code of a problem comes": lambda d: problems(d).update(gone={}),
    "a new field can be sent": lambda d: schema_of(d, "NewOrder")["properties"].update(
        x={"type": "string"}
    ),
    "a new field is read": lambda d: schema_of(d, "Order")["properties"].update(
        x={"type": "string"}
    ),
    "a read field is always there": lambda d: schema_of(d, "Order")["required"].append("note"),
    "a read field is never null": lambda d: field_of(d, "note", "Order").update(
        anyOf=[{"type": "string"}]
    ),
    "a header comes": lambda d: get(d)["responses"]["200"]["headers"].update(X={"schema": {}}),
    "a description changes": lambda d: get(d).update(description="better"),
}


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_named(released: Document, change: str) -> None:
    current = copy.deepcopy(released)
    BREAKING[change](current)
    assert len(list(breaks(released, current))) >= 1


@pytest.mark.parametrize("change", GROWING)
def test_an_addition_breaks_no_client(released: Document, change: str) -> None:
    current = copy.deepcopy(released)
    GROWING[change](current)
    assert list(breaks(released, current)) == []


def test_what_is_referred_to_is_compared_like_what_is_written_out(released: Document) -> None:
    current = copy.deepcopy(released)
    answers = get(current)["responses"]
    current["components"]["responses"] = {"missing": answers["404"]}
    answers["404"] = {"$ref": "#/components/responses/missing"}
    assert list(breaks(released, inlined(current))) == []
    examples = current["components"]["responses"]["missing"]["content"][PROBLEM]["examples"]
    examples.pop("not_yours")
    assert list(breaks(released, inlined(current))) == ["GET /orders, 404: code not_yours removed"]


def test_every_break_is_named_with_its_place(released: Document) -> None:
    current = copy.deepcopy(released)
    for change in ("a shorter text is taken", "a read field goes", "a parameter goes"):
        BREAKING[change](current)
    assert sorted(breaks(released, current)) == [
        "GET /orders, 200.results[].note: removed",
        "GET /orders: parameter limit removed",
        "POST /orders, 201.note: removed",
        "POST /orders, body.note: maxLength 50 became 49",
    ]
