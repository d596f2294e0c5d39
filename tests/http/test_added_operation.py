"""An operation of v1 is a function and a path: docs/how-to/add-an-operation.md, on a copy."""

import json
from pathlib import Path

import pytest

from tests.walk_through import check, followed, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
TESTS = (
    "tests/http/test_openapi.py",
    "tests/http/test_documented_answers.py",
    "tests/v1/test_address_count.py",
    "tests/identity/test_permission_matrix.py::test_the_page_has_a_row_for_every_operation",
)


def test_a_new_operation_is_documented_when_its_function_has_a_path(tmp_path: Path) -> None:
    copy = followed("add-an-operation.md", tmp_path)
    run(copy, "manage.py", "openapi")
    run(copy, "-m", "tools.clients")
    said = json.loads((copy / "docs/openapi/v1.json").read_text())
    one = said["paths"]["/api/v1/me/addresses/count"]["get"]
    assert one["operationId"] == "count_addresses"
    assert one["responses"].keys() >= {"200", "304", "401", "406"}
    schema = said["components"]["schemas"]["AddressCount"]
    assert schema["required"] == ["count"]
    assert "addresses" in schema["properties"]["count"]["description"]
    assert "me/addresses/count" in (copy / "docs/clients/postman.json").read_text()
    check(copy, *TESTS)
