"""The texts of faults, which developers read."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from msgspec import Meta

from larder.v1.faults import faults
from tests.conftest import Api
from tests.http.document import operations

BODIES: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("products", {"sku": " a", "name": " ", "price": "1.2345", "image_url": "ftp:", "step": 1.5}, {
        "/sku": "Expected one line of text without spaces at its ends.",
        "/name": "Expected more than spaces.",
        "/price": "Expected an amount with at most three decimals, such as 2.55.",
        "/image_url": "Expected an http or https address, or an empty text.",
        "/step": "Expected whole number, got number with a fraction.",
    }),
    ("orders", {"id": "x", "lines": {}, "requested_for": "today", "ship_to": {"country": "gb"}}, {
        "/id": "Expected a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057.",
        "/lines": "Expected array, got object.",
        "/requested_for": "Expected a day, such as 2026-03-09.",
        "/ship_to/country": "Expected two capital letters, such as GB, or an empty text.",
    }),
    ("stock/adjustments", {"reason": "Lost it", "lines": [None]}, {
        "/reason": "Expected a word of small letters, digits and _, such as received.",
        "/lines/0": "Expected object, got null.",
    }),
    ("categories", {"name": "", "parent": "1"}, {
        "/name": "Expected string of length >= 1.",
        "/parent": "Expected whole number or null, got string.",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "found"), BODIES)
def test_a_fault_of_a_body_describes_the_expected_value(
    staff: Api, path: str, body: dict[str, Any], found: dict[str, str]
) -> None:
    refused = staff("POST", path, body)
    assert {one["pointer"]: one["detail"] for one in refused.body["errors"]} == found


PARAMETERS = [
    ("products?in_stock=maybe", "wrong_type", "Expected true or false."),
    ("products?limit=many", "wrong_type", "Expected whole number."),
    ("products?ids=a", "invalid_format", "Expected 1 to 200 ids with commas between them, "),
    ("products?ordering=size", "unknown_value", "Expected one of: id, -id, name, "),
    ("orders?status=lost", "unknown_value", "Expected a comma-separated list of: placed, packed, "),
    ("orders?placed_after=yesterday", "invalid_format", "Expected a time with its zone, "),
    ("orders?placed_after=2026", "invalid_format", "Expected a time with its zone, "),
    ("orders?placed_before=1e9", "invalid_format", "Expected a time with its zone, "),
    (
        "orders?placed_after=2026-01-02T03:04:05",
        "invalid_format",
        "Expected a time with its zone, such as 2026-03-09T16:30:00Z.",
    ),
]


@pytest.mark.parametrize(("asked", "code", "detail"), PARAMETERS)
def test_a_fault_of_a_parameter_describes_the_expected_value(
    staff: Api, asked: str, code: str, detail: str
) -> None:
    (fault,) = staff("GET", asked).body["errors"]
    assert fault["code"] == code
    assert fault["detail"].startswith(detail)


SENTENCES: list[tuple[Any, Any, str]] = [
    ("x", int, "wrong_type"),
    (2**70, Annotated[int, Meta(le=1)], "out_of_range"),
    (0, Annotated[int, Meta(ge=1)], "out_of_range"),
    (2, Annotated[int, Meta(le=1)], "out_of_range"),
    ("", Annotated[str, Meta(min_length=1)], "too_short"),
    ("xx", Annotated[str, Meta(max_length=1)], "too_long"),
    ("x", Annotated[str, Meta(pattern="y")], "invalid_format"),
    ([], Annotated[list[int], Meta(min_length=1)], "too_few"),
    ([1, 2], Annotated[list[int], Meta(max_length=1)], "too_many"),
    ("x", Literal["y"], "unknown_value"),
    ("x", UUID, "invalid_format"),
    ("x", date, "invalid_format"),
    ("2026-01-01T00:00:00", Annotated[datetime, Meta(tz=True)], "invalid_format"),
]


@pytest.mark.parametrize(("value", "kind", "code"), SENTENCES)
def test_each_sentence_of_the_installed_msgspec_has_its_code(
    value: Any, kind: Any, code: str
) -> None:
    assert [fault.code for fault in faults(value, kind)] == [code]


def test_every_pattern_of_a_body_has_a_description(staff: Api) -> None:
    """Sends an unmatched text for every field with a pattern."""
    for operation in operations():
        content = operation.said.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or "{" in operation.path:
            continue
        name = content["schema"]["$ref"].rpartition("/")[2]
        fields = operation.whole["components"]["schemas"][name]["properties"]
        body = {field: "\n" for field, said in fields.items() if "pattern" in said}
        found = staff(operation.method.upper(), operation.path, body).body.get("errors", [])
        for fault in found:
            assert not re.search("regex|`|int\\b|bool\\b|str\\b", fault["detail"]), fault


@pytest.mark.parametrize(("body", "detail"), [
    ({"lines": [{"product": 1, "quantity": 0}]}, "/lines/0/quantity: Expected whole number >= 1."),
    ({"id": "x"}, "/lines: This field is required. errors has 1 more."),
    ([1], "The body: Expected object, got array."),
])  # fmt: skip
def test_the_detail_of_a_refusal_is_its_first_fault(customer: Api, body: Any, detail: str) -> None:
    assert customer("POST", "orders", body).body["detail"] == detail
