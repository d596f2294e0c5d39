"""`tools.openapi`: each way of breaking a client is noticed, and growing is not."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools import openapi
from tools.openapi import breaks, main

Document = dict[str, Any]
Change = Callable[[Document], Any]


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
                        "content": {"application/problem+json": {"schema": {"type": "object"}}}
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
                },
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


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def get(document: Document) -> Document:
    found: Document = document["paths"]["/orders"]["get"]
    return found


def post(document: Document) -> Document:
    found: Document = document["paths"]["/orders"]["post"]
    return found


def field(document: Document, name: str, of: str = "NewOrder") -> Document:
    found: Document = schema(document, of)["properties"][name]
    return found


BREAKING: dict[str, Change] = {
    "a path goes": lambda d: d["paths"].clear(),
    "an operation goes": lambda d: d["paths"]["/orders"].pop("get"),
    "an operation is renamed": lambda d: get(d).update(operationId="orders"),
    "a token is needed": lambda d: get(d).update(security=[{"bearer": []}]),
    "an answer goes": lambda d: get(d)["responses"].pop("404"),
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
    "a field is no longer taken": lambda d: schema(d, "NewOrder")["properties"].pop("note"),
    "a field must be sent": lambda d: schema(d, "NewOrder")["required"].append("note"),
    "a new field must be sent": lambda d: schema(d, "NewOrder").update(
        required=["lines", "shop"],
        properties=schema(d, "NewOrder")["properties"] | {"shop": {"type": "string"}},
    ),
    "null is refused": lambda d: field(d, "when").update(
        anyOf=[{"type": "string", "format": "date"}]
    ),
    "fewer lines are taken": lambda d: field(d, "lines").update(maxItems=999),
    "a smaller number is taken": lambda d: field(d, "lines")["items"]["properties"][
        "quantity"
    ].update(maximum=99),
    "a shorter text is taken": lambda d: field(d, "note").update(maxLength=49),
    "a limit is new": lambda d: field(d, "note").update(minLength=1),
    "a pattern is new": lambda d: field(d, "note").update(pattern="^a"),
    "an enumeration is new": lambda d: field(d, "note").update(enum=["a"]),
    "unknown fields are refused": lambda d: schema(d, "NewOrder").update(
        additionalProperties=False
    ),
    "a read field goes": lambda d: schema(d, "Order")["properties"].pop("note"),
    "a read field may be missing": lambda d: schema(d, "Order")["required"].remove("total"),
    "a read field has another type": lambda d: field(d, "total", "Order").update(type="number"),
    "a read field has another format": lambda d: field(d, "id", "Order").pop("format"),
    "a read field may be null": lambda d: field(d, "total", "Order").update(
        {"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
}

GROWING: dict[str, Change] = {
    "nothing": lambda _: None,
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
    "a field can be left out": lambda d: schema(d, "NewOrder").update(required=[]),
    "more lines are taken": lambda d: field(d, "lines").update(maxItems=2000),
    "a limit goes": lambda d: field(d, "note").pop("maxLength"),
    "null is taken": lambda d: field(d, "note").update(
        {"anyOf": [field(d, "note").copy(), {"type": "null"}]}
    ),
    "a new field can be sent": lambda d: schema(d, "NewOrder")["properties"].update(
        x={"type": "string"}
    ),
    "a new field is read": lambda d: schema(d, "Order")["properties"].update(x={"type": "string"}),
    "a read field is always there": lambda d: schema(d, "Order")["required"].append("note"),
    "a read field is never null": lambda d: field(d, "note", "Order").update(
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
def test_growing_breaks_nothing(released: Document, change: str) -> None:
    current = copy.deepcopy(released)
    GROWING[change](current)
    assert list(breaks(released, current)) == []


def test_every_break_is_named_where_it_is(released: Document) -> None:
    current = copy.deepcopy(released)
    for change in ("a shorter text is taken", "a read field goes", "a parameter goes"):
        BREAKING[change](current)
    assert sorted(breaks(released, current)) == [
        "GET /orders, 200.results[].note: removed",
        "GET /orders: parameter limit removed",
        "POST /orders, 201.note: removed",
        "POST /orders, body.note: maxLength 50 became 49",
    ]


def test_the_released_document_is_kept() -> None:
    assert main() == 0


def test_the_command_fails_and_says_why(
    released: Document, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    current = copy.deepcopy(released)
    BREAKING["an operation goes"](current)
    for name, document in (("RELEASED", released), ("CURRENT", current)):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        monkeypatch.setattr(openapi, name, path)
    assert main() == 1
    assert capsys.readouterr().err == "GET /orders: removed\n"
