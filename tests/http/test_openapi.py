"""The OpenAPI document is complete and current, and describes the API correctly."""

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator

from larder.orders.lifecycle import STATUSES
from larder.v1.operations import CSV
from larder.v1.stream import EVENT_STREAM
from larder.v1.urls import urlpatterns
from tests.conftest import Api
from tests.http.document import Operation, operations, whole
from tools.openapi import FOLDER
from tools.openapi_parts import kinds

SUCCESS = re.compile("2..|304")


def responses() -> Iterator[tuple[Operation, str, dict[str, Any]]]:
    for operation in operations():
        for status, said in operation.said["responses"].items():
            yield operation, status, said


def schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document, however deep."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from schemas_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_in(value)


def test_the_document_is_openapi_31() -> None:
    # Its import takes two seconds of CPU, which each process that collects tests would pay.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    said = json.loads((FOLDER / "v1.json").read_text())
    assert said["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(said).iter_errors()) == []


def test_the_server_returns_the_committed_document(api: Api) -> None:
    shown = api("GET", "openapi.json")
    assert shown.body == json.loads((FOLDER / "v1.json").read_text())
    assert api("GET", "openapi.json", If_None_Match=shown.headers["ETag"]).status == 304


def test_every_path_of_v1_is_in_the_document() -> None:
    paths = {re.sub(r"<\w+:(\w+)>", r"{\1}", str(url.pattern)) for url in urlpatterns}
    assert {f"/api/v1/{path}" for path in paths} == set(whole()["paths"])


def test_every_operation_has_a_unique_name_a_summary_and_a_tag() -> None:
    names = [operation.name for operation in operations()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(
        operation.said["summary"] and len(operation.said["tags"]) == 1 for operation in operations()
    )


FILES = {"export_orders": CSV, "stream_events": EVENT_STREAM}
"""What is no JSON, and of what type. It is sent while it is read: there is no digest of it."""


def test_every_answer_is_described_and_refusals_name_their_codes() -> None:
    for operation, status, said in responses():
        assert said["description"], (operation.name, status)
        kinds = set(said.get("content", ()))
        success = FILES.get(operation.name, "application/json")
        expected = {success} if SUCCESS.fullmatch(status) else {"application/problem+json"}
        assert kinds == (set() if status in {"202", "204", "304"} else expected)
        assert "Correlation-ID" in said["headers"]


ALWAYS = {"400", "405", "406", "429", "500", "503"}
WITH_TOKEN = {"401"}
WITH_BODY = {"413", "415"}


def test_every_operation_documents_the_common_answers() -> None:
    for operation in operations():
        said = set(operation.said["responses"])
        assert said >= ALWAYS
        assert operation.said.get("security") != [{"bearer": []}] or said >= WITH_TOKEN
        assert ("requestBody" in operation.said) == (said >= WITH_BODY)
        assert (operation.method == "get" and operation.name not in FILES) == ("304" in said)
        staff = operation.said["description"].startswith("Staff:")
        assert not staff or "403" in said


def test_only_the_named_operations_need_no_token() -> None:
    open_ones = {operation.name for operation in operations() if not operation.said.get("security")}
    forgotten = {"reset_password", "set_forgotten_password"}
    assert open_ones == {"register", "log_in", "refresh_token", "revoke_token", *forgotten}
    assert whole()["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_schemas_have_what_code_generators_need() -> None:
    schemas = whole()["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema["description"], name
        for field, said in schema["properties"].items():
            assert "type" in said or "anyOf" in said or "$ref" in said, (name, field)
            assert said.get("default", "") is not None, (name, field)
    assert not [schema for schema in schemas_in(whole()) if r"\Z" in str(schema.get("pattern"))]
    assert not [
        schema for schema in schemas_in(whole()) if "enum" in schema and "type" not in schema
    ]
    of = {name: schema["properties"] for name, schema in schemas.items()}
    assert of["Product"]["id"]["format"] == of["Order"]["number"]["format"] == "int64"
    assert of["Order"]["placed_at"].items() >= {"type": "string", "format": "date-time"}.items()
    assert {"type": "null"} in of["Product"]["max_per_order"]["anyOf"]
    assert not [name for name in schemas if name.startswith(("Patched", "Paginated"))]


def bodies() -> Iterator[tuple[Operation, str, dict[str, Any]]]:
    for operation in operations():
        for kind, content in operation.said.get("requestBody", {}).get("content", {}).items():
            yield operation, kind, content


def test_each_body_has_an_example_that_is_valid_for_its_schema() -> None:
    for operation, kind, content in bodies():
        (example,) = content["examples"].values()
        judge = Draft202012Validator({**content["schema"], "components": whole()["components"]})
        assert not list(judge.iter_errors(example["value"])), operation.name
        assert (kind == "application/json") == isinstance(example["value"], dict)


def test_what_is_read_has_no_closed_choice_of_values() -> None:
    """Typed clients cannot read a value that their enumeration lacks, nor a constant."""
    schemas = whole()["components"]["schemas"]
    assert not [schema for schema in schemas_in(schemas) if "const" in schema or "enum" in schema]
    known = {
        (name, field): said["x-extensible-enum"]
        for name, schema in schemas.items()
        for field, said in schema["properties"].items()
        if "x-extensible-enum" in said
    }
    assert known["Problem", "code"] == list(kinds())
    assert known["Order", "status"] == list(STATUSES)
    assert known.keys() >= {("Notice", "code"), ("OrderEvent", "type"), ("OrderPayment", "state")}
