"""The OpenAPI document is complete and current, and describes the API correctly."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from jsonschema_rs import Draft202012Validator

from larder.http.problems import KINDS
from larder.ops.management.commands import openapi
from larder.ops.management.commands.openapi import FOLDER
from larder.orders.lifecycle import STATUSES
from larder.v1.examples import EXAMPLES
from larder.v1.operations import CSV
from larder.v1.urls import urlpatterns
from tests.conftest import Api
from tests.http.document import Operation, operations, whole

SUCCESS = re.compile("2..|304")


def responses() -> Iterator[tuple[Operation, str, dict[str, Any]]]:
    for one in operations():
        for status, said in one.said["responses"].items():
            yield one, status, said


def schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document, however deep."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from schemas_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_in(value)


DOCUMENTS = ("v1", "contract0", "contract1", "contract2", "contract3", "contract4")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_document_is_openapi_31(name: str) -> None:
    # Its import takes two seconds of CPU, which each process that collects tests would pay.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    said = json.loads((FOLDER / f"{name}.json").read_text())
    assert said["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(said).iter_errors()) == []


def test_the_committed_documents_equal_the_generated_ones() -> None:
    made = {f"{name}.json": openapi._text(one) for name, one in openapi._documents().items()}
    assert {name: (FOLDER / name).read_text() for name in made} == made


def test_an_outdated_document_is_named_and_generated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test before this one shows that the committed documents are those of the code."""
    texts = {f"{name}.json": (FOLDER / f"{name}.json").read_text() for name in DOCUMENTS}
    monkeypatch.setattr(openapi, "FOLDER", shutil.copytree(FOLDER, tmp_path / "openapi"))
    (tmp_path / "openapi" / "contract3.json").write_text("{}")
    with pytest.raises(CommandError, match=r"Out of date: contract3.json\. Run"):
        openapi.keep(texts, check=True)
    openapi.keep(texts, check=False)
    openapi.keep(texts, check=True)
    assert {path.name: path.read_text() for path in openapi.FOLDER.glob("*.json")} == texts


def test_the_server_returns_the_committed_document(api: Api) -> None:
    shown = api("GET", "openapi.json")
    assert shown.body == json.loads((FOLDER / "v1.json").read_text())
    assert api("GET", "openapi.json", If_None_Match=shown.headers["ETag"]).status == 304


def test_every_path_of_v1_is_in_the_document() -> None:
    paths = {re.sub(r"<\w+:(\w+)>", r"{\1}", str(one.pattern)) for one in urlpatterns}
    assert {f"/api/v1/{path}" for path in paths} == set(whole()["paths"])


