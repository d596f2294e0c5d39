"""The texts of faults, which developers read."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from msgspec import Meta

from larder.v1.bodies import each_fault
from tests.conftest import Api
from tests.http.document import operations

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
    assert [fault.code for fault in each_fault(value, kind)] == [code]


def test_every_pattern_of_a_body_has_a_description(staff: Api) -> None:
    """Sends an unmatched text for every field with a pattern."""
    for operation in operations():
        content = operation.said.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or "{" in operation.path:
            continue
        name = content["schema"]["$ref"].rpartition("/")[2]
        fields = operation.whole["components"]["schemas"][name]["properties"]
        body = {field: "\n" for field, said in fields.items() if "pattern" in said}
        faults = staff(operation.method.upper(), operation.path, body).body.get("errors", [])
        for fault in faults:
            assert "regex" not in fault["detail"], fault


@pytest.mark.parametrize(("body", "detail"), [
    ({"lines": [{"product": 1, "quantity": 0}]}, "/lines/0/quantity: Expected `int` >= 1."),
    ({"id": "x"}, "/lines: This field is required. errors has 1 more."),
    ([1], "The body: Expected `object`, got `array`."),
])  # fmt: skip
def test_the_detail_of_a_refusal_is_its_first_fault(customer: Api, body: Any, detail: str) -> None:
    assert customer("POST", "orders", body).body["detail"] == detail
