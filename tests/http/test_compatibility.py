"""`tools.openapi` reports each breaking change and no addition."""

import copy
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.openapi import (
    FOLDER,
    PROBLEM,
    ROOT,
    SUMS,
    altered,
    breaks,
    inlined,
    main,
    releases,
)

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


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


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


def field(document: Document, name: str, of: str = "NewOrder") -> Document:
    found: Document = schema(document, of)["properties"][name]
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
    "a pattern takes fewer words": lambda d: field(d, "states").update(
        pattern="^(new|odd)(,(new|odd))*$"
    ),
    "a pattern takes its words only once": lambda d: field(d, "states").update(
        pattern="^(new|old)$"
    ),
    "an enumeration is narrower": lambda d: field(d, "gift").update(enum=["yes"]),
    "only one value is taken": lambda d: field(d, "gift").update(const="yes"),
    "one of several alternatives takes less": lambda d: field(d, "email")["oneOf"][0].update(
        maxLength=99
    ),
    "only multiples are taken": lambda d: field(d, "lines")["items"]["properties"][
        "quantity"
    ].update(multipleOf=2),
    "an end of a range is taken out": lambda d: field(d, "lines")["items"]["properties"][
        "quantity"
    ].update(exclusiveMaximum=100),
    "more fields have to be sent": lambda d: schema(d, "NewOrder").update(minProperties=2),
    "an enumeration is new": lambda d: field(d, "note").update(enum=["a"]),
    "unknown fields are refused": lambda d: schema(d, "NewOrder").update(
        additionalProperties=False
    ),
    "a read field goes": lambda d: schema(d, "Order")["properties"].pop("note"),
    "a read field may be missing": lambda d: schema(d, "Order")["required"].remove("total"),
    "a read field has another type": lambda d: field(d, "total", "Order").update(type="number"),
    "a read field has another format": lambda d: field(d, "id", "Order").pop("format"),
    "a read field has another value": lambda d: field(d, "kind", "Order").update(const="x"),
    "a read alternative loses a field": lambda d: schema(d, "Firm")["properties"].pop("number"),
    "a read field may be null": lambda d: field(d, "total", "Order").update(
        {"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
}

GROWING: dict[str, Change] = {
    "nothing": lambda _: None,
    "a boolean is no constant": lambda d: field(d, "placed", "Order").pop("const"),
    "an integer may have 64 bits": lambda d: field(d, "lines")["items"]["properties"][
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
    "a field can be left out": lambda d: schema(d, "NewOrder").update(required=[]),
    "more lines are taken": lambda d: field(d, "lines").update(maxItems=2000),
    "a pattern takes more words": lambda d: field(d, "states").update(
        pattern="^(new|old|odd)(,(new|old|odd))*$"
    ),
    "a limit goes": lambda d: field(d, "note").pop("maxLength"),
    "null is taken": lambda d: field(d, "note").update(
        {"anyOf": [field(d, "note").copy(), {"type": "null"}]}
    ),
    "an enumeration takes more": lambda d: field(d, "gift").update(enum=["yes", "no", "x"]),
    "another alternative takes more": lambda d: field(d, "email")["oneOf"][1].update(maxLength=9),
    "a code of a problem comes": lambda d: problems(d).update(gone={}),
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


def test_no_released_document_is_broken_or_edited() -> None:
    assert main() == 0


def test_each_release_of_the_changelog_keeps_its_documents() -> None:
    sections = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )
    assert [one.name for one in releases()] == sections[::-1] != []
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert numbers(version) >= numbers(sections[0])
    names = {"v1.json", *(f"contract{number}.json" for number in range(5)), SUMS}
    assert {one.name for one in releases()[0].iterdir()} == names


def numbers(version: str) -> list[int]:
    return [int(one) for one in version.split(".")]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A copy of docs/openapi, whose documents are those of the last release."""
    copied = shutil.copytree(FOLDER, tmp_path / "openapi")
    for document in releases(copied)[-1].glob("*.json"):
        shutil.copy(document, copied)
    return copied


def edit(file: Path, change: Change) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


NEXT, PATCH = "0.2.0", "0.1.1"


def test_documents_are_compared_with_the_latest_release(documents: Path, capsys: Any) -> None:
    for version in ("0.9.0", "0.10.0"):
        shutil.copytree(documents / "released" / "0.1.0", documents / "released" / version)
    assert [one.name for one in releases(documents)] == ["0.1.0", "0.9.0", "0.10.0"]
    edit(documents / "contract0.json", lambda d: d["paths"].clear())
    assert main(documents) == 1
    assert "This breaks release 0.10.0" in capsys.readouterr().err


def _answer(document: Document, path: str, method: str, status: str) -> Document:
    found: Document = document["paths"][path][method]["responses"][status]
    return found


REFUSED: dict[str, tuple[str, Change, str]] = {
    "a path": (
        "v1",
        lambda d: d["paths"].pop("/api/v1/orders/abandon"),
        "v1.json: POST /api/v1/orders/abandon: removed",
    ),
    "a path of an earlier contract": (
        "contract4",
        lambda d: d["paths"].clear(),
        "contract4.json: ",
    ),
    "a field of an answer": (
        "v1",
        lambda d: schema(d, "Order")["properties"].pop("reference"),
        "v1.json: POST /api/v1/orders, 201.reference: removed",
    ),
    "a field of a page": (
        "v1",
        lambda d: schema(d, "Product")["properties"].pop("unit"),
        "v1.json: GET /api/v1/products/changes, 200.results[].unit: removed",
    ),
    "a field that has to be sent": (
        "v1",
        lambda d: schema(d, "NewOrder").update(
            required=["lines", "shop"],
            properties=schema(d, "NewOrder")["properties"] | {"shop": {"type": "string"}},
        ),
        "v1.json: POST /api/v1/orders, body.shop: required now",
    ),
    "another type": (
        "v1",
        lambda d: field(d, "total", "Order").update(type="number"),
        "v1.json: POST /api/v1/orders, 201.total: number is new",
    ),
    "an error code": (
        "v1",
        lambda d: _answer(d, "/api/v1/orders/{order}/pack", "post", "409")["content"][
            "application/problem+json"
        ]["examples"].pop("conflicting_repeat"),
        "v1.json: POST /api/v1/orders/{order}/pack, 409: code conflicting_repeat removed",
    ),
    "a status": (
        "contract2",
        lambda d: d["paths"]["/api/catalog/products/{product}/ship/"]["post"]["responses"].pop(
            "400"
        ),
        "contract2.json: POST /api/catalog/products/{product}/ship/, 400: removed",
    ),
    "a value that can be sent": (
        "v1",
        lambda d: next(
            one
            for one in d["paths"]["/api/v1/products"]["get"]["parameters"]
            if one["name"] == "ordering"
        )["schema"]["enum"].remove("-price"),
        "v1.json: GET /api/v1/products, parameter ordering: fewer values are allowed",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_released_document_is_not_broken(documents: Path, what: str, capsys: Any) -> None:
    name, change, fault = REFUSED[what]
    edit(documents / f"{name}.json", change)
    for version in ("0.1.0", PATCH):
        assert main(documents, version) == 1
        assert fault in capsys.readouterr().err
    assert main(documents, NEXT) == 0
    output = capsys.readouterr().err
    assert fault in output
    assert output.endswith("This breaks release 0.1.0: version 0.2.0 may.\n")


def test_a_removed_document_breaks_the_release(documents: Path, capsys: Any) -> None:
    (documents / "contract1.json").unlink()
    assert main(documents) == 1
    assert capsys.readouterr().err.startswith("contract1.json: removed\n")


def test_a_break_after_1_0_0_needs_a_major_version(documents: Path) -> None:
    (documents / "released" / "0.1.0").rename(documents / "released" / "1.4.2")
    edit(documents / "contract0.json", lambda d: d["paths"].clear())
    assert [main(documents, version) for version in ("1.4.3", "1.5.0", "2.0.0")] == [1, 1, 0]


def test_additions_to_a_release_are_accepted(documents: Path) -> None:
    def grow(document: Document) -> None:
        document["paths"]["/api/v1/news"] = copy.deepcopy(document["paths"]["/api/v1/me"])
        field(document, "note", "Order").setdefault("description", "new")
        schema(document, "Order")["properties"]["shop"] = {"type": "string"}
        schema(document, "NewOrder")["properties"]["shop"] = {"type": "string"}
        answers = document["paths"]["/api/v1/orders"]["post"]["responses"]
        answers["402"] = answers["403"]
        answers["409"]["content"]["application/problem+json"]["examples"]["new_code"] = {}

    edit(documents / "v1.json", grow)
    assert main(documents) == 0


EDITS: dict[str, Callable[[Path], Any]] = {
    "edited": lambda release: edit(release / "contract2.json", lambda d: d["paths"].clear()),
    "removed": lambda release: (release / "contract2.json").unlink(),
    "added": lambda release: (release / "contract5.json").write_text('{"paths": {}}'),
    "without its sums": lambda release: (release / SUMS).unlink(),
}


@pytest.mark.parametrize("how", EDITS)
def test_an_edited_released_document_is_reported(documents: Path, how: str, capsys: Any) -> None:
    assert list(altered(documents)) == []
    EDITS[how](documents / "released" / "0.1.0")
    assert main(documents, NEXT) == 1
    assert re.search(
        r"^released/0\.1\.0/contract\d\.json: (not as it was released|removed)$",
        capsys.readouterr().err,
        re.MULTILINE,
    )