def test_every_operation_has_a_unique_name_a_summary_and_a_tag() -> None:
    names = [one.name for one in operations()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(one.said["summary"] and len(one.said["tags"]) == 1 for one in operations())


FILES = {"export_orders": CSV}
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
    for one in operations():
        said = set(one.said["responses"])
        assert said >= ALWAYS
        assert one.said.get("security") != [{"bearer": []}] or said >= WITH_TOKEN
        assert ("requestBody" in one.said) == (said >= WITH_BODY)
        assert (one.method == "get" and one.name not in FILES) == ("304" in said)
        staff = one.said["description"].startswith("Staff:")
        assert not staff or "403" in said


def headers_of(one: Operation, status: str) -> set[str]:
    return set(one.said["responses"].get(status, {}).get("headers", ()))


def parameters_of(one: Operation) -> dict[str, Any]:
    return {said["name"]: said for said in one.said.get("parameters", ())}


NEVER_CHANGED = {"delete_key", "end_session", "end_sessions"}
"""What these act on has no versions: it is made, and it goes."""
NAMED = {"record_payment"}
"""What makes an object that the body names: a repeat finds it, without a key."""
MOVES = {f"{move}_order" for move in ("cancel", "pack", "ship", "deliver", "return")}
MOVES |= {"confirm_order"}
MOVES |= {"unpack_order", "unship_order", "track_order"}
MAKES_BY_PUT = {"put_product"}
"""What can be queried to make a thing only where there is none."""
CHANGED_BY_POST = {"submit_cart", *MOVES}
"""What these act on is there already, in a version."""


def test_the_important_headers_are_documented() -> None:
    for one in operations():
        asked = parameters_of(one)
        cached = one.method == "get" and one.name not in FILES
        assert ("If-None-Match" in asked) == (cached or one.name in MAKES_BY_PUT)
        assert (
            ("If-Match" in asked)
            == (
                (one.method in {"put", "patch", "delete"} and one.name not in NEVER_CHANGED)
                or one.name in CHANGED_BY_POST
            )
            == ("412" in one.said["responses"])
        )
        makes = one.method == "post" and "201" in one.said["responses"] and one.name not in NAMED
        moves = one.name in {*MOVES, "import_products"}
        assert ("Idempotency-Key" in asked) == (makes or moves)
        assert ("Idempotency-Replayed" in headers_of(one, "201")) == makes
        assert ("Idempotency-Replayed" in headers_of(one, "200")) == moves
        assert not cached or headers_of(one, "200") & headers_of(one, "304") >= {"ETag"}
        assert headers_of(one, "405") >= {"Allow"}
        assert headers_of(one, "429") & headers_of(one, "503") >= {"Retry-After"}
        assert "401" not in one.said["responses"] or "WWW-Authenticate" in headers_of(one, "401")
    made = {one.name for one in operations() if "Location" in headers_of(one, "201")}
    assert made == {
        *("create_product", "put_product", "create_category", "place_order", "add_address"),
        "submit_cart",
    }


def test_only_the_named_operations_need_no_token() -> None:
    open_ones = {one.name for one in operations() if not one.said.get("security")}
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
            assert said.get("description"), (name, field)
    assert all(
        one.get("description") for all in operations() for one in parameters_of(all).values()
    )
    assert not [one for one in schemas_in(whole()) if r"\Z" in str(one.get("pattern"))]
    assert not [one for one in schemas_in(whole()) if "enum" in one and "type" not in one]
    of = {name: schema["properties"] for name, schema in schemas.items()}
    assert of["Product"]["id"]["format"] == of["Order"]["number"]["format"] == "int64"
    assert of["Order"]["placed_at"].items() >= {"type": "string", "format": "date-time"}.items()
    assert {"type": "null"} in of["Product"]["max_per_order"]["anyOf"]
    assert not [name for name in schemas if name.startswith(("Patched", "Paginated"))]


def bodies() -> Iterator[tuple[Operation, str, dict[str, Any]]]:
    for one in operations():
        for kind, content in one.said.get("requestBody", {}).get("content", {}).items():
            yield one, kind, content


def test_each_body_has_an_example_that_is_valid_for_its_schema() -> None:
    for operation, kind, content in bodies():
        (example,) = content["examples"].values()
        judge = Draft202012Validator({**content["schema"], "components": whole()["components"]})
        assert not list(judge.iter_errors(example["value"])), operation.name
        assert (kind == "application/json") == isinstance(example["value"], dict)
    assert {one.name for one, _, _ in bodies()} == EXAMPLES.keys()


def test_optional_fields_have_no_default_and_files_are_required() -> None:
    """Generators of typed clients take a field with a default for one that is always present."""
    assert not [one for one in schemas_in(whole()["components"]["schemas"]) if "default" in one]
    assert whole()["components"]["schemas"]["NewOrder"]["required"] == ["lines"]
    files = {kind: one.said["requestBody"] for one, kind, _ in bodies() if "json" not in kind}
    assert files.keys() == {"text/csv", "application/octet-stream"}
    assert all(one["required"] for one in files.values())


def test_a_deleted_product_differs_from_a_changed_one() -> None:
    schemas = whole()["components"]["schemas"]
    gone = schemas["RemovedProduct"]
    assert "deleted" in gone["required"]
    assert "deleted" not in schemas["Product"]["properties"]


def test_what_is_read_has_no_closed_choice_of_values() -> None:
    """Typed clients cannot read a value that their enumeration lacks, nor a constant."""
    schemas = whole()["components"]["schemas"]
    assert not [one for one in schemas_in(schemas) if "const" in one or "enum" in one]
    known = {
        (name, field): said["x-extensible-enum"]
        for name, schema in schemas.items()
        for field, said in schema["properties"].items()
        if "x-extensible-enum" in said
    }
    assert known["Problem", "code"] == list(KINDS)
    assert known["Order", "status"] == list(STATUSES)
    assert known.keys() >= {("Notice", "code"), ("OrderEvent", "type"), ("OrderPayment", "state")}


MOST_BYTES = 250_000


def test_the_document_is_small_and_names_a_server(api: Api) -> None:
    shown = api("GET", "openapi.json")
    assert len(json.dumps(shown.body, separators=(",", ":"))) < MOST_BYTES
    assert [one["url"] for one in shown.body["servers"]] == ["/", "https://{host}"]
    assert shown.body["components"]["parameters"].keys() > {"query-limit", "header-If-Match"}


def test_the_document_begins_with_the_common_rules_of_all_operations() -> None:
    about = whole()["info"]["description"]
    for word in ("Authentication", "Money", "Errors", "Pages", "Idempotency-Key", "ETag"):
        assert word in about
    assert "](" not in about
    assert "http" not in about
    assert len(about.splitlines()) < 40
    reported = {one["name"]: one["description"] for one in whole()["tags"]}
    assert reported.keys() == {tag for one in operations() for tag in one.said["tags"]}
    assert all(reported.values())


def test_every_refusal_has_one_example_of_each_of_its_codes() -> None:
    shared = whole()["components"]["examples"]
    assert shared.keys() == KINDS.keys()
    for operation, _, said in responses():
        content = said.get("content", {}).get("application/problem+json")
        if content:
            named = {f"#/components/examples/{one}" for one in said["description"].split(", ")}
            assert {one["$ref"] for one in content["examples"].values()} == named, operation.name
    problem = Draft202012Validator(
        {"$ref": "#/components/schemas/Problem", "components": whole()["components"]}
    )
    for code, example in shared.items():
        assert not list(problem.iter_errors(example["value"])), code


def test_every_parameter_of_a_query_is_explained() -> None:
    for one in operations():
        for name, said in parameters_of(one).items():
            assert said["in"] == "path" or said.get("description"), (one.name, name)
    assert [
        n
        for one in operations()
        for n, s in parameters_of(one).items()
        if s["in"] == "query" and s.get("required")
    ] == ["products"]


def test_the_documentation_page_loads_only_files_of_this_server(api: Api) -> None:
    page = api("GET", "docs").body.decode()
    *files, script = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 3
    assert all(one.startswith("/static/") for one in files)
    assert "/api/v1/openapi.json" in api("GET", script).body.decode()
